//! Content key policies: what is delivered, and to whom (ams.md section 8).

use serde::{Deserialize, Serialize};

use super::{NAME_RULE, PolicyError, check_name, is_legal_name, json};

mod configuration;
pub mod fairplay;
pub mod jwk;
pub mod playready;
mod restriction;
#[cfg(test)]
mod tests;
pub mod widevine;
pub mod x509;

pub use configuration::{Configuration, ConfigurationKind};
use fairplay::FairPlayConfiguration;
use playready::PlayReadyConfiguration;
pub use restriction::{
    KEY_IDENTIFIER_CLAIM, RequiredClaim, Restriction, TokenRestriction, TokenType, VerificationKey,
};

/// Options of a policy at most: each may cost the check of a signature.
const MAX_OPTIONS: usize = 64;

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
    /// The server that makes the licences, by its name in the configuration of this one; when absent
    /// they are made here. Ours: Azure Media Services had no such member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
}

impl ContentKeyPolicy {
    /// A policy with one option that gives raw keys and ClearKey licences to those of
    /// `restriction`.
    pub fn clear_key(name: &str, restriction: Restriction) -> Self {
        Self::with(name, vec![Configuration::CLEAR_KEY], restriction)
    }

    /// A policy with an option for every system, for those of `restriction`: licences to play, and
    /// nothing to keep. FairPlay takes the credentials of the server.
    pub fn every_system(name: &str, restriction: Restriction) -> Self {
        let configurations = vec![
            Configuration::CLEAR_KEY,
            Configuration::PlayReady(Box::new(PlayReadyConfiguration::streaming())),
            Configuration::Widevine(Box::default()),
            Configuration::FairPlay(Box::new(FairPlayConfiguration::of_the_server())),
        ];
        Self::with(name, configurations, restriction)
    }

    fn with(name: &str, configurations: Vec<Configuration>, restriction: Restriction) -> Self {
        let options = configurations.into_iter().map(|configuration| PolicyOption {
            name: None,
            configuration,
            restriction: restriction.clone(),
            upstream: None,
        });
        Self { name: name.to_owned(), description: None, options: options.collect() }
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
        self.check_options().map_err(|rule| PolicyError::new(&self.name, rule))
    }

    fn check_options(&self) -> Result<(), String> {
        if self.options.is_empty() {
            return Err("at least one option is needed".to_owned());
        }
        if self.options.len() > MAX_OPTIONS {
            return Err(format!("options: more than {MAX_OPTIONS}"));
        }
        for (n, option) in self.options.iter().enumerate() {
            option.check().map_err(|rule| format!("options[{n}].{rule}"))?;
        }
        self.check_hardware()
    }

    /// What one option gives to hardware only, no other may give to less (ams.md section 11).
    fn check_hardware(&self) -> Result<(), String> {
        let mut options = self.options.iter();
        if !options.clone().any(|option| option.configuration.needs_hardware()) {
            return Ok(());
        }
        // What licences of another server allow is not known here.
        let keeps = |option: &PolicyOption| {
            option.upstream.is_none() && option.configuration.keeps_to_hardware()
        };
        match options.position(|option| !keeps(option)) {
            None => Ok(()),
            Some(n) => Err(format!(
                "options[{n}].configuration: SL3000 goes only with PlayReady of SL3000 and with \
                 Widevine whose content_key_specs have security_level 4 or 5, both made here"
            )),
        }
    }
}

impl PolicyOption {
    fn check(&self) -> Result<(), String> {
        let is_forwarded = self.upstream.is_some();
        self.configuration.check(is_forwarded).map_err(|rule| format!("configuration.{rule}"))?;
        if self.upstream.as_deref().is_some_and(|name| !is_legal_name(name)) {
            return Err(format!("upstream: {NAME_RULE}"));
        }
        match &self.restriction {
            Restriction::Open {} => Ok(()),
            Restriction::Token(token) => {
                token.check().map_err(|rule| format!("restriction.{rule}"))
            }
        }
    }
}
