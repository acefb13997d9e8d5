//! HTTP to object stores: TLS by the roots of the system, answers that are small, an end to waiting.
//!
//! Everything that is read fits into one answer of [`MAX_ANSWER`], so answers are read whole: a server
//! that does not know ranges, or stops in the middle, costs no memory and no patience.

use std::error::Error;
use std::time::Duration;

use super::failure;
use crate::tls;
use async_trait::async_trait;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::client::legacy::{Client, Error as HyperError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a request and its answer may take; a part that is sent needs its time on slow lines.
const EXCHANGE: Duration = Duration::from_secs(120);
/// How long a connection waits for its next request.
const IDLE: Duration = Duration::from_secs(30);
/// Larger answers are not read: blocks and lists of parts are smaller.
const MAX_ANSWER: usize = 8 << 20;

/// Makes clients; proxies of the environment are not asked.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let said = |key| options.get_config_value(&key);
        if said(ClientConfigKey::ProxyUrl).is_some() {
            return Err(object_store::Error::NotSupported { source: "proxies".into() });
        }
        let in_the_clear = said(ClientConfigKey::AllowHttp).is_some_and(|said| said == "true");
        Ok(HttpClient::new(Service { http: client()?, in_the_clear }))
    }
}

#[derive(Debug)]
struct Service {
    http: Client<HttpsConnector<Tcp>, HttpRequestBody>,
    /// Whether requests may go without TLS.
    in_the_clear: bool,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !self.in_the_clear && request.uri().scheme_str() != Some("https") {
            return Err(HttpError::new_boxed(HttpErrorKind::Unknown, failure::NO_TLS.into()));
        }
        let answered = tokio::time::timeout(EXCHANGE, self.exchange(request)).await;
        answered.unwrap_or_else(|late| Err(HttpError::new(HttpErrorKind::Timeout, late)))
    }
}

impl Service {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = self.http.request(request).await.map_err(unsent)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(unread)?.to_bytes();
        if !head.status.is_success() {
            failure::note(head.status.as_u16(), &head.headers, &body);
        }
        Ok(HttpResponse::from_parts(head, HttpResponseBody::from(body)))
    }
}

fn unsent(error: HyperError) -> HttpError {
    let kind = match error.is_connect() {
        true => HttpErrorKind::Connect,
        false => HttpErrorKind::Interrupted,
    };
    HttpError::new(kind, error)
}

fn unread(error: Box<dyn Error + Send + Sync>) -> HttpError {
    let kind = match error.is::<LengthLimitError>() {
        true => HttpErrorKind::Decode,
        false => HttpErrorKind::Interrupted,
    };
    HttpError::new_boxed(kind, error)
}

fn client() -> object_store::Result<Client<HttpsConnector<Tcp>, HttpRequestBody>> {
    // A system without roots has no connection under TLS, but may have others.
    let tls = tls::client(tls::system_roots());
    let refuse = |error| object_store::Error::NotSupported { source: Box::new(error) };
    let connector = tls::connector(tls.map_err(refuse)?, CONNECT);
    let builder = &mut Client::builder(TokioExecutor::new());
    Ok(builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(connector))
}
