//! `portcullis config check`: is the configuration accepted, and what does it come to?

use std::path::PathBuf;

use clap::Subcommand;

use super::CliError;
use crate::cli::out::{out, outln};
use crate::config::{Config, KekSource};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check file and environment, print the effective settings without secrets
    Check {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print JSON instead of TOML
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: Args) -> Result<(), CliError> {
    let Command::Check { config, json } = args.command;
    let config = Config::load(config.as_deref(), std::env::vars())?;
    if json {
        outln!("{}", serde_json::to_string_pretty(&config).map_err(CliError::environment)?);
    } else {
        out!("{}", toml::to_string_pretty(&config).map_err(CliError::environment)?);
        outln!("\n# key-encryption key: {}", source(&config));
    }
    Ok(())
}

fn source(config: &Config) -> String {
    match config.keys.source() {
        KekSource::Environment(key) => {
            format!("from the environment, fingerprint {}", key.fingerprint())
        }
        KekSource::File(path) => format!("file {}", path.display()),
        KekSource::Default => format!("file {}", config.default_kek_file().display()),
    }
}
