//! Provider certificates with their keys in PKCS#12 (RFC 7292), as certificate stores export them.

use super::{Credentials, Provider};
use crate::crypto::ContentKey;
use crate::crypto::pkcs12::{self, Pkcs12Error};
use crate::crypto::rsa::PrivateKey;
use crate::policy::ContentKeyPolicy;
use crate::policy::content_key::Configuration;
use crate::policy::content_key::fairplay::FairPlayConfiguration;

impl Provider {
    /// The RSA keys of a file that have their certificate beside them; never none.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn from_pkcs12(file: &[u8], password: &str) -> Result<Vec<Self>, &'static str> {
        let found = pkcs12::open(file, password).map_err(Pkcs12Error::rule)?;
        let keys = found.keys.iter().filter_map(|der| PrivateKey::from_der(der).ok());
        let with_certificate = |key: PrivateKey| {
            let mut certificates = found.certificates.iter();
            certificates.find_map(|der| Self::with_key(der.clone(), key.clone()).ok())
        };
        let providers: Vec<_> = keys.filter_map(with_certificate).collect();
        let found = (!providers.is_empty()).then_some(providers);
        found.ok_or("no RSA key of 1024 or 2048 bits with its certificate")
    }
}

impl Credentials {
    /// Those that an option holds itself, if it does.
    ///
    /// # Errors
    /// The rule that is broken, behind the member that breaks it.
    pub fn of_option(option: &FairPlayConfiguration) -> Result<Option<Self>, &'static str> {
        let (Some(ask), Some(pfx)) = (&option.ask, &option.fair_play_pfx) else {
            return Ok(None);
        };
        let ask = ask.expose().try_into().map_err(|_| "ask: 16 bytes are expected")?;
        let password = option.fair_play_pfx_password.as_ref().map_or("", |it| it.expose());
        let providers = Provider::from_pkcs12(pfx.expose(), password)?;
        Ok(Self::new(providers, ContentKey::from_bytes(ask)))
    }

    /// Whether all credentials of a policy open; this takes milliseconds for each.
    ///
    /// # Errors
    /// The member, with the rule that it breaks.
    pub fn check(policy: &ContentKeyPolicy) -> Result<(), String> {
        for (n, option) in policy.options.iter().enumerate() {
            if let Configuration::FairPlay(own) = &option.configuration {
                let place = format!("options[{n}].configuration.fairPlayPfx");
                Self::of_option(own).map_err(|rule| format!("{place}: {rule}"))?;
            }
        }
        Ok(())
    }
}
