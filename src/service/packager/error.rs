//! Why nothing, or not all, was packaged.

use std::io;

use crate::media::MediaError;
use crate::package::cmaf::FragmentError;
use crate::store::Location;

/// A run failed. Files that were begun are removed, those that were finished stay.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The order asks for what cannot be.
    #[error("{0}")]
    Refused(String),
    /// The media cannot be packaged.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// A fragment cannot be made.
    #[error("{file}: {error}")]
    Fragment {
        /// The input.
        file: String,
        /// What is wrong.
        error: FragmentError,
    },
    /// An input cannot be read.
    #[error("{place}: {error}")]
    Read {
        /// The input.
        place: Location,
        /// What the operating system or the store says.
        error: io::Error,
    },
    /// An output cannot be written.
    #[error("{place}: {error}")]
    Write {
        /// The output.
        place: Location,
        /// What the operating system or the store says.
        error: io::Error,
    },
}

impl PackageError {
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    pub(super) fn write(place: &Location) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Write { place: place.clone(), error }
    }

    pub(super) fn read(place: &Location) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Read { place: place.clone(), error }
    }
}
