//! Durations as policies write them: ISO 8601, or whole seconds.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest duration of a policy: a hundred years.
const MAX: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// A duration in ISO 8601 (`PT1H`, `P7D`); days have 24 hours, months and years are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IsoDuration(pub Duration);

impl IsoDuration {
    fn parse(text: &str) -> Option<Duration> {
        let span: Span = text.parse().ok()?;
        if span.get_years() != 0 || span.get_months() != 0 {
            return None;
        }
        let exact = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(exact).ok().filter(|duration| *duration <= MAX)
    }
}

impl From<IsoDuration> for SignedDuration {
    fn from(IsoDuration(duration): IsoDuration) -> Self {
        // At most a hundred years, far within the range.
        Self::try_from(duration).unwrap_or(Self::MAX)
    }
}

impl From<SignedDuration> for IsoDuration {
    /// What is negative becomes zero.
    fn from(duration: SignedDuration) -> Self {
        Self(Duration::try_from(duration).unwrap_or_default().min(MAX))
    }
}

impl<'de> Deserialize<'de> for IsoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map(Self).ok_or_else(|| {
            de::Error::custom(
                "an ISO 8601 duration of at most a hundred years is expected, in days or smaller \
                 units, such as PT1H or P7D",
            )
        })
    }
}

impl Serialize for IsoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&SignedDuration::from(*self))
    }
}

/// A whole number of seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Seconds(u64);

impl Seconds {
    /// The duration; `None` for 0, which in templates means that there is no limit.
    pub fn limit(self) -> Option<Duration> {
        (self.0 > 0).then(|| Duration::from_secs(self.0))
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The duration, 0 included.
    pub fn get(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u64::deserialize(deserializer)?;
        if seconds > MAX.as_secs() {
            return Err(de::Error::custom("more than a hundred years"));
        }
        Ok(Self(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_durations_are_exact_or_refused() {
        for (text, seconds) in [("PT10M", 600), ("P7D", 604_800), ("P1DT2H", 93_600), ("PT0S", 0)] {
            assert_eq!(IsoDuration::parse(text), Some(Duration::from_secs(seconds)), "{text}");
            let json = serde_json::to_string(&IsoDuration(Duration::from_secs(seconds))).unwrap();
            let read: IsoDuration = serde_json::from_str(&json).unwrap();
            assert_eq!(read.0.as_secs(), seconds, "{json}");
        }
        for text in ["P1M", "P1Y", "-PT1H", "1 hour ago", "", "PT", "P9999999D"] {
            assert_eq!(IsoDuration::parse(text), None, "{text}");
        }
    }
}
