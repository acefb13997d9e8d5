//! FairPlay (fairplay.md section 7): SPCs in any form that applications send, answers in the same.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::call::Call;
use super::refused::{REQUEST_BAD, Refused, Row};
use super::{Answering, Service, secret};
use crate::cenc::{IvContext, Scheme};
use crate::crypto::random;
use crate::ids::KeyId;
use crate::license::fairplay::{
    self as fairplay, FairPlayError as Error, Request, Session, Terms, kid_of, name_of,
};
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
    ("fairplay-asset-of-several-keys", StatusCode::FORBIDDEN, NO_SUCH_KEY),
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
    let ckc = match call.kid() {
        Err(Refused::KidMissing) => by_asset(delivery, call, service, request).await?,
        kid => by_address(delivery, call, service, request, kid?).await?,
    };
    let (content_type, body) = form.answer(&ckc);
    Ok(secret(content_type, body.into()))
}

/// The address names the key. The asset id may be anything then, but no other key.
async fn by_address(
    delivery: &Delivery,
    call: &Call,
    service: Arc<fairplay::Service>,
    request: Request,
    kid: KeyId,
) -> Result<Vec<u8>, Refused> {
    let granted = grant(delivery, call, kid).await?;
    blocking(move || {
        let session = open(&service, &request);
        finish(session.and_then(|session| for_key(session, kid)), granted)
    })
    .await
}

/// The asset id in the SPC names the key, or else that beside it. To see the one inside takes a
/// private key: that work is done only for who may have the key beside, or some key of FairPlay.
async fn by_asset(
    delivery: &Delivery,
    call: &Call,
    service: Arc<fairplay::Service>,
    request: Request,
) -> Result<Vec<u8>, Refused> {
    let token = call.token()?;
    let beside = match request.asset() {
        Some(asset) => key_of(delivery, asset).await?,
        None => None,
    };
    let beside = match beside {
        Some(kid) => Some(grant(delivery, call, kid).await?),
        None => {
            delivery.admits(System::FairPlay, token.as_ref()).await?;
            None
        }
    };
    let named = match blocking(move || open(&service, &request)).await {
        Ok(session) => key_of(delivery, session.asset()).await.map(|kid| (session, kid)),
        Err(refused) => Err(refused),
    };
    let (granted, session) = match (beside, named) {
        (Some(granted), Ok((session, kid))) if kid.is_none_or(|kid| granted.is_for(kid)) => {
            (granted, session)
        }
        (beside, named) => {
            let reason = named.as_ref().map_or_else(Refused::code, |_| Error::OtherAsset.reason());
            if let Some(granted) = beside {
                granted.refused(reason);
            }
            let (session, kid) = named?;
            (grant(delivery, call, kid.ok_or(Error::Asset)?).await?, session)
        }
    };
    Ok(finish(Ok(session), granted)?)
}

/// The key that an asset id names: itself, or by the name of content that has one for FairPlay.
async fn key_of(delivery: &Delivery, asset: &[u8]) -> Result<Option<KeyId>, Refused> {
    if let Some(kid) = kid_of(asset) {
        return Ok(Some(kid));
    }
    let Some(name) = name_of(asset) else { return Ok(None) };
    match delivery.keys_of_content(name.as_bytes(), Some(Scheme::Cbcs), 2).await.as_deref() {
        Ok([kid]) => Ok(Some(*kid)),
        Ok([_, ..]) => Err(Error::SeveralKeys.into()),
        Ok([]) | Err(DeliveryError::UnknownKey) => Ok(None),
        Err(error) => Err(error.clone().into()),
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
            Error::SeveralKeys,
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
