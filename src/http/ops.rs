//! What load balancers and operators ask: alive, ready, which version.

use axum::Json;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use super::problem::Problem;

/// Tells whether requests can be served now; the error says in a few words why not.
pub trait Readiness: Clone + Send + Sync + 'static {
    /// Asks the things that a request would need.
    fn check(&self) -> impl Future<Output = Result<(), String>> + Send;
}

/// `/healthz`, `/readyz` and `/version`.
pub fn routes<S: Clone + Send + Sync + 'static>(readiness: impl Readiness) -> Router<S> {
    Router::new()
        .route("/healthz", get(|| async { fresh("ok\n") }))
        .route("/readyz", get(move || ready(readiness)))
        .route("/version", get(|| async { fresh(Json(VERSION)) }))
}

#[derive(Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
}

const VERSION: Version = Version {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

async fn ready(readiness: impl Readiness) -> Response {
    match readiness.check().await {
        Ok(()) => fresh("ready\n"),
        Err(detail) => Problem {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "not-ready",
            title: "Requests cannot be served now",
            detail,
        }
        .into_response(),
    }
}

/// State of this moment: no cache may keep it.
fn fresh(body: impl IntoResponse) -> Response {
    (
        [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
        body,
    )
        .into_response()
}
