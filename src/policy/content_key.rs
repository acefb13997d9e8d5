//! Content key policies: what is delivered, and to whom (ams.md section 8).

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::{PolicyError, check_name, json};

/// The claim that ties a token to one key (ams.md section 9).
pub const KEY_IDENTIFIER_CLAIM: &str = "urn:microsoft:azure:mediaservices:contentkeyidentifier";

/// A named list of options in the AMS v3 shape; the name stands outside the `properties`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentKeyPolicy {
    /// Unique name.
    #[serde(skip)]
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The first option whose restriction holds answers; never empty.
    pub options: Vec<PolicyOption>,
}

/// What is delivered, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyOption {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is delivered.
    pub configuration: Configuration,
    /// To whom.
    pub restriction: Restriction,
}

/// What an option delivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@odata.type", deny_unknown_fields)]
pub enum Configuration {
    /// Raw keys and ClearKey licences.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyClearKeyConfiguration")]
    ClearKey {},
}

/// The type of a configuration; the path of a request selects one (ams.md section 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigurationKind {
    /// Raw keys and ClearKey licences.
    ClearKey,
}

impl Configuration {
    /// The type of the configuration.
    pub fn kind(&self) -> ConfigurationKind {
        match self {
            Self::ClearKey {} => ConfigurationKind::ClearKey,
        }
    }
}

/// To whom an option delivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@odata.type", deny_unknown_fields)]
pub enum Restriction {
    /// Everybody who asks.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyOpenRestriction")]
    Open {},
    /// Bearers of a token.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyTokenRestriction")]
    Token(Box<TokenRestriction>),
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
}

/// The form of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    /// JSON Web Token in compact form.
    Jwt,
}

/// A key that verifies tokens; it alone decides which algorithm they are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@odata.type", rename_all_fields = "camelCase", deny_unknown_fields)]
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

impl ContentKeyPolicy {
    /// A policy with one option that gives raw keys and ClearKey licences to those of
    /// `restriction`.
    pub fn clear_key(name: &str, restriction: Restriction) -> Self {
        let configuration = Configuration::ClearKey {};
        Self {
            name: name.to_owned(),
            description: None,
            options: vec![PolicyOption { name: None, configuration, restriction }],
        }
    }

    /// Reads the `properties` object.
    ///
    /// # Errors
    /// [`PolicyError`] for unknown members or types and for the rules of ams.md sections 8 and 9.
    pub fn from_properties(name: &str, json: &[u8]) -> Result<Self, PolicyError> {
        check_name(name)?;
        let mut policy: Self =
            json::read(json).map_err(|rule| PolicyError::without_values(name, &rule))?;
        name.clone_into(&mut policy.name);
        policy.check()?;
        Ok(policy)
    }

    /// The `properties` object, secrets included.
    pub fn to_properties_with_secrets(&self) -> zeroize::Zeroizing<String> {
        let json = serde_json::to_string(self);
        zeroize::Zeroizing::new(json.expect("strings and lists always have a JSON form"))
    }

    fn check(&self) -> Result<(), PolicyError> {
        if self.options.is_empty() {
            return Err(PolicyError::new(&self.name, "at least one option is needed"));
        }
        for option in &self.options {
            if let Restriction::Token(restriction) = &option.restriction {
                restriction.check().map_err(|rule| PolicyError::new(&self.name, rule))?;
            }
        }
        Ok(())
    }
}

impl TokenRestriction {
    fn check(&self) -> Result<(), &'static str> {
        if self.issuer.is_empty() || self.audience.is_empty() {
            return Err("issuer and audience must not be empty");
        }
        if self.required_claims.len() > 30 {
            return Err("at most 30 claims may be required");
        }
        self.keys().try_for_each(VerificationKey::check)
    }
}

impl VerificationKey {
    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Symmetric { key_value } if key_value.expose().len() < 32 => {
                Err("a symmetric token key has at least 32 bytes")
            }
            Self::Rsa { modulus, .. } if !(256..=1025).contains(&modulus.expose().len()) => {
                Err("an RSA token key has a modulus of 2048 to 8192 bits")
            }
            Self::Rsa { exponent, .. } if !(1..=8).contains(&exponent.expose().len()) => {
                Err("an RSA token key has an exponent of 1 to 8 bytes")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn token_policy() -> Value {
        json!({"options": [{
            "name": "viewers",
            "configuration": {
                "@odata.type": "#Microsoft.Media.ContentKeyPolicyClearKeyConfiguration"},
            "restriction": {
                "@odata.type": "#Microsoft.Media.ContentKeyPolicyTokenRestriction",
                "issuer": "i", "audience": "a", "restrictionTokenType": "Jwt",
                "primaryVerificationKey": {
                    "@odata.type": "#Microsoft.Media.ContentKeyPolicySymmetricTokenKey",
                    "keyValue": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
                "requiredClaims": [{"claimType": KEY_IDENTIFIER_CLAIM, "claimValue": null}]}}]})
    }

    fn parse(json: &Value) -> Result<ContentKeyPolicy, PolicyError> {
        ContentKeyPolicy::from_properties("p", json.to_string().as_bytes())
    }

    #[test]
    fn the_ams_shape_is_read_and_written() {
        let policy = parse(&token_policy()).unwrap();
        let Restriction::Token(restriction) = &policy.options[0].restriction else {
            panic!("token restriction expected");
        };
        assert_eq!((restriction.issuer.as_str(), restriction.keys().count()), ("i", 1));
        let written = policy.to_properties_with_secrets();
        assert_eq!(ContentKeyPolicy::from_properties("p", written.as_bytes()), Ok(policy));
    }

    #[test]
    fn secrets_are_not_in_debug_or_errors() {
        let shown = format!("{:?}", parse(&token_policy()).unwrap());
        assert!(shown.contains("redacted") && !shown.contains("c2Vj") && !shown.contains("115"));
        let mut misplaced = token_policy();
        misplaced["options"][0]["restriction"]["requiredClaims"] = json!("hunter2");
        assert!(!parse(&misplaced).unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn refusals_name_the_rule() {
        let set = |pointer: &str, value: Value| {
            let mut policy = token_policy();
            *policy.pointer_mut(pointer).unwrap() = value;
            policy
        };
        let restriction = "/options/0/restriction";
        let key = "/options/0/restriction/primaryVerificationKey";
        let rsa = json!({"@odata.type": "#Microsoft.Media.ContentKeyPolicyRsaTokenKey",
            "exponent": "AQAB", "modulus": "AQAB"});
        let table = [
            (set("/options", json!([])), "at least one option"),
            (set(&format!("{restriction}/issuer"), json!("")), "issuer and audience"),
            (set(&format!("{restriction}/restrictionTokenType"), json!("Swt")), "Swt"),
            (set(&format!("{key}/keyValue"), json!("c2hvcnQ=")), "at least 32 bytes"),
            (set(&format!("{key}/keyValue"), json!("?!")), "not base64"),
            (set(key, rsa), "2048 to 8192"),
            (set("/options/0/configuration/@odata.type", json!("#X")), "unknown variant"),
            (set("/options/0/name", json!(7)), "invalid type"),
        ];
        for (json, rule) in table {
            let refusal = parse(&json).unwrap_err();
            assert!(refusal.rule.contains(rule), "{rule}: {refusal}");
        }
    }

    #[test]
    fn unknown_members_are_refused_at_every_level() {
        let levels = ["", "/options/0", "/options/0/configuration", "/options/0/restriction"];
        for level in levels {
            let mut policy = token_policy();
            policy.pointer_mut(level).unwrap()["surprise"] = json!(1);
            let refusal = parse(&policy).unwrap_err();
            assert!(refusal.rule.contains("surprise"), "{level}: {refusal}");
        }
    }
}
