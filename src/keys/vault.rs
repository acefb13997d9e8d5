//! Envelope encryption at rest: AES-256-GCM under the key-encryption key (NIST SP 800-38D).
//!
//! What a secret is for is authenticated with it, so a ciphertext that is moved to another row
//! does not open. Nonces are random: NIST SP 800-38D section 8.3 allows 2^32 of them per key.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::kek::{KekFingerprint, KeyEncryptionKey};
use super::model::{KeyRecord, WrappedKey};
use crate::crypto::seal::Sealer;
use crate::crypto::{ContentKey, KeyMaterial, RootKey};
use crate::ids::KeyId;
use crate::protection::Protection;

/// Bytes of a nonce; every call must be given fresh random ones.
pub const NONCE_LEN: usize = 12;

/// A stored secret does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Clear content has no key, so there is no purpose to bind one to.
    #[error("clear content has no content key")]
    NoPurpose,
    /// The stored form is of a later version.
    #[error("stored secret has form version {0}, this version reads form 1")]
    UnknownVersion(u8),
    /// The stored form is cut short.
    #[error("stored secret is cut short")]
    Truncated,
    /// The secret was sealed under another key-encryption key.
    #[error("secret was sealed under key-encryption key {sealed_by}, the one in use is {in_use}")]
    OtherKek {
        /// Fingerprint in the stored form.
        sealed_by: KekFingerprint,
        /// Fingerprint of the vault's key.
        in_use: KekFingerprint,
    },
    /// A root key where a content key is needed, or the reverse.
    #[error("key {0} is of another kind than what it is needed for")]
    OtherKind(KeyId),
    /// The ciphertext was altered, or belongs to another key or purpose.
    #[error("stored secret of {0} was altered or belongs to something else")]
    NotAuthentic(String),
}

/// Seals and opens secrets under one key-encryption key.
#[derive(Debug)]
pub struct Vault {
    key: LessSafeKey,
    fingerprint: KekFingerprint,
    licenses: Sealer,
}

impl Vault {
    /// A vault under `kek`.
    pub fn new(kek: &KeyEncryptionKey) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, kek.expose())
            .expect("AES-256-GCM takes keys of 32 bytes, which is the length of the array");
        let licenses = Sealer::derive(kek.expose(), b"portcullis: state in licences");
        Self { key: LessSafeKey::new(key), fingerprint: kek.fingerprint(), licenses }
    }

    /// Seals what licences bring back when they are renewed, for all instances with this key.
    pub fn licenses(&self) -> &Sealer {
        &self.licenses
    }

    /// Names the key-encryption key in use.
    pub fn fingerprint(&self) -> KekFingerprint {
        self.fingerprint
    }

    /// Seals a key for `kid` and the one protection that it serves.
    ///
    /// # Errors
    /// [`VaultError::NoPurpose`] for [`Protection::Clear`].
    pub fn wrap(
        &self,
        kid: KeyId,
        protection: Protection,
        key: &KeyMaterial,
        nonce: [u8; NONCE_LEN],
    ) -> Result<WrappedKey, VaultError> {
        Ok(self.seal(&key_context(kid, protection, key.is_root())?, key.expose(), nonce))
    }

    /// Opens the key of a record, whatever it is for.
    ///
    /// # Errors
    /// [`VaultError`], when the key-encryption key differs or anything in the record was altered.
    pub fn material(&self, record: &KeyRecord) -> Result<KeyMaterial, VaultError> {
        let context = key_context(record.kid, record.protection, record.is_root())?;
        let opened = self.open(&context, &record.wrapped, &format!("key {}", record.kid))?;
        let key = KeyMaterial::from_slice(&opened).ok_or(VaultError::Truncated)?;
        Some(key).filter(|key| key.is_root() == record.is_root()).ok_or(VaultError::Truncated)
    }

    /// Opens the content key of a record.
    ///
    /// # Errors
    /// As of [`Self::material`]; [`VaultError::OtherKind`] for a root key.
    pub fn unwrap(&self, record: &KeyRecord) -> Result<ContentKey, VaultError> {
        match self.material(record)? {
            KeyMaterial::Content(key) => Ok(key),
            KeyMaterial::Root(_) => Err(VaultError::OtherKind(record.kid)),
        }
    }

    /// Opens the root key of a record.
    ///
    /// # Errors
    /// As of [`Self::material`]; [`VaultError::OtherKind`] for a content key.
    pub fn root(&self, record: &KeyRecord) -> Result<RootKey, VaultError> {
        match self.material(record)? {
            KeyMaterial::Root(key) => Ok(key),
            KeyMaterial::Content(_) => Err(VaultError::OtherKind(record.kid)),
        }
    }

    /// Seals the text of a policy, which may hold token verification secrets.
    pub fn seal_policy(&self, name: &str, body: &[u8], nonce: [u8; NONCE_LEN]) -> WrappedKey {
        self.seal(&policy_context(name), body, nonce)
    }

    /// Opens the text of a policy.
    ///
    /// # Errors
    /// [`VaultError`], as for [`Self::unwrap`].
    pub fn open_policy(
        &self,
        name: &str,
        sealed: &WrappedKey,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.open(&policy_context(name), sealed, &format!("policy {name}"))
    }

    /// Seals the storage encryption of an asset.
    pub fn seal_storage(&self, asset: &str, document: &[u8], nonce: [u8; NONCE_LEN]) -> WrappedKey {
        self.seal(&storage_context(asset), document, nonce)
    }

    /// Opens the storage encryption of an asset.
    ///
    /// # Errors
    /// [`VaultError`], as for [`Self::unwrap`].
    pub fn open_storage(
        &self,
        asset: &str,
        sealed: &WrappedKey,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.open(&storage_context(asset), sealed, &format!("storage encryption of {asset}"))
    }

    fn seal(&self, context: &[u8], secret: &[u8], nonce: [u8; NONCE_LEN]) -> WrappedKey {
        let mut sealed = secret.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut sealed,
            )
            .expect("AES-GCM refuses only inputs of 64 GiB and more");
        let mut stored = WrappedKey::assemble(self.fingerprint, nonce);
        stored.append(&mut sealed);
        WrappedKey::from_sealed(stored)
    }

    fn open(
        &self,
        context: &[u8],
        sealed: &WrappedKey,
        subject: &str,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        if sealed.fingerprint() != self.fingerprint {
            let (sealed_by, in_use) = (sealed.fingerprint(), self.fingerprint);
            return Err(VaultError::OtherKek { sealed_by, in_use });
        }
        let mut buffer = Zeroizing::new(sealed.ciphertext().to_vec());
        let nonce = Nonce::assume_unique_for_key(sealed.nonce());
        let opened_len = self
            .key
            .open_in_place(nonce, Aad::from(context), &mut buffer)
            .map_err(|_| VaultError::NotAuthentic(subject.to_owned()))?
            .len();
        buffer.truncate(opened_len);
        Ok(buffer)
    }
}

/// KID, purpose, form version. First and last part have fixed lengths and no type of keys ends as root
/// keys are marked, so no two contexts meet.
fn key_context(kid: KeyId, protection: Protection, is_root: bool) -> Result<Vec<u8>, VaultError> {
    let purpose = protection.row().ok_or(VaultError::NoPurpose)?.key_type.as_bytes();
    let mark = if is_root { b"/root".as_slice() } else { b"" };
    Ok([kid.as_bytes(), purpose, mark, &[WrappedKey::VERSION]].concat())
}

/// As with policies, the prefix keeps it apart.
fn storage_context(asset: &str) -> Vec<u8> {
    [b"StorageEncryption:", asset.as_bytes(), &[WrappedKey::VERSION]].concat()
}

/// The prefix is longer than a KID and is none, which keeps policies apart from keys.
fn policy_context(name: &str) -> Vec<u8> {
    [b"ContentKeyPolicy:", name.as_bytes(), &[WrappedKey::VERSION]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LocatorId;

    fn vault(fill: u8) -> Vault {
        Vault::new(&KeyEncryptionKey::from_bytes(Zeroizing::new([fill; 32])))
    }

    fn record() -> KeyRecord {
        let kid = KeyId::from_bytes([1; 16]);
        let key = KeyMaterial::Content(ContentKey::from_bytes([9; 16]));
        KeyRecord {
            kid,
            locator: LocatorId::from_bytes([2; 16]),
            label: "cencDefaultKey".into(),
            protection: Protection::Cenc,
            crypto_period: Some(0),
            policy: None,
            wrapped: vault(7).wrap(kid, Protection::Cenc, &key, [3; NONCE_LEN]).unwrap(),
        }
    }

    #[test]
    fn what_was_wrapped_opens_and_is_not_visible_in_the_stored_form() {
        assert_eq!(vault(7).unwrap(&record()), Ok(ContentKey::from_bytes([9; 16])));
        assert!(!record().wrapped.as_bytes().windows(16).any(|window| window == [9; 16]));
        assert_eq!(record().wrapped.as_bytes().len(), 1 + 8 + 12 + 16 + 16);
    }

    #[test]
    fn a_key_moved_to_another_kid_or_purpose_does_not_open() {
        let mut moved = record();
        moved.kid = KeyId::from_bytes([4; 16]);
        assert!(matches!(vault(7).unwrap(&moved), Err(VaultError::NotAuthentic(_))));
        let mut repurposed = record();
        repurposed.protection = Protection::Cbcs;
        assert!(matches!(vault(7).unwrap(&repurposed), Err(VaultError::NotAuthentic(_))));
    }

    #[test]
    fn root_keys_open_as_such_alone() {
        let key = KeyMaterial::from_slice(&[9; 32]).unwrap();
        let KeyRecord { kid, protection, .. } = record();
        let wrapped = vault(7).wrap(kid, protection, &key, [3; NONCE_LEN]).unwrap();
        let root = KeyRecord { crypto_period: None, wrapped, ..record() };
        assert_eq!(vault(7).root(&root).map(KeyMaterial::Root), Ok(key));
        assert_eq!(vault(7).unwrap(&root), Err(VaultError::OtherKind(kid)));
        assert_eq!(vault(7).root(&record()), Err(VaultError::OtherKind(kid)));
        for moved in [
            KeyRecord { crypto_period: Some(0), ..root },
            KeyRecord { crypto_period: None, ..record() },
        ] {
            assert!(matches!(vault(7).material(&moved), Err(VaultError::NotAuthentic(_))));
        }
    }

    #[test]
    fn another_key_encryption_key_is_named() {
        let (sealed_by, in_use) = (vault(7).fingerprint(), vault(8).fingerprint());
        let refusal = VaultError::OtherKek { sealed_by, in_use };
        assert_eq!(vault(8).unwrap(&record()), Err(refusal));
    }

    #[test]
    fn every_altered_or_missing_byte_is_noticed() {
        let stored = record().wrapped.as_bytes().to_vec();
        for at in 0..stored.len() {
            let mut altered = stored.clone();
            altered[at] ^= 1;
            let opened = WrappedKey::from_bytes(altered)
                .and_then(|wrapped| vault(7).unwrap(&KeyRecord { wrapped, ..record() }));
            assert!(opened.is_err(), "byte {at}");
            let cut = WrappedKey::from_bytes(stored[..at].to_vec())
                .and_then(|wrapped| vault(7).unwrap(&KeyRecord { wrapped, ..record() }));
            assert!(cut.is_err(), "cut at {at}");
        }
    }

    #[test]
    fn policies_open_under_their_own_name_only() {
        let sealed = vault(7).seal_policy("token", b"{}", [5; NONCE_LEN]);
        assert_eq!(*vault(7).open_policy("token", &sealed).unwrap(), b"{}");
        assert!(vault(7).open_policy("other", &sealed).is_err());
    }
}
