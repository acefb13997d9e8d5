//! What an edit list does to presentation times (ISO/IEC 14496-12 section 8.6.6).

use super::MediaRule;
use crate::isobmff::moov::elst::{Edit, RATE_1};
use crate::time::rescale;

/// Times beyond that are refused; sums of bounded times cannot overflow.
pub(super) const MAX_DAYS: u32 = 8;

/// Ticks of movie timescales that are longer than samples (100 a second).
const ROUGH: u32 = 100;

/// An edit list in media ticks: a delay, a trim of the start, perhaps an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Shift {
    /// What is added to decoding time + composition offset to give the presentation time.
    pub(super) offset: i64,
    /// Presentation time at which the edit starts: what lies before it is not shown.
    pub(super) start: i64,
    /// Presentation time at which the edit ends, if it says so.
    pub(super) end: Option<i64>,
}

impl Shift {
    /// Puts the samples behind `base`, the decoding time of the first one (media ticks). Gives also
    /// what of it is a clock that does not start at 0, as in recordings of live streams: it is
    /// taken out, for all tracks of an asset together.
    pub(super) fn behind(self, base: i64) -> (Self, i64) {
        let first = base.saturating_add(self.offset);
        let clock = first.clamp(0, base.max(0));
        let end = self.end.map(|end| end.saturating_sub(clock));
        let shift = Self { offset: first - clock, start: (self.start - clock).max(0), end };
        (shift, clock)
    }

    /// The same, `ticks` later.
    pub(super) fn later(self, ticks: i64) -> Self {
        let later = |time: i64| time.saturating_add(ticks);
        Self { offset: later(self.offset), start: later(self.start), end: self.end.map(later) }
    }

    /// Interprets the edits of a track: empty edits first, then at most one media edit.
    ///
    /// # Errors
    /// [`MediaRule::EditList`] for anything else, [`MediaRule::TooLong`] for times beyond
    /// [`MAX_DAYS`].
    pub(super) fn of(edits: &[Edit], media: u32, movie: u32) -> Result<Self, MediaRule> {
        let limit = |timescale: u32| u64::from(timescale) * u64::from(MAX_DAYS) * 86_400;
        let total = edits.iter().map(|edit| edit.duration).fold(0, u64::saturating_add);
        let late = |edit: &Edit| edit.media_time.unsigned_abs() > limit(media);
        if total > limit(movie) || edits.iter().any(late) {
            return Err(MediaRule::TooLong { days: MAX_DAYS });
        }
        let empty = edits.iter().take_while(|edit| edit.media_time == -1);
        let delay: u64 = empty.clone().map(|edit| edit.duration).fold(0, u64::saturating_add);
        let to_media = |ticks: u64| rescale(i64::try_from(ticks).unwrap_or(i64::MAX), movie, media);
        let delay_ticks = to_media(delay);
        match &edits[empty.count()..] {
            [] if edits.is_empty() => Ok(Self::default()),
            [Edit { duration, media_time, rate: RATE_1 }] if *media_time >= 0 => {
                // The duration is rounded to the movie timescale: of a rough one, a tick is no edit.
                let slack = u64::from(movie < ROUGH);
                let end = delay.saturating_add(*duration).saturating_add(slack);
                let end = (*duration > 0).then(|| to_media(end));
                Ok(Self {
                    offset: delay_ticks.saturating_sub(*media_time),
                    start: delay_ticks,
                    end,
                })
            }
            _ => Err(MediaRule::EditList),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Edit = Edit { duration: 480, media_time: -1, rate: RATE_1 };
    const TRIM: Edit = Edit { duration: 0, media_time: 1024, rate: RATE_1 };

    #[test]
    fn a_clock_that_does_not_start_at_0_is_taken_out() {
        let shift = |offset| Shift { offset, start: offset.max(0), end: None };
        let behind = |offset, base| {
            let (shift, clock) = shift(offset).behind(base);
            (shift.offset, clock)
        };
        assert_eq!(behind(0, 0), (0, 0));
        assert_eq!(behind(480, 0), (480, 0), "a delay stays");
        assert_eq!(behind(-1024, 0), (-1024, 0), "priming stays");
        assert_eq!(behind(0, 9000), (0, 9000));
        assert_eq!(behind(480, 9000), (480, 9000));
        assert_eq!(behind(-9000, 9000), (0, 0), "the edit starts with the first sample");
        assert_eq!(behind(0, -1024), (-1024, 0));
        assert_eq!(behind(i64::MAX, i64::MAX), (0, i64::MAX));
    }

    #[test]
    fn delays_and_trims_add_up() {
        let shift = |edits: &[Edit]| Shift::of(edits, 48_000, 1000).map(|shift| shift.offset);
        assert_eq!(shift(&[]).unwrap(), 0);
        assert_eq!(shift(&[TRIM]).unwrap(), -1024);
        assert_eq!(shift(&[EMPTY, TRIM]).unwrap(), 480 * 48 - 1024);
        for edits in [&[EMPTY][..], &[TRIM, TRIM], &[TRIM, EMPTY]] {
            assert!(matches!(shift(edits), Err(MediaRule::EditList)), "{edits:?}");
        }
    }

    #[test]
    fn endless_edits_are_refused() {
        for edit in [
            Edit { duration: u64::MAX, media_time: 0, rate: RATE_1 },
            Edit { duration: 0, media_time: i64::MAX, rate: RATE_1 },
            Edit { duration: 1 << 60, media_time: -1, rate: RATE_1 },
        ] {
            assert!(matches!(Shift::of(&[edit], 48_000, 1000), Err(MediaRule::TooLong { .. })));
        }
    }

    #[test]
    fn an_end_in_rough_ticks_has_one_of_tolerance() {
        let edit = Edit { duration: 2000, media_time: 0, rate: RATE_1 };
        for (movie, end) in [(1000, 2000 * 90), (10, 2001 * 9000)] {
            assert_eq!(Shift::of(&[edit], 90_000, movie).unwrap().end, Some(end));
        }
    }
}
