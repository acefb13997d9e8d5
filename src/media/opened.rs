//! What is read alike of tracks whose samples are looked into when a file is opened: text and images.

use super::edit::Shift;
use super::fragments::Fragments;
use super::index::Room;
use super::{MediaRule, SampleIndex};
use crate::isobmff::moov::trak::Trak;
use crate::time::to_wire;

/// The samples of a track, and where they stand on the timeline.
pub(super) struct Opened {
    /// The samples.
    pub(super) index: SampleIndex,
    /// Ticks per second of the index.
    pub(super) timescale: u32,
    /// What edits do to times.
    pub(super) shift: Shift,
    /// Where the clock of the track stood at its start, in wire ticks: taken out of all times.
    pub(super) clock: i64,
}

impl Opened {
    /// Takes the samples from the movie header, or from the fragments that have any.
    ///
    /// # Errors
    /// Broken tables, samples outside the file, edits that are not carried out.
    pub(super) fn of(
        trak: &Trak<'_>,
        movie_timescale: u32,
        fragments: &mut Fragments,
        room: &mut Room,
    ) -> Result<Self, MediaRule> {
        let more = fragments.take(trak.tkhd.track_id);
        let index = SampleIndex::build(&trak.stbl, more, room)?;
        let timescale = trak.mdhd.timescale;
        let shift = Shift::of(&trak.edits, timescale, movie_timescale)?;
        let (shift, clock) = shift.behind(index.start);
        Ok(Self { index, timescale, shift, clock: to_wire(clock, timescale) })
    }
}
