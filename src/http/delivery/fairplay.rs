//! FairPlay (fairplay.md section 7): SPCs in any form that applications send, answers in the same.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::call::Call;
use super::forward::{forwarded, passed};
use super::refused::{FAILED, REQUEST_BAD, Refused, Row};
use super::{Answering, Service, secret, served};
use crate::cenc::{IvContext, Scheme};
use crate::crypto::random;
use crate::ids::KeyId;
use crate::license::fairplay::{
    self as fairplay, Credentials, FairPlayError as Error, Form, Request, Session, Spc, Terms,
    kid_of, name_of,
};
use crate::license::upstream::Passed;
use crate::license::{GrantedKey, System};
use crate::policy::Configuration;
use crate::protection::Protection;
use crate::service::d_function;
use crate::service::delivery::{Delivery, DeliveryError, Forward, Granted, KeyRequest, Route};
use crate::store::StoreError;
use crate::token::Bearer;

/// Who decides, and what came.
type At<'a> = (&'a Delivery, &'a Call);

/// A request that was opened, and under whose credentials.
type Opened = (Session, Arc<Credentials>);

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
const NO_DEVICE_KEY: &str = "The server that knows the device does not answer";

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
    ("fairplay-policy-credentials-unreadable", StatusCode::INTERNAL_SERVER_ERROR, FAILED),
    ("fairplay-d-function-failed", StatusCode::BAD_GATEWAY, NO_DEVICE_KEY),
    ("fairplay-d-function-timed-out", StatusCode::GATEWAY_TIMEOUT, NO_DEVICE_KEY),
    ("fairplay-d-function-answer", StatusCode::BAD_GATEWAY, NO_DEVICE_KEY),
];

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::NoRandomness(_) => DeliveryError::Store(StoreError::NoRandomness).into(),
            error => Self::System { code: error.reason(), detail: error.to_string() },
        }
    }
}

/// With `kid` that under which this key is delivered; without it that of the other server that has one,
/// else that of this server.
fn certificate(delivery: Arc<Delivery>, call: Call) -> Answering {
    Box::pin(async move { certified(&delivery, &call).await.into_response() })
}

async fn certified(delivery: &Delivery, call: &Call) -> Result<Response, Refused> {
    let der = match call.kid() {
        Err(Refused::KidMissing) => match delivery.certificate_elsewhere(System::FairPlay) {
            Some(der) => der.clone(),
            None => own_certificate(delivery)?,
        },
        kid => certificate_for(delivery, kid?).await?,
    };
    Ok(secret("application/octet-stream", der))
}

fn own_certificate(delivery: &Delivery) -> Result<Bytes, DeliveryError> {
    let own = delivery.own_fairplay_credentials().ok_or(DeliveryError::NotServed)?;
    Ok(Bytes::copy_from_slice(own.certificate()))
}

async fn certificate_for(delivery: &Delivery, kid: KeyId) -> Result<Bytes, Refused> {
    let option = delivery.fairplay_option(kid).await?;
    if let Some(name) = &option.upstream {
        let der = delivery.certificate_of(name, System::FairPlay)?;
        return Ok(der.ok_or(DeliveryError::NotServed)?);
    }
    service(delivery)?;
    let credentials = credentials(delivery, &option.configuration).await?;
    Ok(Bytes::copy_from_slice(credentials.certificate()))
}

fn service(delivery: &Delivery) -> Result<&fairplay::Service, DeliveryError> {
    delivery.trust().fairplay.as_deref().ok_or(DeliveryError::NotServed)
}

fn answer(delivery: Arc<Delivery>, call: Call) -> Answering {
    Box::pin(async move { answered(&delivery, &call).await.into_response() })
}

async fn answered(delivery: &Delivery, call: &Call) -> Result<Response, Refused> {
    served(delivery, delivery.trust().fairplay.is_some())?;
    let request = Request::parse(&call.body)?;
    match call.kid() {
        Err(Refused::KidMissing) => by_asset((delivery, call), request).await,
        kid => by_address((delivery, call), request, kid?).await,
    }
}

/// The address names the key. The asset id may be anything then, but no other key.
async fn by_address(at: At<'_>, request: Request, kid: KeyId) -> Result<Response, Refused> {
    let granted = match route(at, &request, kid).await? {
        ControlFlow::Continue(granted) => granted,
        ControlFlow::Break(passed_on) => return Ok(passed_on),
    };
    let opened = open_for(at.0, request.spc, &granted).await;
    finish(request.form, opened.and_then(|(session, _)| for_key(session, kid)), granted)
}

/// The asset id in the SPC names the key, or else that beside it. To see the one inside takes a
/// private key: that work is done only for who may have the key beside, or some key of FairPlay.
async fn by_asset(at: At<'_>, request: Request) -> Result<Response, Refused> {
    let delivery = at.0;
    let beside = match request.asset() {
        Some(asset) => key_of(delivery, asset).await?,
        None => None,
    };
    let Some(beside) = beside else { return by_asset_inside(at, request).await };
    let granted = match route(at, &request, beside).await? {
        ControlFlow::Continue(granted) => granted,
        ControlFlow::Break(passed_on) => return Ok(passed_on),
    };
    let form = request.form;
    let (opened, named) = match opened_and_named(delivery, request.spc, &granted).await {
        Ok(found) => found,
        Err(refused) => return finish(form, Err(refused), granted),
    };
    match named {
        Some(kid) if !granted.is_for(kid) => {
            granted.refused(Error::OtherAsset.reason());
            under(at, form, opened, kid).await
        }
        _ => finish(form, Ok(opened.0), granted),
    }
}

async fn opened_and_named(
    delivery: &Delivery,
    spc: Spc,
    granted: &Granted,
) -> Result<(Opened, Option<KeyId>), Refused> {
    let opened = open_for(delivery, spc, granted).await?;
    let named = key_of(delivery, opened.0.asset()).await?;
    Ok((opened, named))
}

/// No key is named beside the SPC: what opens it is ours, as is who asks for it.
async fn by_asset_inside(at: At<'_>, request: Request) -> Result<Response, Refused> {
    let (delivery, call) = at;
    delivery.admits(System::FairPlay, call.token()?.as_ref()).await?;
    let own = delivery.own_fairplay_credentials().ok_or(DeliveryError::NotServed)?;
    let session = session(delivery, request.spc, Arc::clone(&own)).await?;
    let kid = key_of(delivery, session.asset()).await?.ok_or(Error::Asset)?;
    under(at, request.form, (session, own), kid).await
}

/// The key that the opened request names, where the credentials that opened it are those under
/// which that key is delivered. It was made for this server, so no other gets it.
async fn under(
    at: At<'_>,
    form: Form,
    (session, used): Opened,
    kid: KeyId,
) -> Result<Response, Refused> {
    let granted = grant(at, kid).await?;
    let session = match credentials_for(at.0, &granted).await {
        Ok(theirs) if theirs.certificate() == used.certificate() => Ok(session),
        Ok(_) => Err(Error::Certificate.into()),
        Err(refused) => Err(refused),
    };
    finish(form, session, granted)
}

/// The key that an asset id names: itself, or by the name of content that has one for FairPlay.
async fn key_of(delivery: &Delivery, asset: &[u8]) -> Result<Option<KeyId>, Refused> {
    if let Some(kid) = kid_of(asset) {
        return Ok(Some(kid));
    }
    let Some(name) = name_of(asset) else { return Ok(None) };
    let of = (System::FairPlay, Some(Scheme::Cbcs));
    match delivery.keys_of_content(name.as_bytes(), of, 2).await.as_deref() {
        Ok([kid]) => Ok(Some(*kid)),
        Ok([_, ..]) => Err(Error::SeveralKeys.into()),
        Ok([]) | Err(DeliveryError::UnknownKey) => Ok(None),
        Err(error) => Err(error.clone().into()),
    }
}

/// Decides on the key: it is granted here, or the request was passed on.
async fn route(
    (delivery, call): At<'_>,
    spc: &Request,
    kid: KeyId,
) -> Result<ControlFlow<Response, Granted>, Refused> {
    let token = call.token()?;
    let kids = [kid];
    let request = asked(&kids, token.as_ref());
    match delivery.route(&request).await? {
        Route::Here(granted) => of_samples(granted).map(ControlFlow::Continue),
        Route::Elsewhere(forward) => {
            let named = names_no_other(delivery, spc, kid).await;
            elsewhere((forward, named), &request, call, spc).await.map(ControlFlow::Break)
        }
    }
}

/// Decides on the key where its licence is to be made here.
async fn grant((delivery, call): At<'_>, kid: KeyId) -> Result<Granted, Refused> {
    let token = call.token()?;
    of_samples(delivery.grant(&asked(&[kid], token.as_ref())).await?)
}

fn asked<'a>(kids: &'a [KeyId], token: Option<&'a Bearer>) -> KeyRequest<'a> {
    KeyRequest { system: System::FairPlay, kids, token, persistent: false }
}

/// The other server may go by what stands beside the SPC, where the address has named the key here.
async fn names_no_other(
    delivery: &Delivery,
    request: &Request,
    kid: KeyId,
) -> Result<(), DeliveryError> {
    let Some(asset) = request.asset() else { return Ok(()) };
    let is_alone = match kid_of(asset) {
        Some(named) => named == kid,
        None => delivery.stands_for_no_other(asset, &[kid]).await?,
    };
    if is_alone { Ok(()) } else { Err(DeliveryError::OtherContent) }
}

async fn elsewhere(
    (forward, named): (Forward, Result<(), DeliveryError>),
    request: &KeyRequest<'_>,
    call: &Call,
    spc: &Request,
) -> Result<Response, Refused> {
    if let Err(error) = named {
        forward.refused(error.reason());
        return Err(error.into());
    }
    if let Err(error) = allowed(forward.keys()) {
        forward.refused(error.reason());
        return Err(error.into());
    }
    let passed = Passed { message: &spc.bytes, form: Some(spc.form), ..passed(request, call) };
    Ok(forwarded(forward, request, &passed).await?)
}

fn of_samples(granted: Granted) -> Result<Granted, Refused> {
    let Err(error) = allowed(granted.keys()) else { return Ok(granted) };
    granted.refused(error.reason());
    Err(error.into())
}

fn allowed(keys: &[GrantedKey]) -> Result<(), Error> {
    keys.iter().try_for_each(against)
}

/// What speaks against a key whoever asks.
fn against(key: &GrantedKey) -> Result<(), Error> {
    if key.protection == Protection::Cbcs { Ok(()) } else { Err(Error::OtherKind) }
}

/// Opens the request under the credentials for a key.
async fn open_for(delivery: &Delivery, spc: Spc, granted: &Granted) -> Result<Opened, Refused> {
    let used = credentials_for(delivery, granted).await?;
    Ok((session(delivery, spc, Arc::clone(&used)).await?, used))
}

/// Opens the request: with the private key of its certificate, then with the key of its device.
async fn session(
    delivery: &Delivery,
    spc: Spc,
    credentials: Arc<Credentials>,
) -> Result<Session, Refused> {
    let service = service(delivery)?;
    // Milliseconds of arithmetic, during which this thread would serve nobody.
    let opening = move || credentials.open(&spc, &mut random::System::new());
    let opened = tokio::task::spawn_blocking(opening).await;
    let opened = opened.map_err(|_| DeliveryError::Store(StoreError::Closed))?;
    let seed = opened.and_then(|opened| Ok((opened.seed()?, opened)));
    let (seed, opened) = seed.inspect_err(log)?;
    let device_key = d_function::device_key(&service.function, &seed).await.map_err(Error::from)?;
    Ok(opened.read(&device_key).inspect_err(log)?)
}

async fn credentials_for(
    delivery: &Delivery,
    granted: &Granted,
) -> Result<Arc<Credentials>, Refused> {
    let key = granted.keys().first().ok_or(Error::Asset)?;
    credentials(delivery, key.by.configuration()).await
}

async fn credentials(
    delivery: &Delivery,
    configuration: &Configuration,
) -> Result<Arc<Credentials>, Refused> {
    let found = delivery.fairplay_credentials(configuration).await?;
    Ok(found.ok_or(DeliveryError::NotServed)?)
}

fn log(error: &Error) {
    tracing::debug!(reason = error.reason(), vendor = error.vendor_status(), "SPC refused");
}

/// An asset id that is no key may be anything; one that is a key must be the one that was decided on.
fn for_key(session: Session, kid: KeyId) -> Result<Session, Refused> {
    match session.kid() {
        Some(other) if other != kid => Err(Error::OtherAsset.into()),
        _ => Ok(session),
    }
}

fn finish(
    form: Form,
    session: Result<Session, Refused>,
    granted: Granted,
) -> Result<Response, Refused> {
    let written = session.and_then(|session| {
        let key = granted.keys().first().ok_or(Error::Asset)?;
        Ok(write(&session, key, granted.now())?)
    });
    match &written {
        Ok(_) => granted.delivered(),
        Err(refused) => granted.refused(refused.code()),
    }
    let (content_type, body) = form.answer(&written?);
    Ok(secret(content_type, body.into()))
}

fn write(session: &Session, key: &GrantedKey, now: jiff::Timestamp) -> Result<Vec<u8>, Error> {
    let terms = Terms::of(&key.rights, now)?;
    // The constant IV depends on the key alone, so no track is named.
    let iv = IvContext::new(key.kid, &[]).constant();
    let content = key.key.content().ok_or(Error::Asset)?;
    session.ckc((key.kid, content, iv), &terms, &mut random::System::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license::fairplay::FunctionFault;

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
            Error::Function(FunctionFault::Failed),
            Error::Function(FunctionFault::TimedOut),
            Error::Function(FunctionFault::Answer),
        ];
        assert_eq!(
            errors.iter().map(Error::reason).collect::<Vec<_>>(),
            PROBLEMS.iter().map(|row| row.0).collect::<Vec<_>>()
        );
    }
}
