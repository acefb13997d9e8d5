//! Key and licence requests over HTTP (ams.md section 10, clearkey.md section 5).
//!
//! | path | methods | answer |
//! |---|---|---|
//! | `/keydelivery/?kid=` | GET, HEAD, POST | the 16 bytes of the key |
//! | `/keydelivery/` | POST of JSON | a ClearKey licence |
//! | `/keydelivery/{system}/` | POST | a licence of the system, for each of `SERVICES` |
//! | `/keydelivery/ClearKey/release` | POST | the acknowledgement of a release |
//! | `/keydelivery/{system}/certificate` | GET, HEAD | its certificate, where it has one; FairPlay: with `?kid=` that for the key |
//! | `/keydelivery/license` | POST | a licence of the system that the body belongs to |
//!
//! Each path is served with and without a slash at its end, and names of systems in small letters too;
//! what else lies below is told from media, and says what there is. Refusals are problem documents, unless a
//! system has a form of its own.
//!
//! A system is one file here with its `Service`, and one row of `SERVICES`. Its `answer` always
//! goes the same way: parse the body (pure, `license::{system}`), ask [`Delivery::route`] with the
//! KIDs and the token; pass the request on where another server makes the licences (`forward`), else do
//! what private keys are needed for, write the licence (pure), and end with `Granted::delivered` or
//! `Granted::refused`, so that the audit has the outcome. What a tester wishes instead of the usual
//! answer (`license::tester`) is done around it, in `tester`.

mod call;
mod challenge;
mod clearkey;
mod fairplay;
mod forward;
mod playready;
mod refused;
mod samples;
mod tester;
mod widevine;

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

use self::call::Call;
use self::refused::Refused;
use crate::http::problem::Problem;
use crate::license::System;
use crate::license::recognize::{self, recognize};
use crate::service::delivery::{Delivery, DeliveryError, Granted};

/// The longest request body in bytes; a ClearKey request for the most keys needs 2 KB.
pub const MAX_BODY_LEN: usize = 64 * 1024;

/// The longest licence in bytes; one for the most keys has some ten thousand.
const MAX_LICENCE_LEN: usize = 1 << 20;

/// The licence services, one row for each system.
const SERVICES: &[Service] =
    &[clearkey::SERVICE, playready::SERVICE, widevine::SERVICE, fairplay::SERVICE];

/// How licences of one system are served.
struct Service {
    /// The system; its row names the path.
    system: System,
    /// Answers a licence request.
    answer: fn(Arc<Delivery>, Call) -> Answering,
    /// Refuses in the form of the system.
    refuse: Refuse,
    /// Gives the certificate that players fetch beforehand.
    certificate: Option<fn(Arc<Delivery>, Call) -> Answering>,
    /// The refusals of its own: reason code, status, title.
    problems: &'static [refused::Row],
}

/// Refuses in the form of a system.
type Refuse = fn(Refused) -> Response;

/// An answer that is being made.
type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The routes of key delivery.
pub fn routes<S>(delivery: Arc<Delivery>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let mut routes = Router::new()
        .route("/keydelivery", get(raw_key).post(posted))
        .route("/keydelivery/", get(raw_key).post(posted))
        .route("/keydelivery/ClearKey/release", post(clearkey::release))
        .route("/keydelivery/license", post(license))
        .route("/keydelivery/license/", post(license))
        .route("/keydelivery/{*rest}", any(nowhere));
    let named = |service: &'static Service| {
        let name = service.system.row().path;
        [name.to_owned(), name.to_ascii_lowercase()].map(|name| (service, name))
    };
    for (service, name) in SERVICES.iter().flat_map(named) {
        let path = format!("/keydelivery/{name}");
        let answer = move |State(delivery): State<Arc<Delivery>>, call| async move {
            service.answered(delivery, call, false).await
        };
        routes = routes.route(&path, post(answer)).route(&format!("{path}/"), post(answer));
        if let Some(certificate) = service.certificate {
            let answer = move |State(delivery): State<Arc<Delivery>>, call: Call| {
                certificate(delivery, call)
            };
            routes = routes.route(&format!("{path}/certificate"), get(answer));
        }
    }
    routes.with_state(delivery)
}

async fn nowhere() -> Problem {
    let systems: Vec<&str> = SERVICES.iter().map(|service| service.system.row().path).collect();
    Problem::not_found(format!(
        "A key is at /keydelivery/?kid=, licences at /keydelivery/NAME/ with {} as NAME, or for any of \
         these at /keydelivery/license.",
        systems.join(", ")
    ))
}

/// What a system needs for the licences of this server, with the keys that are waiting for it.
fn credentials<T>(own: Option<T>, granted: Granted) -> Result<(T, Granted), DeliveryError> {
    match own {
        Some(own) => Ok((own, granted)),
        None => {
            granted.refused(DeliveryError::NotServed.reason());
            Err(DeliveryError::NotServed)
        }
    }
}

/// Whether a system has licences here at all, its own or those of other servers.
fn served(delivery: &Delivery, has_own: bool) -> Result<(), DeliveryError> {
    (has_own || delivery.has_upstreams()).then_some(()).ok_or(DeliveryError::NotServed)
}

impl Service {
    /// Answers as a tester wishes it, if he does; what came wrapped goes back wrapped.
    async fn answered(
        &self,
        delivery: Arc<Delivery>,
        call: Result<Call, Refused>,
        is_wrapped: bool,
    ) -> Response {
        let call = match call {
            Ok(call) => call,
            Err(refused) => return (self.refuse)(refused),
        };
        let answer = |delivery, call| async move {
            let answer = (self.answer)(delivery, call).await;
            if is_wrapped && answer.status().is_success() {
                rewrapped(answer).await
            } else {
                answer
            }
        };
        tester::answered(delivery, call, (self.system, self.refuse), answer).await
    }
}

/// How the address speaks of what is refused before its handler sees it: as problem documents,
/// unless the system has a form of its own.
pub(super) fn form_of(path: &str) -> fn(Problem) -> Response {
    let path = path.strip_prefix("/keydelivery").unwrap_or(path).trim_matches('/');
    match path.eq_ignore_ascii_case(System::PlayReady.row().path) {
        true => playready::told,
        false => Problem::into_response,
    }
}

async fn raw_key(State(delivery): State<Arc<Delivery>>, call: Call) -> Response {
    let answer = |delivery: Arc<Delivery>, call: Call| async move {
        key(&delivery, &call).await.into_response()
    };
    tester::answered(delivery, call, (System::Raw, Refused::into_response), answer).await
}

async fn key(delivery: &Delivery, call: &Call) -> Result<Response, Refused> {
    let key = delivery.raw_key(call.kid()?, call.token()?.as_ref()).await?;
    let body = Bytes::copy_from_slice(key.expose());
    Ok(secret("application/octet-stream", body))
}

/// AMS took both kinds of request at this address; only those for licences have a body.
async fn posted(state: State<Arc<Delivery>>, call: Call) -> Response {
    if call.is_clearkey() {
        clearkey::SERVICE.answered(state.0, Ok(call), false).await
    } else {
        raw_key(state, call).await
    }
}

/// The system is told by the body; an answer goes back in the wrapping in which the request came.
async fn license(State(delivery): State<Arc<Delivery>>, call: Call) -> Response {
    let Some(found) = recognize(&call.body) else {
        return Refused::UnknownSystem.into_response();
    };
    let Some(service) = SERVICES.iter().find(|service| service.system == found.system) else {
        return Refused::Delivery(DeliveryError::NotServed).into_response();
    };
    if !found.is_wrapped {
        return service.answered(delivery, Ok(call), false).await;
    }
    let body = Bytes::copy_from_slice(&found.body);
    service.answered(delivery, Ok(call.unwrapped(body)), true).await
}

async fn rewrapped(answer: Response) -> Response {
    match to_bytes(answer.into_body(), MAX_LICENCE_LEN).await {
        Ok(licence) => {
            let json = recognize::wrapped(&licence);
            secret("application/json", Bytes::copy_from_slice(json.as_bytes()))
        }
        // Our own answers are in memory and short.
        Err(_) => Refused::UnknownSystem.into_response(),
    }
}

/// An answer that holds a key, in whatever wrapping: kept by nobody.
fn secret(content_type: &'static str, body: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), body).into_response()
}
