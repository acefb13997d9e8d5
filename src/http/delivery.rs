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

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use url::form_urlencoded;

use super::problem::Problem;
use crate::ids::KeyId;
use crate::service::delivery::{Delivery, DeliveryError};
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

/// Why a request got no key.
#[derive(Debug)]
enum Refused {
    BodyTooLarge,
    KidMissing,
    KidRepeated,
    KidMalformed,
    UnknownSystem,
    Token(TokenError),
    Delivery(DeliveryError),
}

impl From<DeliveryError> for Refused {
    fn from(error: DeliveryError) -> Self {
        Self::Delivery(error)
    }
}

impl Refused {
    fn code(&self) -> &'static str {
        match self {
            Self::BodyTooLarge => "body-too-large",
            Self::KidMissing => "kid-missing",
            Self::KidRepeated => "kid-repeated",
            Self::KidMalformed => "kid-malformed",
            Self::UnknownSystem => "license-request-unknown",
            Self::Token(error) => error.reason(),
            Self::Delivery(error) => error.reason(),
        }
    }

    /// What to tell the client; failures of ours tell nothing about themselves.
    fn detail(&self) -> String {
        match self {
            Self::BodyTooLarge => format!("The body may have {MAX_BODY_LEN} bytes."),
            Self::KidMissing => "Name the key: ?kid=<GUID>.".into(),
            Self::KidRepeated => "Ask for one key: the query has several `kid`.".into(),
            Self::KidMalformed => "`kid` must be a GUID: 32 hexadecimal digits.".into(),
            Self::UnknownSystem => "ClearKey requests (JSON) are understood here.".into(),
            Self::Token(error) => sentence(&error.to_string()),
            Self::Delivery(DeliveryError::Store(_) | DeliveryError::Vault(_)) => {
                "The request could not be finished; the log has the reason.".into()
            }
            Self::Delivery(error) => sentence(&error.to_string()),
        }
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(chars).chain(std::iter::once('.')).collect()
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (code, status, title) = row(self.code());
        if status.is_server_error() {
            tracing::error!(code, error = ?self, "key request failed");
        }
        let problem = Problem {
            status,
            code,
            title,
            detail: self.detail(),
        };
        match challenge(status, code) {
            Some(challenge) => ([(header::WWW_AUTHENTICATE, challenge)], problem).into_response(),
            None => problem.into_response(),
        }
    }
}

/// The challenge that goes with a refusal (RFC 6750 section 3).
fn challenge(status: StatusCode, code: &str) -> Option<HeaderValue> {
    let text = match (status, code) {
        (StatusCode::UNAUTHORIZED, "token-missing") => r#"Bearer realm="portcullis""#,
        (StatusCode::UNAUTHORIZED, _) => r#"Bearer realm="portcullis", error="invalid_token""#,
        (StatusCode::FORBIDDEN, _) => r#"Bearer realm="portcullis", error="insufficient_scope""#,
        _ => return None,
    };
    Some(HeaderValue::from_static(text))
}

type Row = (&'static str, StatusCode, &'static str);

const TOKEN_BAD: &str = "The token is not accepted";
const TOKEN_NOT_ENOUGH: &str = "The token does not cover this key";
const REQUEST_BAD: &str = "The licence request does not read";
const KID_BAD: &str = "The request does not name a key";
const FAILED: &str = "The server failed";

/// Every reason code of key delivery with its status and title.
const PROBLEMS: &[Row] = &[
    (
        "token-missing",
        StatusCode::UNAUTHORIZED,
        "A token is needed",
    ),
    ("token-ambiguous", StatusCode::BAD_REQUEST, TOKEN_BAD),
    ("token-too-long", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-malformed", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    (
        "token-algorithm-not-allowed",
        StatusCode::UNAUTHORIZED,
        TOKEN_BAD,
    ),
    ("token-critical-header", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    (
        "token-signature-invalid",
        StatusCode::UNAUTHORIZED,
        TOKEN_BAD,
    ),
    ("token-expiry-missing", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-expired", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-not-yet-valid", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-issuer-mismatch", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    (
        "token-audience-mismatch",
        StatusCode::UNAUTHORIZED,
        TOKEN_BAD,
    ),
    ("token-use-limit", StatusCode::FORBIDDEN, TOKEN_NOT_ENOUGH),
    (
        "token-claim-missing",
        StatusCode::FORBIDDEN,
        TOKEN_NOT_ENOUGH,
    ),
    (
        "token-claim-mismatch",
        StatusCode::FORBIDDEN,
        TOKEN_NOT_ENOUGH,
    ),
    (
        "token-key-identifier-mismatch",
        StatusCode::FORBIDDEN,
        TOKEN_NOT_ENOUGH,
    ),
    (
        "policy-option-missing",
        StatusCode::FORBIDDEN,
        "The policy does not deliver this",
    ),
    (
        "license-persistence-not-allowed",
        StatusCode::FORBIDDEN,
        "The policy does not deliver this",
    ),
    (
        "locator-not-active",
        StatusCode::FORBIDDEN,
        "The stream is not available now",
    ),
    ("key-unknown", StatusCode::NOT_FOUND, "There is no such key"),
    ("kid-missing", StatusCode::BAD_REQUEST, KID_BAD),
    ("kid-repeated", StatusCode::BAD_REQUEST, KID_BAD),
    ("kid-malformed", StatusCode::BAD_REQUEST, KID_BAD),
    (
        "clearkey-request-malformed",
        StatusCode::BAD_REQUEST,
        REQUEST_BAD,
    ),
    (
        "clearkey-request-without-kids",
        StatusCode::BAD_REQUEST,
        REQUEST_BAD,
    ),
    (
        "clearkey-request-too-many-kids",
        StatusCode::BAD_REQUEST,
        REQUEST_BAD,
    ),
    (
        "clearkey-request-kid-not-base64url",
        StatusCode::BAD_REQUEST,
        REQUEST_BAD,
    ),
    (
        "license-request-unknown",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        REQUEST_BAD,
    ),
    (
        "body-too-large",
        StatusCode::PAYLOAD_TOO_LARGE,
        "The request body is too large",
    ),
    (
        "store-busy",
        StatusCode::SERVICE_UNAVAILABLE,
        "The server is busy",
    ),
    ("store-failed", StatusCode::INTERNAL_SERVER_ERROR, FAILED),
    ("key-unreadable", StatusCode::INTERNAL_SERVER_ERROR, FAILED),
];

fn row(code: &'static str) -> Row {
    let found = PROBLEMS.iter().find(|(known, ..)| *known == code).copied();
    found.unwrap_or((code, StatusCode::INTERNAL_SERVER_ERROR, FAILED))
}
