//! The section `fairplay`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Files, TrustError, hex, section};
use crate::policy::Secret;

/// What a FairPlay key service proves itself by.
#[derive(Debug, Clone)]
pub struct FairPlayTrust {
    /// The provider certificates with their keys.
    pub certs: Vec<ProviderCertificate>,
    /// The application secret key, 16 bytes.
    pub ask: Secret,
    /// How the key of a device is made of the application secret key.
    pub d_function: DFunction,
}

/// A provider certificate with its key.
#[derive(Debug, Clone)]
pub struct ProviderCertificate {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// SHA-1 of `der`: requests name the certificate by it.
    pub sha1: [u8; 20],
    /// The private key, PKCS#8 in PEM.
    pub key: Secret,
}

/// How the key of a device is made of the application secret key (fairplay.md section 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DFunction {
    /// The stand-in of test clients.
    StubSha256,
    /// One constant for all devices, as published vectors have it.
    Fixed(Secret),
}

#[derive(Deserialize)]
struct Section {
    certs: BTreeMap<String, Certificate>,
    ask: String,
    d_function: Function,
}

#[derive(Deserialize)]
struct Certificate {
    cert: String,
    key: String,
    sha1: String,
}

/// A name, or a name with what belongs to it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Function {
    #[serde(rename = "stub-sha256")]
    StubSha256,
    Fixed(String),
}

impl FairPlayTrust {
    pub(super) fn read(value: Value, files: &dyn Files) -> Result<Self, TrustError> {
        let section: Section = section("fairplay", value)?;
        let certificate = |(name, it): (&String, &Certificate)| {
            Ok(ProviderCertificate {
                der: files.read(&it.cert)?.expose().to_vec(),
                sha1: hex(&format!("fairplay.certs.{name}.sha1"), &it.sha1)?,
                key: files.read(&it.key)?,
            })
        };
        let secret = |place, text: &str| {
            hex::<16>(place, text).map(|bytes| Secret::from_bytes(bytes.to_vec()))
        };
        Ok(Self {
            certs: section.certs.iter().map(certificate).collect::<Result<_, _>>()?,
            ask: secret("fairplay.ask", &section.ask)?,
            d_function: match section.d_function {
                Function::StubSha256 => DFunction::StubSha256,
                Function::Fixed(text) => DFunction::Fixed(secret("fairplay.d_function", &text)?),
            },
        })
    }
}
