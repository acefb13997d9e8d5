//! One sample, from cipher text to clear.

use crate::crypto::cbc::Unchain;
use crate::crypto::chains::Pattern;
use crate::crypto::ctr::Keystream;
use crate::crypto::{BLOCK, Expanded};
use crate::isobmff::FourCc;
use crate::isobmff::cenc::Subsample;

/// How a scheme runs over the protected ranges of a sample (ISO/IEC 23001-7 section 10;
/// packaging.md section 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// `cenc`: one key stream over all protected bytes.
    Stream,
    /// `cens`: one key stream over the blocks that the pattern names.
    PatternStream,
    /// `cbc1`: one chain over all protected blocks.
    Chain,
    /// `cbcs`: a chain for each range.
    PatternChains,
}

/// `scheme_type` and mode.
const TABLE: &[(&[u8; 4], Mode)] = &[
    (b"cenc", Mode::Stream),
    (b"cens", Mode::PatternStream),
    (b"cbc1", Mode::Chain),
    (b"cbcs", Mode::PatternChains),
];

impl Mode {
    pub(super) fn of(scheme: FourCc) -> Option<Self> {
        TABLE.iter().find(|(name, _)| **name == scheme.0).map(|(_, mode)| *mode)
    }
}

/// What opens a sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lock<'k> {
    pub(super) mode: Mode,
    pub(super) pattern: Pattern,
    pub(super) key: &'k Expanded,
    pub(super) iv: [u8; BLOCK],
}

impl Lock<'_> {
    /// Decrypts the sample in place. `false` when the subsamples do not fit into it.
    #[must_use]
    pub(super) fn open(&self, sample: &mut [u8], subsamples: &[Subsample]) -> bool {
        let length = |s: &Subsample| u64::from(s.clear) + u64::from(s.protected);
        if subsamples.iter().map(length).sum::<u64>() > sample.len() as u64 {
            return false;
        }
        let ranges = Ranges { rest: sample, subsamples, whole: subsamples.is_empty() };
        match self.mode {
            Mode::Stream => {
                let mut stream = Keystream::from_counter(self.key, self.iv);
                ranges.for_each(|range| stream.apply(range));
            }
            Mode::PatternStream => {
                let mut stream = Keystream::from_counter(self.key, self.iv);
                ranges.for_each(|range| stream.apply_blocks(self.pattern, range));
            }
            Mode::Chain => {
                let mut chain = Unchain::new(self.key, self.iv);
                ranges.for_each(|range| chain.apply(self.pattern, range));
            }
            Mode::PatternChains => ranges.for_each(|range| {
                Unchain::new(self.key, self.iv).apply(self.pattern, range);
            }),
        }
        true
    }
}

/// The protected ranges of a sample in order; subsamples fit into it.
struct Ranges<'s, 'l> {
    rest: &'s mut [u8],
    subsamples: &'l [Subsample],
    whole: bool,
}

impl<'s> Iterator for Ranges<'s, '_> {
    type Item = &'s mut [u8];

    fn next(&mut self) -> Option<&'s mut [u8]> {
        if std::mem::take(&mut self.whole) {
            return Some(std::mem::take(&mut self.rest));
        }
        let (subsample, others) = self.subsamples.split_first()?;
        self.subsamples = others;
        let rest = std::mem::take(&mut self.rest);
        let (_, rest) = rest.split_at_mut_checked(usize::from(subsample.clear))?;
        let (range, rest) = rest.split_at_mut_checked(subsample.protected as usize)?;
        self.rest = rest;
        Some(range)
    }
}
