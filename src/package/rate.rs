//! Bits per second as manifests announce them: of the bytes that are sent, headers included
//! (RFC 8216bis section 4.4.6.2).

use super::format::Format;
use super::{cmaf, ts};
use crate::media::Rendition;
use crate::protection::Protection;
use crate::time::WIRE_TIMESCALE;

/// Bits per second of the segments of a rendition, rounded up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    /// The highest rate of any segment.
    pub(super) peak: u64,
    /// The rate over the whole presentation.
    pub(super) mean: u64,
}

impl Rates {
    pub(super) fn of(rendition: &Rendition, format: Format, protection: Protection) -> Self {
        let lengths: Vec<u64> = if format.is_transport() {
            ts::sizes(rendition).collect()
        } else {
            let fragments = 0..rendition.cuts.len();
            fragments.map(|n| cmaf::length(rendition, n, protection)).collect()
        };
        let rate = |(length, ticks): (&u64, u64)| per_second(u128::from(*length), ticks);
        let peak = lengths.iter().zip(rendition.cuts.durations()).map(rate).max();
        let bytes = lengths.iter().map(|length| u128::from(*length)).sum();
        Self { peak: peak.unwrap_or(0), mean: per_second(bytes, rendition.cuts.durations().sum()) }
    }
}

/// Rounded up; a segment lasts at least a millisecond.
fn per_second(bytes: u128, ticks: u64) -> u64 {
    let scale = u128::from(WIRE_TIMESCALE);
    let ticks = u128::from(ticks).max(scale / 1000);
    u64::try_from((bytes * 8 * scale).div_ceil(ticks)).unwrap_or(u64::MAX)
}
