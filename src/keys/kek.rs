//! The key-encryption key: the one secret that is not in the database.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD, Encoding, HEXLOWER, HEXLOWER_PERMISSIVE};
use ring::hmac;
use zeroize::Zeroizing;

/// Bytes of a fingerprint.
pub const FINGERPRINT_LEN: usize = 8;
const KEK_LEN: usize = 32;
const TEXT_FORMS: [&Encoding; 3] = [&HEXLOWER_PERMISSIVE, &BASE64, &BASE64_NOPAD];

/// 32 bytes that encrypt every secret at rest. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct KeyEncryptionKey(Zeroizing<[u8; KEK_LEN]>);

/// The text or file is no key-encryption key. Says nothing about the bytes that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key-encryption key is 32 raw bytes, 64 hexadecimal digits or the base64 of 32 bytes")]
pub struct ParseKekError;

impl KeyEncryptionKey {
    /// Takes the 32 key bytes.
    pub fn from_bytes(bytes: Zeroizing<[u8; KEK_LEN]>) -> Self {
        Self(bytes)
    }

    /// Reads the content of a key file: 32 raw bytes, or the text forms of [`Self::from_text`].
    ///
    /// # Errors
    /// [`ParseKekError`]; also for 32 printable characters, which are a passphrase or half a
    /// hexadecimal key rather than 32 random bytes.
    pub fn from_file_content(content: &[u8]) -> Result<Self, ParseKekError> {
        match <[u8; KEK_LEN]>::try_from(content) {
            Ok(raw) if !raw.iter().all(u8::is_ascii_graphic) => Ok(Self(Zeroizing::new(raw))),
            Ok(_) => Err(ParseKekError),
            Err(_) => Self::from_text(std::str::from_utf8(content).map_err(|_| ParseKekError)?),
        }
    }

    /// Reads 64 hexadecimal digits or base64, with or without padding; outer blanks are ignored.
    ///
    /// # Errors
    /// [`ParseKekError`] when the text is neither.
    pub fn from_text(text: &str) -> Result<Self, ParseKekError> {
        TEXT_FORMS
            .iter()
            .filter_map(|form| form.decode(text.trim().as_bytes()).ok().map(Zeroizing::new))
            .find_map(|bytes| <[u8; KEK_LEN]>::try_from(bytes.as_slice()).ok())
            .map(|bytes| Self(Zeroizing::new(bytes)))
            .ok_or(ParseKekError)
    }

    /// The 64 hexadecimal digits that [`Self::from_text`] reads, for writing a new key file.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(HEXLOWER.encode(&*self.0))
    }

    /// Names the key without telling anything about it.
    pub fn fingerprint(&self) -> KekFingerprint {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        let tag = hmac::sign(&key, b"portcullis key-encryption key fingerprint 1");
        let mut bytes = [0; FINGERPRINT_LEN];
        bytes.copy_from_slice(&tag.as_ref()[..FINGERPRINT_LEN]);
        KekFingerprint(bytes)
    }

    pub(super) fn expose(&self) -> &[u8; KEK_LEN] {
        &self.0
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyEncryptionKey({})", self.fingerprint())
    }
}

/// First 8 bytes of an HMAC under the key-encryption key: tells keys apart, reveals none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KekFingerprint([u8; FINGERPRINT_LEN]);

impl KekFingerprint {
    /// Takes the stored bytes.
    pub const fn from_bytes(bytes: [u8; FINGERPRINT_LEN]) -> Self {
        Self(bytes)
    }

    /// The stored bytes.
    pub const fn as_bytes(&self) -> &[u8; FINGERPRINT_LEN] {
        &self.0
    }
}

impl fmt::Display for KekFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kek() -> KeyEncryptionKey {
        KeyEncryptionKey::from_bytes(Zeroizing::new(std::array::from_fn(|i| i as u8 * 7)))
    }

    #[test]
    fn every_spelling_of_one_key_has_one_fingerprint() {
        let hex = kek().to_hex();
        let base64 = BASE64.encode(kek().expose());
        let spellings: [&[u8]; 6] = [
            kek().expose(),
            hex.as_bytes(),
            hex.to_uppercase().as_bytes(),
            format!(" {}\n", *hex).as_bytes(),
            base64.as_bytes(),
            base64.trim_end_matches('=').as_bytes(),
        ]
        .map(|spelling| &*spelling.to_vec().leak());
        for content in spellings {
            let read = KeyEncryptionKey::from_file_content(content).unwrap();
            assert_eq!(read.fingerprint(), kek().fingerprint());
        }
    }

    #[test]
    fn other_lengths_and_passphrases_are_refused() {
        let bad: [&[u8]; 6] =
            [b"", b"secret", &[0; 31], &[0xff; 33], &[b'a'; 32], b"zz00000000000000000000"];
        for content in bad {
            assert_eq!(KeyEncryptionKey::from_file_content(content).err(), Some(ParseKekError));
        }
    }

    #[test]
    fn debug_shows_the_fingerprint_only() {
        let shown = format!("{:?}", kek());
        assert_eq!(shown, format!("KeyEncryptionKey({})", kek().fingerprint()));
        assert!(!kek().to_hex().contains(&kek().fingerprint().to_string()));
    }
}
