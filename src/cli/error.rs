//! How a command fails: a sentence for the user and an exit code (architecture, section 5).

use std::fmt;
use std::io;
use std::path::Path;

use crate::config::ConfigError;
use crate::keys::VaultError;
use crate::service::packager::PackageError;
use crate::service::publish::PublishError;
use crate::store::StoreError;
use crate::store::kek::KekError;

/// Exit codes besides 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The input was refused.
    Refused = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Port, disk or database failed.
    Environment = 3,
}

/// A command failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    message: String,
}

impl CliError {
    /// The input was refused.
    pub fn refused(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Refused, message: message.to_string() }
    }

    /// Wrong usage or configuration.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    /// Port, disk or database failed.
    pub fn environment(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Environment, message: message.to_string() }
    }

    /// A file or folder of our own cannot be used.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        Self::environment(format_args!("{}: {error}", path.display()))
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<KekError> for CliError {
    fn from(error: KekError) -> Self {
        match error {
            KekError::NoRandomness(_) => Self::environment(error),
            KekError::Malformed { .. } | KekError::Io { .. } => {
                Self::usage(format_args!("key-encryption key: {error}"))
            }
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::WrongKek { .. } => Self::usage(error),
            error if error.is_refusal() => Self::refused(error),
            error => Self::environment(error),
        }
    }
}

impl From<VaultError> for CliError {
    fn from(error: VaultError) -> Self {
        Self::environment(error)
    }
}

impl From<PackageError> for CliError {
    fn from(error: PackageError) -> Self {
        match error {
            PackageError::Write { .. } => Self::environment(error),
            refusal => Self::refused(refusal),
        }
    }
}

impl From<PublishError> for CliError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Store(error) => error.into(),
            PublishError::Vault(error) => error.into(),
            refusal => Self::refused(refusal),
        }
    }
}
