//! `portcullis token make|check|explain`: tokens for tests and support, under the rules of key delivery.

mod check;
mod explain;
mod make;
mod source;

use std::io::Read;

use clap::Subcommand;
use serde_json::Value;

use super::CliError;
use crate::policy::content_key::TokenType;
use crate::token::Bearer;
use crate::token::unverified::MAX_LEN;

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
    /// Print what a token says, in words, without checking anything
    Explain(explain::Args),
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    match args.command {
        Command::Make(args) => make::run(args).await,
        Command::Check(args) => check::run(args).await,
        Command::Explain(args) => explain::run(args),
    }
}

/// The token of an argument, or else of standard input.
fn read_token(argument: Option<&str>) -> Result<Bearer, CliError> {
    if let Some(token) = argument.filter(|token| *token != "-") {
        return Ok(Bearer::new(token));
    }
    let mut text = String::new();
    std::io::stdin().take(2 * MAX_LEN as u64).read_to_string(&mut text).map_err(CliError::usage)?;
    Ok(Bearer::new(text.trim()))
}

/// A claim of a token that anybody may have made.
fn claim(name: &str, value: &Value) -> String {
    format!("{}: {}", printable(name), printable(&value.to_string()))
}

/// The text without what would steer a terminal: that is escaped, quotes of JSON stay.
fn printable(text: &str) -> String {
    let mut printable = String::new();
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => printable.push(c),
            _ => printable.extend(c.escape_debug()),
        }
    }
    printable
}

fn form(text: &str) -> Result<TokenType, &'static str> {
    match text {
        "jwt" => Ok(TokenType::Jwt),
        "swt" => Ok(TokenType::Swt),
        _ => Err("jwt or swt is expected"),
    }
}
