//! HTTP to one server: one address, connections that are used again, an end to everything.
//!
//! The address comes from the configuration alone, nothing of a request is part of it. Redirections are
//! not followed, proxies of the environment not asked.

use std::io;
use std::time::Duration;

use axum::http::{HeaderValue, Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as HyperClient, Error as HyperError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use super::{Settings, UpstreamError};
use crate::license::upstream::Answer;
use crate::tls;

/// How long a connection waits for its next request.
const IDLE: Duration = Duration::from_secs(60);
/// Connections that wait at most.
const MAX_IDLE: usize = 32;

#[derive(Debug)]
pub(super) struct Client {
    http: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
    answer_bytes: usize,
}

impl Client {
    pub(super) fn new(settings: &Settings, tls: ClientConfig) -> Self {
        let http = HyperClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .build(tls::connector(tls, settings.connect_timeout));
        Self { http, timeout: settings.timeout, answer_bytes: settings.answer_bytes }
    }

    /// Posts and reads the whole answer.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Answer, UpstreamError> {
        let answered = tokio::time::timeout(self.timeout, self.exchange(request.map(Full::new)));
        answered.await.unwrap_or(Err(UpstreamError::Timeout))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, UpstreamError> {
        let answer = self.http.request(request).await.map_err(|error| failed(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, self.answer_bytes).collect().await.map_err(|error| {
            let is_too_large = error.is::<LengthLimitError>();
            if is_too_large { UpstreamError::TooLarge } else { UpstreamError::Unreachable }
        })?;
        let content_type = head.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value: &HeaderValue| value.to_str().ok());
        Ok(Answer {
            status: head.status.as_u16(),
            content_type: content_type.map(str::to_owned),
            body: body.to_bytes(),
        })
    }
}

/// The error of the library names the address, which is nobody's business but the log's.
fn failed(error: &HyperError) -> UpstreamError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return UpstreamError::Timeout;
        }
        cause = error.source();
    }
    tracing::debug!(is_connect = error.is_connect(), "no answer of a licence server");
    UpstreamError::Unreachable
}
