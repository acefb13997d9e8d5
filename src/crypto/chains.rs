//! AES-CBC chains inside one buffer, eight at a time.
//!
//! A CBC chain cannot be parallel in itself: each block waits for the one before. Samples hold many
//! independent chains (each subsample restarts with the IV), and a processor can work on several
//! blocks at once; so eight chains advance in step inside the cipher's own backend.

use aes::Aes128;
use cipher::{BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser};

use super::{BLOCK, Expanded, xor};

/// How many chains advance in step; measured best on AES-NI and VAES machines.
const LANES: usize = 8;

/// Which blocks of a chain are encrypted (ISO/IEC 23001-7 section 9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// Blocks encrypted in a row; at least 1.
    crypt: usize,
    /// Blocks left clear behind them.
    skip: usize,
}

impl Pattern {
    /// Every block.
    pub const FULL: Self = Self { crypt: 1, skip: 0 };
    /// One block in ten: video under `cbcs`.
    pub const ONE_IN_TEN: Self = Self { crypt: 1, skip: 9 };

    /// Bytes after which the pattern starts anew: a chain may be cut there and be continued.
    pub const fn period(self) -> usize {
        (self.crypt + self.skip) * BLOCK
    }

    /// How many blocks of a range of `length` bytes are encrypted. Whole blocks of an incomplete
    /// run are, the bytes behind the last whole block are not.
    pub const fn encrypted_blocks(self, length: usize) -> usize {
        length / self.period() * self.crypt + self.last_run(length)
    }

    /// Bytes of a range of `length` bytes up to the end of its last encrypted block.
    pub const fn encrypted_span(self, length: usize) -> usize {
        let periods = length / self.period() * self.period();
        match self.last_run(length) {
            0 => periods.saturating_sub(self.skip * BLOCK),
            run => periods + run * BLOCK,
        }
    }

    /// Whether a cut at `at` in a range goes through an encrypted block.
    pub const fn cuts_block(self, at: usize) -> bool {
        at % self.period() < self.crypt * BLOCK && !at.is_multiple_of(BLOCK)
    }

    /// Blocks encrypted in the incomplete period at the end.
    const fn last_run(self, length: usize) -> usize {
        let rest = length % self.period() / BLOCK;
        if rest < self.crypt { rest } else { self.crypt }
    }

    /// The pattern that the fields of `tenc` stand for; 0:0 is none (ISO/IEC 23001-7 section 9.6).
    /// `None` for one that would encrypt nothing.
    pub const fn from_tenc(crypt: u8, skip: u8) -> Option<Self> {
        match (crypt, skip) {
            (0, 0) => Some(Self::FULL),
            (0, _) => None,
            _ => Some(Self { crypt: crypt as usize, skip: skip as usize }),
        }
    }

    /// The encrypted parts of a range, each of whole blocks.
    pub fn runs(self, range: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
        let (period, run) = match self.skip {
            0 => (range.len().max(1), usize::MAX),
            _ => (self.period(), self.crypt * BLOCK),
        };
        range.chunks_mut(period).map(move |part| {
            let length = part.len().min(run);
            &mut part[..length / BLOCK * BLOCK]
        })
    }

    /// The values of the pattern fields in `tenc`.
    pub const fn tenc(self) -> (u8, u8) {
        (self.crypt as u8, self.skip as u8)
    }
}

/// A range of a buffer that is encrypted as one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// First byte of the range.
    pub start: usize,
    /// Length of the range in bytes.
    pub length: usize,
    /// The IV; afterwards the last encrypted block, with which a cut chain is continued.
    pub iv: [u8; BLOCK],
}

/// Encrypts all `chains` of `buffer` in place and leaves in each chain the IV to continue with.
///
/// # Panics
/// When a range reaches past the end of the buffer.
pub fn encrypt(key: &Expanded, pattern: Pattern, buffer: &mut [u8], chains: &mut [Chain]) {
    let inside = chains.iter().all(|chain| chain.start + chain.length <= buffer.len());
    assert!(inside, "a chain reaches past the end of the buffer");
    key.cipher().encrypt_with_backend(Interleaved { pattern, buffer, chains });
}

/// Encrypts data as one chain with padding (RFC 8216 section 4.3.2.4).
pub fn seal_padded(key: &Expanded, iv: [u8; BLOCK], data: &mut Vec<u8>) {
    let padding = BLOCK - data.len() % BLOCK;
    // At most 16.
    data.resize(data.len() + padding, u8::try_from(padding).unwrap_or(0));
    let mut chain = [Chain { start: 0, length: data.len(), iv }];
    encrypt(key, Pattern::FULL, data, &mut chain);
}

struct Interleaved<'a> {
    pattern: Pattern,
    buffer: &'a mut [u8],
    chains: &'a mut [Chain],
}

impl BlockSizeUser for Interleaved<'_> {
    type BlockSize = <Aes128 as BlockSizeUser>::BlockSize;
}

impl BlockCipherEncClosure for Interleaved<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = Self::BlockSize>>(self, backend: &B) {
        let Self { pattern, buffer, chains } = self;
        let mut next = 0;
        let mut lanes: [Lane; LANES] =
            std::array::from_fn(|_| Lane::load(pattern, chains, &mut next));
        loop {
            // As many steps as every lane can take without being refilled.
            let steps = lanes.iter().map(|lane| lane.blocks).min().unwrap_or(0);
            if steps == 0 {
                break;
            }
            for _ in 0..steps {
                for lane in &mut lanes {
                    lane.step(pattern, backend, buffer);
                }
            }
            for lane in &mut lanes {
                if lane.blocks == 0 {
                    lane.store(chains);
                    *lane = Lane::load(pattern, chains, &mut next);
                }
            }
        }
        // Fewer chains than lanes are left.
        while lanes.iter().any(|lane| lane.blocks > 0) {
            for lane in lanes.iter_mut().filter(|lane| lane.blocks > 0) {
                lane.step(pattern, backend, buffer);
            }
        }
        lanes.iter().for_each(|lane| lane.store(chains));
    }
}

/// A chain that is being encrypted.
struct Lane {
    /// Index of the chain; past the end when there is none.
    chain: usize,
    at: usize,
    /// Blocks still to encrypt.
    blocks: usize,
    /// Blocks still to encrypt before the pattern skips.
    run: usize,
    state: [u8; BLOCK],
}

impl Lane {
    /// Takes the next chain that has anything to encrypt.
    #[inline(always)]
    fn load(pattern: Pattern, chains: &[Chain], next: &mut usize) -> Self {
        while let Some(chain) = chains.get(*next) {
            let index = *next;
            *next += 1;
            let blocks = pattern.encrypted_blocks(chain.length);
            if blocks > 0 {
                let (at, run) = (chain.start, pattern.crypt);
                return Self { chain: index, at, blocks, run, state: chain.iv };
            }
        }
        Self { chain: usize::MAX, at: 0, blocks: 0, run: 0, state: [0; BLOCK] }
    }

    #[inline(always)]
    fn step<B>(&mut self, pattern: Pattern, backend: &B, buffer: &mut [u8])
    where
        B: BlockCipherEncBackend<BlockSize = <Aes128 as BlockSizeUser>::BlockSize>,
    {
        let Some(bytes) = buffer[self.at..].first_chunk_mut::<BLOCK>() else {
            return;
        };
        let mut block = xor(bytes, &self.state).into();
        backend.encrypt_block_inplace(&mut block);
        self.state = block.into();
        *bytes = self.state;
        self.blocks -= 1;
        self.run -= 1;
        self.at += BLOCK;
        if self.run == 0 {
            self.run = pattern.crypt;
            // Past the last block this may point behind the buffer; it is not used then.
            self.at += pattern.skip * BLOCK;
        }
    }

    #[inline(always)]
    fn store(&self, chains: &mut [Chain]) {
        if let Some(chain) = chains.get_mut(self.chain) {
            chain.iv = self.state;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ContentKey;
    use cipher::{BlockModeEncrypt, KeyIvInit};
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const IV: [u8; 16] = [
        0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe,
        0xff,
    ];

    fn expanded() -> Expanded {
        Expanded::new(&ContentKey::from_bytes(KEY))
    }

    /// One chain, block by block, with the stock mode.
    fn reference(pattern: Pattern, data: &mut [u8], iv: [u8; 16]) {
        let mut chain = cbc::Encryptor::<Aes128>::new(&KEY.into(), &iv.into());
        for period in data.chunks_mut(pattern.period()) {
            for block in period.chunks_exact_mut(BLOCK).take(pattern.crypt) {
                chain.encrypt_block(block.try_into().unwrap());
            }
        }
    }

    /// packaging.md section 16, computed with OpenSSL.
    #[test]
    fn the_pattern_encrypts_one_block_in_ten() {
        let mut sample: Vec<u8> = (0..187_u32).map(|n| (7 * n) as u8).collect();
        let before = sample.clone();
        let mut chains = [Chain { start: 4, length: 183, iv: IV }];
        encrypt(&expanded(), Pattern::ONE_IN_TEN, &mut sample, &mut chains);
        assert_eq!(HEXLOWER.encode(&sample[4..20]), "7c1f811753e1fc299456d2e053cb1150");
        assert_eq!(HEXLOWER.encode(&sample[164..180]), "d1cf1dc985fa8a0f779e7bbe66a3a548");
        assert_eq!(sample[20..164], before[20..164]);
        assert_eq!(sample[180..], before[180..]);
    }

    #[test]
    fn whole_samples_keep_the_last_partial_block_clear() {
        let mut sample: Vec<u8> = (0..40).collect();
        let mut chains = [Chain { start: 0, length: 40, iv: IV }];
        encrypt(&expanded(), Pattern::FULL, &mut sample, &mut chains);
        assert_eq!(
            HEXLOWER.encode(&sample),
            "753d5eacf88ed4c2c30496112e5f2221380449120c43e61d91c66cae5065cdad2021222324252627"
        );
    }

    proptest! {
        #[test]
        fn many_chains_equal_one_by_one(
            lengths in proptest::collection::vec(0_usize..700, 0..40),
            patterned: bool,
        ) {
            let pattern = if patterned { Pattern::ONE_IN_TEN } else { Pattern::FULL };
            let total: usize = lengths.iter().sum();
            let mut expected: Vec<u8> = (0..total).map(|n| n as u8).collect();
            let mut actual = expected.clone();
            let mut chains = Vec::new();
            let mut start = 0;
            for (n, length) in lengths.iter().copied().enumerate() {
                let iv = [n as u8; 16];
                reference(pattern, &mut expected[start..start + length], iv);
                chains.push(Chain { start, length, iv });
                start += length;
            }
            encrypt(&expanded(), pattern, &mut actual, &mut chains);
            prop_assert_eq!(actual, expected);
        }

        #[test]
        fn a_chain_cut_at_its_period_is_continued_with_its_iv(
            length in 0_usize..2000, cut in 0_usize..12, patterned: bool,
        ) {
            let pattern = if patterned { Pattern::ONE_IN_TEN } else { Pattern::FULL };
            let cut = (cut * pattern.period()).min(length / pattern.period() * pattern.period());
            let mut expected: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut actual = expected.clone();
            reference(pattern, &mut expected, IV);
            let mut front = [Chain { start: 0, length: cut, iv: IV }];
            encrypt(&expanded(), pattern, &mut actual, &mut front);
            let mut rest = [Chain { start: cut, length: length - cut, iv: front[0].iv }];
            encrypt(&expanded(), pattern, &mut actual, &mut rest);
            prop_assert_eq!(actual, expected);
        }
    }
}
