//! Key and licence requests over HTTP (ams.md section 10, clearkey.md section 5).
//!
//! | path | methods | answer |
//! |---|---|---|
//! | `/keydelivery/?kid=` | GET, HEAD, POST | the 16 bytes of the key |
//! | `/keydelivery/ClearKey/` | POST | a ClearKey licence |
//! | `/keydelivery/license` | POST | a licence of the system that the body belongs to |
//!
//! Each path is served with and without a slash at its end. Refusals are problem documents: 401
//! when there is no good token, 403 when a good token does not cover the key.

mod refused;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use url::form_urlencoded;

use self::refused::Refused;
use crate::ids::KeyId;
use crate::service::delivery::Delivery;
use crate::token::{Bearer, TokenError};

/// The longest request body in bytes; a ClearKey request for the most keys needs 2 KB.
pub const MAX_BODY_LEN: usize = 64 * 1024;

/// The routes of key delivery.
pub fn routes<S>(delivery: Arc<Delivery>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    Router::new()
        .route("/keydelivery", get(raw_key).post(raw_key))
        .route("/keydelivery/", get(raw_key).post(raw_key))
        .route("/keydelivery/ClearKey", post(clearkey))
        .route("/keydelivery/ClearKey/", post(clearkey))
        .route("/keydelivery/license", post(license))
        .route("/keydelivery/license/", post(license))
        .with_state(delivery)
}

async fn raw_key(
    State(delivery): State<Arc<Delivery>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    read(body).await?;
    let query = Query::parse(query.as_deref());
    let kid = query.kid()?;
    let key = delivery
        .raw_key(kid, query.token(&headers)?.as_ref())
        .await?;
    Ok(secret(
        "application/octet-stream",
        Bytes::copy_from_slice(key.expose()),
    ))
}

async fn clearkey(
    State(delivery): State<Arc<Delivery>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body = read(body).await?;
    clearkey_licence(&delivery, query.as_deref(), &headers, &body).await
}

/// Tells the system apart by the body.
async fn license(
    State(delivery): State<Arc<Delivery>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body = read(body).await?;
    match body.trim_ascii_start().first() {
        Some(b'{') => clearkey_licence(&delivery, query.as_deref(), &headers, &body).await,
        _ => Err(Refused::UnknownSystem),
    }
}

/// Which keys are wanted stands in the body; a `kid` that players copy into the query is ignored.
async fn clearkey_licence(
    delivery: &Delivery,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Refused> {
    let token = Query::parse(query).token(headers)?;
    let licence = delivery.clearkey(body, token.as_ref()).await?;
    Ok(secret(
        "application/json",
        Bytes::copy_from_slice(licence.as_bytes()),
    ))
}

async fn read(body: Body) -> Result<Bytes, Refused> {
    to_bytes(body, MAX_BODY_LEN)
        .await
        .map_err(|_| Refused::BodyTooLarge)
}

fn secret(content_type: &'static str, body: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (headers, body).into_response()
}

struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    fn parse(query: Option<&'a str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect())
    }

    /// The one `kid`, in any case of the name.
    fn kid(&self) -> Result<KeyId, Refused> {
        let mut kids = self
            .0
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("kid"));
        match (kids.next(), kids.next()) {
            (None, _) => Err(Refused::KidMissing),
            (Some(_), Some(_)) => Err(Refused::KidRepeated),
            (Some((_, value)), None) => value.parse().map_err(|_| Refused::KidMalformed),
        }
    }

    fn token(&self, headers: &HeaderMap) -> Result<Option<Bearer>, Refused> {
        let not_text = TokenError::Malformed("the Authorization header is not ASCII text");
        let authorization = headers
            .get_all(header::AUTHORIZATION)
            .iter()
            .map(HeaderValue::to_str)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| Refused::Token(not_text))?;
        let query = self
            .0
            .iter()
            .filter(|(name, _)| name == "token")
            .map(|(_, value)| &**value);
        Bearer::find(authorization, query).map_err(Refused::Token)
    }
}
