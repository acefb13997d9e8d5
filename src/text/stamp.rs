//! Times as text: `hh:mm:ss.mmm`, the form that WebVTT and TTML share.

use std::fmt;

use crate::time::WIRE_TIMESCALE;

/// Wire ticks in a millisecond.
pub(super) const MILLISECOND: i64 = WIRE_TIMESCALE as i64 / 1000;

/// A time in wire ticks that prints as `hh:mm:ss.mmm`, rounded to the millisecond; what lies before
/// 0 prints as 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp(pub(super) i64);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.max(0).saturating_add(MILLISECOND / 2) / MILLISECOND;
        let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
        write!(f, "{hours:02}:{minutes:02}:{:02}.{:03}", ms / 1000 % 60, ms % 1000)
    }
}

/// A number of digits only, at most nine.
pub(super) fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Wire ticks of `hours`, `minutes` and `seconds`, where minutes and seconds are below 60.
pub(super) fn clock(hours: &str, minutes: &str, seconds: &str) -> Option<i64> {
    let below_60 = |text: &str| digits(text).filter(|n| *n < 60);
    let (minutes, seconds) = (below_60(minutes)?, below_60(seconds)?);
    // A thousand years of hours, whose ticks fit.
    let hours = digits(hours).filter(|hours| *hours < 10_000_000)?;
    Some(((hours * 60 + minutes) * 60 + seconds) * i64::from(WIRE_TIMESCALE))
}
