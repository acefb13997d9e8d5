//! RFC 9457 problem documents: how keys, licences and management refuse.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

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

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": format!("urn:portcullis:problem:{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (self.status, headers, body.to_string()).into_response()
    }
}
