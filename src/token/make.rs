//! Making tokens, for `dev`, `token make` and tests.

use std::fmt;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::hmac;
use serde_json::{Map, Value, json};

use super::{provider, swt};
use crate::ids::KeyId;
use crate::policy::Secret;
use crate::policy::content_key::KEY_IDENTIFIER_CLAIM;

/// What a token shall say.
#[derive(Debug, Clone)]
pub struct TokenSpec {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// `exp`.
    pub expires: Timestamp,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// Ties the token to one key.
    pub kid: Option<KeyId>,
    /// Further claims; they never replace the ones above.
    pub claims: Map<String, Value>,
}

impl TokenSpec {
    /// All claims of the token.
    pub fn to_claims(&self) -> Map<String, Value> {
        let mut claims = self.claims.clone();
        claims.insert("iss".into(), json!(self.issuer));
        claims.insert("aud".into(), json!(self.audience));
        claims.insert("exp".into(), json!(self.expires.as_second()));
        if let Some(not_before) = self.not_before {
            claims.insert("nbf".into(), json!(not_before.as_second()));
        }
        if let Some(kid) = self.kid {
            claims.insert(KEY_IDENTIFIER_CLAIM.into(), json!(kid.to_string()));
        }
        claims
    }
}

/// A key that signs tokens.
pub enum SigningKey {
    /// HS256.
    Symmetric(Secret),
    /// RS256, a private key in PEM (PKCS#1 or PKCS#8).
    RsaPem(Secret),
    /// ES256, a private key on P-256 in PEM (PKCS#8).
    EcPem(Secret),
}

impl SigningKey {
    /// A private key in PEM, of whichever kind it is.
    pub fn from_pem(pem: Secret) -> Self {
        match EncodingKey::from_ec_pem(pem.expose()) {
            Ok(_) => Self::EcPem(pem),
            Err(_) => Self::RsaPem(pem),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

/// The key does not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// The PEM text holds no RSA private key of at least 2048 bits.
    #[error("not an RSA private key in PEM (PKCS#1 or PKCS#8, 2048 to 4096 bits)")]
    NotAnRsaKey,
    /// The PEM text holds no private key on P-256.
    #[error("not a private key on P-256 in PEM (PKCS#8)")]
    NotAP256Key,
    /// Simple Web Tokens are signed with symmetric keys.
    #[error("a Simple Web Token is signed with a symmetric key")]
    NotSymmetric,
}

/// Makes a token in compact form.
///
/// # Errors
/// [`MakeError`] when the key is none.
pub fn make(spec: &TokenSpec, key: &SigningKey) -> Result<String, MakeError> {
    provider::install();
    let (algorithm, key, wrong) = match key {
        SigningKey::Symmetric(secret) => {
            let key = EncodingKey::from_secret(secret.expose());
            (Algorithm::HS256, key, MakeError::NotSymmetric)
        }
        SigningKey::RsaPem(pem) => {
            let key = EncodingKey::from_rsa_pem(pem.expose());
            let wrong = MakeError::NotAnRsaKey;
            (Algorithm::RS256, key.map_err(|_| wrong)?, wrong)
        }
        SigningKey::EcPem(pem) => {
            let key = EncodingKey::from_ec_pem(pem.expose());
            let wrong = MakeError::NotAP256Key;
            (Algorithm::ES256, key.map_err(|_| wrong)?, wrong)
        }
    };
    // A symmetric key always signs and claims always have a JSON form.
    jsonwebtoken::encode(&Header::new(algorithm), &spec.to_claims(), &key).map_err(|_| wrong)
}

/// Makes a Simple Web Token. `not_before` becomes a claim `nbf` like any other, which the rules
/// honour as that of a JSON Web Token.
///
/// # Errors
/// [`MakeError`] when the key is not symmetric.
pub fn make_swt(spec: &TokenSpec, key: &SigningKey) -> Result<String, MakeError> {
    let SigningKey::Symmetric(secret) = key else { return Err(MakeError::NotSymmetric) };
    let message = swt::message(&spec.to_claims());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    Ok(swt::signed(&message, hmac::sign(&key, message.as_bytes()).as_ref()))
}
