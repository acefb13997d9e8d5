//! The compact form (RFC 7515 section 7.1): three base64url parts, read before they are trusted.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Bearer, TokenError, provider};
use crate::policy::VerificationKey;

/// Longest token, in characters. DASH-IF allows 5,000 in licence requests; directory services
/// with many group claims send more, and 8,192 still fits the header limits of common proxies.
pub const MAX_LEN: usize = 8192;

/// A token that was read but not verified.
pub struct Unverified<'a> {
    algorithm: Option<Algorithm>,
    has_critical: bool,
    claims: Map<String, Value>,
    message: &'a str,
    signature: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

impl<'a> Unverified<'a> {
    /// Reads the parts of a token.
    ///
    /// # Errors
    /// [`TokenError::TooLong`] and [`TokenError::Malformed`].
    pub fn read(token: &'a Bearer) -> Result<Self, TokenError> {
        let token = token.expose();
        if token.len() > MAX_LEN {
            return Err(TokenError::TooLong);
        }
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
        let algorithm = supported(&header.alg);
        Ok(Self { algorithm, has_critical: header.crit, claims, message, signature })
    }

    /// The claims, which nobody vouches for until [`Self::check_signature`] has passed.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Checks the header and the signature. The header's algorithm only selects among the keys
    /// of the policy; each key verifies with its own algorithm or not at all.
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
        let mut suitable = keys.filter(|key| Some(algorithm(key)) == self.algorithm).peekable();
        if suitable.peek().is_none() {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        if suitable.any(|key| self.is_signed_by(key)) {
            Ok(())
        } else {
            Err(TokenError::SignatureInvalid)
        }
    }

    fn is_signed_by(&self, key: &VerificationKey) -> bool {
        provider::install();
        let message = self.message.as_bytes();
        jsonwebtoken::crypto::verify(self.signature, message, &decoding_key(key), algorithm(key))
            .unwrap_or(false)
    }
}

const PARTS: TokenError = TokenError::Malformed("three parts separated by dots are expected");

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD
        .decode(part.as_bytes())
        .map_err(|_| TokenError::Malformed("a part is not unpadded base64url"))
}

fn supported(name: &str) -> Option<Algorithm> {
    match name {
        "HS256" => Some(Algorithm::HS256),
        "RS256" => Some(Algorithm::RS256),
        _ => None,
    }
}

fn algorithm(key: &VerificationKey) -> Algorithm {
    match key {
        VerificationKey::Symmetric { .. } => Algorithm::HS256,
        VerificationKey::Rsa { .. } => Algorithm::RS256,
    }
}

fn decoding_key(key: &VerificationKey) -> DecodingKey {
    match key {
        VerificationKey::Symmetric { key_value } => DecodingKey::from_secret(key_value.expose()),
        VerificationKey::Rsa { exponent, modulus } => {
            // ring refuses leading zeros, which some tools write before a set high bit.
            let modulus = modulus.expose();
            let zeros = modulus.iter().take_while(|&&byte| byte == 0).count();
            DecodingKey::from_rsa_raw_components(&modulus[zeros..], exponent.expose())
        }
    }
}

/// A member counts as present whatever its value, null included.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}
