//! `portcullis drm`: roots, credentials and test devices of licence services.

mod init;
mod throw_away;

use clap::Subcommand;

use super::CliError;

pub(super) use throw_away::unpack;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a folder of roots, service certificates and test devices
    Init(init::Args),
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    match args.command {
        Command::Init(args) => init::run(args).await,
    }
}
