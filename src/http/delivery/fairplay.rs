//! FairPlay (fairplay.md section 7): SPCs in any form that applications send, answers in the same.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::call::Call;
use super::refused::{REQUEST_BAD, Refused, Row};
use super::{Answering, Service, secret};
use crate::cenc::IvContext;
use crate::crypto::random;
use crate::ids::KeyId;
use crate::license::fairplay::{self as fairplay, FairPlayError as Error, Request, Session, Terms};
use crate::license::{GrantedKey, System};
use crate::policy::Configuration;
use crate::protection::Protection;
use crate::service::delivery::{Delivery, DeliveryError, Granted, KeyRequest};
use crate::store::StoreError;

pub(super) const SERVICE: Service = Service {
    system: System::FairPlay,
    answer,
    refuse: Refused::into_response,
    certificate: Some(certificate),
    problems: PROBLEMS,
};

const NOT_OURS: &str = "The request is not for this service";
const NO_SUCH_KEY: &str = "The request does not name a key of FairPlay";
const RIGHTS: &str = "The policy does not deliver this";

const PROBLEMS: &[Row] = &[
    ("fairplay-request-malformed", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("fairplay-spc-malformed", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("fairplay-spc-version", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("fairplay-spc-block-malformed", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("fairplay-spc-block-repeated", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("fairplay-spc-block-missing", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("fairplay-spc-block-value", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("fairplay-spc-return-request", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("fairplay-protocol-version", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("fairplay-offline-sync-not-served", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("fairplay-certificate-unknown", StatusCode::FORBIDDEN, NOT_OURS),
    ("fairplay-spc-integrity", StatusCode::FORBIDDEN, NOT_OURS),
    ("fairplay-asset-unknown", StatusCode::NOT_FOUND, NO_SUCH_KEY),
    ("fairplay-asset-of-other-key", StatusCode::FORBIDDEN, NO_SUCH_KEY),
    ("fairplay-key-of-other-kind", StatusCode::FORBIDDEN, NO_SUCH_KEY),
    ("fairplay-rights-not-expressed", StatusCode::FORBIDDEN, RIGHTS),
    ("fairplay-rights-over", StatusCode::FORBIDDEN, RIGHTS),
    ("fairplay-policy-credentials-not-served", StatusCode::NOT_IMPLEMENTED, RIGHTS),
];

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::NoRandomness(_) => DeliveryError::Store(StoreError::NoRandomness).into(),
            error => Self::System { code: error.reason(), detail: error.to_string() },
        }
    }
}

fn certificate(delivery: &Delivery) -> Result<Response, Refused> {
    let der = Bytes::copy_from_slice(service(delivery)?.certificate());
    Ok(secret("application/octet-stream", der))
}

fn service(delivery: &Delivery) -> Result<&Arc<fairplay::Service>, DeliveryError> {
    delivery.trust().fairplay.as_ref().ok_or(DeliveryError::NotServed)
}

fn answer(delivery: Arc<Delivery>, call: Call) -> Answering {
    Box::pin(async move { answered(&delivery, &call).await.into_response() })
}

async fn answered(delivery: &Delivery, call: &Call) -> Result<Response, Refused> {
    let service = Arc::clone(service(delivery)?);
    let request = Request::parse(&call.body)?;
    let form = request.form;
    let kid = named(call, &request)?;
    let granted = grant(delivery, call, kid).await?;
    let ckc = blocking(move || {
        let session = open(&service, &request);
        finish(session.and_then(|session| for_key(session, kid)), granted)
    })
    .await?;
    let (content_type, body) = form.answer(&ckc);
    Ok(secret(content_type, body.into()))
}

/// The key that is named outside of what is encrypted: in the address, else beside the SPC. One that
/// is named inside alone could be decided on only after the work of a private key for anybody.
fn named(call: &Call, request: &Request) -> Result<KeyId, Refused> {
    match call.kid() {
        Err(Refused::KidMissing) => Ok(request.kid().ok_or(Error::Asset)?),
        kid => kid,
    }
}

async fn grant(delivery: &Delivery, call: &Call, kid: KeyId) -> Result<Granted, Refused> {
    let token = call.token()?;
    let request = KeyRequest {
        system: System::FairPlay,
        kids: &[kid],
        token: token.as_ref(),
        persistent: false,
    };
    let granted = delivery.grant(&request).await?;
    let Some(error) = granted.keys().iter().find_map(|key| against(key).err()) else {
        return Ok(granted);
    };
    granted.refused(error.reason());
    Err(error.into())
}

/// What speaks against a key whoever asks.
fn against(key: &GrantedKey) -> Result<(), Error> {
    match key.by.configuration() {
        Configuration::FairPlay(configuration) if configuration.ask.is_some() => {
            Err(Error::Credentials)
        }
        _ if key.protection != Protection::Cbcs => Err(Error::OtherKind),
        _ => Ok(()),
    }
}

/// Milliseconds of arithmetic, during which a thread would serve nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| DeliveryError::Store(StoreError::Closed))??)
}

fn open(service: &fairplay::Service, request: &Request) -> Result<Session, Error> {
    let opened = service.open(&request.spc, &mut random::System::new());
    opened.inspect_err(|error| {
        tracing::debug!(reason = error.reason(), vendor = error.vendor_status(), "SPC refused");
    })
}

/// An asset id that is no key may be anything; one that is a key must be the one that was decided on.
fn for_key(session: Session, kid: KeyId) -> Result<Session, Error> {
    match session.kid() {
        Some(other) if other != kid => Err(Error::OtherAsset),
        _ => Ok(session),
    }
}

fn finish(session: Result<Session, Error>, granted: Granted) -> Result<Vec<u8>, Error> {
    let written = session.and_then(|session| {
        let key = granted.keys().first().ok_or(Error::Asset)?;
        write(&session, key, granted.now())
    });
    match &written {
        Ok(_) => granted.delivered(),
        Err(error) => granted.refused(error.reason()),
    }
    written
}

fn write(session: &Session, key: &GrantedKey, now: jiff::Timestamp) -> Result<Vec<u8>, Error> {
    let terms = Terms::of(&key.rights, now)?;
    // The constant IV depends on the key alone, so no track is named.
    let iv = IvContext::new(key.kid, &[]).constant();
    session.ckc((key.kid, &key.key, iv), &terms, &mut random::System::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_one_row_and_every_row_a_reason() {
        let errors = [
            Error::Body,
            Error::Container,
            Error::Version(9),
            Error::Block,
            Error::Duplicate("x"),
            Error::Missing("x"),
            Error::Parameter("x"),
            Error::Return,
            Error::Protocol,
            Error::OfflineSync,
            Error::Certificate,
            Error::Integrity,
            Error::Asset,
            Error::OtherAsset,
            Error::OtherKind,
            Error::NotExpressed("x"),
            Error::Over,
            Error::Credentials,
        ];
        assert_eq!(
            errors.iter().map(Error::reason).collect::<Vec<_>>(),
            PROBLEMS.iter().map(|row| row.0).collect::<Vec<_>>()
        );
    }
}
