//! Storage encryption of Azure Media Services v2: AES-256-CTR over a whole file (ams.md section
//! 14.2). The counter block is the 8-byte IV of the file and the number of the block, both with the
//! most significant byte first.

use std::fmt;

use aes::Aes256;
use cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper, StreamCipherSeek};
use ctr::{CtrCore, flavors::Ctr64BE};
use ring::hmac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::BLOCK;

/// The key of an asset. Wiped when dropped, compared in constant time, never printed.
#[derive(Clone)]
pub struct StorageKey(Zeroizing<[u8; 32]>);

impl StorageKey {
    /// Takes the 32 key bytes.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The cipher of a file.
    pub fn cipher(&self, iv: u64) -> FileCipher {
        FileCipher { cipher: Box::new(Aes256::new((&*self.0).into())), iv }
    }

    /// Tells `data` under this key from other data and other keys. Says nothing of the key: it is
    /// that of an HMAC with SHA-256.
    pub fn identity(&self, data: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        let mut identity = [0; 32];
        identity.copy_from_slice(hmac::sign(&key, data).as_ref());
        identity
    }
}

impl PartialEq for StorageKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for StorageKey {}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageKey(redacted)")
    }
}

/// Decrypts (or encrypts) any part of one file.
#[derive(Clone)]
pub struct FileCipher {
    /// Half a kilobyte of round keys, which most sources have none of.
    cipher: Box<Aes256>,
    iv: u64,
}

impl FileCipher {
    /// Memory of a cipher in bytes, for caches.
    pub const SIZE: usize = size_of::<Self>() + size_of::<Aes256>();

    /// Works on the bytes that lie at `offset` in the file, in place.
    pub fn apply(&self, offset: u64, data: &mut [u8]) {
        let mut counter = [0; BLOCK];
        counter[..8].copy_from_slice(&self.iv.to_be_bytes());
        let core = CtrCore::<_, Ctr64BE>::inner_iv_init(&*self.cipher, &counter.into());
        let mut stream = StreamCipherCoreWrapper::from_core(core);
        stream.seek(offset);
        stream.apply_keystream(data);
    }
}

impl fmt::Debug for FileCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileCipher(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    fn cipher() -> FileCipher {
        let key = StorageKey::from_bytes(Zeroizing::new(std::array::from_fn(|n| n as u8)));
        assert_eq!(
            format!("{key:?} {:?}", key.cipher(1)),
            "StorageKey(redacted) FileCipher(redacted)"
        );
        key.cipher(0x0102_0304_0506_0708)
    }

    /// `openssl enc -aes-256-ctr` over zeros, with the IV followed by eight zero bytes.
    #[test]
    fn the_counter_is_the_iv_and_the_number_of_the_block() {
        let mut data = [0; 40];
        cipher().apply(0, &mut data);
        let expected =
            "65627bd127f455618ff9d0f081df2db4e4a143bc51277a003d85d6825ad10fb28a1f2eb08d17f56b";
        assert_eq!(HEXLOWER.encode(&data), expected);
    }

    proptest! {
        #[test]
        fn every_part_is_what_it_is_in_the_whole(from in 0_usize..200, length in 0_usize..200) {
            let mut whole: Vec<u8> = (0..400_u32).map(|n| n as u8).collect();
            let mut part = whole[from..from + length].to_vec();
            cipher().apply(0, &mut whole);
            cipher().apply(from as u64, &mut part);
            prop_assert_eq!(&part, &whole[from..from + length]);
        }
    }
}
