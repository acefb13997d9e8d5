//! Bits per second as manifests announce them: of the bytes that are sent, headers included
//! (RFC 8216bis section 4.4.6.2).

use super::figures::{Part, Sent};
use super::format::Container;
use super::heads::key_frame_bytes;
use super::presentation::{Listed, ListedImages, Presentation};
use super::{cmaf, ts};
use crate::cenc::Scheme;
use crate::media::Rendition;
use crate::time::WIRE_TIMESCALE;

/// What a sample takes in `saiz` and `senc` at most: its size there has eight bits.
const MOST_AUXILIARY: u64 = 1 + 255;

/// Bits per second of the listed segments of a rendition, rounded up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    /// The highest rate of any neighbours that last between a half and one and a half target
    /// durations together (RFC 8216 section 4.1): what is short at the end counts with what is
    /// before it.
    pub(super) peak: u64,
    /// The rate over the whole presentation.
    pub(super) mean: u64,
}

impl Rates {
    /// `target` is the target duration of the segments, in wire ticks. Pictures count with the sound
    /// that is muxed into them.
    pub(super) fn of(presentation: &Presentation<'_>, listed: &Listed<'_>, target: u64) -> Self {
        let way = sent(presentation, listed, target, Part::All);
        let work_out = || Self::of_segments(presentation, listed, &way);
        presentation.figures.rates(presentation, listed, way, work_out)
    }

    fn of_segments(presentation: &Presentation<'_>, listed: &Listed<'_>, way: &Sent) -> Self {
        let Sent { format, protection, in_band, target, .. } = *way;
        let (rendition, fragments) = (listed.rendition, listed.fragments.clone());
        if ts::packed::media_type(format, rendition).is_some() {
            let lengths = ts::packed::sizes(rendition).skip(fragments.start);
            return Self::of_lengths(lengths, listed.durations(), target);
        }
        if format.is_transport() {
            let muxed = presentation.muxed_into(rendition);
            let (start, count) = (fragments.start, fragments.len());
            let sizes: Vec<ts::Size> = match muxed {
                Some(sound) => ts::sizes_with(rendition, sound).skip(start).take(count).collect(),
                None => ts::sizes(rendition).skip(start).take(count).collect(),
            };
            let held = ts::Held::with(rendition, muxed);
            let of = |length: fn(&ts::Size) -> u64| {
                let spans = listed.numbered().map(|(n, span)| held.span(n, span));
                let durations = spans.map(|(start, end)| end.saturating_sub(start));
                Self::of_lengths(sizes.iter().map(length), durations, target)
            };
            return Self { peak: of(|size| size.most).peak, mean: of(|size| size.mean).mean };
        }
        let lengths = fragments.map(|n| cmaf::length(rendition, n, protection) + in_band);
        Self::of_lengths(lengths, listed.durations(), target)
    }

    /// Of the key frames of a rendition, each of which lasts as long as its segment. What is not
    /// known without reading is taken at its most, so that the rates are never too low.
    pub(super) fn of_key_frames(
        presentation: &Presentation<'_>,
        listed: &Listed<'_>,
        target: u64,
    ) -> Self {
        let are_ranges = presentation.key_frames_are_ranges();
        let way = sent(presentation, listed, target, Part::KeyFrames { are_ranges });
        presentation.figures.rates(presentation, listed, way, || {
            let length = |n| key_frame_at_most(listed.rendition, &way, are_ranges, n);
            let lengths = listed.fragments.clone().map(length);
            Self::of_lengths(lengths, listed.durations(), target)
        })
    }

    pub(super) fn of_images(listed: &ListedImages<'_>, target: u64) -> Self {
        let lengths = listed.fragments.clone().map(|n| listed.images.bytes(n));
        let durations = listed.spans().map(|(start, end)| end.saturating_sub(start));
        Self::of_lengths(lengths, durations, target)
    }

    fn of_lengths(
        lengths: impl Iterator<Item = u64>,
        durations: impl Iterator<Item = u64>,
        target: u64,
    ) -> Self {
        let mut ends = vec![End::default()];
        let mut end = End::default();
        for (length, duration) in lengths.zip(durations) {
            end = End { bytes: end.bytes + u128::from(length), ticks: end.ticks + duration };
            ends.push(end);
        }
        let mean = end.since(End::default());
        let peak = peak(&ends, target).unwrap_or(mean);
        Self { peak: peak.per_second(), mean: mean.per_second() }
    }
}

/// The rates of all that a presentation lists.
#[derive(Debug)]
pub(super) struct AllRates<'a>(Vec<(&'a Rendition, Rates)>);

impl<'a> AllRates<'a> {
    pub(super) fn of(presentation: &Presentation<'a>, target: u64) -> Self {
        let rates =
            |listed: &Listed<'a>| (listed.rendition, Rates::of(presentation, listed, target));
        Self(presentation.listed.iter().chain(&presentation.thinned).map(rates).collect())
    }

    /// The highest of one rate in several renditions, of which one is heard or seen at a time.
    pub(super) fn highest<'b>(
        &self,
        of: impl IntoIterator<Item = &'b Rendition>,
        rate: fn(&Rates) -> u64,
    ) -> u64 {
        let find =
            |wanted: &Rendition| self.0.iter().find(|(listed, _)| std::ptr::eq(*listed, wanted));
        let found = of.into_iter().filter_map(find);
        found.map(|(_, rates)| rate(rates)).max().unwrap_or(0)
    }
}

/// How much lies in front of the end of a segment, or between two ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct End {
    bytes: u128,
    ticks: u64,
}

impl End {
    fn since(self, start: Self) -> Self {
        Self { bytes: self.bytes - start.bytes, ticks: self.ticks - start.ticks }
    }

    /// Whether it is more for its time.
    fn is_denser(self, other: Self) -> bool {
        self.bytes * u128::from(other.ticks) > other.bytes * u128::from(self.ticks)
    }

    /// Bits, rounded up.
    fn per_second(self) -> u64 {
        let ticks = u128::from(self.ticks.max(MIN_DURATION));
        let bits = self.bytes * 8 * u128::from(WIRE_TIMESCALE);
        u64::try_from(bits.div_ceil(ticks)).unwrap_or(u64::MAX)
    }
}

/// The neighbours with the most bytes for their time, of all that last long enough together; `None`
/// where all segments do not. Divides nothing: a presentation may have thousands of segments.
fn peak(ends: &[End], target: u64) -> Option<End> {
    let (least, most) = (target / 2, target.saturating_add(target / 2));
    let mut peak: Option<End> = None;
    let mut first = 0;
    for (n, end) in ends.iter().enumerate() {
        let since = |start: &End| end.since(*start);
        first += ends[first..n].iter().take_while(|start| since(start).ticks > most).count();
        let together = ends[first..n].iter().map(since).take_while(|part| part.ticks >= least);
        peak = together.chain(peak).reduce(|a, b| if b.is_denser(a) { b } else { a });
    }
    peak
}

/// What the bytes of a rendition follow from, or those of its key frames.
fn sent(presentation: &Presentation<'_>, listed: &Listed<'_>, target: u64, part: Part) -> Sent {
    let protection = presentation.protection_of(listed);
    let in_band = in_band_length(presentation, listed);
    Sent { format: presentation.selectors.format, protection, part, in_band, target }
}

/// Bytes that are sent of the key frame at the start of fragment `n`, at most.
fn key_frame_at_most(rendition: &Rendition, way: &Sent, are_ranges: bool, n: usize) -> u64 {
    let Sent { format, protection, in_band, .. } = *way;
    let sample = key_frame_bytes(rendition, n);
    if let Container::Transport { .. } = format.row().container {
        return cmaf::padded(ts::key_frame_at_most(rendition, n, sample), protection);
    }
    let samples = if are_ranges { rendition.cuts.samples(n).len() } else { 1 };
    let auxiliary = if Scheme::of(protection).is_some() { MOST_AUXILIARY } else { 0 };
    let head = cmaf::head_length(&rendition.track, samples, auxiliary);
    cmaf::padded(head + in_band + sample, protection)
}

/// What fragments say of a key that rotates, at most: boxes of manifests may hold an address too.
fn in_band_length(presentation: &Presentation<'_>, listed: &Listed<'_>) -> u64 {
    let rotates = listed.keys.runs().iter().any(|run| run.period.is_some());
    let scheme = Scheme::of(presentation.protection).filter(|_| rotates);
    let Some((scheme, key)) = scheme.zip(listed.keys.first()) else { return 0 };
    let boxes = key.systems.iter().filter_map(|system| system.pssh.as_ref());
    cmaf::in_band_length(scheme, boxes)
}

/// Nothing lasts less than a millisecond.
const MIN_DURATION: u64 = WIRE_TIMESCALE as u64 / 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Of segments with these tenths of a second and bytes.
    fn peak_of(segments: &[(u64, u64)], target: u64) -> u64 {
        let tenth = u64::from(WIRE_TIMESCALE) / 10;
        let lengths = segments.iter().map(|(_, bytes)| *bytes);
        let durations = segments.iter().map(|(tenths, _)| tenths * tenth);
        Rates::of_lengths(lengths, durations, target * 10 * tenth).peak
    }

    #[test]
    fn what_is_short_counts_with_its_neighbours() {
        // A picture alone at the end.
        assert_eq!(peak_of(&[(40, 4000), (40, 8000), (1, 2000)], 4), 19_513);
        // Half of a target duration counts by itself, and so do neighbours up to one and a half.
        assert_eq!(peak_of(&[(40, 4000), (20, 4000), (40, 4000)], 4), 16_000);
        assert_eq!(peak_of(&[(40, 4000), (19, 4000), (40, 4000)], 4), 10_848);
        assert_eq!(peak_of(&[(19, 4000), (19, 1), (19, 4000), (40, 1)], 4), 11_230);
    }

    #[test]
    fn what_is_too_short_as_a_whole_has_its_mean() {
        assert_eq!(peak_of(&[(1, 100), (1, 300)], 1), 16_000);
        assert_eq!(peak_of(&[], 1), 0);
    }
}
