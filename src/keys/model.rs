//! Key records: what the database holds of a content key (ams.md section 14.1).

use super::kek::{FINGERPRINT_LEN, KekFingerprint};
use super::vault::{NONCE_LEN, VaultError};
use crate::ids::{KeyId, LocatorId};
use crate::protection::Protection;

/// One content key of a locator, still wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Names the key in boxes, manifests and requests.
    pub kid: KeyId,
    /// The locator the key was created with; the key is delivered only while it is active.
    pub locator: LocatorId,
    /// The handle by which the streaming policy assigns the key to tracks.
    pub label: String,
    /// The one protection the key serves; never [`Protection::Clear`].
    pub protection: Protection,
    /// Crypto period the key is for; 0 is the only one of a key that does not rotate. `None` is the
    /// root key of the label, under which those of its crypto periods are wrapped.
    pub crypto_period: Option<u32>,
    /// Content key policy of this key, where the streaming policy names one for its label.
    pub policy: Option<String>,
    /// The key bytes, encrypted under the key-encryption key.
    pub wrapped: WrappedKey,
}

/// Which key of a locator: key type, label, crypto period. The keys of a locator are in this order, the
/// root key of a label in front.
pub type KeyPlace<'a> = (&'static str, &'a str, Option<u32>);

impl KeyRecord {
    /// Which key of its locator it is.
    pub fn place(&self) -> KeyPlace<'_> {
        place(self.protection, &self.label, self.crypto_period)
    }

    /// Whether it wraps keys, rather than encrypts media.
    pub fn is_root(&self) -> bool {
        self.crypto_period.is_none()
    }
}

/// The place of the key of a label for a protection and a crypto period, or of its root key.
pub fn place(protection: Protection, label: &str, crypto_period: Option<u32>) -> KeyPlace<'_> {
    (protection.row().map_or("", |row| row.key_type), label, crypto_period)
}

/// A sealed secret in its stored form:
/// version (1 byte), key-encryption key fingerprint (8), nonce (12), ciphertext and tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey(Vec<u8>);

impl WrappedKey {
    /// The only stored form so far; part of the authenticated data.
    pub const VERSION: u8 = 1;
    const HEADER_LEN: usize = 1 + FINGERPRINT_LEN + NONCE_LEN;
    const TAG_LEN: usize = 16;

    /// Takes the stored form.
    ///
    /// # Errors
    /// [`VaultError::UnknownVersion`] and [`VaultError::Truncated`] when the bytes are none.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, VaultError> {
        match bytes.first() {
            Some(&Self::VERSION) if bytes.len() >= Self::HEADER_LEN + Self::TAG_LEN => {
                Ok(Self(bytes))
            }
            Some(&Self::VERSION) | None => Err(VaultError::Truncated),
            Some(&version) => Err(VaultError::UnknownVersion(version)),
        }
    }

    /// The stored form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key-encryption key that sealed this secret.
    pub fn fingerprint(&self) -> KekFingerprint {
        KekFingerprint::from_bytes(self.array(1))
    }

    pub(super) fn assemble(fingerprint: KekFingerprint, nonce: [u8; NONCE_LEN]) -> Vec<u8> {
        [&[Self::VERSION][..], fingerprint.as_bytes(), &nonce].concat()
    }

    pub(super) fn from_sealed(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn nonce(&self) -> [u8; NONCE_LEN] {
        self.array(1 + FINGERPRINT_LEN)
    }

    pub(super) fn ciphertext(&self) -> &[u8] {
        &self.0[Self::HEADER_LEN..]
    }

    // Both ways to make the type leave at least HEADER_LEN bytes, and both callers stay inside.
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out = [0; N];
        out.copy_from_slice(&self.0[at..at + N]);
        out
    }
}
