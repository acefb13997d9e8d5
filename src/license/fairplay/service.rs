//! Who answers: certificates with their private keys, the application secret key, and the function D.

use std::sync::Arc;

use super::certificate::{der, fingerprint, public_key};
use super::{DFunction, FairPlayError, Opened, Spc, SpcVersion};
use crate::crypto::ContentKey;
use crate::crypto::random::Random;
use crate::crypto::rsa::PrivateKey;

/// A provider certificate with its key.
#[derive(Debug, Clone)]
pub struct Provider {
    der: Vec<u8>,
    sha1: [u8; 20],
    version: SpcVersion,
    key: PrivateKey,
}

impl Provider {
    /// A certificate (DER or PEM) with its key (PEM).
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn new(certificate: &[u8], key: &str) -> Result<Self, &'static str> {
        let der = der(certificate).ok_or("not a certificate in DER or PEM")?;
        let key = PrivateKey::from_pem(key).map_err(|_| "not an RSA key in PEM")?;
        Self::with_key(der, key)
    }

    /// A certificate (DER) with its key.
    pub(super) fn with_key(der: Vec<u8>, key: PrivateKey) -> Result<Self, &'static str> {
        let public = public_key(&der).ok_or("not a certificate of an RSA key")?;
        if public != key.public() {
            return Err("the key is not that of the certificate");
        }
        let version =
            SpcVersion::for_key(public.size()).ok_or("a key of 1024 or 2048 bits is expected")?;
        Ok(Self { sha1: fingerprint(&der), der, version, key })
    }

    /// What requests name the certificate by.
    pub fn sha1(&self) -> &[u8; 20] {
        &self.sha1
    }
}

/// What a key service has from the vendor: certificates, and the application secret key.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The longest key first; never empty.
    providers: Vec<Provider>,
    ask: ContentKey,
}

impl Credentials {
    /// For requests in the name of these certificates; `None` without any.
    pub fn new(mut providers: Vec<Provider>, ask: ContentKey) -> Option<Self> {
        providers.sort_by_key(|provider| std::cmp::Reverse(provider.version.number()));
        (!providers.is_empty()).then_some(Self { providers, ask })
    }

    /// The certificate (DER) that players are given: that with the longest key.
    pub fn certificate(&self) -> &[u8] {
        self.providers.first().map_or(&[], |provider| &provider.der)
    }

    /// The certificate (DER) for requests of this version.
    pub fn certificate_for(&self, version: SpcVersion) -> Option<&[u8]> {
        let found = self.providers.iter().find(|provider| provider.version == version);
        found.map(|provider| provider.der.as_slice())
    }

    /// The application secret key.
    pub fn ask(&self) -> &ContentKey {
        &self.ask
    }

    /// Opens a request. Private keys are used only for those of our certificates.
    ///
    /// # Errors
    /// [`FairPlayError::Certificate`], and [`FairPlayError::NoRandomness`].
    pub fn open(&self, spc: &Spc, random: &mut Random<'_>) -> Result<Opened, FairPlayError> {
        Opened::open(spc, &self.provider(spc)?.key, &self.ask, random)
    }

    fn provider(&self, spc: &Spc) -> Result<&Provider, FairPlayError> {
        let named = |provider: &&Provider| {
            provider.sha1 == spc.certificate && provider.version == spc.version
        };
        self.providers.iter().find(named).ok_or(FairPlayError::Certificate)
    }
}

/// A key service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its own credentials. Without them, only policies that bring some are served.
    pub credentials: Option<Arc<Credentials>>,
    /// How keys of devices are made, under its own credentials and those of policies.
    pub function: DFunction,
}
