//! RFC 9457 problem documents: how keys, licences and management refuse.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::Value;

/// A refusal with a stable reason code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status of the answer.
    pub status: StatusCode,
    /// Stable, machine-readable reason, for example `token-expired`.
    pub code: &'static str,
    /// Short summary, the same for every occurrence of `code`.
    pub title: &'static str,
    /// What was wrong with this request and what to do; never holds a secret.
    pub detail: String,
}

/// A refusal of what may be had later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooEarly {
    /// The refusal.
    pub problem: Problem,
    /// When it may be had: the member `notBefore` of the document.
    pub not_before: Timestamp,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        document(self.status, self.body())
    }
}

impl IntoResponse for TooEarly {
    fn into_response(self) -> Response {
        let mut body = self.problem.body();
        body["notBefore"] = self.not_before.to_string().into();
        document(self.problem.status, body)
    }
}

impl Problem {
    /// There is nothing at an address.
    pub fn not_found(detail: String) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "not-found",
            title: "There is nothing at this address",
            detail,
        }
    }

    /// The answer under a type that another body has defined.
    pub fn of_type(self, kind: &str) -> Response {
        let mut body = self.body();
        body["type"] = kind.into();
        document(self.status, body)
    }

    fn body(&self) -> Value {
        serde_json::json!({
            "type": format!("urn:portcullis:problem:{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        })
    }
}

fn document(status: StatusCode, body: Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.to_string()).into_response()
}
