//! Why media files are refused: always with the file, and with the box or the rule.

use super::segments::MissingSegment;
use crate::codec::CodecError;
use crate::isobmff::{BoxError, ScanError};

/// A file or a folder that cannot be published.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {rule}")]
pub struct MediaError {
    /// Name of the file inside the asset folder, or the folder itself.
    pub file: String,
    /// What is wrong.
    #[source]
    pub rule: MediaRule,
}

/// The rules that media must keep.
#[derive(Debug, thiserror::Error)]
pub enum MediaRule {
    /// The top level of the file is broken, or reading failed.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// A box is broken.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// A codec configuration is broken.
    #[error("codec configuration: {0}")]
    Codec(#[from] CodecError),
    /// A text track cannot be read.
    #[error(transparent)]
    Text(#[from] crate::text::TextError),
    /// A track of images cannot be served.
    #[error("images: {0}")]
    Image(&'static str),
    /// The sample tables contradict each other or the file.
    #[error("sample tables: {0}")]
    SampleTable(&'static str),
    /// Somebody has encrypted a track already.
    #[error(
        "already-encrypted: track {track} is encrypted as it lies there: publish the clear file, or what \
         `portcullis decrypt` makes of it, or have it served as it is: `portcullis add --encrypted pass`"
    )]
    Encrypted {
        /// The track.
        track: u32,
    },
    /// A track that is encrypted already cannot be passed through.
    #[error("cannot-pass-through: track {track}: {rule}")]
    NotPassed {
        /// The track.
        track: u32,
        /// What is in the way.
        rule: String,
    },
    /// Tracks of an asset that are passed through are encrypted in several ways.
    #[error("cannot-pass-through: the tracks are encrypted under several schemes")]
    SeveralSchemes,
    /// Segments of another packager are not complete.
    #[error(transparent)]
    Segments(#[from] MissingSegment),
    /// A track changes its sample description where that cannot be followed.
    #[error("several-sample-descriptions: {0}")]
    SeveralDescriptions(&'static str),
    /// The edit list does more than delay and trim.
    #[error("edit-list: only an empty edit and one media edit are understood")]
    EditList,
    /// A count or a time is beyond what any real file has; the text names the limit.
    #[error("limit: {0}")]
    Limit(&'static str),
    /// A track is placed or lasts beyond what a presentation may.
    #[error("too-long: samples or edits reach beyond {days} days")]
    TooLong {
        /// What is allowed.
        days: u32,
    },
    /// There is nothing to play.
    #[error("no-playable-track: {0}")]
    NoPlayableTrack(String),
    /// The video levels have no key frames at the same times.
    #[error("levels-not-aligned: {0}")]
    NotAligned(String),
    /// Key frames lie too far apart.
    #[error(
        "key-frame-interval: {seconds} s between common key frames, {limit} s are allowed{}",
        open_groups(*.open)
    )]
    KeyFrameInterval {
        /// The longest distance found.
        seconds: u64,
        /// The longest distance allowed.
        limit: u64,
        /// Key frames of a level at which decoding cannot start ([`open_groups`]).
        open: u32,
    },
    /// More quality levels than the grammar allows (ams.md section 5).
    #[error("too-many-levels: more than 64 quality levels or 64 audio tracks")]
    TooManyLevels,
    /// The server manifest is broken or names what is not there.
    #[error("server manifest: {0}")]
    ServerManifest(String),
}

/// What is said of key frames with leading pictures, behind something else; nothing of none.
pub fn open_groups(count: u32) -> String {
    match count {
        0 => String::new(),
        _ => format!(
            "; {count} key frames have pictures behind them that refer to those before (open groups): \
             nothing can start there. Encode with closed groups (open-gop=0 of x264 and x265)"
        ),
    }
}

impl MediaRule {
    /// Says of levels that are not aligned where they differ.
    pub(super) fn because(self, differences: &[String]) -> Self {
        match self {
            Self::NotAligned(what) if !differences.is_empty() => {
                Self::NotAligned(format!("{what}: {}", differences.join("; ")))
            }
            other => other,
        }
    }

    /// Puts the name of the file in front.
    pub fn in_file(self, file: &str) -> MediaError {
        MediaError { file: file.to_owned(), rule: self }
    }
}
