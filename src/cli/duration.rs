//! Lengths of time on the command line.

use jiff::SignedDuration;

/// Reads `90s`, `15m`, `24h`, `7d`.
pub(super) fn duration(text: &str) -> Result<SignedDuration, &'static str> {
    const EXPECTED: &str = "a number with its unit is expected: 90s, 15m, 24h, 7d";
    let days = text.strip_suffix('d').map(|days| days.parse::<i32>().ok());
    match days {
        Some(days) => {
            days.map(|days| SignedDuration::from_hours(24 * i64::from(days))).ok_or(EXPECTED)
        }
        None => text.parse().map_err(|_| EXPECTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_units_and_refusals_say_which() {
        for (text, seconds) in
            [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), ("1h30m", 5400)]
        {
            assert_eq!(duration(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in ["", "60", "1y", "d", "1.5d", "99999999999d", "soon"] {
            assert!(duration(text).unwrap_err().contains("7d"), "{text}");
        }
    }
}
