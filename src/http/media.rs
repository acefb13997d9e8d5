//! Streaming URLs over HTTP, and the XML refusals that clients of AMS know (ams.md section 19).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::at_hand::Asked;
pub use super::at_hand::AtHand;
pub use super::respond::Lifetimes;
use super::respond::{NO_SNIFFING, Whole};
use super::{cors, encoding, prefetch};
use crate::ids::LocatorId;
use crate::package::presentation::DeliveryUrls;
use crate::service::origin::{Answer, Code, Origin, OriginError};

/// The origin and how clients reach its key delivery.
pub struct Media {
    /// The service.
    pub origin: Arc<Origin>,
    /// Base of key URLs when the configuration gives one; otherwise the host that a client asked
    /// for stands in them.
    pub public_key_delivery: Option<String>,
    /// Base of key URLs for requests without a usable host.
    pub default_key_delivery: String,
    /// How long caches may keep what is served.
    pub lifetimes: Lifetimes,
    /// What was answered a moment ago.
    pub at_hand: AtHand,
}

/// The routes of streaming: everything below a locator id.
pub(super) fn routes(media: Arc<Media>) -> Router {
    let serve = async |State(media): State<Arc<Media>>, request| media.answer(request).await;
    let methods = get(serve).fallback(method_not_allowed);
    Router::new().route("/{locator}/{*rest}", methods).with_state(media)
}

/// The `Allow` field is added by the router.
async fn method_not_allowed() -> Response {
    let detail = "streams and files are read with GET and HEAD";
    refuse(&OriginError::new(Code::METHOD_NOT_ALLOWED, detail))
}

/// The refusal of a path that starts with the id of a locator and is no streaming URL; `None` for
/// all other paths.
pub(super) fn not_found(uri: &Uri) -> Option<Response> {
    let first = uri.path().split('/').nth(1)?;
    let _: LocatorId = first.parse().ok()?;
    let detail = "the name of a server manifest or of a file is expected behind the locator";
    Some(refuse(&OriginError::new(Code::RESOURCE_NOT_FOUND, detail)))
}

/// Whether the routes would hand the request over: no other path starts with an id.
pub(super) fn is_streaming<B>(request: &axum::http::Request<B>) -> bool {
    let path = request.uri().path().strip_prefix('/').and_then(|path| path.split_once('/'));
    *request.method() == Method::GET
        && path.is_some_and(|(id, rest)| !rest.is_empty() && id.parse::<LocatorId>().is_ok())
}

/// For a CDN that wants to know which fragment comes next.
fn next_path(answer: &Answer, uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
    let following = answer.following.filter(|_| prefetch::is_wanted(headers))?;
    prefetch::next(uri.path(), following)?.parse().ok()
}

impl Media {
    /// The answer to a request without a body, if it is a document that was answered a moment ago.
    pub(super) fn at_hand<B>(&self, request: &axum::http::Request<B>) -> Option<Response> {
        let headers = request.headers();
        let whole = self.at_hand.get(&self.asked(request.uri(), headers))?;
        let mut response = respond(whole, request.method(), headers);
        cors::name(response.headers_mut(), headers.get(header::ORIGIN));
        Some(response)
    }

    pub(super) async fn answer(&self, request: Request) -> Response {
        // As a whole: extractors would copy all fields.
        let (Parts { method, uri, headers, .. }, _) = request.into_parts();
        let asked = self.asked(&uri, &headers);
        let delivery = self.key_delivery(asked.host);
        // Boxed: what every request has room for is small.
        match Box::pin(self.origin.answer(asked.url, &delivery)).await {
            Ok(mut answer) => {
                let next = next_path(&answer, &uri, &headers);
                let standing = answer.standing.take();
                let whole = Whole::of(answer, asked.coding, &self.lifetimes).await;
                if let Some(standing) = standing {
                    self.at_hand.keep(&asked, &whole, standing);
                }
                let mut response = respond(whole, &method, &headers);
                response.headers_mut().extend(next.map(|path| (prefetch::PATH, path)));
                response
            }
            Err(error) => refuse(&error),
        }
    }

    fn asked<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Asked<'a> {
        let told = self.public_key_delivery.is_some();
        Asked {
            url: uri.path_and_query().map_or("/", PathAndQuery::as_str),
            host: usable_host(uri, headers).filter(|_| !told).unwrap_or_default(),
            coding: encoding::preferred(headers),
        }
    }

    fn key_delivery(&self, host: &str) -> DeliveryUrls {
        let base = match (&self.public_key_delivery, host) {
            (Some(base), _) => base.clone(),
            (None, "") => self.default_key_delivery.clone(),
            (None, host) => format!("http://{host}/keydelivery"),
        };
        DeliveryUrls { base }
    }
}

/// The host that the client asked for, if it can stand in manifests.
fn usable_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut lines = headers.get_all(header::HOST).iter();
    let line = lines.next().and_then(|host| host.to_str().ok());
    // HTTP/2 names the host in the address; two lines are nobody's host.
    let host = uri.authority().map(|authority| authority.as_str()).or(line);
    let single = lines.next().is_none();
    host.filter(|host| single && is_host(host))
}

fn respond(whole: Whole, method: &Method, headers: &HeaderMap) -> Response {
    let mut response = whole.respond(method, headers);
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        explain_range(&mut response);
    }
    response
}

/// Only what can be a host and a port goes into manifests.
fn is_host(host: &str) -> bool {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !host.is_empty() && host.len() <= 255 && host.chars().all(plain)
}

/// Gives a 416 the body of the other refusals; its fields stay.
fn explain_range(response: &mut Response) {
    let detail = "the range lies behind the end: Content-Range has the length";
    let refused = refuse(&OriginError::new(Code::INVALID_RANGE, detail));
    response.headers_mut().insert(header::CONTENT_TYPE, XML);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *response.body_mut() = refused.into_body();
}

const XML: HeaderValue = HeaderValue::from_static("application/xml");

/// The XML body of AMS, with one element more that says what to do.
fn refuse(error: &OriginError) -> Response {
    let status = StatusCode::from_u16(error.code.status);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let detail = quick_xml::escape::escape(error.detail.as_str());
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<error><status>{}</status>\
         <subStatus>0</subStatus><hresult>{}</hresult><message>{detail}</message></error>\n",
        error.code.status, error.code.name,
    );
    let headers = [
        (header::CONTENT_TYPE, XML),
        (header::CACHE_CONTROL, HeaderValue::from_static(refusal_lifetime(status))),
        NO_SNIFFING,
    ];
    (status, headers, body).into_response()
}

/// AMS's CDN kept 404 answers for ten seconds (ams.md section 2.7).
fn refusal_lifetime(status: StatusCode) -> &'static str {
    if status == StatusCode::NOT_FOUND { "public, max-age=10" } else { "no-store" }
}
