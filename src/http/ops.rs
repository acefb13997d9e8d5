//! What load balancers and operators ask: alive, ready, which version.

use axum::Json;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use super::problem::Problem;
use crate::store::Store;

/// `/healthz`, `/readyz` and `/version`.
pub(super) fn routes(store: Store) -> Router {
    Router::new()
        .route("/healthz", get(|| async { fresh("ok\n") }))
        .route("/readyz", get(move || ready(store)))
        .route("/version", get(|| async { fresh(Json(VERSION)) }))
}

#[derive(Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
}

const VERSION: Version =
    Version { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

async fn ready(store: Store) -> Response {
    match store.ping().await {
        Ok(()) => fresh("ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            Problem {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: "not-ready",
                title: "Requests cannot be served now",
                detail: "The database does not answer; the log has the reason.".to_owned(),
            }
            .into_response()
        }
    }
}

/// State of this moment: no cache may keep it.
fn fresh(body: impl IntoResponse) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], body).into_response()
}
