//! Rules about single claims (RFC 7519 section 4.1, ams.md section 9).

use serde_json::{Map, Value};

use super::{At, TokenError};
use crate::ids::KeyId;
use crate::policy::RequiredClaim;
use crate::policy::content_key::KEY_IDENTIFIER_CLAIM;

/// The claim by which AMS tokens limit the number of their uses.
pub const USE_LIMIT_CLAIM: &str = "urn:microsoft:azure:mediaservices:maxuses";

type Claims = Map<String, Value>;

pub(super) fn check_expiry(claims: &Claims, at: At) -> Result<(), TokenError> {
    let expires = time(claims, "exp")?.ok_or(TokenError::ExpiryMissing)?;
    if at.now_s() < expires + at.skew_s() { Ok(()) } else { Err(TokenError::Expired) }
}

pub(super) fn check_not_before(claims: &Claims, at: At) -> Result<(), TokenError> {
    match time(claims, "nbf")? {
        Some(not_before) if at.now_s() + at.skew_s() < not_before => Err(TokenError::NotYetValid),
        _ => Ok(()),
    }
}

pub(super) fn check_issuer(claims: &Claims, issuer: &str) -> Result<(), TokenError> {
    match claims.get("iss") {
        Some(Value::String(found)) if found == issuer => Ok(()),
        _ => Err(TokenError::IssuerMismatch),
    }
}

pub(super) fn check_audience(claims: &Claims, audience: &str) -> Result<(), TokenError> {
    match claims.get("aud") {
        Some(found) if holds(found, audience) => Ok(()),
        _ => Err(TokenError::AudienceMismatch),
    }
}

/// Nobody counts uses, so a token that relies on the count is refused rather than let through.
pub(super) fn check_use_limit(claims: &Claims) -> Result<(), TokenError> {
    if claims.contains_key(USE_LIMIT_CLAIM) { Err(TokenError::UseLimit) } else { Ok(()) }
}

/// The keys that a token was made for: any of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyNames(Vec<KeyName>);

/// One way to say which key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum KeyName {
    Key(KeyId),
    /// By the label in the streaming policy of whatever locator.
    Label(String),
}

impl KeyNames {
    /// The names in the claim: a text, or a list of texts. What is no text names nothing.
    fn read(claim: &Value) -> Self {
        let several = claim.as_array().map_or(std::slice::from_ref(claim), Vec::as_slice);
        Self(several.iter().filter_map(Value::as_str).map(KeyName::read).collect())
    }

    pub(super) fn hold(&self, kid: KeyId, label: Option<&str>) -> bool {
        self.0.iter().any(|name| match name {
            KeyName::Key(named) => *named == kid,
            KeyName::Label(named) => Some(named.as_str()) == label,
        })
    }
}

impl KeyName {
    /// A GUID in any spelling, with or without braces, is a key; every other text is a label.
    fn read(text: &str) -> Self {
        let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        bare.parse().map_or_else(|_| Self::Label(text.to_owned()), Self::Key)
    }
}

/// A token that says for which keys it was made opens no other, whether the policy asks for the
/// claim or not.
pub(super) fn key_names(claims: &Claims) -> Option<KeyNames> {
    claims.get(KEY_IDENTIFIER_CLAIM).map(KeyNames::read)
}

pub(super) fn check_key_identifier(
    claims: &Claims,
    kid: Option<KeyId>,
    label: Option<&str>,
) -> Result<(), TokenError> {
    match (key_names(claims), kid) {
        (Some(named), Some(kid)) if !named.hold(kid, label) => {
            Err(TokenError::KeyIdentifierMismatch)
        }
        _ => Ok(()),
    }
}

pub(super) fn check_required(
    claims: &Claims,
    required: &[RequiredClaim],
) -> Result<(), TokenError> {
    required.iter().try_for_each(|rule| {
        let found = claims
            .get(&rule.claim_type)
            .ok_or_else(|| TokenError::ClaimMissing(rule.claim_type.clone()))?;
        match &rule.claim_value {
            Some(value) if !holds(found, value) => {
                Err(TokenError::ClaimMismatch(rule.claim_type.clone()))
            }
            _ => Ok(()),
        }
    })
}

/// A claim with several values is an array; numbers and booleans compare by their JSON text.
fn holds(found: &Value, value: &str) -> bool {
    match found {
        Value::String(text) => text == value,
        Value::Array(several) => several.iter().any(|one| !one.is_array() && holds(one, value)),
        Value::Number(number) => number.to_string() == value,
        Value::Bool(flag) => value == if *flag { "true" } else { "false" },
        Value::Null | Value::Object(_) => false,
    }
}

/// A NumericDate (RFC 7519 section 2): seconds, possibly with a fraction.
fn time(claims: &Claims, name: &str) -> Result<Option<f64>, TokenError> {
    let not_a_number = TokenError::Malformed("`exp` and `nbf` must be numbers");
    claims.get(name).map(|value| value.as_f64().ok_or(not_a_number)).transpose()
}
