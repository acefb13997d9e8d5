//! Texts of configurations with places for what belongs to one request.

use std::fmt::{self, Write};

use zeroize::Zeroizing;

use crate::cenc::IvContext;
use crate::license::GrantedKey;
use crate::token::Bearer;

/// A longer template is refused, in bytes.
const MAX_LEN: usize = 4096;

/// A text with places in it; never printed, because what is written around them may be a secret too.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

/// What is put into a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Kid,
    Kids,
    Keys,
    Iv,
    Token,
    Secret,
}

/// What stands for a place.
const PLACES: [(&str, Place); 6] = [
    ("{kid}", Place::Kid),
    ("{kids}", Place::Kids),
    ("{keys}", Place::Keys),
    ("{iv}", Place::Iv),
    ("{token}", Place::Token),
    ("{secret}", Place::Secret),
];

/// A template is refused. Says nothing of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a template has at most {MAX_LEN} bytes and knows {{kid}}, {{kids}}, {{keys}}, {{iv}}, {{token}} \
     and {{secret}}; other braces have no meaning"
)]
pub struct TemplateError;

/// What one request puts into templates.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// The keys that were granted; never none.
    pub keys: &'a [GrantedKey],
    /// The token of the client.
    pub token: Option<&'a Bearer>,
    /// The secret that is shared with the server.
    pub secret: Option<&'a str>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, place) = rest.split_at(at);
            let known = PLACES.iter().find(|(name, _)| place.starts_with(name));
            let (name, place) = known.ok_or(TemplateError)?;
            parts.extend([Part::Text(before.to_owned()), Part::Place(*place)]);
            rest = &rest[at + name.len()..];
        }
        parts.push(Part::Text(rest.to_owned()));
        (text.len() <= MAX_LEN).then_some(Self(parts)).ok_or(TemplateError)
    }

    /// Whether the shared secret is needed.
    pub fn has_secret(&self) -> bool {
        self.0.contains(&Part::Place(Place::Secret))
    }

    /// The text for one request. KIDs are GUIDs, keys `KID:KEY` and the IV (the constant one of the
    /// first key) hexadecimal; lists have commas.
    pub fn fill(&self, values: &Values<'_>) -> Zeroizing<String> {
        // Room for all of it: a text that grows leaves copies of its secrets behind.
        let mut text = Zeroizing::new(String::with_capacity(self.most(values)));
        for part in &self.0 {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Text(part) => text.write_str(part),
                Part::Place(place) => values.write(*place, &mut text),
            };
        }
        text
    }
}

impl Template {
    fn most(&self, values: &Values<'_>) -> usize {
        let length = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Place(_) => values.most(),
        };
        self.0.iter().map(length).sum()
    }
}

impl Values<'_> {
    /// The longest that can stand for a place, in bytes.
    fn most(&self) -> usize {
        let keys = self.keys.len() * "00000000-0000-0000-0000-000000000000:,".len() * 2;
        let token = self.token.map_or(0, |token| token.expose().len());
        keys + token + self.secret.map_or(0, str::len)
    }

    fn write(&self, place: Place, text: &mut String) -> fmt::Result {
        match place {
            Place::Kid => self.keys.iter().take(1).try_for_each(|key| write!(text, "{}", key.kid)),
            Place::Kids => self.list(text, |key, text| write!(text, "{}", key.kid)),
            Place::Keys => self.list(text, |key, text| {
                write!(text, "{}:", key.kid)?;
                hex(text, key.key.expose())
            }),
            Place::Iv => self.keys.iter().take(1).try_for_each(|key| {
                // The constant IV depends on the key alone, so no track is named.
                hex(text, &IvContext::new(key.kid, &[]).constant())
            }),
            Place::Token => text.write_str(self.token.map_or("", Bearer::expose)),
            Place::Secret => text.write_str(self.secret.unwrap_or_default()),
        }
    }

    fn list(
        &self,
        text: &mut String,
        write: impl Fn(&GrantedKey, &mut String) -> fmt::Result,
    ) -> fmt::Result {
        for (n, key) in self.keys.iter().enumerate() {
            if n > 0 {
                text.write_char(',')?;
            }
            write(key, text)?;
        }
        Ok(())
    }
}

/// Byte by byte, so that no other copy of a key comes into being.
fn hex(text: &mut String, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(text, "{byte:02x}"))
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(redacted)")
    }
}
