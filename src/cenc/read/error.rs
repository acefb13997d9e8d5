//! Why protected media cannot be read.

use std::io;

use crate::isobmff::{BoxError, FourCc};

/// Protected media that cannot be read; the text says what to do where anything can be done.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A box is broken.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// A scheme that ISO/IEC 23001-7 does not define.
    #[error("track {track}: the protection scheme '{scheme}' is not known")]
    UnknownScheme {
        /// The track.
        track: u32,
        /// The `scheme_type`.
        scheme: FourCc,
    },
    /// The fragments do not go together with the movie header or the media data.
    #[error("track {track}: {rule}")]
    Fragment {
        /// The track.
        track: u32,
        /// What is wrong.
        rule: &'static str,
    },
    /// Nothing says how samples are protected.
    #[error("there are fragments before the movie header: give the init segment first")]
    NoMovie,
    /// The file is no MP4.
    #[error("this is no MP4: it does not consist of boxes")]
    NotMp4,
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}
