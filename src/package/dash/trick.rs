//! Sets of key frames for trick play (DASH-IF IOP 4.3 section 3.2.9; packaging.md section 7.4).

use std::io;

use crate::media::Rendition;
use crate::package::presentation::{Listed, Set};
use crate::package::xml::Xml;
use crate::time::WIRE_TIMESCALE;

/// What is said of a set of key frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trick {
    /// Id of the set whose key frames they are.
    main: usize,
    /// How many times faster than life a decoder that can follow the main set can show them: as many of
    /// them a second as there are pictures in the main set.
    rate: u64,
    /// Whether they are the first pictures of the fragments of the main set, under addresses of their own.
    heads: bool,
}

impl Trick {
    /// Of the first pictures of the fragments of a set.
    pub(super) fn of_heads(main: usize, set: &Set<'_>) -> Self {
        let Listed { rendition, fragments, .. } = set.first;
        // The last one may be a remainder.
        let whole = fragments.len().saturating_sub(1).max(1);
        let shortest = set.first.durations().take(whole).min();
        Self { main, rate: rate(shortest, rendition), heads: true }
    }

    /// Of a set of tracks of less pictures; the numbers of `sets` are from 1. `None` where the main set
    /// is not listed.
    pub(super) fn of_thinned(set: &Set<'_>, sets: &[Set<'_>]) -> Option<Self> {
        let track = &set.first.rendition.track;
        let name = &set.first.rendition.thinned.as_ref()?.main;
        let kid = |set: &Set<'_>| set.key().map(|key| key.kid);
        let named = || (1..).zip(sets).filter(|(_, other)| other.name() == name);
        let same_key = named().find(|(_, other)| kid(other) == kid(set));
        let (main, of) = same_key.or_else(|| named().next())?;
        let starts = || (0..track.index.len()).map(|n| track.presentation_time(n));
        let durations = starts().zip(starts().skip(1)).map(|(start, end)| end.abs_diff(start));
        let shortest = durations.min().or_else(|| set.first.durations().min());
        Some(Self { main, rate: rate(shortest, of.first.rendition), heads: false })
    }

    /// Id of the main set, where these are the first pictures of its fragments.
    pub(super) fn heads_of(self) -> Option<usize> {
        self.heads.then_some(self.main)
    }

    /// The attributes of the set.
    pub(super) fn attributes(self) -> [(&'static str, String); 2] {
        [("maxPlayoutRate", self.rate.to_string()), ("codingDependency", "false".to_owned())]
    }

    /// Ties the set to the one whose key frames it holds.
    pub(super) fn property(self, xml: &mut Xml) -> io::Result<()> {
        let scheme = "http://dashif.org/guidelines/trickmode";
        let main = self.main.to_string();
        xml.empty("EssentialProperty", &[("schemeIdUri", scheme), ("value", &main)])
    }
}

/// Pictures of the main set that are shown in that many wire ticks.
fn rate(shortest: Option<u64>, main: &Rendition) -> u64 {
    let (numerator, denominator) = main.frame_rate_fraction();
    let pictures = u128::from(shortest.unwrap_or(0)) * u128::from(numerator);
    let seconds = u128::from(denominator.max(1)) * u128::from(WIRE_TIMESCALE);
    u64::try_from(pictures / seconds).unwrap_or(u64::MAX).max(1)
}
