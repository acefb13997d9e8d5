//! `portcullis token make`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::form;
use super::source::{KeyArgs, Source, StoreArgs, restrictions, signing_key};
use crate::cli::CliError;
use crate::cli::duration::duration;
use crate::cli::out::outln;
use crate::ids::KeyId;
use crate::policy::content_key::TokenType;
use crate::token::{SigningKey, TokenSpec, make, make_swt};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis token make --policy token --data portcullis-data
  portcullis token make --key-file viewer.pem --issuer https://id.example --audience urn:tv \\
      --kid 9eb4050d-e44b-4802-932e-27d75083e266 --claim tier=hd --expires-in 15m")]
pub(super) struct Args {
    #[command(flatten)]
    key: KeyArgs,
    /// Claim `iss` [default: the policy's]
    #[arg(long, required_unless_present = "policy")]
    issuer: Option<String>,
    /// Claim `aud` [default: the policy's]
    #[arg(long, required_unless_present = "policy")]
    audience: Option<String>,
    /// Ties the token to one key, by the key-identifier claim
    #[arg(long, value_name = "GUID")]
    kid: Option<KeyId>,
    /// A further claim with a text value
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    claims: Vec<(String, String)>,
    /// How long the token is valid, for example 90s, 15m or 24h
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    expires_in: SignedDuration,
    /// The token is not valid before this time, for example 2030-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    not_before: Option<Timestamp>,
    /// The form of the token [default: the policy's, else jwt]
    #[arg(long, value_name = "FORM", value_parser = form)]
    form: Option<TokenType>,
    /// Print a JSON object with the token and its claims
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let (issuer, audience, form, key) = match args.key.load(&args.store.config()?).await? {
        Source::Key(key) => (String::new(), String::new(), TokenType::Jwt, key),
        Source::Policy(policy) => {
            let (_, restriction) = restrictions(&policy)
                .next()
                .ok_or_else(|| CliError::refused("the policy asks for no token"))?;
            let key = signing_key(restriction)?;
            let form = restriction.restriction_token_type;
            (restriction.issuer.clone(), restriction.audience.clone(), form, key)
        }
    };
    let spec = TokenSpec {
        issuer: args.issuer.unwrap_or(issuer),
        audience: args.audience.unwrap_or(audience),
        expires: Timestamp::now().checked_add(args.expires_in).map_err(CliError::usage)?,
        not_before: args.not_before,
        kid: args.kid,
        claims: args.claims.into_iter().map(|(name, value)| (name, value.into())).collect(),
    };
    print(&spec, args.form.unwrap_or(form), &key, args.json)
}

fn print(spec: &TokenSpec, form: TokenType, key: &SigningKey, json: bool) -> Result<(), CliError> {
    let made = match form {
        TokenType::Jwt => make(spec, key),
        TokenType::Swt => make_swt(spec, key),
    };
    let token = made.map_err(CliError::usage)?;
    if json {
        let claims: Map<String, Value> = spec.to_claims();
        outln!("{}", serde_json::json!({"token": token, "claims": claims}));
    } else {
        outln!("{token}");
    }
    Ok(())
}

fn claim(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("NAME=VALUE is expected"),
    }
}
