//! The compact form (RFC 7515 section 7.1): three base64url parts, read before they are trusted.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use super::unverified::{Unverified, supported};
use super::{Bearer, TokenError};

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// Whether the text has the form: three parts, the first of them a JSON object.
pub(super) fn is_compact(text: &str) -> bool {
    let mut parts = text.split('.');
    let header = parts.next().and_then(|header| decode(header).ok());
    let is_object = |header: Vec<u8>| {
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&header).is_ok()
    };
    header.is_some_and(is_object) && parts.count() == 2
}

/// Reads the parts of a token.
pub(super) fn read(token: &Bearer) -> Result<Unverified<'_>, TokenError> {
    let token = token.expose();
    let (message, signature) = token.rsplit_once('.').ok_or(PARTS)?;
    let (header, claims) = message.split_once('.').ok_or(PARTS)?;
    if claims.contains('.') {
        return Err(PARTS);
    }
    let header: Header = serde_json::from_slice(&decode(header)?)
        .map_err(|_| TokenError::Malformed("the header is no JSON object with `alg`"))?;
    let claims = serde_json::from_slice(&decode(claims)?)
        .map_err(|_| TokenError::Malformed("the claims are no JSON object"))?;
    decode(signature)?;
    Ok(Unverified {
        algorithm: supported(&header.alg),
        key_id: header.kid,
        has_critical: header.crit,
        claims,
        message,
        signature: signature.into(),
    })
}

const PARTS: TokenError = TokenError::Malformed("three parts separated by dots are expected");

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD
        .decode(part.as_bytes())
        .map_err(|_| TokenError::Malformed("a part is not unpadded base64url"))
}

/// A member counts as present whatever its value, null included.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}
