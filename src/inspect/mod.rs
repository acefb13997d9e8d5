//! What boxes and manifests say of keys, and whether all of it speaks of the same ones.
//!
//! Readers turn an init segment ([`movie`]), a fragment ([`fragment`]), an MPD ([`mpd`]), playlists ([`playlists`]) or a Smooth
//! manifest ([`smooth`]) into [`Statement`]s by track; [`consistency`] compares them with each other
//! and with key records, [`verdict`] over a whole manifest. Files of anybody are read, so nothing in
//! them is taken for granted.

pub mod consistency;
mod data;
pub mod fragment;
pub mod movie;
pub mod mpd;
pub mod playlists;
pub mod smooth;
mod statement;
pub mod verdict;

pub use statement::{Audience, Part, Statement, Track};

/// More representations or key lines of one document are refused.
const MAX_TOLD: usize = 4096;

/// More keys of one statement are not looked at: it counts as broken.
const MAX_KIDS: usize = 256;

/// Longer values are cut for people, in characters.
const MAX_VALUE: usize = 4096;

/// What a document is, by how it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An HLS playlist.
    Playlist,
    /// XML: an MPD or a Smooth manifest.
    Xml,
}

impl ReadError {
    /// Whether there is only more of it than is looked at.
    pub fn is_limit(&self) -> bool {
        use crate::package::{dash, hls};
        matches!(
            self,
            Self::TooMuch
                | Self::Mpd(dash::read::ReadError::TooManyRepresentations)
                | Self::Playlist(hls::read::ReadError::TooManyListed)
        )
    }
}

/// Tells manifests from media by their first bytes.
pub fn kind(start: &[u8]) -> Option<Kind> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    if start.starts_with(b"#EXTM3U") {
        return Some(Kind::Playlist);
    }
    start.starts_with(b"<").then_some(Kind::Xml)
}

/// Why a manifest is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not UTF-8.
    #[error("this is not UTF-8")]
    Utf8,
    /// The XML is broken.
    #[error(transparent)]
    Xml(#[from] crate::xml::XmlError),
    /// Another kind of document.
    #[error("this is neither an MPD nor a Smooth Streaming manifest: its root is {0:?}")]
    Root(String),
    /// An MPD whose segments cannot be named.
    #[error(transparent)]
    Mpd(#[from] crate::package::dash::read::ReadError),
    /// The playlist breaks a rule.
    #[error(transparent)]
    Playlist(#[from] crate::package::hls::read::ReadError),
    /// There is more in it than is looked at.
    #[error("there are more than {MAX_TOLD} tracks or keys in it")]
    TooMuch,
}
