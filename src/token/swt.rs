//! Simple Web Tokens (ams.md section 9): claims as a form, the last of them the HMAC of what stands
//! before it.
//!
//! Issuer, audience and expiry have names of their own; they are read as the claims that they are, so
//! that one set of rules holds for both forms.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::unverified::Unverified;
use super::{Bearer, TokenError};

const SIGNATURE: &str = "HMACSHA256=";

/// Names of claims, as in a Simple Web Token and as in a JSON Web Token.
const NAMES: &[(&str, &str)] =
    &[("nbf", "nbf"), ("Audience", "aud"), ("ExpiresOn", "exp"), ("Issuer", "iss")];

/// Whether the text has the form, as far as its last claim tells.
pub(super) fn is_signed_form(text: &str) -> bool {
    text.rsplit_once('&').is_some_and(|(_, last)| last.starts_with(SIGNATURE))
}

/// Reads the parts of a token.
pub(super) fn read(token: &Bearer) -> Result<Unverified<'_>, TokenError> {
    let unsigned = TokenError::Malformed("`HMACSHA256` must be the last claim");
    let (message, signature) = token.expose().rsplit_once('&').ok_or(unsigned.clone())?;
    let signature = signature.strip_prefix(SIGNATURE).ok_or(unsigned)?;
    Ok(Unverified {
        algorithm: Some(Algorithm::HS256),
        key_id: None,
        has_critical: false,
        claims: claims(message)?,
        message,
        signature: BASE64URL_NOPAD.encode(&decode(signature)?).into(),
    })
}

fn decode(signature: &str) -> Result<Vec<u8>, TokenError> {
    // The value alone, so that its padding is not taken for the end of a name. A `+` that was not
    // encoded stays one.
    let decoded = percent_encoding::percent_decode_str(signature).collect::<Vec<u8>>();
    BASE64.decode(&decoded).map_err(|_| TokenError::Malformed("`HMACSHA256` is not base64"))
}

/// The claims; of a name that repeats, a list of its values, except for those that the rules read
/// as one.
fn claims(message: &str) -> Result<Map<String, Value>, TokenError> {
    let mut claims = Map::new();
    for (name, value) in form_urlencoded::parse(message.as_bytes()) {
        let known = NAMES.iter().find(|(own, _)| *own == name).map(|(_, jwt)| *jwt);
        let value = match known {
            Some("exp" | "nbf") => {
                let not_a_number = TokenError::Malformed("times must be whole seconds");
                json!(value.parse::<i64>().map_err(|_| not_a_number)?)
            }
            _ => json!(value),
        };
        let foreign = known.is_none() && NAMES.iter().any(|(_, jwt)| *jwt == name);
        if foreign {
            return Err(TokenError::Malformed(
                "`iss`, `aud` and `exp` have other names in this form",
            ));
        }
        let name = known.unwrap_or(&name).to_owned();
        match claims.get_mut(&name) {
            None => {
                claims.insert(name, value);
            }
            Some(_) if known.is_some() => {
                return Err(TokenError::Malformed("a party or a time is there twice"));
            }
            Some(Value::Array(values)) => values.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    Ok(claims)
}

/// The claims of a token that is made, as a form; what has no form of its own is left out.
pub(super) fn message(claims: &Map<String, Value>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    let (named, other): (Vec<_>, Vec<_>) =
        claims.iter().partition(|(name, _)| NAMES.iter().any(|(_, jwt)| jwt == name));
    for (name, value) in other.into_iter().chain(named) {
        let name = NAMES.iter().find(|(_, jwt)| jwt == name).map_or(name.as_str(), |(own, _)| own);
        match value {
            Value::String(text) => form.append_pair(name, text),
            Value::Array(values) => {
                form.extend_pairs(values.iter().map(|value| (name, value.as_str().unwrap_or(""))))
            }
            other => form.append_pair(name, &other.to_string()),
        };
    }
    form.finish()
}

/// A token from its claims and their HMAC.
pub(super) fn signed(message: &str, tag: &[u8]) -> String {
    let tag: String = form_urlencoded::byte_serialize(BASE64.encode(tag).as_bytes()).collect();
    format!("{message}&{SIGNATURE}{tag}")
}
