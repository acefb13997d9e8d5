//! From the settings of a server to the server: files read, templates parsed, all rules held.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use axum::http::{HeaderName, HeaderValue, Uri};
use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::breaker::Breaker;
use super::client::Client;
use super::settings::Broken;
use super::{Settings, Upstream};
use crate::license::fairplay::Form;
use crate::license::upstream::{Dialect, Protocol, Template};
use crate::license::widevine::ServiceCertificate;
use crate::license::widevine::cloud::Signer;
use crate::tls;

/// Bytes of a file of secrets, or of one certificate, at most.
const MAX_SECRET: u64 = 4096;
/// Bytes of a file of roots at most.
const MAX_ROOTS: u64 = 1 << 20;

/// Header lines that belong to the connection, or that the protocol says.
const OURS: [&str; 8] = [
    "connection",
    "content-length",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Upstream {
    pub(super) fn open(name: &str, settings: &Settings) -> Result<Self, Broken> {
        settings.check(name)?;
        let secret = settings.secret_file.as_deref().map(secret).transpose()?;
        let headers = settings.headers.iter().map(|(name, text)| header(name, text));
        let headers: Vec<_> = headers.collect::<Result<_, _>>()?;
        if headers.iter().any(|(_, template)| template.has_secret()) {
            check_secret(secret.as_ref().map(|secret| secret.as_str()))?;
        }
        let uri = Uri::try_from(settings.url.as_str());
        Ok(Self {
            name: name.to_owned(),
            uri: uri.map_err(|error| ("url", error.to_string()))?,
            dialect: dialect(settings, secret.as_ref().map(|secret| secret.as_str()))?,
            headers,
            secret,
            certificate: certificate(settings)?,
            client: Client::new(settings, tls(settings)?),
            breaker: Breaker::new(settings.failures, settings.pause),
            room: Semaphore::new(settings.requests),
        })
    }
}

fn dialect(settings: &Settings, secret: Option<&str>) -> Result<Dialect, Broken> {
    Ok(match settings.protocol {
        Protocol::Https => Dialect::Https,
        Protocol::PlayReady => Dialect::PlayReady,
        Protocol::FairPlay => Dialect::FairPlay(settings.body.unwrap_or(Form::Raw)),
        Protocol::WidevineCloud => {
            let provider = settings.provider.as_deref().unwrap_or_default();
            let signer = Signer::new(provider, secret.unwrap_or_default());
            let rule = "holds a key of 64 and an IV of 32 hexadecimal digits";
            Dialect::WidevineCloud(signer.ok_or(("secret_file", rule.to_owned()))?)
        }
    })
}

/// What clients of the server are given beforehand.
fn certificate(settings: &Settings) -> Result<Option<Bytes>, Broken> {
    let Some(path) = &settings.certificate_file else { return Ok(None) };
    let broken = |rule: String| ("certificate_file", rule);
    let content = Bytes::copy_from_slice(&read(path, MAX_SECRET).map_err(broken)?);
    match settings.protocol {
        Protocol::WidevineCloud if ServiceCertificate::read(&content).is_none() => {
            Err(broken("is no service certificate of Widevine".to_owned()))
        }
        _ => Ok(Some(content)),
    }
}

fn header(name: &str, text: &str) -> Result<(HeaderName, Template), Broken> {
    let broken = |rule: String| ("headers", format!("{name}: {rule}"));
    let header = HeaderName::try_from(name).map_err(|error| broken(error.to_string()))?;
    if OURS.contains(&header.as_str()) {
        return Err(broken("this line is not to be chosen".to_owned()));
    }
    HeaderValue::try_from(text).map_err(|error| broken(error.to_string()))?;
    let template = Template::parse(text).map_err(|error| broken(error.to_string()))?;
    Ok((header, template))
}

/// The rules for a secret that goes into header lines.
fn check_secret(secret: Option<&str>) -> Result<(), Broken> {
    let secret = secret.ok_or(("headers", "{secret} needs a secret_file".to_owned()))?;
    let is_line = HeaderValue::try_from(secret).is_ok();
    is_line.then_some(()).ok_or(("secret_file", "is no text of one line".to_owned()))
}

/// The text of a file of secrets, without the end of its last line.
fn secret(path: &Path) -> Result<Zeroizing<String>, Broken> {
    let content = read(path, MAX_SECRET).map_err(|rule| ("secret_file", rule))?;
    let text = std::str::from_utf8(&content);
    let text = text.map_err(|_| ("secret_file", "is no text".to_owned()))?.trim();
    Ok(Zeroizing::new(text.to_owned()))
}

fn tls(settings: &Settings) -> Result<ClientConfig, Broken> {
    let roots = match &settings.ca_file {
        Some(path) => roots(path).map_err(|rule| ("ca_file", rule))?,
        None if settings.url.scheme() == "https" => system_roots()?,
        None => RootCertStore::empty(),
    };
    tls::client(roots).map_err(|error| ("url", error.to_string()))
}

fn roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&read(path, MAX_ROOTS)?) {
        let root = root.map_err(|_| "is no PEM")?;
        roots.add(root).map_err(|_| "has something else than certificates")?;
    }
    if roots.is_empty() { Err("has no certificate".to_owned()) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore, Broken> {
    let roots = tls::system_roots();
    let none = || ("ca_file", "is needed: the system has no roots".to_owned());
    if roots.is_empty() { Err(none()) } else { Ok(roots) }
}

fn read(path: &Path, most: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    // Room for all of it: a list that grows leaves copies of secrets behind.
    let room = usize::try_from(most + 1).unwrap_or_default();
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    let file = File::open(path).map_err(failed)?;
    file.take(most + 1).read_to_end(&mut content).map_err(failed)?;
    let fits = content.len() as u64 <= most;
    fits.then_some(content).ok_or_else(|| format!("{}: more than {most} bytes", path.display()))
}
