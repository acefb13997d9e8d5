//! To whom an option delivers (ams.md sections 8 and 9).

use serde::{Deserialize, Deserializer, Serialize};

use super::jwk::JwkSet;
use super::x509::Certificate;
use crate::policy::json;
use crate::policy::secret::Secret;

/// The claim that ties a token to one key (ams.md section 9).
pub const KEY_IDENTIFIER_CLAIM: &str = "urn:microsoft:azure:mediaservices:contentkeyidentifier";

const OPEN: &str = "#Microsoft.Media.ContentKeyPolicyOpenRestriction";
const TOKEN: &str = "#Microsoft.Media.ContentKeyPolicyTokenRestriction";
const SYMMETRIC: &str = "#Microsoft.Media.ContentKeyPolicySymmetricTokenKey";
const RSA: &str = "#Microsoft.Media.ContentKeyPolicyRsaTokenKey";
const X509: &str = "#Microsoft.Media.ContentKeyPolicyX509CertificateTokenKey";
const JWK_SET: &str = "#Portcullis.ContentKeyPolicyJsonWebKeySet";

/// Verification keys of a restriction at most: each may cost the check of a signature.
const MAX_KEYS: usize = 32;

/// To whom an option delivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "@odata.type")]
pub enum Restriction {
    /// Everybody who asks.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyOpenRestriction")]
    Open {},
    /// Bearers of a token.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyTokenRestriction")]
    Token(Box<TokenRestriction>),
}

impl<'de> Deserialize<'de> for Restriction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::tagged(deserializer, |name, members| match name {
            OPEN => members.read().map(|json::Nothing {}| Self::Open {}),
            TOKEN => members.read().map(Self::Token),
            _ => Err(json::unknown_type(name, &[OPEN, TOKEN])),
        })
    }
}

/// What a token must prove (ams.md section 9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRestriction {
    /// Compared exactly with `iss`.
    pub issuer: String,
    /// Must be `aud`, or be in it when it is an array.
    pub audience: String,
    /// Tried first.
    pub primary_verification_key: VerificationKey,
    /// Tried next, in order; they let keys roll over.
    #[serde(default)]
    pub alternate_verification_keys: Vec<VerificationKey>,
    /// Claims that must be there.
    #[serde(default)]
    pub required_claims: Vec<RequiredClaim>,
    /// The form of the token.
    pub restriction_token_type: TokenType,
}

impl TokenRestriction {
    /// The verification keys in the order in which they are tried.
    pub fn keys(&self) -> impl Iterator<Item = &VerificationKey> {
        std::iter::once(&self.primary_verification_key).chain(&self.alternate_verification_keys)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.issuer.is_empty() || self.audience.is_empty() {
            return Err("issuer and audience must not be empty".to_owned());
        }
        if self.required_claims.len() > 30 {
            return Err("requiredClaims: at most 30 claims may be required".to_owned());
        }
        if self.alternate_verification_keys.len() >= MAX_KEYS {
            return Err(format!("alternateVerificationKeys: {MAX_KEYS} or more"));
        }
        self.check_swt()?;
        let check = |(path, key): (String, &VerificationKey)| {
            key.check().map_err(|rule| format!("{path}.{rule}"))
        };
        check(("primaryVerificationKey".to_owned(), &self.primary_verification_key))?;
        let alternates = self.alternate_verification_keys.iter().enumerate();
        alternates
            .map(|(n, key)| (format!("alternateVerificationKeys[{n}]"), key))
            .try_for_each(check)
    }
}

impl TokenRestriction {
    /// Simple Web Tokens have one algorithm, and parties that are URIs (ams.md section 9).
    fn check_swt(&self) -> Result<(), String> {
        if self.restriction_token_type != TokenType::Swt {
            return Ok(());
        }
        let symmetric = |key: &VerificationKey| matches!(key, VerificationKey::Symmetric { .. });
        if !self.keys().all(symmetric) {
            return Err("restrictionTokenType: Swt goes with symmetric keys only".to_owned());
        }
        let parties = [("issuer", &self.issuer), ("audience", &self.audience)];
        match parties.into_iter().find(|(_, uri)| url::Url::parse(uri).is_err()) {
            Some((name, _)) => Err(format!("{name}: an absolute URI is expected for Swt")),
            None => Ok(()),
        }
    }
}

/// The form of a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    /// JSON Web Token in compact form.
    #[default]
    Jwt,
    /// Simple Web Token: form-encoded claims under HMAC-SHA-256.
    Swt,
}

/// A key that verifies tokens; it alone decides which algorithm they are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "@odata.type", rename_all_fields = "camelCase")]
pub enum VerificationKey {
    /// HS256.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicySymmetricTokenKey")]
    Symmetric {
        /// At least 32 bytes (RFC 7518 section 3.2).
        key_value: Secret,
    },
    /// RS256.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyRsaTokenKey")]
    Rsa {
        /// Big-endian; public, yet kept like a secret so that all keys are treated alike.
        exponent: Secret,
        /// Big-endian, 2048 to 8192 bits.
        modulus: Secret,
    },
    /// RS256 or ES256, by the key of a certificate.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyX509CertificateTokenKey")]
    X509 {
        /// The certificate; neither its dates nor who signed it matter.
        raw_body: Certificate,
    },
    /// RS256, ES256 or HS256, by the keys of a JWK set; beyond Azure Media Services.
    #[serde(rename = "#Portcullis.ContentKeyPolicyJsonWebKeySet")]
    JwkSet {
        /// The set.
        key_set: JwkSet,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SymmetricKey {
    key_value: Secret,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RsaKey {
    exponent: Secret,
    modulus: Secret,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct X509Key {
    raw_body: Certificate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeySet {
    key_set: JwkSet,
}

impl<'de> Deserialize<'de> for VerificationKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::tagged(deserializer, |name, members| match name {
            SYMMETRIC => {
                members.read().map(|SymmetricKey { key_value }| Self::Symmetric { key_value })
            }
            RSA => {
                members.read().map(|RsaKey { exponent, modulus }| Self::Rsa { exponent, modulus })
            }
            X509 => members.read().map(|X509Key { raw_body }| Self::X509 { raw_body }),
            JWK_SET => members.read().map(|KeySet { key_set }| Self::JwkSet { key_set }),
            _ => Err(json::unknown_type(name, &[SYMMETRIC, RSA, X509, JWK_SET])),
        })
    }
}

impl VerificationKey {
    fn check(&self) -> Result<(), String> {
        match self {
            Self::JwkSet { key_set } => key_set.check(),
            _ => self.check_size().map_err(str::to_owned),
        }
    }

    fn check_size(&self) -> Result<(), &'static str> {
        match self {
            Self::Symmetric { key_value } if key_value.expose().len() < 32 => {
                Err("keyValue: a symmetric token key has at least 32 bytes")
            }
            Self::Rsa { modulus, .. } if !(256..=1025).contains(&modulus.expose().len()) => {
                Err("modulus: an RSA token key has a modulus of 2048 to 8192 bits")
            }
            Self::Rsa { exponent, .. } if !(1..=8).contains(&exponent.expose().len()) => {
                Err("exponent: an RSA token key has an exponent of 1 to 8 bytes")
            }
            _ => Ok(()),
        }
    }
}

/// A claim that a token must carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequiredClaim {
    /// Name of the claim.
    pub claim_type: String,
    /// The value that it must have; absent or null: any, and for [`KEY_IDENTIFIER_CLAIM`] the KID
    /// that is asked for.
    #[serde(default)]
    pub claim_value: Option<String>,
}
