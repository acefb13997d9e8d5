//! `portcullis token explain`.

use jiff::Timestamp;

use super::read_token;
use crate::cli::CliError;
use crate::policy::content_key::{KEY_IDENTIFIER_CLAIM, TokenType};
use crate::token::claims::USE_LIMIT_CLAIM;
use crate::token::{Bearer, TokenError, Unverified};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nothing is checked: no key is needed, and a forged token reads like a good one."
)]
pub(super) struct Args {
    /// The token; read from standard input when it is `-` or left out
    token: Option<String>,
}

/// What the rules look for in claims.
const MEANINGS: &[(&str, &str)] = &[
    ("iss", "issuer"),
    ("aud", "audience"),
    ("exp", "expires"),
    ("nbf", "not before"),
    (KEY_IDENTIFIER_CLAIM, "the one key"),
    (USE_LIMIT_CLAIM, "limit of uses, refused here"),
];

pub(super) fn run(args: Args) -> Result<(), CliError> {
    let token = read_token(args.token.as_deref())?;
    let (form, unverified) = read(&token).map_err(CliError::refused)?;
    println!("form: {form}, signed with {}", unverified.algorithm_name());
    if let Some(key_id) = unverified.key_id() {
        println!("key: {key_id}");
    }
    for (name, value) in unverified.claims() {
        let meaning = MEANINGS.iter().find(|(known, _)| known == name);
        let meaning = meaning.map_or(String::new(), |(_, meaning)| format!("  ({meaning})"));
        let time = ["exp", "nbf"].contains(&name.as_str()).then(|| value.as_i64()).flatten();
        match time.and_then(|time| Timestamp::from_second(time).ok()) {
            Some(time) => println!("{name}: {value} = {time}{meaning}"),
            None => println!("{name}: {value}{meaning}"),
        }
    }
    Ok(())
}

/// A token with two dots and no sign of a form is a JSON Web Token.
fn read(token: &Bearer) -> Result<(&'static str, Unverified<'_>), TokenError> {
    let swt = Unverified::read(token, TokenType::Swt);
    match swt {
        Ok(read) => Ok(("Simple Web Token", read)),
        Err(_) => Ok(("JSON Web Token", Unverified::read(token, TokenType::Jwt)?)),
    }
}
