//! Short texts and data of policies that go into manifests as they are.

use std::fmt::{self, Display};
use std::str::FromStr;

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is written as text in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<T>(pub T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// What can stand in lists and attributes of manifests without being escaped: no quotes, commas and
/// slashes, nothing that XML gives a meaning to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Word(String);

/// The text is no [`Word`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to 128 letters, digits, blanks inside and characters of .:_- are expected")]
pub struct NoWord;

impl FromStr for Word {
    type Err = NoWord;

    fn from_str(text: &str) -> Result<Self, NoWord> {
        let plain = |c: char| c.is_ascii_alphanumeric() || " .:_-".contains(c);
        let is_word = (1..=128).contains(&text.len()) && text.chars().all(plain);
        let is_word = is_word && text.trim() == text;
        is_word.then(|| Self(text.to_owned())).ok_or(NoWord)
    }
}

impl Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Opaque data of at most `MAX` bytes, base64 in JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Opaque<const MAX: usize>(pub Vec<u8>);

impl<const MAX: usize> Serialize for Opaque<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Opaque<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let data = BASE64.decode(String::deserialize(deserializer)?.as_bytes());
        let data = data.ok().filter(|data| data.len() <= MAX);
        let rule = || de::Error::custom(format_args!("base64 of at most {MAX} bytes is expected"));
        data.map(Self).ok_or_else(rule)
    }
}
