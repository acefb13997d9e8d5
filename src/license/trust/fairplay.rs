//! The section `fairplay`.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{Files, TrustError, hex, section};
use crate::crypto::ContentKey;
use crate::license::fairplay::{DFunction, Provider, Service};

#[derive(Deserialize)]
struct Section {
    /// Provider certificates by any name.
    certs: BTreeMap<String, Certificate>,
    /// The application secret key, in hexadecimal digits.
    #[serde(deserialize_with = "wiped")]
    ask: Zeroizing<String>,
    d_function: Function,
}

#[derive(Deserialize)]
struct Certificate {
    /// File with the certificate, DER or PEM.
    cert: String,
    /// File with its private key, PEM.
    key: String,
    /// SHA-1 of the certificate (DER), in hexadecimal digits.
    sha1: String,
}

/// A name, or a name with what belongs to it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Function {
    #[serde(rename = "stub-sha256")]
    StubSha256,
    Fixed(#[serde(deserialize_with = "wiped")] Zeroizing<String>),
    External(IgnoredAny),
}

pub(super) fn read(value: &RawValue, files: &dyn Files) -> Result<Service, TrustError> {
    let section: Section = section("fairplay", value)?;
    let ask = key("fairplay.ask", &section.ask)?;
    let function = match &section.d_function {
        Function::StubSha256 => DFunction::StubSha256(ask),
        Function::Fixed(text) => DFunction::Fixed(key("fairplay.d_function", text)?),
        Function::External(_) => {
            let rule = "external: the vendor's function cannot be called from here; stub-sha256 \
                        and fixed are for tests";
            return Err(TrustError::new("fairplay.d_function", rule));
        }
    };
    let providers = section.certs.iter().map(|(name, it)| provider(name, it, files));
    let service = Service::new(providers.collect::<Result<_, _>>()?, function);
    service.ok_or_else(|| TrustError::new("fairplay.certs", "a certificate is expected"))
}

fn provider(name: &str, it: &Certificate, files: &dyn Files) -> Result<Provider, TrustError> {
    let (certificate, key) = (files.read(&it.cert)?, files.read(&it.key)?);
    let pem = std::str::from_utf8(key.expose()).unwrap_or_default();
    let provider = Provider::new(certificate.expose(), pem)
        .map_err(|rule| TrustError::new(format!("fairplay.certs.{name}"), rule))?;
    let place = format!("fairplay.certs.{name}.sha1");
    if *provider.sha1() == hex::<20>(&place, &it.sha1)? {
        Ok(provider)
    } else {
        Err(TrustError::new(place, "not the SHA-1 of the certificate"))
    }
}

fn key(place: &str, text: &str) -> Result<ContentKey, TrustError> {
    hex(place, text).map(ContentKey::from_bytes)
}

/// A text that is wiped when dropped.
fn wiped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}
