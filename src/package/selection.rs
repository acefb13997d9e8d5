//! What a request shows of an asset: the renditions that are left, and of each the fragments that
//! are listed. A fragment is the same bytes whichever selection lists it.

use std::cmp::Reverse;
use std::ops::Range;

use crate::codec::MediaType;
use crate::media::timeline::Cuts;
use crate::media::{Asset, ImageRendition, Rendition, TextRendition};
use crate::time::WIRE_TIMESCALE;

/// Tracks are cut as near to each other as their samples allow. A fragment that reaches less than
/// this into a clip belongs to its neighbour.
pub(super) const SAME_CUT: u64 = WIRE_TIMESCALE as u64 / 10;

/// The renditions and fragments that a request lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selection {
    /// Places among [`Asset::renditions`] with the fragments that are listed, never none; in the
    /// order of manifests.
    renditions: Vec<(usize, Range<usize>)>,
    /// Places of the renditions that may lie in segments of others: those that are listed or would
    /// be without the query, which segments do not read, and at other times.
    muxable: Vec<usize>,
    /// Places among [`Asset::text`] with the fragments that are listed.
    text: Vec<(usize, Range<usize>)>,
    /// Places among [`Asset::images`] with the images that are listed.
    images: Vec<(usize, Range<usize>)>,
    /// Where the presentation starts, in wire ticks.
    start: u64,
    /// Whether the first video level stands there because a filter wants it first.
    led: bool,
}

/// A rendition that is left.
#[derive(Debug, Clone)]
pub struct Selected<'a> {
    /// The rendition.
    pub rendition: &'a Rendition,
    /// The listed fragments; never empty.
    pub fragments: Range<usize>,
}

/// A text track that is left.
#[derive(Debug, Clone)]
pub struct SelectedText<'a> {
    /// The track.
    pub text: &'a TextRendition,
    /// The listed fragments; never empty.
    pub fragments: Range<usize>,
}

/// An image track that is left.
#[derive(Debug, Clone)]
pub struct SelectedImages<'a> {
    /// The track.
    pub images: &'a ImageRendition,
    /// The listed images; never empty.
    pub fragments: Range<usize>,
}

impl Selection {
    /// The whole asset.
    pub fn everything(asset: &Asset) -> Self {
        let whole = |(n, rendition): (usize, &Rendition)| (n, 0..rendition.cuts.len());
        let renditions: Vec<_> = asset.renditions().enumerate().map(whole).collect();
        let muxable = (0..renditions.len()).collect();
        let whole = |(n, text): (usize, &TextRendition)| (n, 0..text.cuts.len());
        let text = asset.text.iter().enumerate().map(whole).collect();
        let whole = |(n, images): (usize, &ImageRendition)| (n, 0..images.cuts.len());
        let images = asset.images.iter().enumerate().map(whole).collect();
        Self { renditions, muxable, text, images, start: 0, led: false }
    }

    /// Without the renditions that `keeps` does not keep.
    #[must_use]
    pub fn keeping(mut self, asset: &Asset, keeps: impl Fn(&Rendition) -> bool) -> Self {
        self.renditions.retain(|(n, _)| asset.rendition(*n).is_some_and(&keeps));
        self
    }

    /// The same selection, of which segments may hold what `before` lists: first what both do.
    #[must_use]
    pub fn muxing_from(mut self, before: &Self) -> Self {
        self.muxable = self.renditions.iter().map(|(n, _)| *n).collect();
        let others = before.renditions.iter().map(|(n, _)| *n);
        let others: Vec<usize> = others.filter(|n| !self.muxable.contains(n)).collect();
        self.muxable.extend(others);
        self
    }

    /// Without the text tracks that `keeps` does not keep.
    #[must_use]
    pub fn keeping_text(mut self, asset: &Asset, keeps: impl Fn(&TextRendition) -> bool) -> Self {
        self.text.retain(|(n, _)| asset.text.get(*n).is_some_and(&keeps));
        self
    }

    /// Without the images of pictures of which none is left.
    #[must_use]
    pub fn keeping_images_of_pictures(mut self, asset: &Asset) -> Self {
        let is_video = |(n, _): &(usize, Range<usize>)| *n < asset.video.len();
        if !asset.video.is_empty() && !self.renditions.iter().any(is_video) {
            self.images.clear();
        }
        self
    }

    /// What is shown between `start` and `end`, in wire ticks. The first rendition that has
    /// something to show there gives the cuts: whole fragments of it stay, also those that reach
    /// out of the range; the others follow it. Nothing is left when no rendition has.
    #[must_use]
    pub fn between(self, asset: &Asset, start: u64, end: u64) -> Self {
        let all = || self.renditions.iter().filter_map(|(n, _)| Some((*n, asset.rendition(*n)?)));
        let leader = all().find_map(|(_, rendition)| {
            let fragments = overlapping(&rendition.cuts, start, end, 0);
            (!fragments.is_empty()).then_some((rendition, fragments))
        });
        let Some((leader, shown)) = leader else {
            let (text, images) = (Vec::new(), Vec::new());
            return Self { renditions: Vec::new(), text, images, ..self };
        };
        // What lies before its first fragment or behind its last belongs to that fragment.
        let starts = &leader.cuts.starts;
        let start = starts.get(shown.start).filter(|_| shown.start > 0).map_or(0, |cut| cut.start);
        let end = starts.get(shown.end).map_or(end, |cut| cut.start);
        let follow = |(n, cuts): (usize, &Cuts)| {
            let shown = overlapping(cuts, start, end, SAME_CUT);
            (!shown.is_empty()).then_some((n, shown))
        };
        let cuts = all().map(|(n, rendition)| (n, &rendition.cuts));
        let renditions = cuts.filter_map(follow).collect();
        let text = self.text.iter().filter_map(|(n, _)| Some((*n, &asset.text.get(*n)?.cuts)));
        let text = text.filter_map(follow).collect();
        let images =
            self.images.iter().filter_map(|(n, _)| Some((*n, &asset.images.get(*n)?.cuts)));
        let images = images.filter_map(follow).collect();
        Self { renditions, text, images, start, ..self }
    }

    /// The video level of that bitrate first, else that below it, else the lowest.
    #[must_use]
    pub fn led_by(mut self, asset: &Asset, bitrate: u64) -> Self {
        let nearness = |(place, (n, _)): (usize, &(usize, Range<usize>))| {
            let rendition = asset.rendition(*n)?;
            let level = rendition.bitrate;
            let nearness = if level <= bitrate { (true, level) } else { (false, u64::MAX - level) };
            let is_video = rendition.track.media_type == MediaType::Video;
            is_video.then_some((nearness, Reverse(place)))
        };
        let nearest = self.renditions.iter().enumerate().filter_map(nearness).max();
        if let Some((_, Reverse(place))) = nearest {
            self.renditions[..=place].rotate_right(1);
            self.led = true;
        }
        self
    }

    /// Whether no rendition is left.
    pub fn is_empty(&self) -> bool {
        self.renditions.is_empty()
    }

    /// Where the presentation starts, in wire ticks: 0 unless its beginning is cut off.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Whether the first video level stands there because a filter wants it first.
    pub fn is_led(&self) -> bool {
        self.led
    }

    /// The renditions that are left, video first.
    pub fn renditions<'a>(&self, asset: &'a Asset) -> impl Iterator<Item = Selected<'a>> {
        self.renditions.iter().filter_map(|(n, fragments)| {
            Some(Selected { rendition: asset.rendition(*n)?, fragments: fragments.clone() })
        })
    }

    /// The renditions that may lie in segments of others, those that are preferred first.
    pub fn muxable<'a>(&self, asset: &'a Asset) -> impl Iterator<Item = &'a Rendition> {
        self.muxable.iter().filter_map(|n| asset.rendition(*n))
    }

    /// The text tracks that are left.
    pub fn text<'a>(&self, asset: &'a Asset) -> impl Iterator<Item = SelectedText<'a>> {
        self.text.iter().filter_map(|(n, fragments)| {
            Some(SelectedText { text: asset.text.get(*n)?, fragments: fragments.clone() })
        })
    }

    /// The image tracks that are left.
    pub fn images<'a>(&self, asset: &'a Asset) -> impl Iterator<Item = SelectedImages<'a>> {
        self.images.iter().filter_map(|(n, fragments)| {
            Some(SelectedImages { images: asset.images.get(*n)?, fragments: fragments.clone() })
        })
    }

    /// Memory beside the value itself, in bytes.
    pub fn heap_size(&self) -> usize {
        size_of_val(&*self.renditions)
            + size_of_val(&*self.muxable)
            + size_of_val(&*self.text)
            + size_of_val(&*self.images)
    }
}

/// The fragments that lie between `start` and `end` with more than `tolerance`, or with half of
/// themselves.
fn overlapping(cuts: &Cuts, start: u64, end: u64, tolerance: u64) -> Range<usize> {
    let span = |n: usize| (cuts.starts.get(n).map_or(cuts.end, |cut| cut.start), cuts.end_of(n));
    let slack = |(from, to): (u64, u64)| tolerance.min(to.saturating_sub(from) / 2);
    let before = |n| span(n).1 <= start.saturating_add(slack(span(n)));
    let inside = |n| span(n).0.saturating_add(slack(span(n))) < end;
    let first = partition(0..cuts.len(), before);
    first..partition(first..cuts.len(), inside)
}

/// The first number for which a condition no longer holds that holds up to somewhere.
fn partition(mut numbers: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    while !numbers.is_empty() {
        let middle = numbers.start + numbers.len() / 2;
        if holds(middle) { numbers.start = middle + 1 } else { numbers.end = middle }
    }
    numbers.start
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::timeline::Cut;

    /// Fragments of these lengths, one after the other.
    fn cuts(lengths: &[u64]) -> Cuts {
        let mut end = 0;
        let cut = |length: &u64| {
            let start = end;
            end += length;
            Cut { sample: 0, start }
        };
        let starts = lengths.iter().map(cut).collect();
        Cuts { starts, end_sample: 0, end }
    }

    #[test]
    fn fragments_that_reach_into_the_range_stay_whole() {
        let cuts = cuts(&[60, 60, 60]);
        for (start, end, expected) in [
            (0, u64::MAX, 0..3),
            (59, 61, 0..2),
            (60, 61, 1..2),
            (60, 120, 1..2),
            (179, 180, 2..3),
            (180, 181, 3..3),
            (u64::MAX, u64::MAX, 3..3),
        ] {
            assert_eq!(overlapping(&cuts, start, end, 0), expected, "{start}..{end}");
        }
    }

    #[test]
    fn what_reaches_in_by_less_than_the_tolerance_belongs_to_the_neighbour() {
        let cuts = cuts(&[61, 58, 61, 4]);
        assert_eq!(overlapping(&cuts, 60, 120, 5), 1..2);
        assert_eq!(overlapping(&cuts, 179, 190, 5), 3..4, "half of a short fragment is enough");
    }

    proptest! {
        #[test]
        fn the_shown_fragments_are_those_that_overlap(
            lengths in prop::collection::vec(1_u64..100, 1..20), start in 0_u64..2_000, length in 1_u64..500,
        ) {
            let cuts = cuts(&lengths);
            let end = start + length;
            let shown = overlapping(&cuts, start, end, 0);
            for (n, (from, to)) in cuts.spans().enumerate() {
                prop_assert_eq!(shown.contains(&n), from < end && to > start, "{}", n);
            }
        }
    }
}
