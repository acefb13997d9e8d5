//! `portcullis key show|rotate`: the crypto periods of a locator, and new keys for it.

mod rotate;
mod show;

use clap::Subcommand;

use super::CliError;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the crypto periods of a streaming locator, with their keys
    Show(show::Args),
    /// Give a streaming locator new keys
    Rotate(rotate::Args),
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    match args.command {
        Command::Show(args) => show::run(args).await,
        Command::Rotate(args) => rotate::run(args).await,
    }
}
