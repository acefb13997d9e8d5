//! Root keys: under one of them the content keys of many crypto periods travel wrapped, by AES-256-CBC
//! without padding (widevine.md section 2, `entitled_keys`).

use std::fmt;

use aes::Aes256;
use cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use ring::hmac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{BLOCK, ContentKey};
use crate::ids::KeyId;

/// Bytes of a root key.
pub const ROOT_KEY_LEN: usize = 32;

/// A 256-bit key that wraps content keys. Wiped when dropped, compared in constant time, never printed.
#[derive(Clone)]
pub struct RootKey(Zeroizing<[u8; ROOT_KEY_LEN]>);

/// A content key under a root key: one block, so chain and block cipher are the same but for the IV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrapped {
    /// The IV.
    pub iv: [u8; BLOCK],
    /// The encrypted key.
    pub key: [u8; BLOCK],
}

impl RootKey {
    /// Takes the 32 key bytes.
    pub fn from_bytes(bytes: Zeroizing<[u8; ROOT_KEY_LEN]>) -> Self {
        Self(bytes)
    }

    /// The key bytes, for the answer that delivers them.
    pub fn expose(&self) -> &[u8; ROOT_KEY_LEN] {
        &self.0
    }

    /// Wraps the key of a KID, always in the same way: every instance and every request gives these
    /// bytes. The IV is a code over the KID, so no two keys have the same.
    pub fn wrap(&self, kid: KeyId, key: &ContentKey) -> Wrapped {
        let iv = self.iv(kid);
        let mut block = xor(key.expose(), &iv);
        self.cipher().encrypt_block((&mut *block).into());
        Wrapped { iv, key: *block }
    }

    /// The key that was wrapped. Another root gives another key, and nothing tells.
    pub fn unwrap(&self, wrapped: &Wrapped) -> ContentKey {
        let mut block = Zeroizing::new(wrapped.key);
        self.cipher().decrypt_block((&mut *block).into());
        ContentKey::from_bytes(*xor(&block, &wrapped.iv))
    }

    fn cipher(&self) -> Aes256 {
        Aes256::new((&*self.0).into())
    }

    fn iv(&self, kid: KeyId) -> [u8; BLOCK] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        let text = [b"portcullis wrapped key iv".as_slice(), kid.as_bytes()].concat();
        let mut iv = [0; BLOCK];
        iv.copy_from_slice(&hmac::sign(&key, &text).as_ref()[..BLOCK]);
        iv
    }
}

fn xor(a: &[u8; BLOCK], b: &[u8; BLOCK]) -> Zeroizing<[u8; BLOCK]> {
    Zeroizing::new(std::array::from_fn(|n| a[n] ^ b[n]))
}

impl PartialEq for RootKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for RootKey {}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    fn root(fill: u8) -> RootKey {
        RootKey::from_bytes(Zeroizing::new([fill; ROOT_KEY_LEN]))
    }

    /// `openssl enc -aes-256-cbc -nopad` over sixteen bytes of 9, and `openssl dgst -mac hmac` for the IV.
    #[test]
    fn a_wrapped_key_is_one_chain_of_aes_256() {
        let wrapped = root(1).wrap(KeyId::from_bytes([7; 16]), &ContentKey::from_bytes([9; 16]));
        assert_eq!(HEXLOWER.encode(&wrapped.iv), "91c31c3bbbcec419d5d651932db41b38");
        assert_eq!(HEXLOWER.encode(&wrapped.key), "cc3a0b7d391b4277d200a68a657bfb2c");
    }

    #[test]
    fn debug_output_holds_no_key_byte() {
        assert_eq!(format!("{:?}", root(0xab)), "RootKey(redacted)");
    }

    proptest! {
        #[test]
        fn what_was_wrapped_comes_back_under_its_root_only(
            kid: [u8; 16], other: [u8; 16], key: [u8; 16],
        ) {
            let key = ContentKey::from_bytes(key);
            let wrapped = root(1).wrap(KeyId::from_bytes(kid), &key);
            prop_assert_eq!(root(1).wrap(KeyId::from_bytes(kid), &key), wrapped);
            prop_assert_eq!(&root(1).unwrap(&wrapped), &key);
            prop_assert_ne!(&root(2).unwrap(&wrapped), &key);
            let apart = root(1).wrap(KeyId::from_bytes(other), &key).iv;
            prop_assert_eq!(apart == wrapped.iv, kid == other);
        }
    }
}
