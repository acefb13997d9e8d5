//! What manifests tell of whole tracks: it follows from thousands of segments, so it is worked out once
//! for each way in which a track is listed, and kept for the next manifest.

use std::fmt;
use std::ops::Range;

use quick_cache::sync::Cache;

use super::format::Format;
use super::presentation::{Listed, Presentation};
use super::rate::Rates;
use super::request::TrackRef;
use crate::protection::Protection;

/// So many figures of each kind are kept, of about 200 bytes. Six levels with sound have some twenty in a
/// format, and 300 in all formats and protections.
const KEPT: usize = 32 << 10;

/// The figures of many assets.
pub struct Figures {
    rates: Cache<Of<Sent>, Rates>,
    targets: Cache<Of<Clock>, u64>,
}

/// The figures of one asset.
#[derive(Debug, Clone, Copy)]
pub struct AssetFigures<'a> {
    /// Those of many assets.
    pub figures: &'a Figures,
    /// Tells the asset from all others.
    pub asset: u64,
}

/// A track as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Of<T> {
    asset: u64,
    track: TrackRef,
    fragments: Range<usize>,
    /// The sound among the pictures.
    muxed: Option<TrackRef>,
    way: T,
}

/// What the bytes of segments follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Sent {
    pub(super) format: Format,
    pub(super) protection: Protection,
    pub(super) part: Part,
    /// Bytes of boxes that announce keys.
    pub(super) in_band: u64,
    /// Target duration in wire ticks.
    pub(super) target: u64,
}

/// What is sent of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    All,
    KeyFrames {
        /// Of the segments; else each is a resource of its own.
        are_ranges: bool,
    },
}

/// By what the durations of segments are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Clock {
    /// Of the playlist.
    pub(super) version: u8,
    /// What the edit list hides, in wire ticks.
    pub(super) hidden: u64,
}

impl Default for Figures {
    fn default() -> Self {
        Self { rates: Cache::new(KEPT), targets: Cache::new(KEPT) }
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figures").finish_non_exhaustive()
    }
}

impl AssetFigures<'_> {
    /// The rates of a listed track.
    pub(super) fn rates(
        self,
        presentation: &Presentation<'_>,
        listed: &Listed<'_>,
        way: Sent,
        work_out: impl FnOnce() -> Rates,
    ) -> Rates {
        let muxed = presentation.muxed_into(listed.rendition).map(TrackRef::of);
        kept(&self.figures.rates, &self.of(listed, muxed, way), work_out)
    }

    /// The target duration of a listed track with the sound that is `muxed` into it, in seconds.
    pub(super) fn target(
        self,
        listed: &Listed<'_>,
        muxed: Option<TrackRef>,
        way: Clock,
        work_out: impl FnOnce() -> u64,
    ) -> u64 {
        kept(&self.figures.targets, &self.of(listed, muxed, way), work_out)
    }

    fn of<T>(self, listed: &Listed<'_>, muxed: Option<TrackRef>, way: T) -> Of<T> {
        let (track, fragments) = (TrackRef::of(listed.rendition), listed.fragments.clone());
        Of { asset: self.asset, track, fragments, muxed, way }
    }
}

/// Requests that ask at the same moment may each work it out: nobody waits for another one.
fn kept<T: Clone + Eq + std::hash::Hash, F: Copy>(
    cache: &Cache<Of<T>, F>,
    of: &Of<T>,
    work_out: impl FnOnce() -> F,
) -> F {
    cache.get(of).unwrap_or_else(|| {
        let figure = work_out();
        cache.insert(of.clone(), figure);
        figure
    })
}
