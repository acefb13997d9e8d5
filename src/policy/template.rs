//! Templates of licence and key addresses (ams.md section 7.2).

use std::fmt::{self, Write};

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ids::KeyId;

/// A longer template is refused, in bytes.
const MAX_LEN: usize = 2048;

/// What no URL holds as it is, and what would end an attribute of a playlist.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What stays as it is in the place of a token (RFC 3986 section 2.3).
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What stands in braces. AMS documents spell the second token one way, its REST examples the
/// other.
const TOKENS: [(&str, Part); 3] = [
    ("{ContentKeyId}", Part::ContentKeyId),
    ("{AlternativeMediaId}", Part::AlternativeMediaId),
    ("{AssetAlternativeId}", Part::AlternativeMediaId),
];

/// An absolute URL with tokens in it, or a relative reference where one will do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UrlTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    ContentKeyId,
    AlternativeMediaId,
}

/// A template is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Players need a whole address.
    #[error(
        "a template is an absolute URL of at most {MAX_LEN} characters, without blanks or quotes"
    )]
    NotAUrl,
    /// A token that nothing stands for.
    #[error(
        "a template knows the tokens {{ContentKeyId}} and {{AlternativeMediaId}}, or {{AssetAlternativeId}} for the latter"
    )]
    Token,
}

impl UrlTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Self::parse_reference(text).and_then(|template| match template.is_absolute() {
            true => Ok(template),
            false => Err(TemplateError::NotAUrl),
        })
    }

    /// Reads a template that may also be relative (RFC 3986 section 4.2) to what names it.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse_reference(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, token) = rest.split_at(at);
            let known = TOKENS.iter().find(|(name, _)| token.starts_with(name));
            let (name, part) = known.ok_or(TemplateError::Token)?;
            parts.extend([Part::Text(before.to_owned()), part.clone()]);
            rest = &token[name.len()..];
        }
        parts.push(Part::Text(rest.to_owned()));
        let template = Self { text: text.to_owned(), parts };
        template.is_plain().then_some(template).ok_or(TemplateError::NotAUrl)
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the address differs from key to key.
    pub fn names_key(&self) -> bool {
        self.parts.contains(&Part::ContentKeyId)
    }

    /// The address for a key of a locator with this alternative media id, which is empty when the
    /// locator has none. The id is percent-encoded, so that it stays one part of the URL.
    pub fn expand(&self, kid: KeyId, alternative_media_id: &str) -> String {
        let mut url = String::with_capacity(self.text.len() + 64);
        for part in &self.parts {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Text(text) => url.write_str(text),
                Part::ContentKeyId => write!(url, "{kid}"),
                Part::AlternativeMediaId => {
                    write!(url, "{}", utf8_percent_encode(alternative_media_id, COMPONENT))
                }
            };
        }
        url
    }

    /// Length of that address in bytes.
    pub fn expanded_len(&self, alternative_media_id: &str) -> usize {
        let id: usize = utf8_percent_encode(alternative_media_id, COMPONENT).map(str::len).sum();
        let length = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::ContentKeyId => 36,
            Part::AlternativeMediaId => id,
        };
        self.parts.iter().map(length).sum()
    }

    fn is_absolute(&self) -> bool {
        let scheme = self.text.split_once("://").map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        })
    }

    fn is_plain(&self) -> bool {
        let plain = |part: &Part| match part {
            Part::Text(text) => {
                utf8_percent_encode(text, UNSAFE).eq([text.as_str()]) || text.is_empty()
            }
            Part::ContentKeyId | Part::AlternativeMediaId => true,
        };
        (1..=MAX_LEN).contains(&self.text.len()) && self.parts.iter().all(plain)
    }
}

impl fmt::Display for UrlTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for UrlTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for UrlTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_what_they_stand_for() {
        let kid = KeyId::from_bytes([0xab; 16]);
        let expand = |text: &str, id: &str| {
            let template = UrlTemplate::parse(text).unwrap();
            let url = template.expand(kid, id);
            assert_eq!(template.expanded_len(id), url.len());
            url
        };
        assert_eq!(
            expand("https://k.example/{AssetAlternativeId}/pr/{ContentKeyId}", "film 1\"/x"),
            "https://k.example/film%201%22%2Fx/pr/abababab-abab-abab-abab-abababababab"
        );
        assert_eq!(
            expand("skd://{AlternativeMediaId}{AlternativeMediaId}", "é"),
            "skd://%C3%A9%C3%A9"
        );
        assert_eq!(expand("https://k.example/?a=1&b=2", "x"), "https://k.example/?a=1&b=2");
    }

    #[test]
    fn what_is_no_template_is_refused_by_its_rule() {
        let long = format!("https://{}", "x".repeat(MAX_LEN));
        for (text, error) in [
            ("https://k/{Kid}", TemplateError::Token),
            ("https://k/{contentkeyid}", TemplateError::Token),
            ("https://k/}", TemplateError::Token),
            ("https://k/{ContentKeyId", TemplateError::Token),
            ("", TemplateError::NotAUrl),
            ("/keys/{ContentKeyId}", TemplateError::NotAUrl),
            ("://k", TemplateError::NotAUrl),
            ("https://k/a b", TemplateError::NotAUrl),
            ("https://k/\"", TemplateError::NotAUrl),
            ("https://k/ü", TemplateError::NotAUrl),
            (&long, TemplateError::NotAUrl),
        ] {
            assert_eq!(UrlTemplate::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn references_are_relative_or_not() {
        let kid = KeyId::from_bytes([0xab; 16]);
        for (text, expanded) in [
            ("../keys/{ContentKeyId}", "../keys/abababab-abab-abab-abab-abababababab"),
            ("film.key", "film.key"),
            ("https://k.example/k", "https://k.example/k"),
        ] {
            assert_eq!(UrlTemplate::parse_reference(text).unwrap().expand(kid, ""), expanded);
        }
        for text in ["", "film key", "a\"b", "{Kid}"] {
            assert!(UrlTemplate::parse_reference(text).is_err(), "{text}");
        }
    }
}
