//! Where log lines go.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use super::CliError;
use crate::config::{Format, Log};

/// Starts the log on standard error; standard output is for what a command prints.
pub(super) fn start(log: &Log) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| CliError::usage(format_args!("setting log.filter: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        // Told on standard error as well, and a panic when that is what has been closed.
        .log_internal_errors(false)
        .with_ansi(stderr().is_terminal());
    // A second start would be a mistake of ours and changes nothing.
    let _ = match log.format {
        Format::Text => lines.try_init(),
        Format::Json => lines.json().try_init(),
    };
    Ok(())
}
