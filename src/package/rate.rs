//! Bits per second as manifests announce them: of the bytes that are sent, headers included
//! (RFC 8216bis section 4.4.6.2).

use super::format::Container;
use super::heads::key_frame_bytes;
use super::presentation::{Listed, ListedImages, Presentation};
use super::{cmaf, ts};
use crate::cenc::Scheme;
use crate::time::WIRE_TIMESCALE;

/// What a sample takes in `saiz` and `senc` at most: its size there has eight bits.
const MOST_AUXILIARY: u64 = 1 + 255;

/// Bits per second of the listed segments of a rendition, rounded up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    /// The highest rate of any segment.
    pub(super) peak: u64,
    /// The rate over the whole presentation.
    pub(super) mean: u64,
}

impl Rates {
    pub(super) fn of(presentation: &Presentation<'_>, listed: &Listed<'_>) -> Self {
        let (rendition, fragments) = (listed.rendition, listed.fragments.clone());
        let format = presentation.selectors.format;
        if ts::packed::media_type(format, rendition).is_some() {
            let lengths = ts::packed::sizes(rendition).skip(fragments.start);
            return Self::of_lengths(lengths, listed.durations());
        }
        if format.is_transport() {
            let of = |length: fn(ts::Size) -> u64| {
                let lengths = ts::sizes(rendition).skip(fragments.start).map(length);
                Self::of_lengths(lengths, listed.durations())
            };
            return Self { peak: of(|size| size.most).peak, mean: of(|size| size.mean).mean };
        }
        let protection = presentation.protection_of(listed);
        let own = in_band_length(presentation, listed);
        let lengths = fragments.map(|n| cmaf::length(rendition, n, protection) + own);
        Self::of_lengths(lengths, listed.durations())
    }

    /// Of the key frames of a rendition, each of which lasts as long as its segment. What is not
    /// known without reading is taken at its most, so that the rates are never too low.
    pub(super) fn of_key_frames(presentation: &Presentation<'_>, listed: &Listed<'_>) -> Self {
        let lengths = listed.fragments.clone().map(|n| key_frame_at_most(presentation, listed, n));
        Self::of_lengths(lengths, listed.durations())
    }

    pub(super) fn of_images(listed: &ListedImages<'_>) -> Self {
        let lengths = listed.fragments.clone().map(|n| listed.images.bytes(n));
        let durations = listed.spans().map(|(start, end)| end.saturating_sub(start));
        Self::of_lengths(lengths, durations)
    }

    /// Divides once, at the end: a presentation may have thousands of segments.
    fn of_lengths(
        lengths: impl Iterator<Item = u64>,
        durations: impl Iterator<Item = u64>,
    ) -> Self {
        let (mut bytes, mut ticks) = (0, 0);
        let mut peak = (0, MIN_DURATION);
        for (length, duration) in lengths.zip(durations) {
            bytes += u128::from(length);
            ticks += duration;
            let rate = (length, duration.max(MIN_DURATION));
            if is_higher(rate, peak) {
                peak = rate;
            }
        }
        Self { peak: per_second(peak.0.into(), peak.1), mean: per_second(bytes, ticks) }
    }
}

/// Bytes that are sent of the key frame at the start of fragment `n`, at most.
fn key_frame_at_most(presentation: &Presentation<'_>, listed: &Listed<'_>, n: usize) -> u64 {
    let (rendition, protection) = (listed.rendition, presentation.protection_of(listed));
    let sample = key_frame_bytes(rendition, n);
    if let Container::Transport { .. } = presentation.selectors.format.row().container {
        let alone = rendition.cuts.samples(n).len() == 1;
        return cmaf::padded(ts::key_frame_at_most(rendition, sample, alone), protection);
    }
    let samples = match presentation.key_frames_are_ranges() {
        true => rendition.cuts.samples(n).len(),
        false => 1,
    };
    let auxiliary = if Scheme::of(protection).is_some() { MOST_AUXILIARY } else { 0 };
    let head = cmaf::head_length(&rendition.track, samples, auxiliary);
    cmaf::padded(head + in_band_length(presentation, listed) + sample, protection)
}

/// What fragments say of a key that rotates, at most: boxes of manifests may hold an address too.
fn in_band_length(presentation: &Presentation<'_>, listed: &Listed<'_>) -> u64 {
    let rotates = listed.keys.runs().iter().any(|run| run.period.is_some());
    let scheme = Scheme::of(presentation.protection).filter(|_| rotates);
    let Some((scheme, key)) = scheme.zip(listed.keys.first()) else { return 0 };
    let boxes = key.systems.iter().filter_map(|system| system.pssh.as_ref());
    cmaf::in_band_length(scheme, boxes)
}

/// A segment lasts at least a millisecond.
const MIN_DURATION: u64 = WIRE_TIMESCALE as u64 / 1000;

/// Compares bytes by ticks.
fn is_higher(a: (u64, u64), b: (u64, u64)) -> bool {
    u128::from(a.0) * u128::from(b.1) > u128::from(b.0) * u128::from(a.1)
}

/// Rounded up.
fn per_second(bytes: u128, ticks: u64) -> u64 {
    let scale = u128::from(WIRE_TIMESCALE);
    let ticks = u128::from(ticks.max(MIN_DURATION));
    u64::try_from((bytes * 8 * scale).div_ceil(ticks)).unwrap_or(u64::MAX)
}
