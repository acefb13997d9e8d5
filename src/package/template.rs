//! Names of segments with placeholders (ISO/IEC 23009-1 section 5.3.9.4.4), as MPDs and the users of
//! packagers write them.

use std::fmt::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// More digits than the largest number has are refused.
const MAX_WIDTH: usize = 20;

/// What stays as it is in the path of a URL (RFC 3986 section 3.3), but for what would end an
/// attribute of a playlist or begin an element of an MPD.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b'+')
    .remove(b',')
    .remove(b'=')
    .remove(b'@')
    .remove(b':');

/// The first value of `$Number$`.
pub const FIRST_NUMBER: u64 = 1;

/// The text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A placeholder that no segment has a value for.
    #[error(
        "${0}$ is not known: $Number$, $Time$ and $Bandwidth$ are, with a width as in $Number%05d$"
    )]
    Unknown(String),
    /// A dollar without its counterpart.
    #[error("a '$' is not closed; '$$' stands for one")]
    Open,
    /// All segments would have the same name.
    #[error("neither $Number$ nor $Time$ tells segments apart")]
    NoNumber,
}

/// What stands for a number in a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counter {
    Number,
    Time,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// With at least so many digits.
    Counter(Counter, usize),
}

/// The name of all segments of a rendition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template of a rendition with that many bits per second.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str, bandwidth: u64) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut pieces = text.split('$');
        parts.push(Part::Text(pieces.next().unwrap_or_default().to_owned()));
        while let Some(name) = pieces.next() {
            let behind = pieces.next().ok_or(TemplateError::Open)?;
            parts.push(placeholder(name, bandwidth)?);
            parts.push(Part::Text(behind.to_owned()));
        }
        match parts.iter().any(|part| matches!(part, Part::Counter(..))) {
            true => Ok(Self { parts }),
            false => Err(TemplateError::NoNumber),
        }
    }

    /// The name of segment `n` of the rendition, counted from 0, which starts at `start` wire ticks.
    pub fn name(&self, n: usize, start: u64) -> String {
        self.write(|counter| match counter {
            Counter::Number => FIRST_NUMBER + n as u64,
            Counter::Time => start,
        })
    }

    /// The name as MPDs have it, placeholders left in.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let name = match part {
                Part::Text(part) => {
                    text.push_str(&part.replace('$', "$$"));
                    continue;
                }
                Part::Counter(Counter::Number, _) => "Number",
                Part::Counter(Counter::Time, _) => "Time",
            };
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Counter(_, 2..) => write!(text, "${name}%0{}d$", part.width()),
                _ => write!(text, "${name}$"),
            };
        }
        text
    }

    /// Whether numbers count segments.
    pub fn is_numbered(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Counter(Counter::Number, _)))
    }

    /// The same as part of a URL.
    #[must_use]
    pub fn encoded(&self) -> Self {
        let encode = |part: &Part| match part {
            Part::Text(text) => Part::Text(encoded(text)),
            counter @ Part::Counter(..) => counter.clone(),
        };
        Self { parts: self.parts.iter().map(encode).collect() }
    }

    /// The same behind `front`.
    #[must_use]
    pub fn behind(mut self, front: &str) -> Self {
        self.parts.insert(0, Part::Text(front.to_owned()));
        self
    }

    fn write(&self, value: impl Fn(Counter) -> u64) -> String {
        let mut name = String::new();
        for part in &self.parts {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Text(text) => name.write_str(text),
                Part::Counter(counter, width) => write!(name, "{:01$}", value(*counter), width),
            };
        }
        name
    }
}

impl Part {
    fn width(&self) -> usize {
        match self {
            Self::Text(_) => 0,
            Self::Counter(_, width) => *width,
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// The path of a file as part of a URL.
pub fn encoded(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

fn placeholder(text: &str, bandwidth: u64) -> Result<Part, TemplateError> {
    if text.is_empty() {
        return Ok(Part::Text("$".to_owned()));
    }
    let unknown = || TemplateError::Unknown(text.to_owned());
    let (name, width) = match text.split_once('%') {
        Some((name, format)) => {
            let digits = format.strip_prefix('0').and_then(|rest| rest.strip_suffix('d'));
            let width = digits.and_then(|digits| digits.parse().ok());
            (name, width.filter(|width| *width <= MAX_WIDTH).ok_or_else(unknown)?)
        }
        None => (text, 1),
    };
    match name {
        "Number" => Ok(Part::Counter(Counter::Number, width)),
        "Time" => Ok(Part::Counter(Counter::Time, width)),
        "Bandwidth" => Ok(Part::Text(format!("{bandwidth:0width$}"))),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text, 750_000).unwrap()
    }

    #[test]
    fn placeholders_are_filled_and_kept() {
        for (text, name, kept) in [
            ("v/$Number$.m4s", "v/3.m4s", "v/$Number$.m4s"),
            ("s$Number%05d$.ts", "s00003.ts", "s$Number%05d$.ts"),
            ("$Time$-$Bandwidth$", "90000-750000", "$Time$-750000"),
            ("a$$b$Number$", "a$b3", "a$$b$Number$"),
        ] {
            assert_eq!(template(text).name(2, 90_000), name);
            assert_eq!(template(text).text(), kept);
            assert_eq!(Template::parse(&template(text).text(), 0), Ok(template(kept)));
        }
    }

    #[test]
    fn what_names_no_segment_is_refused() {
        for (text, error) in [
            ("a.m4s", TemplateError::NoNumber),
            ("$Bandwidth$", TemplateError::NoNumber),
            ("$Number", TemplateError::Open),
            ("$number$", TemplateError::Unknown("number".to_owned())),
            ("$Number%5d$", TemplateError::Unknown("Number%5d".to_owned())),
            ("$Number%099d$", TemplateError::Unknown("Number%099d".to_owned())),
        ] {
            assert_eq!(Template::parse(text, 1), Err(error), "{text}");
        }
    }

    #[test]
    fn urls_hold_no_blanks_and_quotes() {
        let url = template("a \"b\"/$Number$<.m4s").encoded().behind("https://cdn/x/");
        assert_eq!(url.name(0, 0), "https://cdn/x/a%20%22b%22/1%3C.m4s");
    }
}
