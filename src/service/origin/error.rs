//! How the origin refuses: the AMS error table (ams.md section 19).

use crate::cenc::MapError;
use crate::media::sealed::SealedError;
use crate::media::{MediaError, MediaRule};
use crate::package::cmaf::FragmentError;
use crate::package::filter::{FilterError, FilterRule};
use crate::package::request::UrlError;
use crate::package::ts::TransportError;
use crate::store::StoreError;

/// A row of the error table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// HTTP status.
    pub status: u16,
    /// Name: what clients of AMS look for in the body.
    pub name: &'static str,
}

macro_rules! codes {
    ($($name:ident = $status:literal $text:literal;)*) => {
        impl Code {
            $(
                #[doc = concat!("`", $text, "`.")]
                pub const $name: Self = Self { status: $status, name: $text };
            )*
        }

        /// Every code that is answered, and the codes of filters that concern live streams
        /// (force end, DVR window) and filters of the first generation (version, type, same type).
        pub const TABLE: &[Code] = &[$(Code::$name),*];
    };
}

codes! {
    BAD_URL_SYNTAX = 400 "MPE_BAD_URL_SYNTAX";
    ENCRYPTION_NOT_SPECIFIED = 400 "MPE_ENC_ENCRYPTION_NOT_SPECIFIED_IN_URL";
    OUTPUT_FORMAT_BLOCKED = 403 "MPE_OUTPUT_FORMAT_BLOCKED";
    ENCRYPTION_NOT_SET = 403 "MPE_ENC_ENCRYPTION_NOT_SET_IN_DELIVERY_POLICY";
    RESOURCE_NOT_FOUND = 404 "MPE_RESOURCE_NOT_FOUND";
    UNAUTHORIZED = 404 "MPE_UNAUTHORIZED";
    TRACK_NOT_FOUND = 404 "MPE_EGRESS_TRACK_NOT_FOUND";
    MEDIA_ENTRY_NOT_FOUND = 404 "MPE_MANIFEST_MEDIA_ENTRY_NOT_FOUND";
    TIMESTAMP_NOT_FOUND = 404 "MPE_EGRESS_TIMESTAMP_NOT_FOUND";
    FILTER_NOT_FOUND = 404 "MPE_EGRESS_FILTER_NOT_FOUND";
    FILTER_FORCE_END_OUTSIDE_WINDOW = 410 "MPE_FILTER_FORCE_END_LEFT_EDGE_CROSSED_DVR_WINDOW";
    FILTER_INVALID = 415 "MPE_FILTER_INVALID";
    FILTER_VERSION = 415 "MPE_FILTER_VERSION_INVALID";
    FILTER_TYPE = 415 "MPE_FILTER_TYPE_INVALID";
    FILTER_RANGE = 415 "MPE_FILTER_RANGE_ATTRIBUTE_INVALID";
    FILTER_TRACK = 415 "MPE_FILTER_TRACK_ATTRIBUTE_INVALID";
    FILTER_PRESENTATION_WINDOW = 415 "MPE_FILTER_PRESENTATION_WINDOW_INVALID";
    FILTER_LIVE_BACKOFF = 415 "MPE_FILTER_LIVE_BACKOFF_INVALID";
    FILTER_MULTIPLE_SAME_TYPE = 415 "MPE_FILTER_MULTIPLE_SAME_TYPE_FILTERS";
    FILTER_REMOVED_ALL_STREAMS = 415 "MPE_FILTER_REMOVED_ALL_STREAMS";
    FILTER_BACKOFF_OVER_DVR_WINDOW = 415 "MPE_FILTER_LIVE_BACKOFF_OVER_DVRWINDOW";
    FILTER_BACKOFF_OVER_WINDOW = 415 "MPE_FILTER_LIVE_BACKOFF_OVER_PRESENTATION_WINDOW";
    FILTER_COUNT_OVER_LIMIT = 415 "MPE_FILTER_COMPOSITION_FILTER_COUNT_OVER_LIMIT";
    FILTER_MULTIPLE_FIRST_QUALITY = 415
        "MPE_FILTER_COMPOSITION_MULTIPLE_FIRST_QUALITY_OPERATOR_NOT_ALLOWED";
    FILTER_FIRST_QUALITY = 415 "MPE_FILTER_FIRST_QUALITY_ATTRIBUTE_INVALID";
    FORMAT_NOT_SUPPORTED = 415 "MPE_FORMAT_NOT_SUPPORTED";
    OUTPUT_FORMAT_NOT_SUPPORTED = 415 "MPE_OUTPUT_FORMAT_NOT_SUPPORTED";
    INPUT_FORMAT_NOT_SUPPORTED = 415 "MPE_INPUT_FORMAT_NOT_SUPPORTED";
    ENCRYPTION_NOT_SUPPORTED = 415 "MPE_ENCRYPTION_NOT_SUPPORTED";
    OUTPUT_PROTECTION_NOT_SUPPORTED = 415 "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED";
    MEDIA_ENCODING_NOT_SUPPORTED = 415 "MPE_MEDIA_ENCODING_NOT_SUPPORTED";
    VIDEO_ENCODING_NOT_SUPPORTED = 415 "MPE_VIDEO_ENCODING_NOT_SUPPORTED";
    AUDIO_ENCODING_NOT_SUPPORTED = 415 "MPE_AUDIO_ENCODING_NOT_SUPPORTED";
    INVALID_VIDEO_NAL_UNIT = 415 "MPE_INVALID_VIDEO_NAL_UNIT";
    INVALID_NALU_SIZE = 415 "MPE_INVALID_NALU_SIZE";
    KEY_FRAME_INTERVAL_TOO_LARGE = 415 "MPE_KEY_FRAME_INTERVAL_TOO_LARGE";
    METHOD_NOT_ALLOWED = 405 "MPE_METHOD_NOT_ALLOWED";
    INVALID_RANGE = 416 "MPE_STORAGE_INVALID_RANGE";
    STORAGE_CONFLICT = 409 "MPE_STORAGE_CONFLICT";
    STORAGE_FAILURE = 500 "MPE_STORAGE_FAILURE";
    STORAGE_SERVER_BUSY = 503 "MPE_STORAGE_SERVER_BUSY";
}

/// A refusal of the origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.name)]
pub struct OriginError {
    /// The row of the table.
    pub code: Code,
    /// What was wrong, for people; never holds a path of the server or a secret.
    pub detail: String,
}

impl OriginError {
    /// A refusal with a reason.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// A failure of the storage. What the system said goes to the log, not to the client. Reads
    /// stay inside the length that a file had when it was opened: one that ends early was cut
    /// since.
    pub fn storage(error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        if matches!(error.kind(), InvalidData | UnexpectedEof) {
            return Self::new(Code::STORAGE_CONFLICT, "the file changed while it was read");
        }
        tracing::error!(%error, "media storage failed");
        Self::new(Code::STORAGE_FAILURE, "the media storage failed")
    }
}

impl From<UrlError> for OriginError {
    fn from(error: UrlError) -> Self {
        let code = match error {
            UrlError::Locator => Code::RESOURCE_NOT_FOUND,
            UrlError::Syntax(_) => Code::BAD_URL_SYNTAX,
            UrlError::Format(_) => Code::OUTPUT_FORMAT_NOT_SUPPORTED,
            UrlError::Encryption(_) => Code::ENCRYPTION_NOT_SUPPORTED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<MediaError> for OriginError {
    fn from(error: MediaError) -> Self {
        let code = match &error.rule {
            MediaRule::KeyFrameInterval { .. } => Code::KEY_FRAME_INTERVAL_TOO_LARGE,
            MediaRule::TooManyLevels => Code::FORMAT_NOT_SUPPORTED,
            MediaRule::Scan(crate::isobmff::ScanError::Io(error)) => return Self::storage(error),
            _ => Code::INPUT_FORMAT_NOT_SUPPORTED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<FragmentError> for OriginError {
    fn from(error: FragmentError) -> Self {
        let code = match &error {
            FragmentError::TooLarge => Code::FORMAT_NOT_SUPPORTED,
            FragmentError::AlreadyEncrypted => Code::ENCRYPTION_NOT_SUPPORTED,
            FragmentError::Sealed(SealedError::Data(_)) => Code::INPUT_FORMAT_NOT_SUPPORTED,
            FragmentError::Map(MapError::Io(error))
            | FragmentError::Sealed(SealedError::Io(error))
            | FragmentError::Transport(TransportError::Io(error)) => return Self::storage(error),
            FragmentError::Map(MapError::TooLong { .. })
            | FragmentError::Transport(TransportError::NalTooLong { .. }) => {
                Code::INVALID_NALU_SIZE
            }
            FragmentError::Transport(TransportError::NotProtected(_)) => {
                Code::ENCRYPTION_NOT_SUPPORTED
            }
            FragmentError::Transport(
                TransportError::NotCarried(_)
                | TransportError::FrameTooLong { .. }
                | TransportError::NoFrames { .. },
            ) => Code::MEDIA_ENCODING_NOT_SUPPORTED,
            FragmentError::Transport(
                TransportError::TooManyNals { .. }
                | TransportError::TooManyEscapes { .. }
                | TransportError::TooManySets,
            )
            | FragmentError::Map(MapError::Codec { .. } | MapError::TooManySubsamples { .. }) => {
                Code::INVALID_VIDEO_NAL_UNIT
            }
        };
        Self::new(code, error.to_string())
    }
}

impl From<FilterError> for OriginError {
    fn from(error: FilterError) -> Self {
        let code = match error.rule {
            FilterRule::Shape => Code::FILTER_INVALID,
            FilterRule::Range => Code::FILTER_RANGE,
            FilterRule::Track => Code::FILTER_TRACK,
            FilterRule::PresentationWindow => Code::FILTER_PRESENTATION_WINDOW,
            FilterRule::LiveBackoff => Code::FILTER_LIVE_BACKOFF,
            FilterRule::BackoffOverWindow => Code::FILTER_BACKOFF_OVER_WINDOW,
            FilterRule::FirstQuality => Code::FILTER_FIRST_QUALITY,
            FilterRule::SeveralFirstQualities => Code::FILTER_MULTIPLE_FIRST_QUALITY,
            FilterRule::TooMany => Code::FILTER_COUNT_OVER_LIMIT,
            FilterRule::NothingLeft => Code::FILTER_REMOVED_ALL_STREAMS,
        };
        Self::new(code, error.detail)
    }
}

impl From<StoreError> for OriginError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Filter(error) => error.clone().into(),
            StoreError::NotFound { .. } => {
                Self::new(Code::RESOURCE_NOT_FOUND, "there is no such stream")
            }
            StoreError::Busy => Self::new(Code::STORAGE_SERVER_BUSY, "the database is busy"),
            _ => {
                tracing::error!(%error, "the database failed");
                Self::new(Code::STORAGE_FAILURE, "the database failed")
            }
        }
    }
}
