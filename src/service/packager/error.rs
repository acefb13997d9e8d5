//! Why nothing, or not all, was packaged.

use std::io;
use std::path::{Path, PathBuf};

use crate::media::MediaError;
use crate::package::cmaf::FragmentError;

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
    #[error("{}: {error}", path.display())]
    Read {
        /// The input.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// An output cannot be written.
    #[error("{}: {error}", path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

impl PackageError {
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Write { path: path.to_owned(), error }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Read { path: path.to_owned(), error }
    }
}
