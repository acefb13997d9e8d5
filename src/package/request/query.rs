//! What the query of a manifest or playlist URL chooses, beyond what the grammar of AMS knows.
//!
//! ```text
//! start=T  end=T            seconds (12.5) or an ISO 8601 duration of hours, minutes and seconds
//! resolution=WxH[,WxH...]   these sizes of pictures
//! height=N|LO-HI|LO-|-HI    lines of pictures
//! bitrate=N|LO-HI|LO-|-HI   bits per second of video levels
//! codec=CODE[,CODE...]      types of sample entries; what has no track of its type is not asked
//! ```
//! Any other parameter is somebody else's, for example the token of a content delivery network.

use std::fmt;

use jiff::SignedDuration;
use url::form_urlencoded;

use super::UrlError;
use crate::time::WIRE_TIMESCALE;

/// More sizes or codecs in one parameter are refused.
const MAX_LIST: usize = 16;

/// What a query chooses. Prints as the query of playlists that belong to a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Query {
    /// Shown from here on, in wire ticks.
    pub start: Option<u64>,
    /// Shown up to here, in wire ticks.
    pub end: Option<u64>,
    /// Sizes of pictures; all when empty.
    pub sizes: Vec<(u16, u16)>,
    /// Lines of pictures.
    pub height: Option<Bounds>,
    /// Bits per second of video levels.
    pub bitrate: Option<Bounds>,
    /// Types of sample entries, in small letters; all when empty.
    pub codecs: Vec<[u8; 4]>,
}

/// Numbers with both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    low: u64,
    high: u64,
}

/// One row of the table of parameters.
struct Row {
    name: &'static str,
    refusal: &'static str,
    /// Sets what the value says; `None` for a value that says nothing.
    set: fn(&mut Query, &str) -> Option<()>,
}

const TABLE: &[Row] = &[
    Row {
        name: "start",
        refusal: "start= is neither seconds nor a duration like PT1M30S",
        set: |query, value| set(&mut query.start, time(value)),
    },
    Row {
        name: "end",
        refusal: "end= is neither seconds nor a duration like PT1M30S",
        set: |query, value| set(&mut query.end, time(value)),
    },
    Row {
        name: "resolution",
        refusal: "resolution= is no list of sizes like 1280x720",
        set: |query, value| list(&mut query.sizes, value, size),
    },
    Row {
        name: "height",
        refusal: "height= is neither a number nor a range like 360-720",
        set: |query, value| set(&mut query.height, Bounds::read(value)),
    },
    Row {
        name: "bitrate",
        refusal: "bitrate= is neither a number nor a range like 0-1500000",
        set: |query, value| set(&mut query.bitrate, Bounds::read(value)),
    },
    Row {
        name: "codec",
        refusal: "codec= is no list of codes like avc1,mp4a",
        set: |query, value| list(&mut query.codecs, value, code),
    },
];

impl Query {
    /// Reads a query, without the question mark.
    ///
    /// # Errors
    /// A known parameter with a value that says nothing, or that stands twice.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (mut query, mut seen) = (Self::default(), [false; TABLE.len()]);
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let Some(place) = TABLE.iter().position(|row| row.name == name) else { continue };
            if std::mem::replace(&mut seen[place], true) {
                return Err(UrlError::Syntax("a parameter of the query stands twice"));
            }
            let row = &TABLE[place];
            (row.set)(&mut query, &value).ok_or(UrlError::Syntax(row.refusal))?;
        }
        match (query.start.unwrap_or(0), query.end) {
            (start, Some(end)) if start >= end => {
                Err(UrlError::Syntax("end= is not after start= in the query"))
            }
            _ => Ok(query),
        }
    }
}

impl Bounds {
    /// Whether a number lies between them.
    pub fn contains(self, number: u64) -> bool {
        (self.low..=self.high).contains(&number)
    }

    fn read(value: &str) -> Option<Self> {
        let (low, high) = match value.split_once('-') {
            Some(("", "")) => return None,
            Some(("", high)) => (0, number(high)?),
            Some((low, "")) => (number(low)?, u64::MAX),
            Some((low, high)) => (number(low)?, number(high)?),
            None => (number(value)?, number(value)?),
        };
        (low <= high).then_some(Self { low, high })
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.low, self.high) {
            (low, high) if low == high => write!(f, "{low}"),
            (low, u64::MAX) => write!(f, "{low}-"),
            (low, high) => write!(f, "{low}-{high}"),
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.sizes.iter().map(|(width, height)| format!("{width}x{height}"));
        let codecs = self.codecs.iter().map(|code| String::from_utf8_lossy(code).into_owned());
        let joined = |values: Vec<String>| (!values.is_empty()).then(|| values.join(","));
        let values = [
            self.start.map(seconds),
            self.end.map(seconds),
            joined(sizes.collect()),
            self.height.map(|height| height.to_string()),
            self.bitrate.map(|bitrate| bitrate.to_string()),
            joined(codecs.collect()),
        ];
        let mut mark = '?';
        for (row, value) in TABLE.iter().zip(values) {
            if let Some(value) = value {
                write!(f, "{mark}{}={value}", row.name)?;
                mark = '&';
            }
        }
        Ok(())
    }
}

fn set<T>(slot: &mut Option<T>, value: Option<T>) -> Option<()> {
    *slot = Some(value?);
    Some(())
}

fn list<T>(slot: &mut Vec<T>, value: &str, read: fn(&str) -> Option<T>) -> Option<()> {
    *slot = value.split(',').take(MAX_LIST + 1).map(read).collect::<Option<_>>()?;
    (slot.len() <= MAX_LIST).then_some(())
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| digits(text))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn size(text: &str) -> Option<(u16, u16)> {
    let (width, height) = text.split_once(['x', 'X'])?;
    let side = |text| u16::try_from(number(text)?).ok();
    Some((side(width)?, side(height)?))
}

/// Letters, digits and what else stands in registered codes, so that a code needs no escape.
fn code(text: &str) -> Option<[u8; 4]> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.to_ascii_lowercase()
        .as_bytes()
        .try_into()
        .ok()
        .filter(|code: &[u8; 4]| code.iter().all(plain))
}

/// A time in wire ticks.
fn time(value: &str) -> Option<u64> {
    if value.starts_with(['P', 'p']) {
        let duration: SignedDuration = value.parse().ok()?;
        let nanos = u128::try_from(duration.as_nanos()).ok()?;
        return u64::try_from(nanos * u128::from(WIRE_TIMESCALE) / 1_000_000_000).ok();
    }
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    // What is finer than a tick is dropped.
    let ticks: String = fraction.chars().chain("000000".chars()).take(7).collect();
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(WIRE_TIMESCALE.into())?.checked_add(ticks.parse().ok()?)
}

/// Ticks as seconds.
fn seconds(ticks: u64) -> String {
    let scale = u64::from(WIRE_TIMESCALE);
    let text = format!("{}.{:07}", ticks / scale, ticks % scale);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
