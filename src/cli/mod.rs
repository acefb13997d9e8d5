//! The commands: they read arguments, call the layers below, and print.

mod add;
mod config_check;
mod content;
mod decrypt;
mod demo;
mod dev;
mod drm;
mod duration;
mod error;
mod fetch;
mod findings;
mod gather;
mod inspect;
mod instance;
mod key;
mod key_args;
mod license;
mod log;
mod out;
mod package;
mod place;
mod progress;
mod ready;
mod resources;
mod run;
mod serve;
mod token;

use clap::{Parser, Subcommand};

pub use error::{CliError, Exit};

const EXAMPLES: &str = "\
Examples:
  portcullis dev                                  everything on, with a built-in clip
  portcullis dev --media ~/Movies/trailer         the same with your own MP4 files
  portcullis add ~/Movies/trailer --policy open   publish a folder, print its addresses
  portcullis serve --config portcullis.toml       production

Exit codes: 0 done, 1 the input was refused, 2 wrong usage or configuration,
3 the environment failed (port, disk, database).";

/// Just-in-time packaging, encryption, and delivery of keys and licences for MP4 files.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve content in every form, with keys and tokens made for you
    Dev(dev::Args),
    /// Serve what was added, as configured
    Serve(serve::Args),
    /// Publish MP4 files, print their addresses
    Add(add::Args),
    /// Store resources from JSON documents
    Apply(resources::Apply),
    /// List the resources of a kind
    List(resources::List),
    /// Print a resource as JSON
    Show(resources::Show),
    /// Delete a resource
    Delete(resources::One),
    /// Look at the keys of streams, and rotate them
    Key(key::Args),
    /// Make and check tokens
    Token(token::Args),
    /// Make roots and devices for tests of licence services
    Drm(drm::Args),
    /// Ask a licence service as a player does
    License(license::Args),
    /// Show boxes, tracks and protection of files and manifests, and where they differ
    Inspect(inspect::Args),
    /// Decrypt files, segments and playlists with their keys
    Decrypt(decrypt::Args),
    /// Package MP4 files into files for any web server
    Package(Box<package::Args>),
    /// Look at the configuration
    Config(config_check::Args),
}

impl Cli {
    /// Carries out the command.
    ///
    /// # Errors
    /// [`CliError`] with the exit code and a sentence for the user.
    pub async fn run(self) -> Result<(), CliError> {
        match self.command {
            Command::Dev(args) => dev::run(args).await,
            Command::Serve(args) => serve::run(args).await,
            Command::Add(args) => add::run(args).await,
            Command::Apply(args) => resources::apply(args).await,
            Command::List(args) => resources::list(args).await,
            Command::Show(args) => resources::show(args).await,
            Command::Delete(args) => resources::delete(args).await,
            Command::Key(args) => key::run(args).await,
            Command::Token(args) => token::run(args).await,
            Command::Drm(args) => drm::run(args).await,
            Command::License(args) => license::run(args).await,
            Command::Inspect(args) => inspect::run(args).await,
            Command::Decrypt(args) => decrypt::run(args).await,
            Command::Package(args) => package::run(*args),
            Command::Config(args) => config_check::run(args),
        }
    }
}
