//! `portcullis token explain`.

use jiff::Timestamp;

use super::{claim, printable, read_token};
use crate::cli::CliError;
use crate::cli::out::outln;
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
    (KEY_IDENTIFIER_CLAIM, "the keys, by KID or label"),
    (USE_LIMIT_CLAIM, "limit of uses, refused here"),
];

pub(super) fn run(args: Args) -> Result<(), CliError> {
    let token = read_token(args.token.as_deref())?;
    let (form, unverified) = read(&token).map_err(CliError::refused)?;
    lines(form, &unverified).iter().for_each(|line| outln!("{line}"));
    Ok(())
}

fn lines(form: &str, unverified: &Unverified<'_>) -> Vec<String> {
    let mut lines = vec![format!("form: {form}, signed with {}", unverified.algorithm_name())];
    lines.extend(unverified.key_id().map(|key_id| format!("key: {}", printable(key_id))));
    for (name, value) in unverified.claims() {
        let meaning = MEANINGS.iter().find(|(known, _)| known == name);
        let meaning = meaning.map_or(String::new(), |(_, meaning)| format!("  ({meaning})"));
        let time = ["exp", "nbf"].contains(&name.as_str()).then(|| value.as_i64()).flatten();
        let time = time.and_then(|time| Timestamp::from_second(time).ok());
        let time = time.map_or(String::new(), |time| format!(" = {time}"));
        lines.push(format!("{}{time}{meaning}", claim(name, value)));
    }
    lines
}

/// A token with two dots and no sign of a form is a JSON Web Token.
fn read(token: &Bearer) -> Result<(&'static str, Unverified<'_>), TokenError> {
    let swt = Unverified::read(token, TokenType::Swt);
    match swt {
        Ok(read) => Ok(("Simple Web Token", read)),
        Err(_) => Ok(("JSON Web Token", Unverified::read(token, TokenType::Jwt)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64URL_NOPAD;

    #[test]
    fn what_a_forged_token_says_does_not_steer_the_terminal() {
        let parts = [
            r#"{"alg":"HS256","kid":"k\u001b[2J"}"#,
            r#"{"exp":0,"iss":"a\u009b2J\u202e\u001b","\u001b]0;x\u0007":1}"#,
            "signature",
        ];
        let token =
            Bearer::new(parts.map(|part| BASE64URL_NOPAD.encode(part.as_bytes())).join("."));
        let (form, unverified) = read(&token).unwrap();
        let lines = lines(form, &unverified);
        let text = lines.concat();
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
        assert!(lines.contains(&r"key: k\u{1b}[2J".to_owned()), "{lines:?}");
        assert!(
            lines.contains(&"exp: 0 = 1970-01-01T00:00:00Z  (expires)".to_owned()),
            "{lines:?}"
        );
    }
}
