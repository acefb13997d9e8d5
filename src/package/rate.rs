//! Bits per second as manifests announce them: of the bytes that are sent, headers included
//! (RFC 8216bis section 4.4.6.2).

use super::cmaf;
use crate::media::Rendition;
use crate::protection::Protection;
use crate::time::WIRE_TIMESCALE;

/// The highest rate of any fragment.
pub(super) fn peak(rendition: &Rendition, protection: Protection) -> u64 {
    let rate = |(n, ticks)| per_second(u128::from(cmaf::length(rendition, n, protection)), ticks);
    rendition
        .cuts
        .durations()
        .enumerate()
        .map(rate)
        .max()
        .unwrap_or(0)
}

/// The rate over the whole presentation.
pub(super) fn mean(rendition: &Rendition, protection: Protection) -> u64 {
    let length = |n| u128::from(cmaf::length(rendition, n, protection));
    let bytes = (0..rendition.cuts.len()).map(length).sum();
    per_second(bytes, rendition.cuts.durations().sum())
}

/// Rounded up; a fragment lasts at least a millisecond.
fn per_second(bytes: u128, ticks: u64) -> u64 {
    let scale = u128::from(WIRE_TIMESCALE);
    let ticks = u128::from(ticks).max(scale / 1000);
    u64::try_from((bytes * 8 * scale).div_ceil(ticks)).unwrap_or(u64::MAX)
}
