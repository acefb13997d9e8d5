//! `portcullis token make|check`: tokens for tests and support, under the rules of key delivery.

mod check;
mod make;
mod source;

use clap::Subcommand;

use super::CliError;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token and print it
    Make(make::Args),
    /// Print what a token says and which rules it keeps; exit code 1 when it is refused
    Check(check::Args),
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    match args.command {
        Command::Make(args) => make::run(args).await,
        Command::Check(args) => check::run(args).await,
    }
}
