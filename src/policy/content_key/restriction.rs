//! To whom an option delivers (ams.md sections 8 and 9).

use serde::{Deserialize, Deserializer, Serialize};

use crate::policy::json;
use crate::policy::secret::Secret;

/// The claim that ties a token to one key (ams.md section 9).
pub const KEY_IDENTIFIER_CLAIM: &str = "urn:microsoft:azure:mediaservices:contentkeyidentifier";

const OPEN: &str = "#Microsoft.Media.ContentKeyPolicyOpenRestriction";
const TOKEN: &str = "#Microsoft.Media.ContentKeyPolicyTokenRestriction";
const SYMMETRIC: &str = "#Microsoft.Media.ContentKeyPolicySymmetricTokenKey";
const RSA: &str = "#Microsoft.Media.ContentKeyPolicyRsaTokenKey";

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

/// The form of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    /// JSON Web Token in compact form.
    Jwt,
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

impl<'de> Deserialize<'de> for VerificationKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::tagged(deserializer, |name, members| match name {
            SYMMETRIC => {
                members.read().map(|SymmetricKey { key_value }| Self::Symmetric { key_value })
            }
            RSA => {
                members.read().map(|RsaKey { exponent, modulus }| Self::Rsa { exponent, modulus })
            }
            _ => Err(json::unknown_type(name, &[SYMMETRIC, RSA])),
        })
    }
}

impl VerificationKey {
    fn check(&self) -> Result<(), &'static str> {
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
