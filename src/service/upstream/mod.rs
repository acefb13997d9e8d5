//! Servers that make licences in the place of this one, as the configuration names them.
//!
//! [`Upstream::licence`] passes one request on. What it is, and what the answer means, says the dialect
//! of the server (`license::upstream`); here are the connection, its limits, and when to leave a server
//! alone.

mod breaker;
mod client;
mod error;
mod open;
mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderName, HeaderValue, Request, Uri, header};
use bytes::Bytes;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use self::breaker::{Breaker, Change};
use self::client::Client;
pub use self::error::UpstreamError;
pub use self::settings::{All, Settings, SettingsError};
use crate::license::System;
use crate::license::upstream::{Ask, Dialect, Licence, Template, Unfit, Values};
use crate::token::Bearer;

/// The servers, by their names.
#[derive(Debug, Default)]
pub struct Upstreams(BTreeMap<String, Arc<Upstream>>);

/// A server.
pub struct Upstream {
    name: String,
    uri: Uri,
    dialect: Dialect,
    headers: Vec<(HeaderName, Template)>,
    secret: Option<Zeroizing<String>>,
    certificate: Option<Bytes>,
    client: Client,
    breaker: Breaker,
    room: Semaphore,
}

impl Upstreams {
    /// Reads the files that the settings name, and makes ready to connect.
    ///
    /// # Errors
    /// [`SettingsError`] for the first rule that is broken.
    pub fn open(all: &All) -> Result<Self, SettingsError> {
        let open = |(name, settings): (&String, &Settings)| match Upstream::open(name, settings) {
            Ok(upstream) => Ok((name.clone(), Arc::new(upstream))),
            Err((key, rule)) => Err(SettingsError { name: name.clone(), key, rule }),
        };
        all.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The server of that name, when it has licences of the system.
    ///
    /// # Errors
    /// [`UpstreamError::Unknown`], [`UpstreamError::Unfit`].
    pub fn find(&self, name: &str, system: System) -> Result<Arc<Upstream>, UpstreamError> {
        let found = self.0.get(name).ok_or(UpstreamError::Unknown)?;
        found.dialect.has(system).then(|| Arc::clone(found)).ok_or(UpstreamError::Unfit)
    }

    /// The certificate that clients of the system need beforehand, of the first server that has one.
    pub fn certificate(&self, system: System) -> Option<&Bytes> {
        let mut of_system = self.0.values().filter(|upstream| upstream.dialect.has(system));
        of_system.find_map(|upstream| upstream.certificate.as_ref())
    }
}

impl Upstream {
    /// The name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The certificate that clients need beforehand, where there is one.
    pub fn certificate(&self) -> Option<&Bytes> {
        self.certificate.as_ref()
    }

    /// Passes a request on, with the token of the client for the templates that have a place for it.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn licence(
        &self,
        ask: &Ask<'_>,
        token: Option<&Bearer>,
    ) -> Result<Licence, UpstreamError> {
        let request = self.request(ask, token)?;
        let _room = self.room.try_acquire().map_err(|_| UpstreamError::Busy)?;
        let pass = self.breaker.admit(Instant::now());
        let pass = pass.map_err(|retry_after| UpstreamError::Open { retry_after })?;
        let answered = self.client.send(request).await;
        let licence = answered.and_then(|answer| {
            let status = answer.status;
            let read = self.dialect.read(ask.passed, answer);
            read.map_err(|error| {
                let (upstream, said) = (&self.name, error.said());
                tracing::warn!(upstream, status, said, %error, "no licence of another server");
                UpstreamError::Answer(error)
            })
        });
        let is_failure = licence.as_ref().is_err_and(UpstreamError::is_failure);
        let upstream = &self.name;
        match pass.end(is_failure, Instant::now()) {
            Some(Change::Opened) => tracing::error!(upstream, "licence server is left alone"),
            Some(Change::Closed) => tracing::info!(upstream, "licence server answers again"),
            None => {}
        }
        licence
    }

    fn request(
        &self,
        ask: &Ask<'_>,
        token: Option<&Bearer>,
    ) -> Result<Request<Bytes>, UpstreamError> {
        let outgoing = self.dialect.write(ask).map_err(|Unfit| UpstreamError::Rights)?;
        let secret = self.secret.as_ref().map(|secret| secret.as_str());
        let values = Values { keys: ask.keys, token, secret };
        let mut request = Request::post(&self.uri).header(header::USER_AGENT, AGENT);
        if let Some(content_type) = outgoing.content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        for (name, value) in outgoing.headers {
            request = request.header(*name, *value);
        }
        for (name, template) in &self.headers {
            let value = HeaderValue::try_from(template.fill(&values).as_str());
            let mut value = value.map_err(|_| UpstreamError::Header)?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let body = Bytes::from_owner(outgoing.body);
        request.body(body).map_err(|_| UpstreamError::Header)
    }
}

const AGENT: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("name", &self.name).finish_non_exhaustive()
    }
}
