//! Streaming URLs over HTTP: conditional requests, ranges, HEAD, cache lifetimes, and the XML
//! refusals that clients of AMS know (ams.md section 19).

use std::ops::Range;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::conditional::{not_modified, precondition_failed};
use super::range::{self, RangeDecision};
use crate::package::presentation::DeliveryUrls;
use crate::service::origin::{Answer, CachePolicy, Content, Origin, OriginError, PlanBody};

/// The origin and how clients reach its key delivery.
pub struct Media {
    /// The service.
    pub origin: Arc<Origin>,
    /// Base of key URLs when the configuration gives one; otherwise the host that a client asked
    /// for stands in them.
    pub public_key_delivery: Option<String>,
    /// Base of key URLs for requests without a usable host.
    pub default_key_delivery: String,
}

/// The routes of streaming: everything below a locator id.
pub fn routes<S>(media: Media) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    Router::new().route("/{locator}/{*rest}", get(serve)).with_state(Arc::new(media))
}

async fn serve(
    State(media): State<Arc<Media>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let delivery = DeliveryUrls { base: media.key_delivery(&uri, &headers) };
    match media.origin.answer(uri.path(), &delivery).await {
        Ok(answer) => respond(answer, &method, &headers),
        Err(error) => refuse(&error),
    }
}

impl Media {
    fn key_delivery(&self, uri: &Uri, headers: &HeaderMap) -> String {
        if let Some(base) = &self.public_key_delivery {
            return base.clone();
        }
        let mut lines = headers.get_all(header::HOST).iter();
        let line = lines.next().and_then(|host| host.to_str().ok());
        // HTTP/2 names the host in the address; two lines are nobody's host.
        let host = uri.authority().map(|authority| authority.as_str()).or(line);
        let single = lines.next().is_none();
        match host.filter(|host| single && is_host(host)) {
            Some(host) => format!("http://{host}/keydelivery"),
            None => self.default_key_delivery.clone(),
        }
    }
}

/// Only what can be a host and a port goes into manifests.
fn is_host(host: &str) -> bool {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !host.is_empty() && host.len() <= 255 && host.chars().all(plain)
}

fn respond(answer: Answer, method: &Method, headers: &HeaderMap) -> Response {
    let length = answer.content.length();
    let mut base = HeaderMap::new();
    insert(&mut base, header::ETAG, &answer.etag);
    insert(&mut base, header::CACHE_CONTROL, cache_control(answer.cache));
    base.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if precondition_failed(headers, &answer.etag) {
        return (StatusCode::PRECONDITION_FAILED, base).into_response();
    }
    if not_modified(headers, &answer.etag) {
        return (StatusCode::NOT_MODIFIED, base).into_response();
    }
    let decision = match *method {
        Method::GET => range::decide(headers, &answer.etag, length),
        _ => RangeDecision::Whole,
    };
    insert(&mut base, header::CONTENT_TYPE, answer.content_type);
    let (status, part) = match decision {
        RangeDecision::Whole => (StatusCode::OK, 0..length),
        RangeDecision::Partial { start, end_inclusive } => {
            let field = range::satisfied(start, end_inclusive, length);
            insert(&mut base, header::CONTENT_RANGE, &field);
            (StatusCode::PARTIAL_CONTENT, start..end_inclusive + 1)
        }
        RangeDecision::Unsatisfiable => {
            insert(&mut base, header::CONTENT_RANGE, &range::unsatisfied(length));
            base.remove(header::CONTENT_TYPE);
            return (StatusCode::RANGE_NOT_SATISFIABLE, base).into_response();
        }
    };
    base.insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    if *method == Method::HEAD {
        return (status, base).into_response();
    }
    (status, base, body(answer.content, part)).into_response()
}

/// Sends a part of the content, which lies inside it.
fn body(content: Content, part: Range<u64>) -> Body {
    match content {
        Content::Bytes(bytes) => {
            // The content is in memory, so positions fit.
            let at = |position: u64| usize::try_from(position).unwrap_or(bytes.len());
            Body::from(bytes.slice(at(part.start)..at(part.end)))
        }
        Content::Planned(plan, sources) => Body::new(PlanBody::new(plan, sources, part)),
    }
}

/// Values that are made here are ASCII without line ends.
fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn cache_control(policy: CachePolicy) -> &'static str {
    match policy {
        CachePolicy::Manifest => "public, max-age=60",
        CachePolicy::Media => "public, max-age=86400",
        CachePolicy::Download => "public, max-age=3600",
    }
}

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
        (header::CONTENT_TYPE, HeaderValue::from_static("application/xml")),
        (header::CACHE_CONTROL, HeaderValue::from_static(refusal_lifetime(status))),
    ];
    (status, headers, body).into_response()
}

/// AMS's CDN kept 404 answers for ten seconds (ams.md section 2.7).
fn refusal_lifetime(status: StatusCode) -> &'static str {
    if status == StatusCode::NOT_FOUND { "public, max-age=10" } else { "no-store" }
}
