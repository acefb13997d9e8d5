//! Why a file cannot be decrypted.

use std::io;

use crate::cenc::read::ReadError;
use crate::ids::KeyId;
use crate::isobmff::BoxError;

/// A file that cannot be decrypted; the text says what to do where anything can be done.
#[derive(Debug, thiserror::Error)]
pub enum DecryptError {
    /// The file does not say consistently how it is protected.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The key of a track is not there.
    #[error("track {track} is encrypted under the KID {kid}, and no key of that KID is given")]
    NoKey {
        /// The track.
        track: u32,
        /// The missing key.
        kid: KeyId,
    },
    /// Writing failed.
    #[error("{0}")]
    Write(io::Error),
}

impl From<BoxError> for DecryptError {
    fn from(error: BoxError) -> Self {
        Self::Read(error.into())
    }
}
