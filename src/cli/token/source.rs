//! Where keys and rules of tokens come from: a stored policy, a file, or a variable.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::cli::instance;
use crate::cli::{CliError, log};
use crate::config::Config;
use crate::policy::{ContentKeyPolicy, Restriction, Secret, TokenRestriction, VerificationKey};
use crate::token::SigningKey;

/// Longest key file; a 4096-bit private key in PEM has 3.3 KB.
const MAX_KEY_FILE_LEN: u64 = 16 * 1024;

/// One of these must be given.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct KeyArgs {
    /// A content key policy in the store; its issuer, audience and key apply
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// A file with a symmetric key in base64, or an RSA or P-256 private key in PEM
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// An environment variable with a symmetric key in base64
    #[arg(long, value_name = "VARIABLE")]
    key_base64_env: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// The configuration file, when a policy is named
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database, when a policy is named
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// What the arguments came to.
pub(super) enum Source {
    Policy(Arc<ContentKeyPolicy>),
    Key(SigningKey),
}

impl KeyArgs {
    pub(super) async fn load(&self, config: &Config) -> Result<Source, CliError> {
        match (&self.policy, &self.key_file, &self.key_base64_env) {
            (Some(name), ..) => {
                log::start(&config.log)?;
                let store = instance::open_existing(config).await?;
                Ok(Source::Policy(store.content_key_policy(name).await?))
            }
            (_, Some(path), _) => from_file(path).map(Source::Key),
            (.., Some(variable)) => from_variable(variable).map(Source::Key),
            _ => Err(CliError::usage("name a policy or a key")),
        }
    }
}

impl StoreArgs {
    pub(super) fn config(&self) -> Result<Config, CliError> {
        let mut config = Config::load(self.config.as_deref(), std::env::vars())?;
        config.overlay(None, self.data.clone());
        Ok(config)
    }
}

/// The token restrictions of a policy, with the names of their options.
pub(super) fn restrictions(
    policy: &ContentKeyPolicy,
) -> impl Iterator<Item = (Option<&str>, &TokenRestriction)> {
    policy.options.iter().filter_map(|option| match &option.restriction {
        Restriction::Token(restriction) => Some((option.name.as_deref(), &**restriction)),
        Restriction::Open {} => None,
    })
}

/// The symmetric key of the policy's first token restriction, which can sign as well as verify.
pub(super) fn signing_key(restriction: &TokenRestriction) -> Result<SigningKey, CliError> {
    match &restriction.primary_verification_key {
        VerificationKey::Symmetric { key_value } => Ok(SigningKey::Symmetric(key_value.clone())),
        VerificationKey::Rsa { .. }
        | VerificationKey::X509 { .. }
        | VerificationKey::JwkSet { .. } => Err(CliError::refused(
            "the policy verifies with public keys: give the private key by --key-file",
        )),
    }
}

fn from_file(path: &Path) -> Result<SigningKey, CliError> {
    let wrong = |rule: &dyn std::fmt::Display| {
        CliError::usage(format_args!("key file {}: {rule}", path.display()))
    };
    let length = std::fs::metadata(path).map_err(|error| wrong(&error))?.len();
    if length > MAX_KEY_FILE_LEN {
        return Err(wrong(&"too long for a key"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let text = Zeroizing::new(text);
    if text.contains("-----BEGIN") {
        return Ok(SigningKey::from_pem(Secret::from_bytes(text.as_bytes().to_vec())));
    }
    symmetric(&text).ok_or_else(|| wrong(&NO_SYMMETRIC_KEY))
}

fn from_variable(variable: &str) -> Result<SigningKey, CliError> {
    let text = std::env::var(variable).map(Zeroizing::new).ok();
    text.and_then(|text| symmetric(&text))
        .ok_or_else(|| CliError::usage(format_args!("variable {variable}: {NO_SYMMETRIC_KEY}")))
}

const NO_SYMMETRIC_KEY: &str = "the base64 of at least 32 bytes is expected";

fn symmetric(text: &str) -> Option<SigningKey> {
    let secret = Secret::from_base64(text.trim())?;
    (secret.expose().len() >= 32).then_some(SigningKey::Symmetric(secret))
}
