//! Policies: which forms of an asset exist, and who gets its keys (ams.md sections 7 and 8).
//!
//! Pure data in the JSON shapes of the Azure Media Services v3 API; what a token proves is decided
//! in [`crate::token`], which option answers in [`crate::license::access`].

pub mod content_key;
pub mod duration;
pub(crate) mod json;
pub mod predefined;
pub mod secret;
pub mod streaming;
mod template;
pub mod text;
pub mod unique;

pub use content_key::{
    Configuration, ConfigurationKind, ContentKeyPolicy, PolicyOption, RequiredClaim, Restriction,
    TokenRestriction, VerificationKey,
};
pub use secret::Secret;
pub use streaming::{EnabledProtocols, KeyLabel, StreamingPolicy};
pub use template::{TemplateError, UrlTemplate};

/// A policy was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy {name}: {rule}")]
pub struct PolicyError {
    /// Name of the policy.
    pub name: String,
    /// The rule that it breaks; never quotes a value, which might be a secret.
    pub rule: String,
}

impl PolicyError {
    fn new(name: &str, rule: impl Into<String>) -> Self {
        Self { name: name.to_owned(), rule: rule.into() }
    }

    /// The rule without the values that serde quotes in it.
    fn without_values(name: &str, rule: &str) -> Self {
        let kept: Vec<&str> = rule.split('"').step_by(2).collect();
        Self::new(name, kept.join("..."))
    }
}

/// Whether policies, assets and locators may have the name. Names stand in URLs and in file names
/// of tools, so they keep to a narrow alphabet.
pub fn is_legal_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=128).contains(&name.len()) && name.chars().all(legal)
}

fn check_name(name: &str) -> Result<(), PolicyError> {
    if is_legal_name(name) { Ok(()) } else { Err(PolicyError::new(name, NAME_RULE)) }
}

/// The rule of [`is_legal_name`], for messages.
pub const NAME_RULE: &str = "a name has 1 to 128 letters, digits, hyphens, underscores and dots";
