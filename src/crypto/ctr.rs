//! AES-CTR as Common Encryption uses it (ISO/IEC 23001-7 section 9.3): the low 64 bits of the
//! counter block count, the upper 64 bits are the IV and never change.

use aes::Aes128;
use cipher::{InnerIvInit, StreamCipher, StreamCipherCoreWrapper, StreamCipherSeek};
use ctr::{CtrCore, flavors::Ctr64BE};

use super::chains::Pattern;
use super::{BLOCK, Expanded};

/// The key stream of one sample. Protected ranges of the sample take their bytes from it in order.
pub struct Keystream<'k>(StreamCipherCoreWrapper<CtrCore<&'k Aes128, Ctr64BE>>);

impl<'k> Keystream<'k> {
    /// Starts `position` bytes into the key stream that belongs to an 8-byte IV. `position` is
    /// below 4 GiB, so the counter cannot wrap.
    pub fn new(key: &'k Expanded, iv: [u8; 8], position: u32) -> Self {
        let mut counter = [0; BLOCK];
        counter[..8].copy_from_slice(&iv);
        let mut stream = Self::from_counter(key, counter);
        if position > 0 {
            stream.0.seek(u64::from(position));
        }
        stream
    }

    /// Starts at the counter block that a 16-byte IV, or one of 8 bytes with zeros behind, is.
    pub fn from_counter(key: &'k Expanded, counter: [u8; BLOCK]) -> Self {
        let core = CtrCore::inner_iv_init(key.cipher(), &counter.into());
        Self(StreamCipherCoreWrapper::from_core(core))
    }

    /// Encrypts (or decrypts) the next bytes of the sample in place.
    pub fn apply(&mut self, data: &mut [u8]) {
        self.0.apply_keystream(data);
    }

    /// Encrypts the blocks of a range that the pattern selects. Key stream is used up by them alone;
    /// the bytes behind the last whole block stay as they are.
    pub fn apply_blocks(&mut self, pattern: Pattern, data: &mut [u8]) {
        pattern.runs(data).for_each(|run| self.apply(run));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ContentKey;
    use data_encoding::HEXLOWER;

    fn key() -> Expanded {
        Expanded::new(&ContentKey::from_bytes(std::array::from_fn(|n| n as u8)))
    }

    const IV: [u8; 8] = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7];

    /// packaging.md section 16, computed with OpenSSL.
    #[test]
    fn the_key_stream_runs_on_across_clear_gaps() {
        let mut sample: Vec<u8> = (0..56).collect();
        let key = key();
        let mut stream = Keystream::new(&key, IV, 0);
        stream.apply(&mut sample[5..37]);
        stream.apply(&mut sample[40..56]);
        assert_eq!(
            HEXLOWER.encode(&sample),
            "0001020304de2e939437a7b66c6a05f3ff3c726adb75f025824e7ebdaa06f850db1ff6984e2526279006\
             0756a30028e123c666ed7b4a4da2"
        );
    }

    #[test]
    fn a_whole_sample_includes_the_last_partial_block() {
        let mut sample: Vec<u8> = (0..20).collect();
        Keystream::new(&key(), IV, 0).apply(&mut sample);
        assert_eq!(HEXLOWER.encode(&sample), "db29969f3aa8bb676f02f6e4216d77c070f72089");
    }

    #[test]
    fn a_pattern_uses_key_stream_for_what_it_encrypts() {
        let key = key();
        let mut whole = [0; 48];
        Keystream::new(&key, IV, 0).apply(&mut whole);
        let mut sample = vec![0; 350];
        Keystream::new(&key, IV, 0).apply_blocks(Pattern::ONE_IN_TEN, &mut sample);
        let mut expected = vec![0; 350];
        for (n, block) in whole.chunks_exact(BLOCK).enumerate() {
            expected[n * 160..n * 160 + BLOCK].copy_from_slice(block);
        }
        assert_eq!(sample, expected);
        let mut sound = [0; 40];
        Keystream::new(&key, IV, 0).apply_blocks(Pattern::FULL, &mut sound);
        assert_eq!((&sound[..32], &sound[32..]), (&whole[..32], &[0; 8][..]));
    }

    #[test]
    fn a_stream_can_start_at_any_byte() {
        let key = key();
        let mut whole = [0; 1000];
        Keystream::new(&key, IV, 0).apply(&mut whole);
        for start in [1, 15, 16, 17, 333] {
            let mut part = vec![0; 1000 - start];
            Keystream::new(&key, IV, start as u32).apply(&mut part);
            assert_eq!(part, whole[start..], "from byte {start}");
        }
    }
}
