//! The section `fairplay`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;
use zeroize::Zeroizing;

use super::{Files, TrustError, hex, section};
use crate::crypto::ContentKey;
use crate::license::at_hand::is_this_machine;
use crate::license::fairplay::{Callee, Credentials, DFunction, External, Provider, Service};
use crate::license::wiped;

#[derive(Deserialize)]
struct Section {
    /// Provider certificates by any name.
    #[serde(default)]
    certs: BTreeMap<String, Certificate>,
    /// The application secret key, in hexadecimal digits.
    #[serde(default, deserialize_with = "wiped::text_if_there")]
    ask: Option<Zeroizing<String>>,
    d_function: Function,
}

/// A certificate and its key, in two files or in one.
#[derive(Deserialize)]
struct Certificate {
    /// File with the certificate, DER or PEM.
    cert: Option<String>,
    /// File with its private key, PEM.
    key: Option<String>,
    /// File with both, PKCS#12.
    pkcs12: Option<String>,
    /// The password of `pkcs12`.
    #[serde(default, deserialize_with = "wiped::text_if_there")]
    password: Option<Zeroizing<String>>,
    /// SHA-1 of the certificate (DER), in hexadecimal digits.
    sha1: Option<String>,
}

/// A name, or a name with what belongs to it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Function {
    #[serde(rename = "stub-sha256")]
    StubSha256,
    Fixed(#[serde(deserialize_with = "wiped::text")] Zeroizing<String>),
    External(Called),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Called {
    /// A program and its arguments.
    command: Option<Vec<String>>,
    /// An address that takes POST.
    url: Option<Url>,
    /// How long an answer may take.
    #[serde(default = "timeout_ms")]
    timeout_ms: u64,
}

fn timeout_ms() -> u64 {
    5000
}

pub(super) fn read(value: &RawValue, files: &dyn Files) -> Result<Service, TrustError> {
    let section: Section = section("fairplay", value)?;
    let function = match &section.d_function {
        Function::StubSha256 => DFunction::StubSha256,
        Function::Fixed(text) => DFunction::Fixed(key("fairplay.d_function", text)?),
        Function::External(called) => DFunction::External(external(called)?),
    };
    let credentials = credentials(&section, files)?.map(Arc::new);
    Ok(Service { credentials, function })
}

fn credentials(section: &Section, files: &dyn Files) -> Result<Option<Credentials>, TrustError> {
    let missing = |member| TrustError::new(member, "ask and certs go together");
    let ask = match (&section.ask, section.certs.is_empty()) {
        (None, true) => return Ok(None),
        (None, false) => return Err(missing("fairplay.ask")),
        (Some(ask), _) => key("fairplay.ask", ask)?,
    };
    let mut providers = Vec::new();
    for (name, it) in &section.certs {
        providers.extend(certificate(name, it, files)?);
    }
    Credentials::new(providers, ask).map(Some).ok_or_else(|| missing("fairplay.certs"))
}

fn certificate(
    name: &str,
    it: &Certificate,
    files: &dyn Files,
) -> Result<Vec<Provider>, TrustError> {
    let place = format!("fairplay.certs.{name}");
    let broken = |rule: &str| TrustError::new(&place, rule);
    let providers = match (&it.pkcs12, &it.cert, &it.key) {
        (Some(pkcs12), None, None) => {
            let password = it.password.as_ref().map_or("", |password| password.as_str());
            Provider::from_pkcs12(files.read(pkcs12)?.expose(), password).map_err(broken)?
        }
        (None, Some(cert), Some(key)) => {
            let (certificate, key) = (files.read(cert)?, files.read(key)?);
            let pem = std::str::from_utf8(key.expose()).unwrap_or_default();
            vec![Provider::new(certificate.expose(), pem).map_err(broken)?]
        }
        _ => return Err(broken("cert and key are expected, or pkcs12 and its password")),
    };
    let Some(sha1) = &it.sha1 else { return Ok(providers) };
    let place = format!("{place}.sha1");
    let sha1 = hex::<20>(&place, sha1)?;
    let named = providers.into_iter().find(|provider| *provider.sha1() == sha1);
    named.map(|it| vec![it]).ok_or_else(|| TrustError::new(place, "not that of the certificate"))
}

fn external(called: &Called) -> Result<External, TrustError> {
    let broken = |rule| TrustError::new("fairplay.d_function.external", rule);
    let callee = match (&called.command, &called.url) {
        (Some(command), None) if command.first().is_some_and(|program| !program.is_empty()) => {
            Callee::Command(command.clone())
        }
        // What is sent is the application secret key: it stays on this machine.
        (None, Some(url)) if url.scheme() == "http" && is_this_machine(url) => {
            Callee::Hook(url.clone())
        }
        (None, Some(_)) => {
            return Err(broken(
                "url: an http address of this machine (a loopback one) is expected",
            ));
        }
        _ => return Err(broken("command, a program and its arguments, or url is expected")),
    };
    if !(1..=60_000).contains(&called.timeout_ms) {
        return Err(broken("timeout_ms: 1 to 60000 are expected"));
    }
    Ok(External { callee, limit: Duration::from_millis(called.timeout_ms) })
}

fn key(place: &str, text: &str) -> Result<ContentKey, TrustError> {
    hex(place, text).map(ContentKey::from_bytes)
}
