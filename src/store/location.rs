//! Where files are: on this machine, or in a bucket of an object store.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// Longer keys are refused by the stores themselves, in bytes.
const MAX_KEY: usize = 1024;
/// Longer names of buckets no store has, in bytes.
const MAX_BUCKET: usize = 222;

/// A kind of object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Amazon S3, and what speaks its protocol.
    S3,
    /// Azure Blob Storage.
    Azure,
    /// Google Cloud Storage.
    Google,
}

/// Schemes and what they name.
const SCHEMES: &[(&str, Provider)] =
    &[("s3", Provider::S3), ("az", Provider::Azure), ("gs", Provider::Google)];

impl Provider {
    /// The scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        let row = SCHEMES.iter().find(|(_, provider)| *provider == self);
        row.map_or("", |(scheme, _)| scheme)
    }
}

/// The name of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    provider: Provider,
    bucket: String,
    key: String,
}

impl ObjectName {
    /// The kind of store.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The bucket, or the container.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Its name in the bucket: names with slashes between, none of them empty, `.` or `..`.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", self.provider.scheme(), self.bucket, self.key)
    }
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// On this machine.
    Local(PathBuf),
    /// In an object store.
    Object(ObjectName),
}

/// A text names no place where a file can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// It names a protocol that is not spoken here.
    #[error("{0}:// is not supported: files of this machine, s3://, az:// and gs:// are")]
    Scheme(String),
    /// The bucket, or the container, has no possible name.
    #[error("{0}://bucket/key is expected, with a bucket of letters, digits, '-', '.' and '_'")]
    Bucket(&'static str),
    /// The key has no possible name.
    #[error(
        "a key is expected behind the bucket: at most {MAX_KEY} bytes, no empty name, '.' or '..' \
         between its slashes, no '?', '#' or control character"
    )]
    Key,
}

impl Location {
    /// Reads what users write: a path, or `s3://bucket/key`, `az://container/key`, `gs://bucket/key`.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Local(PathBuf::from(text)));
        };
        let known = SCHEMES.iter().find(|(known, _)| *known == scheme);
        let (scheme, provider) = known.ok_or_else(|| LocationError::Scheme(scheme.to_owned()))?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return Err(LocationError::Bucket(scheme));
        }
        if !is_key(key) {
            return Err(LocationError::Key);
        }
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Ok(Self::Object(ObjectName { provider: *provider, bucket, key }))
    }

    /// The path, or the key: what is behind the names of store and bucket.
    pub fn path(&self) -> Cow<'_, str> {
        match self {
            Self::Local(path) => path.to_string_lossy(),
            Self::Object(name) => Cow::Borrowed(&name.key),
        }
    }

    /// The same with another path, or another key: in the same bucket.
    #[must_use]
    pub fn with_path(&self, path: String) -> Self {
        match self {
            Self::Local(_) => Self::Local(PathBuf::from(path)),
            Self::Object(name) => Self::Object(ObjectName { key: path, ..name.clone() }),
        }
    }

    /// What the extension of its name says, if it has one.
    pub fn extension(&self) -> Option<&str> {
        let path = match self {
            Self::Local(path) => path.as_path(),
            Self::Object(name) => Path::new(&name.key),
        };
        path.extension().and_then(|extension| extension.to_str())
    }

    /// What `name`, a relative path, is beside this.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        match self {
            Self::Local(path) => Self::Local(path.with_file_name("").join(name)),
            Self::Object(own) => {
                let folder = own.key.rsplit_once('/').map_or("", |(folder, _)| folder);
                self.with_path(names(&format!("{folder}/{name}")).join("/"))
            }
        }
    }

    /// Whether a relative URL can lead from one to the other.
    pub fn shares_root(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Local(_), Self::Local(_)) => true,
            (Self::Object(one), Self::Object(other)) => {
                (one.provider, &one.bucket) == (other.provider, &other.bucket)
            }
            _ => false,
        }
    }

    /// Whether it is in an object store.
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Object(name) => name.fmt(f),
        }
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A bucket of S3 or of Google, or a container of Azure, of which `$web` is one.
fn is_bucket(name: &str) -> bool {
    let bare = name.strip_prefix('$').unwrap_or(name);
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !bare.is_empty() && name.len() <= MAX_BUCKET && bare.bytes().all(known)
}

fn is_key(key: &str) -> bool {
    let plain = |c: char| !c.is_control() && c != '?' && c != '#';
    let named = |name: &str| !["", ".", ".."].contains(&name);
    key.len() <= MAX_KEY && key.chars().all(plain) && key.split('/').all(named)
}

/// The names of a path without detours.
fn names(path: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn places_are_read_and_written_alike() {
        for (text, extension, is_object) in [
            ("a/b.mp4", Some("mp4"), false),
            ("/a/b", None, false),
            ("s3://films/a/b.mp4", Some("mp4"), true),
            ("az://$web/a b.m3u8", Some("m3u8"), true),
            ("gs://films.example/v_$Number$.m4s", Some("m4s"), true),
        ] {
            let place = at(text);
            assert_eq!(place.to_string(), text);
            assert_eq!((place.extension(), place.is_object()), (extension, is_object), "{text}");
            assert_eq!(serde_json::to_value(&place).unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for (text, rule) in [
            ("http://a/b", "http:// is not supported"),
            ("s3://", "s3://bucket/key is expected"),
            ("s3://id:secret@bucket/a", "s3://bucket/key is expected"),
            ("s3://bucket", "a key is expected"),
            ("s3://bucket/", "a key is expected"),
            ("gs://bucket/a//b", "a key is expected"),
            ("gs://bucket/../b", "a key is expected"),
            ("az://box/a?sig=secret", "a key is expected"),
            ("az://box/a\nb", "a key is expected"),
        ] {
            let refused = Location::parse(text).unwrap_err().to_string();
            assert!(refused.starts_with(rule), "{text}: {refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
        let long = format!("s3://bucket/{}", "a".repeat(MAX_KEY + 1));
        assert_eq!(Location::parse(&long), Err(LocationError::Key));
    }

    #[test]
    fn neighbours_lie_in_the_same_folder_of_the_same_bucket() {
        for (place, name, expected) in [
            ("out/a.m3u8", "b.m3u8", "out/b.m3u8"),
            ("s3://films/out/a.m3u8", "b.m3u8", "s3://films/out/b.m3u8"),
            ("s3://films/a.m3u8", "t/./b.m3u8", "s3://films/t/b.m3u8"),
            ("s3://films/x/a.m3u8", "../b.m3u8", "s3://films/b.m3u8"),
        ] {
            assert_eq!(at(place).beside(name).to_string(), expected);
        }
        assert!(at("s3://films/a").shares_root(&at("s3://films/b/c")));
        for other in ["s3://other/a", "gs://films/a", "a"] {
            assert!(!at("s3://films/a").shares_root(&at(other)), "{other}");
        }
    }
}
