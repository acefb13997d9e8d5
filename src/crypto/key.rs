//! Content keys in memory.

use std::fmt;

use aes::Aes128;
use cipher::KeyInit;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::RootKey;

/// A 128-bit content key. Wiped when dropped, compared in constant time, never printed.
#[derive(Clone)]
pub struct ContentKey(Zeroizing<[u8; 16]>);

impl ContentKey {
    /// Takes the 16 key bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key bytes, for a cipher or for the answer that delivers them.
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl PartialEq for ContentKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for ContentKey {}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(redacted)")
    }
}

/// What lies under a KID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// A key that encrypts media.
    Content(ContentKey),
    /// A key that wraps such keys.
    Root(RootKey),
}

impl KeyMaterial {
    /// Takes the bytes of a content key (16) or of a root key (32); `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
            return Some(Self::Content(ContentKey::from_bytes(bytes)));
        }
        let bytes = Zeroizing::new(<[u8; 32]>::try_from(bytes).ok()?);
        Some(Self::Root(RootKey::from_bytes(bytes)))
    }

    /// The bytes, for the answer that delivers them.
    pub fn expose(&self) -> &[u8] {
        match self {
            Self::Content(key) => key.expose(),
            Self::Root(key) => key.expose(),
        }
    }

    /// The key, where it is one that encrypts media.
    pub fn content(&self) -> Option<&ContentKey> {
        match self {
            Self::Content(key) => Some(key),
            Self::Root(_) => None,
        }
    }

    /// The key, where it is one that wraps others.
    pub fn root(&self) -> Option<&RootKey> {
        match self {
            Self::Content(_) => None,
            Self::Root(key) => Some(key),
        }
    }

    /// Whether it wraps keys.
    pub fn is_root(&self) -> bool {
        matches!(self, Self::Root(_))
    }
}

impl From<ContentKey> for KeyMaterial {
    fn from(key: ContentKey) -> Self {
        Self::Content(key)
    }
}

/// A content key with its AES round keys, ready to encrypt. Wiped when dropped, compared as the key is.
#[derive(Clone)]
pub struct Expanded {
    cipher: Aes128,
    key: ContentKey,
}

impl Expanded {
    /// Expands the key once; it then serves any number of samples.
    pub fn new(key: &ContentKey) -> Self {
        Self { cipher: Aes128::new(key.expose().into()), key: key.clone() }
    }

    /// The key, as it was before.
    pub fn key(&self) -> &ContentKey {
        &self.key
    }

    /// The block cipher.
    pub(crate) fn cipher(&self) -> &Aes128 {
        &self.cipher
    }
}

impl PartialEq for Expanded {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Expanded {}

impl fmt::Debug for Expanded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Expanded(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_key_byte() {
        let key = ContentKey::from_bytes([0xab; 16]);
        let text = format!("{key:?} {:?}", Expanded::new(&key));
        assert_eq!(text, "ContentKey(redacted) Expanded(redacted)");
    }

    #[test]
    fn keys_compare_by_value() {
        let key = |byte| ContentKey::from_bytes([byte; 16]);
        assert_eq!(key(1), key(1));
        assert_ne!(key(1), key(2));
    }
}
