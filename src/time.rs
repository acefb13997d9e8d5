//! Timescales: conversions that never add up rounded values.
//!
//! A time is converted from its exact source ticks each time it is needed. Durations on the wire
//! are differences of converted times, so their sum always equals the converted total.

/// Ticks per second of everything that is packaged from MP4 (ams.md section 2.5).
pub const WIRE_TIMESCALE: u32 = 10_000_000;

/// Fragments of other tracks that start so near to one of the pictures, in wire ticks, start at the
/// same moment: sound is cut at whole frames, pictures at key frames.
pub const SAME_MOMENT: u64 = WIRE_TIMESCALE as u64 / 10;

/// Converts `ticks` of `timescale` to [`WIRE_TIMESCALE`], rounding half away from zero.
pub fn to_wire(ticks: i64, timescale: u32) -> i64 {
    rescale(ticks, timescale, WIRE_TIMESCALE)
}

/// Converts `ticks` between timescales, rounding half away from zero; saturates at the range ends.
pub fn rescale(ticks: i64, from: u32, to: u32) -> i64 {
    let scaled = i128::from(ticks) * i128::from(to);
    let from = i128::from(from.max(1));
    let half = if scaled < 0 { -(from / 2) } else { from / 2 };
    let rounded = (scaled + half) / from;
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversion_rounds_half_away_from_zero() {
        assert_eq!(to_wire(1024, 48_000), 213_333);
        assert_eq!(to_wire(-1024, 48_000), -213_333);
        assert_eq!(rescale(1, 2, 1), 1);
        assert_eq!(rescale(i64::MAX, 1, u32::MAX), i64::MAX);
    }

    /// 29.97 fps video and 44.1 kHz AAC over two hours: the durations add up to the total.
    #[test]
    fn two_hours_of_rounded_durations_do_not_drift() {
        for (delta, timescale, samples) in [(1001, 30_000, 215_784), (1024, 44_100, 310_078)] {
            let sum: i64 = (0..samples)
                .map(|n| to_wire((n + 1) * delta, timescale) - to_wire(n * delta, timescale))
                .sum();
            assert_eq!(sum, to_wire(samples * delta, timescale));
        }
    }
}
