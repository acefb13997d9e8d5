//! The part of a presentation that a filter shows. The live members are checked and kept; media
//! on demand have no live edge for them to act on.

use super::{FilterError, FilterRule};
use crate::time::{WIRE_TIMESCALE, rescale};

/// What stands for a time that is not set: clients of AMS write the largest number there is.
pub(super) const UNSET: i64 = i64::MAX;

/// The shortest presentation window and the longest live back-off, in seconds.
const WINDOW_SECONDS: i128 = 60;
const BACKOFF_SECONDS: i128 = 300;

/// `presentationTimeRange`; times in `timescale`, as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PresentationTimeRange {
    /// Shown from here on, on the timeline of the manifests.
    pub start: Option<i64>,
    /// Shown up to here.
    pub end: Option<i64>,
    /// Live: length of the window that slides with the edge.
    pub window: Option<i64>,
    /// Live: how far the last listed fragment stays behind the edge.
    pub backoff: Option<i64>,
    /// Ticks per second; that of the wire when absent.
    pub timescale: Option<u32>,
    /// Live: the end holds before the stream has ended.
    pub force_end: Option<bool>,
}

impl PresentationTimeRange {
    /// Start in wire ticks; 0 when there is none.
    pub fn start(&self) -> u64 {
        self.wire(self.start).unwrap_or(0)
    }

    /// End in wire ticks; `None` when there is none.
    pub fn end(&self) -> Option<u64> {
        self.wire(self.end)
    }

    fn wire(&self, time: Option<i64>) -> Option<u64> {
        let ticks = set(time)?;
        Some(rescale(ticks, self.timescale(), WIRE_TIMESCALE).max(0).cast_unsigned())
    }

    fn timescale(&self) -> u32 {
        self.timescale.unwrap_or(WIRE_TIMESCALE)
    }

    /// The rules of ams.md section 15.
    pub(super) fn check(&self) -> Result<(), FilterError> {
        let refuse = |rule, member: &str, what: &str| {
            Err(FilterError::new(rule, format_args!("presentationTimeRange.{member} {what}")))
        };
        let seconds = |count: i128| count * i128::from(self.timescale());
        let longer = |time: i64, count: i128| i128::from(time) > seconds(count);
        let (window, backoff) = (set(self.window), set(self.backoff));
        if let (Some(start), Some(end)) = (set(self.start), set(self.end))
            && start >= end
        {
            return refuse(FilterRule::Range, "endTimestamp", "is not after startTimestamp");
        }
        if self.force_end == Some(true) && set(self.end).is_none() {
            return refuse(FilterRule::Range, "forceEndTimestamp", "needs an endTimestamp");
        }
        if window.is_some_and(|window| i128::from(window) < seconds(WINDOW_SECONDS)) {
            let rule = FilterRule::PresentationWindow;
            return refuse(rule, "presentationWindowDuration", "is shorter than 60 seconds");
        }
        if backoff.is_some_and(|backoff| longer(backoff, BACKOFF_SECONDS)) {
            let rule = FilterRule::LiveBackoff;
            return refuse(rule, "liveBackoffDuration", "is longer than 300 seconds");
        }
        if let (Some(window), Some(backoff)) = (window, backoff)
            && backoff > window
        {
            let rule = FilterRule::BackoffOverWindow;
            return refuse(rule, "liveBackoffDuration", "is longer than the window");
        }
        Ok(())
    }
}

fn set(time: Option<i64>) -> Option<i64> {
    time.filter(|time| *time != UNSET)
}
