//! A token that was read but not verified, in either form.

use std::borrow::Cow;

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::{Bearer, TokenError, jwt, keys, provider, swt};
use crate::policy::VerificationKey;
use crate::policy::content_key::TokenType;

/// Longest token, in characters. DASH-IF allows 5,000 in licence requests; directory services
/// with many group claims send more, and 8,192 still fits the header limits of common proxies.
pub const MAX_LEN: usize = 8192;

/// A token that was read but not verified.
pub struct Unverified<'a> {
    pub(super) algorithm: Option<Algorithm>,
    pub(super) key_id: Option<String>,
    pub(super) has_critical: bool,
    pub(super) claims: Map<String, Value>,
    /// What the signature is over.
    pub(super) message: &'a str,
    /// In base64url.
    pub(super) signature: Cow<'a, str>,
}

impl<'a> Unverified<'a> {
    /// Reads the parts of a token of this form.
    ///
    /// # Errors
    /// [`TokenError::TooLong`] and [`TokenError::Malformed`].
    pub fn read(token: &'a Bearer, form: TokenType) -> Result<Self, TokenError> {
        if token.expose().len() > MAX_LEN {
            return Err(TokenError::TooLong);
        }
        match form {
            TokenType::Jwt => jwt::read(token),
            TokenType::Swt => swt::read(token),
        }
    }

    /// The claims, which nobody vouches for until [`Self::check_signature`] has passed.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The name of the algorithm, as far as it is one that could verify.
    pub fn algorithm_name(&self) -> String {
        self.algorithm.map_or("an algorithm that is not supported".into(), |it| format!("{it:?}"))
    }

    /// The name of the key.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Checks the header and the signature. The header only selects among the keys of the policy;
    /// each key verifies with its own algorithm or not at all.
    ///
    /// # Errors
    /// [`TokenError::CriticalHeader`], [`TokenError::AlgorithmNotAllowed`] and
    /// [`TokenError::SignatureInvalid`].
    pub fn check_signature<'k>(
        &self,
        keys: impl Iterator<Item = &'k VerificationKey>,
    ) -> Result<(), TokenError> {
        if self.has_critical {
            return Err(TokenError::CriticalHeader);
        }
        let mut suitable = keys
            .flat_map(keys::keys)
            .filter(|key| Some(key.algorithm()) == self.algorithm)
            .peekable();
        if suitable.peek().is_none() {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        if suitable.any(|key| self.may_be_of(&key) && self.is_signed_by(key)) {
            Ok(())
        } else {
            Err(TokenError::SignatureInvalid)
        }
    }

    /// A token and a key that both have a name must have the same.
    fn may_be_of(&self, key: &keys::Key<'_>) -> bool {
        match (key.id, &self.key_id) {
            (Some(key), Some(own)) => key == own,
            _ => true,
        }
    }

    fn is_signed_by(&self, key: keys::Key<'_>) -> bool {
        provider::install();
        let (message, decoding) = (self.message.as_bytes(), key.decoding_key());
        jsonwebtoken::crypto::verify(&self.signature, message, &decoding, key.algorithm())
            .unwrap_or(false)
    }
}

pub(super) fn supported(name: &str) -> Option<Algorithm> {
    match name {
        "HS256" => Some(Algorithm::HS256),
        "RS256" => Some(Algorithm::RS256),
        "ES256" => Some(Algorithm::ES256),
        _ => None,
    }
}
