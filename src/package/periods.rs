//! A presentation in parts, in each of which every track has one key: periods of DASH, where each
//! names the keys of its adaptation sets. Players ask for the keys of a period when they come to it;
//! of keys that only fragments announce, Shaka Player and dash.js ask for the first alone
//! (players.md section 3.2).

use std::ops::Range;

use super::presentation::{Listed, ListedImages, ListedText, Presentation};
use crate::codec::MediaType;
use crate::media::timeline::Cuts;
use crate::time::SAME_MOMENT;

impl<'a> Presentation<'a> {
    /// The parts, each with what it lists: one, unless keys rotate.
    pub fn periods(&self) -> Vec<Self> {
        let changes: Vec<u64> = self.key_changes().collect();
        let starts = std::iter::once(0).chain(changes.iter().copied());
        let ends = changes.iter().copied().chain([u64::MAX]);
        starts.zip(ends).map(|(start, end)| self.part(start..end)).collect()
    }

    /// Where crypto periods begin behind the first: all tracks change theirs together, and that with most runs knows
    /// all of them. Of several, pictures say when.
    fn key_changes(&self) -> impl Iterator<Item = u64> {
        let is_video = |listed: &Listed<'_>| listed.rendition.track.media_type == MediaType::Video;
        let most =
            self.listed.iter().max_by_key(|listed| (listed.keys.runs().len(), is_video(listed)));
        most.into_iter().flat_map(|listed| {
            let start = |n: usize| listed.rendition.cuts.span(n).map_or(0, |(start, _)| start);
            listed.keys.changes().map(move |run| start(run.fragments.start))
        })
    }

    /// What begins in that time, and images that are shown in it.
    fn part(&self, time: Range<u64>) -> Self {
        let part = |listed: &Listed<'a>| {
            let fragments = starting_in(&listed.rendition.cuts, &listed.fragments, &time)?;
            let keys = listed.keys.within(&fragments);
            Some(Listed { rendition: listed.rendition, keys, fragments })
        };
        let listed: Vec<Listed<'a>> = self.listed.iter().filter_map(part).collect();
        let text = self.text.iter().filter_map(|listed| {
            let fragments = starting_in(&listed.text.cuts, &listed.fragments, &time)?;
            let keys = listed.keys.within(&fragments);
            Some(ListedText { text: listed.text, keys, fragments })
        });
        let images = self.images.iter().filter_map(|listed| {
            let fragments = shown_in(&listed.images.cuts, &listed.fragments, &time)?;
            Some(ListedImages { images: listed.images, fragments })
        });
        let runs = || listed.iter().flat_map(|listed| listed.keys.runs());
        Self {
            selectors: self.selectors.clone(),
            query: self.query.clone(),
            thinned: self.thinned.iter().filter_map(part).collect(),
            text: text.collect(),
            images: images.collect(),
            start: time.start.max(self.start),
            period: runs().find_map(|run| run.period),
            listed,
            ..*self
        }
    }
}

/// Those of the fragments that start in that time; `None` when none does.
fn starting_in(cuts: &Cuts, fragments: &Range<usize>, time: &Range<u64>) -> Option<Range<usize>> {
    let before = |limit: u64| {
        let limit = limit.saturating_sub(SAME_MOMENT);
        let before = cuts.starts.partition_point(|cut| cut.start < limit);
        before.clamp(fragments.start, fragments.end)
    };
    let found = before(time.start)..before(time.end);
    (!found.is_empty()).then_some(found)
}

/// Those that are shown in that time.
fn shown_in(cuts: &Cuts, fragments: &Range<usize>, time: &Range<u64>) -> Option<Range<usize>> {
    let spans = cuts.spans().enumerate().skip(fragments.start).take(fragments.len());
    let shown = spans.filter(|(_, (start, end))| *start < time.end && time.start < *end);
    let mut shown = shown.map(|(n, _)| n);
    let first = shown.next()?;
    Some(first..shown.last().unwrap_or(first) + 1)
}
