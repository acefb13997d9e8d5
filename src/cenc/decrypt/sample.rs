//! One sample, from cipher text to clear.

use crate::cenc::Scheme;
use crate::cenc::read::Lock;
use crate::crypto::Expanded;
use crate::crypto::cbc::Unchain;
use crate::crypto::ctr::Keystream;
use crate::isobmff::cenc::Subsample;

/// Decrypts the sample in place. `false` when the subsamples do not fit into it.
#[must_use]
pub(super) fn open(
    lock: &Lock,
    key: &Expanded,
    sample: &mut [u8],
    subsamples: &[Subsample],
) -> bool {
    if subsamples.iter().map(Subsample::size).sum::<u64>() > sample.len() as u64 {
        return false;
    }
    let Lock { scheme, pattern, iv, .. } = *lock;
    let ranges = Ranges { rest: sample, subsamples, whole: subsamples.is_empty() };
    match scheme {
        Scheme::Cenc => {
            let mut stream = Keystream::from_counter(key, iv);
            ranges.for_each(|range| stream.apply(range));
        }
        Scheme::Cens => {
            let mut stream = Keystream::from_counter(key, iv);
            ranges.for_each(|range| stream.apply_blocks(pattern, range));
        }
        Scheme::Cbc1 => {
            let mut chain = Unchain::new(key, iv);
            ranges.for_each(|range| chain.apply(pattern, range));
        }
        Scheme::Cbcs => ranges.for_each(|range| Unchain::new(key, iv).apply(pattern, range)),
    }
    true
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
