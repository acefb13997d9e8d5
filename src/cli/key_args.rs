//! Content keys on the command line.

use std::path::PathBuf;

use super::CliError;
use crate::cenc::decrypt::Keyring;

/// Keys that are given with a command.
#[derive(Debug, clap::Args)]
pub(super) struct KeyArgs {
    /// Content keys in hexadecimal, several with commas between
    #[arg(long, value_name = "KID:KEY", value_delimiter = ',')]
    keys: Vec<String>,
    /// A file with one KID:KEY a line, or one key as `package` takes them
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl KeyArgs {
    /// Whether there are any.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.key_file.is_none()
    }

    /// Reads them.
    pub(super) fn keyring(&self) -> Result<Keyring, CliError> {
        let mut keys = Keyring::default();
        for pair in &self.keys {
            keys.add(pair).map_err(|error| CliError::usage(format_args!("--keys: {error}")))?;
        }
        if let Some(path) = &self.key_file {
            let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
            let text = text.map_err(|error| CliError::file(path, &error))?;
            for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let named = |error| format!("{} line {}: {error}", path.display(), n + 1);
                keys.add(line).map_err(|error| CliError::usage(named(error)))?;
            }
        }
        Ok(keys)
    }
}
