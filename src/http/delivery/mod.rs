//! Key and licence requests over HTTP (ams.md section 10, clearkey.md section 5).
//!
//! | path | methods | answer |
//! |---|---|---|
//! | `/keydelivery/?kid=` | GET, HEAD, POST | the 16 bytes of the key |
//! | `/keydelivery/` | POST of JSON | a ClearKey licence |
//! | `/keydelivery/ClearKey/` | POST | a ClearKey licence |
//! | `/keydelivery/license` | POST | a licence of the system that the body belongs to |
//!
//! Each path is served with and without a slash at its end. Refusals are problem documents.

mod call;
mod refused;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use self::call::Call;
use self::refused::Refused;
use crate::service::delivery::Delivery;

/// The longest request body in bytes; a ClearKey request for the most keys needs 2 KB.
pub const MAX_BODY_LEN: usize = 64 * 1024;

/// The routes of key delivery.
pub fn routes<S>(delivery: Arc<Delivery>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    Router::new()
        .route("/keydelivery", get(raw_key).post(posted))
        .route("/keydelivery/", get(raw_key).post(posted))
        .route("/keydelivery/ClearKey", post(clearkey))
        .route("/keydelivery/ClearKey/", post(clearkey))
        .route("/keydelivery/license", post(license))
        .route("/keydelivery/license/", post(license))
        .with_state(delivery)
}

type Answer = Result<Response, Refused>;

async fn raw_key(State(delivery): State<Arc<Delivery>>, call: Call) -> Answer {
    let key = delivery.raw_key(call.kid()?, call.token()?.as_ref()).await?;
    let body = Bytes::copy_from_slice(key.expose());
    Ok(secret("application/octet-stream", body))
}

/// AMS took both kinds of request at this address; only those for licences have a body.
async fn posted(state: State<Arc<Delivery>>, call: Call) -> Answer {
    if call.is_clearkey() { clearkey(state, call).await } else { raw_key(state, call).await }
}

/// Which keys are wanted stands in the body; a `kid` that players copy into the query is ignored.
async fn clearkey(State(delivery): State<Arc<Delivery>>, call: Call) -> Answer {
    let licence = delivery.clearkey(&call.body, call.token()?.as_ref()).await?;
    let body = Bytes::copy_from_slice(licence.as_bytes());
    Ok(secret("application/json", body))
}

async fn license(state: State<Arc<Delivery>>, call: Call) -> Answer {
    if call.is_clearkey() { clearkey(state, call).await } else { Err(Refused::UnknownSystem) }
}

fn secret(content_type: &'static str, body: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), body).into_response()
}
