//! PlayReady (playready.md sections 5 to 9): SOAP messages in, SOAP messages out.
//!
//! A refusal is a SOAP fault with PlayReady's status code and with the HTTP status that it would have
//! for any other system: players tell people the status, and a server of Microsoft's would say 500
//! whatever the reason.

mod tester;

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode as Status;
use axum::response::{IntoResponse, Response};
use ring::rand::SystemRandom;

use super::call::Call;
use super::forward::{forwarded, passed};
use super::refused::{REQUEST_BAD, Refused, Row};
use super::samples::OfSamples;
use super::{Answering, Service, credentials, secret, served};
use crate::http::problem::Problem;
use crate::ids::KeyId;
use crate::license::playready::{
    self as playready, CONTENT_TYPE, Challenge, CustomToken, Device, Extras, Grantable,
    PlayReadyLicenseError as Error, Request, StatusCode, fault, terms, xmr::Cipher,
};
use crate::license::upstream::Passed;
use crate::license::{GrantedKey, System};
use crate::protection::Protection;
use crate::service::delivery::{Delivery, DeliveryError, Forward, Granted, KeyRequest, Route};
use crate::store::StoreError;
use crate::token::Bearer;

pub(super) const SERVICE: Service = Service {
    system: System::PlayReady,
    answer,
    refuse: refused,
    certificate: None,
    problems: PROBLEMS,
};

const OTHER_DEVICE: &str = "The device gets no licence";
const OTHER_KEY: &str = "There is no such licence";

const PROBLEMS: &[Row] = &[
    ("playready-request-malformed", Status::BAD_REQUEST, REQUEST_BAD),
    ("playready-protocol-version", Status::BAD_REQUEST, REQUEST_BAD),
    ("playready-header-malformed", Status::BAD_REQUEST, REQUEST_BAD),
    ("playready-header-without-kids", Status::BAD_REQUEST, REQUEST_BAD),
    ("playready-header-too-many-kids", Status::BAD_REQUEST, REQUEST_BAD),
    ("playready-signature-invalid", Status::BAD_REQUEST, REQUEST_BAD),
    ("playready-client-data-unreadable", Status::BAD_REQUEST, REQUEST_BAD),
    ("playready-test-configuration-malformed", Status::BAD_REQUEST, REQUEST_BAD),
    ("playready-device-key-mismatch", Status::FORBIDDEN, OTHER_DEVICE),
    ("playready-device-revoked", Status::FORBIDDEN, OTHER_DEVICE),
    ("playready-device-expired", Status::FORBIDDEN, OTHER_DEVICE),
    ("playready-device-root-unknown", Status::FORBIDDEN, OTHER_DEVICE),
    ("playready-device-certificate-invalid", Status::FORBIDDEN, OTHER_DEVICE),
    ("playready-security-level", Status::FORBIDDEN, OTHER_DEVICE),
    ("playready-cbc-not-supported", Status::FORBIDDEN, OTHER_DEVICE),
    ("playready-cipher-not-served", Status::FORBIDDEN, OTHER_KEY),
    (OF_SAMPLES.code, Status::FORBIDDEN, OTHER_KEY),
    ("playready-no-play-right", Status::FORBIDDEN, OTHER_KEY),
    ("playready-license-over", Status::FORBIDDEN, OTHER_KEY),
    ("playready-transaction-unknown", Status::NOT_FOUND, "There is no such transaction"),
    ("playready-license-failed", Status::INTERNAL_SERVER_ERROR, "The server failed"),
];

/// Why there is no licence.
enum Failure {
    PlayReady(Error),
    Other(Refused),
    /// A tester wants to see this fault.
    Wanted(StatusCode),
}

impl<E: Into<Refused>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::PlayReady(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (code, refused) = match self {
            Self::Wanted(code) => {
                let text = fault(code, "playready-test", "This fault was asked for.");
                return (Status::INTERNAL_SERVER_ERROR, message(text)).into_response();
            }
            Self::PlayReady(error) => {
                let (code, reason) = (error.status_code(), error.reason());
                (code, Refused::System { code: reason, detail: error.to_string() })
            }
            Self::Other(refused) => (StatusCode::SERVICE_SPECIFIC, refused),
        };
        refused.in_form(|(reason, status, _), sentence| {
            let code = if status.is_server_error() { StatusCode::INTERNAL } else { code };
            message(fault(code, reason, &sentence))
        })
    }
}

/// A refusal from before the request was read.
pub(super) fn refused(refused: Refused) -> Response {
    Failure::Other(refused).into_response()
}

/// The same of one that the server has for any address.
pub(super) fn told(problem: Problem) -> Response {
    let Problem { status, code: reason, detail, .. } = problem;
    let code = match status.is_server_error() {
        true => StatusCode::INTERNAL,
        false => StatusCode::SERVICE_SPECIFIC,
    };
    (status, message(fault(code, reason, &detail))).into_response()
}

fn message(text: String) -> Response {
    secret(CONTENT_TYPE, Bytes::from(text))
}

fn answer(delivery: Arc<Delivery>, call: Call) -> Answering {
    Box::pin(async move { answered(delivery, &call).await.into_response() })
}

async fn answered(delivery: Arc<Delivery>, call: &Call) -> Result<Response, Failure> {
    served(&delivery, delivery.trust().playready.is_some())?;
    match Request::parse(&call.body)? {
        Request::Acknowledge(acknowledgement) => {
            Ok(message(service(&delivery)?.acknowledge(&acknowledgement)?))
        }
        Request::Acquire(challenge) => acquire(&delivery, call, *challenge).await,
    }
}

fn service(delivery: &Delivery) -> Result<Arc<playready::Service>, DeliveryError> {
    delivery.trust().playready.clone().ok_or(DeliveryError::NotServed)
}

/// The names of the keys are in the clear: who asks is looked at, which takes the private key of the
/// service, after what is asked for was granted.
async fn acquire(
    delivery: &Delivery,
    call: &Call,
    challenge: Challenge,
) -> Result<Response, Failure> {
    let token = token(call, &challenge)?;
    if let Some(config) = tester::config(delivery, call)? {
        let service = service(delivery)?;
        let text = tester::acquire(delivery, service, &config, challenge, token.as_ref()).await?;
        return Ok(message(text));
    }
    let kids = challenge.kids();
    let request = asked(&kids, token.as_ref());
    let granted = match delivery.route(&request).await? {
        Route::Here(granted) => granted,
        Route::Elsewhere(forward) => return elsewhere(forward, &request, call).await,
    };
    let granted = OF_SAMPLES.among(granted)?;
    let (service, granted) = credentials(delivery.trust().playready.clone(), granted)?;
    // A millisecond of arithmetic and more, during which this thread would serve nobody.
    let written = tokio::task::spawn_blocking(move || write(&service, &challenge, granted)).await;
    let written = written.map_err(|_| DeliveryError::Store(StoreError::Closed))?;
    written.map(message).map_err(Failure::PlayReady)
}

async fn elsewhere(
    forward: Forward,
    request: &KeyRequest<'_>,
    call: &Call,
) -> Result<Response, Failure> {
    let forward = OF_SAMPLES.alone(forward)?;
    let message = Request::unwrapped(&call.body)?;
    let passed = Passed { message: &message, ..passed(request, call) };
    Ok(forwarded(forward, request, &passed).await?)
}

/// The token of the request, or that of the application in the challenge.
fn token(call: &Call, challenge: &Challenge) -> Result<Option<Bearer>, Refused> {
    CustomToken::beside(challenge.token(), call.token()?).map_err(Refused::Token)
}

/// What speaks against a licence, whoever asks for it.
fn unfit(key: &GrantedKey, now: jiff::Timestamp) -> Option<Error> {
    terms(&key.rights, now).is_over(now).then_some(Error::Over)
}

/// The keys that nothing speaks against; when that is none, what speaks against the first.
fn only(
    granted: Granted,
    against: impl Fn(&GrantedKey) -> Option<Error>,
) -> Result<Granted, Error> {
    let refusal = granted.keys().iter().find_map(&against);
    let reason = refusal.as_ref().map_or("", Error::reason);
    let granted = granted.only(reason, |key| against(key).is_none());
    granted.ok_or(refusal.unwrap_or(Error::NoKids))
}

fn asked<'a>(kids: &'a [KeyId], token: Option<&'a Bearer>) -> KeyRequest<'a> {
    KeyRequest { system: System::PlayReady, kids, token, persistent: false }
}

async fn grant(
    delivery: &Delivery,
    kids: &[KeyId],
    token: Option<&Bearer>,
) -> Result<Granted, Failure> {
    Ok(OF_SAMPLES.among(delivery.grant(&asked(kids, token)).await?)?)
}

const OF_SAMPLES: OfSamples = OfSamples {
    code: "playready-key-of-other-kind",
    detail: "this key encrypts whole segments and is delivered without licence",
};

fn write(
    service: &playready::Service,
    challenge: &Challenge,
    granted: Granted,
) -> Result<String, Error> {
    let now = granted.now();
    let granted = only(granted, |key| unfit(key, now))?;
    let device = match service.open(challenge, now) {
        Ok(device) => device,
        Err(error) => {
            granted.refused(error.reason());
            return Err(error);
        }
    };
    let granted = only(granted, |key| {
        let grant = grantable(challenge, key, now)?;
        device.may_have(&grant).err()
    })?;
    finish(service, (challenge, &device), granted)
}

fn finish(
    service: &playready::Service,
    (challenge, device): (&Challenge, &Device),
    granted: Granted,
) -> Result<String, Error> {
    let now = granted.now();
    let grants: Vec<Grantable> =
        granted.keys().iter().filter_map(|key| grantable(challenge, key, now)).collect();
    let custom_data = granted.keys().iter().find_map(|key| key.rights.custom_data.as_deref());
    let extras = Extras { custom_data, transaction: None };
    let pair = (challenge, device);
    let text = service.respond(pair, &grants, extras, now, &SystemRandom::new());
    match &text {
        Ok(_) => granted.delivered(),
        Err(error) => granted.refused(error.reason()),
    }
    text
}

/// The client will use the key as the header says, and only with a licence that says the same.
fn grantable(challenge: &Challenge, key: &GrantedKey, now: jiff::Timestamp) -> Option<Grantable> {
    let cipher = challenge.cipher(key.kid).unwrap_or_else(|| cipher_of(key.protection));
    let (kid, terms) = (key.kid, terms(&key.rights, now));
    Some(Grantable { kid, key: key.key.content()?.clone(), cipher, terms })
}

fn cipher_of(protection: Protection) -> Cipher {
    match protection {
        Protection::Cbcs | Protection::Cbc1 => Cipher::AesCbc,
        _ => Cipher::AesCtr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ecc::EccError;
    use crate::drm::playready::PlayReadyError;
    use crate::license::playready::certificate::{CertificateError, ChainError};

    #[test]
    fn every_reason_has_one_row_and_every_row_a_reason() {
        let errors = [
            Error::NotText,
            Error::Version,
            Error::Header(PlayReadyError::Kid),
            Error::NoKids,
            Error::TooManyKids,
            Error::Signature,
            Error::ClientData,
            Error::SignedByAnother,
            Error::Chain(ChainError::Revoked),
            Error::Chain(ChainError::Expired),
            Error::Chain(ChainError::UnknownRoot),
            Error::Chain(ChainError::Malformed(CertificateError("x"))),
            Error::SecurityLevel,
            Error::NoCbc,
            Error::Cocktail,
            Error::Over,
            Error::NoPlay,
            Error::UnknownTransaction,
            Error::Failed(EccError::NoRandomness),
        ];
        let own = ["playready-test-configuration-malformed", "playready-key-of-other-kind"];
        let mut reasons: Vec<_> = errors.iter().map(Error::reason).chain(own).collect();
        let mut rows: Vec<_> = PROBLEMS.iter().map(|(code, ..)| *code).collect();
        reasons.sort_unstable();
        rows.sort_unstable();
        assert_eq!(reasons, rows);
    }
}
