//! How the store refuses and fails.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::keys::KekFingerprint;
use crate::package::filter::FilterError;

/// What a stored thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder of media files.
    Asset,
    /// A streaming policy.
    StreamingPolicy,
    /// A content key policy.
    ContentKeyPolicy,
    /// A streaming locator, by name or by identifier.
    Locator,
    /// A content key, by KID.
    ContentKey,
    /// A filter of the account or of an asset.
    Filter,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asset => "asset",
            Self::StreamingPolicy => "streaming policy",
            Self::ContentKeyPolicy => "content key policy",
            Self::Locator => "streaming locator",
            Self::ContentKey => "content key",
            Self::Filter => "filter",
        })
    }
}

/// A refusal or a failure of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The name or identifier is taken.
    #[error("{kind} {name} already exists")]
    AlreadyExists {
        /// What is there already.
        kind: Kind,
        /// Its name or identifier.
        name: String,
    },
    /// There is no such thing.
    #[error("{kind} {name} does not exist")]
    NotFound {
        /// What was looked for.
        kind: Kind,
        /// Its name or identifier.
        name: String,
    },
    /// Something else refers to it.
    #[error("{kind} {name} is used by {by}")]
    InUse {
        /// What is to be deleted.
        kind: Kind,
        /// Its name.
        name: String,
        /// Name of a locator that uses it.
        by: String,
    },
    /// Nothing more of its kind can be stored.
    #[error("{of} has {limit} filters already: no more can be stored")]
    TooManyFilters {
        /// The account, or the asset.
        of: String,
        /// How many there may be.
        limit: i64,
    },
    /// Somebody else changed it meanwhile.
    #[error("{kind} {name} was changed meanwhile")]
    Changed {
        /// What was to be changed.
        kind: Kind,
        /// Its name or identifier.
        name: String,
    },
    /// Paths are stored as text.
    #[error("path {0:?} is not UTF-8")]
    PathNotUtf8(PathBuf),
    /// The database was made under another key-encryption key.
    #[error("the database belongs to key-encryption key {expected}, but {given} was given")]
    WrongKek {
        /// Fingerprint in the database.
        expected: String,
        /// Fingerprint of the key that was given.
        given: KekFingerprint,
    },
    /// The database was made by a later version.
    #[error("the database has schema {found}, this version knows schemas up to {known}")]
    SchemaTooNew {
        /// Schema of the database.
        found: i64,
        /// The latest schema known here.
        known: i64,
    },
    /// A stored row does not read as what it should be.
    #[error("stored {kind} {name} is damaged: {why}")]
    Corrupt {
        /// What the row holds.
        kind: Kind,
        /// Its name or identifier.
        name: String,
        /// The rule that it breaks.
        why: String,
    },
    /// A stored filter breaks a rule: another version wrote it, or somebody by hand.
    #[error("stored {0}")]
    Filter(FilterError),
    /// Another process, or too many requests, held the database for too long.
    #[error("the database is busy")]
    Busy,
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// The writer has ended, because the runtime is shutting down.
    #[error("the database is closed")]
    Closed,
    /// The database failed.
    #[error("database: {0}")]
    Database(Arc<sqlx::Error>),
    /// A file of the store failed.
    #[error("{path:?}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: Arc<std::io::Error>,
    },
}

impl StoreError {
    pub(super) fn exists(kind: Kind, name: impl ToString) -> Self {
        Self::AlreadyExists { kind, name: name.to_string() }
    }

    pub(super) fn missing(kind: Kind, name: impl ToString) -> Self {
        Self::NotFound { kind, name: name.to_string() }
    }

    pub(super) fn corrupt(kind: Kind, name: impl ToString, why: impl ToString) -> Self {
        Self::Corrupt { kind, name: name.to_string(), why: why.to_string() }
    }

    pub(super) fn io(path: impl Into<PathBuf>, error: std::io::Error) -> Self {
        Self::Io { path: path.into(), error: Arc::new(error) }
    }

    /// Whether the fault lies in what was asked, and not in the database or the machine.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::AlreadyExists { .. }
                | Self::NotFound { .. }
                | Self::InUse { .. }
                | Self::TooManyFilters { .. }
                | Self::Changed { .. }
                | Self::PathNotUtf8(_)
                | Self::WrongKek { .. }
        )
    }
}

/// SQLite's primary result codes BUSY and LOCKED; the low byte of an extended code is its primary.
const BUSY_CODES: [u32; 2] = [5, 6];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Busy;
        }
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
        match code {
            Some(code) if BUSY_CODES.contains(&(code & 0xff)) => Self::Busy,
            _ => Self::Database(Arc::new(error)),
        }
    }
}
