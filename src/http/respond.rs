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
use crate::coding::Coding;
use crate::service::origin::{Answer, CachePolicy, Content, FileBody, PlanBody};

/// Room for the fields of an answer, those of other layers included.
const FIELDS: usize = 16;

/// What is sent is what its type says, whatever it looks like.
pub(super) const NO_SNIFFING: (HeaderName, HeaderValue) =
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// A file of an asset may be a document with scripts, which are nobody's here: as a page it has an
/// origin of its own and runs none.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox");

/// Answers a request, in the coding that its client likes best.
pub(super) async fn respond(
    answer: Answer,
    method: &Method,
    headers: &HeaderMap,
    lifetimes: &Lifetimes,
) -> Response {
    let whole = Whole::of(answer, encoding::preferred(headers), lifetimes).await;
    whole.respond(method, headers)
}

/// An answer as it is sent to whom asks for nothing but it.
#[derive(Clone)]
pub(super) struct Whole {
    pub(super) fields: HeaderMap,
    content: Content,
    length: u64,
}

impl Whole {
    /// In a coding, where that makes the content shorter.
    pub(super) async fn of(answer: Answer, coding: Option<Coding>, lifetimes: &Lifetimes) -> Self {
        let mut fields = HeaderMap::with_capacity(FIELDS);
        let is_text = matches!(answer.content, Content::Text(_));
        let (answer, is_coded) = answer.coded(coding.filter(|_| is_text)).await;
        insert(&mut fields, header::ETAG, &answer.etag);
        fields.insert(header::CACHE_CONTROL, lifetimes.of(answer.cache));
        fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        fields.extend([NO_SNIFFING]);
        if is_text {
            fields.insert(header::VARY, encoding::VARY);
        }
        if answer.cache == CachePolicy::Download {
            fields.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
        }
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
        if let Some(coding) = coding.filter(|_| is_coded) {
            fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.row().name));
        }
        let length = answer.content.length();
        Self { fields, content: answer.content, length }
    }

    /// The same document, sharing nothing with another one that a long life would keep or many cores
    /// count.
    pub(super) fn apart(&self) -> Self {
        let content = match &self.content {
            Content::Bytes(bytes) => Content::Bytes(Bytes::copy_from_slice(bytes)),
            Content::Text(text) => Content::Bytes(Bytes::copy_from_slice(&text.plain().bytes)),
            made => made.clone(),
        };
        let mut fields = self.fields.clone();
        // What the operator wants is one value for all answers.
        let lifetime =
            fields.get(header::CACHE_CONTROL).map(|it| HeaderValue::from_bytes(it.as_bytes()));
        if let Some(Ok(lifetime)) = lifetime {
            fields.insert(header::CACHE_CONTROL, lifetime);
        }
        Self { fields, content, length: self.length }
    }

    /// About how many bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        // Few values are longer than what the map needs for each.
        let fields = self.fields.capacity() * 2 * size_of::<(HeaderName, HeaderValue)>();
        fields.saturating_add(usize::try_from(self.length).unwrap_or(usize::MAX))
    }

    /// Conditions, ranges and lengths are of the form that is sent (RFC 9110 sections 8.8.3.3, 14.1).
    pub(super) fn respond(mut self, method: &Method, headers: &HeaderMap) -> Response {
        let etag = self.fields.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        let etag = etag.unwrap_or_default();
        if precondition_failed(headers, etag) {
            return self.without_content(StatusCode::PRECONDITION_FAILED);
        }
        if not_modified(headers, etag) {
            return self.without_content(StatusCode::NOT_MODIFIED);
        }
        let decision = match *method {
            Method::GET => range::decide(headers, etag, self.length),
            _ => RangeDecision::Whole,
        };
        let (status, part) = match decision {
            RangeDecision::Whole => (StatusCode::OK, 0..self.length),
            RangeDecision::Partial { start, end_inclusive } => {
                let field = range::satisfied(start, end_inclusive, self.length);
                insert(&mut self.fields, header::CONTENT_RANGE, &field);
                (StatusCode::PARTIAL_CONTENT, start..end_inclusive + 1)
            }
            RangeDecision::Unsatisfiable => {
                insert(&mut self.fields, header::CONTENT_RANGE, &range::unsatisfied(self.length));
                return self.without_content(StatusCode::RANGE_NOT_SATISFIABLE);
            }
        };
        let is_head = *method == Method::HEAD;
        if is_head || !matches!(self.content, Content::Bytes(_)) {
            // Of bytes in memory it is told anyhow.
            self.fields.insert(header::CONTENT_LENGTH, (part.end - part.start).into());
        }
        let body = if is_head { Body::empty() } else { body(self.content, part) };
        response(status, self.fields, body)
    }

    fn without_content(mut self, status: StatusCode) -> Response {
        self.fields.remove(header::CONTENT_TYPE);
        self.fields.remove(header::CONTENT_ENCODING);
        response(status, self.fields, Body::empty())
    }
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
