//! An answer as HTTP: conditional requests, codings, ranges, HEAD, cache lifetimes.

use std::ops::Range;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;

use super::conditional::{not_modified, precondition_failed};
use super::encoding;
use super::range::{self, RangeDecision};
use crate::service::origin::{Answer, CachePolicy, Content, FileBody, PlanBody};

/// Room for the fields of an answer, those of other layers included.
const FIELDS: usize = 16;

/// What is sent is what its type says, whatever it looks like.
pub(super) const NO_SNIFFING: (HeaderName, HeaderValue) =
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// A file of an asset may be a document with scripts, which are nobody's here: as a page it has an
/// origin of its own and runs none.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox");

/// Conditions, ranges and lengths are of the form that is sent (RFC 9110 sections 8.8.3.3, 14.1).
pub(super) async fn respond(
    answer: Answer,
    method: &Method,
    headers: &HeaderMap,
    lifetimes: &Lifetimes,
) -> Response {
    let mut base = HeaderMap::with_capacity(FIELDS);
    let mut coding = None;
    if matches!(answer.content, Content::Text(_)) {
        base.insert(header::VARY, encoding::VARY);
        coding = encoding::preferred(headers);
    }
    let (answer, is_coded) = answer.coded(coding).await;
    let coding = coding.filter(|_| is_coded);
    let length = answer.content.length();
    insert(&mut base, header::ETAG, &answer.etag);
    base.insert(header::CACHE_CONTROL, lifetimes.of(answer.cache));
    base.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    base.extend([NO_SNIFFING]);
    if answer.cache == CachePolicy::Download {
        base.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    }
    if precondition_failed(headers, &answer.etag) {
        return response(StatusCode::PRECONDITION_FAILED, base, Body::empty());
    }
    if not_modified(headers, &answer.etag) {
        return response(StatusCode::NOT_MODIFIED, base, Body::empty());
    }
    let decision = match *method {
        Method::GET => range::decide(headers, &answer.etag, length),
        _ => RangeDecision::Whole,
    };
    base.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    if let Some(coding) = coding {
        base.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.row().name));
    }
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
            base.remove(header::CONTENT_ENCODING);
            return response(StatusCode::RANGE_NOT_SATISFIABLE, base, Body::empty());
        }
    };
    base.insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    if *method == Method::HEAD {
        return response(status, base, Body::empty());
    }
    response(status, base, body(answer.content, part))
}

fn response(status: StatusCode, fields: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    response
}

/// Sends a part of the content, which lies inside it.
fn body(content: Content, part: Range<u64>) -> Body {
    match content {
        Content::Bytes(bytes) => Body::from(slice(&bytes, &part)),
        Content::Text(text) => Body::from(slice(&text.plain().bytes, &part)),
        Content::Planned(plan, sources) => Body::new(PlanBody::new(plan, sources, part)),
        Content::File(file) => Body::new(FileBody::new(file, part)),
    }
}

/// The content is in memory, so positions fit.
fn slice(bytes: &Bytes, part: &Range<u64>) -> Bytes {
    let at = |position: u64| usize::try_from(position).unwrap_or(bytes.len());
    bytes.slice(at(part.start)..at(part.end))
}

/// Values that are made here are ASCII without line ends.
fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// How long caches may keep answers.
#[derive(Debug, Clone, Default)]
pub struct Lifetimes {
    /// What the operator wants of manifests and media.
    wanted: Option<HeaderValue>,
}

impl Lifetimes {
    /// Manifests and media may be kept that long, if a time is given (ams.md section 2.7).
    pub fn new(max_age: Option<Duration>) -> Self {
        let field = |age: Duration| format!("public, max-age={}", age.as_secs()).parse().ok();
        Self { wanted: max_age.and_then(field) }
    }

    fn of(&self, policy: CachePolicy) -> HeaderValue {
        let built_in = HeaderValue::from_static(match policy {
            CachePolicy::Manifest => "public, max-age=60",
            CachePolicy::Media => "public, max-age=86400",
            CachePolicy::Download => "public, max-age=3600",
            CachePolicy::Page => "no-cache",
            CachePolicy::Moment => "no-store",
        });
        match policy {
            CachePolicy::Manifest | CachePolicy::Media => self.wanted.clone().unwrap_or(built_in),
            _ => built_in,
        }
    }
}
