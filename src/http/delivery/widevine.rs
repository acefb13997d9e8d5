//! Widevine (widevine.md sections 8 and 10): bodies are protocol buffers, answers too.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::call::Call;
use super::forward::{forwarded, passed};
use super::refused::{Refused, Row};
use super::{Answering, Service, credentials, secret, served};
use crate::cenc::Scheme;
use crate::crypto::random;
use crate::ids::KeyId;
use crate::license::upstream::Passed;
use crate::license::widevine::{
    Challenge, Existing, Issue, IssueError, LicenseType, MAX_KIDS, Request, RequestError,
    ServiceCertificate, Trust,
};
use crate::license::{GrantedKey, System};
use crate::service::delivery::{Delivery, DeliveryError, Forward, Granted, KeyRequest, Route};
use crate::store::StoreError;

pub(super) const SERVICE: Service = Service {
    system: System::Widevine,
    answer,
    refuse: Refused::into_response,
    certificate: Some(certificate),
    problems: PROBLEMS,
};

const BAD: &str = "The licence request does not read";
const OTHER_DEVICE: &str = "The device gets no licence";
const NO_LICENSE: &str = "There is no such licence";

const PROBLEMS: &[Row] = &[
    ("widevine-request-malformed", StatusCode::BAD_REQUEST, BAD),
    ("widevine-request-too-many-kids", StatusCode::BAD_REQUEST, BAD),
    ("widevine-request-without-kids", StatusCode::BAD_REQUEST, BAD),
    ("widevine-request-unsigned", StatusCode::BAD_REQUEST, BAD),
    ("widevine-request-signature-invalid", StatusCode::BAD_REQUEST, BAD),
    ("widevine-service-certificate-unknown", StatusCode::BAD_REQUEST, BAD),
    ("widevine-client-unreadable", StatusCode::BAD_REQUEST, BAD),
    ("widevine-device-certificate-malformed", StatusCode::BAD_REQUEST, BAD),
    ("widevine-service-certificate-missing", StatusCode::NOT_FOUND, "There is no certificate here"),
    ("widevine-client-unsupported", StatusCode::FORBIDDEN, OTHER_DEVICE),
    ("widevine-device-untrusted", StatusCode::FORBIDDEN, OTHER_DEVICE),
    ("widevine-device-expired", StatusCode::FORBIDDEN, OTHER_DEVICE),
    ("widevine-device-revoked", StatusCode::FORBIDDEN, OTHER_DEVICE),
    ("widevine-device-level-too-low", StatusCode::FORBIDDEN, OTHER_DEVICE),
    ("widevine-key-of-other-kind", StatusCode::FORBIDDEN, NO_LICENSE),
    ("widevine-scheme-mismatch", StatusCode::FORBIDDEN, NO_LICENSE),
    ("widevine-license-not-yet-valid", StatusCode::FORBIDDEN, NO_LICENSE),
    ("widevine-license-over", StatusCode::FORBIDDEN, NO_LICENSE),
    ("widevine-license-ended", StatusCode::FORBIDDEN, NO_LICENSE),
    ("widevine-license-unknown", StatusCode::BAD_REQUEST, NO_LICENSE),
    ("widevine-renewal-not-allowed", StatusCode::FORBIDDEN, NO_LICENSE),
];

impl From<RequestError> for Refused {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NoRandomness(_) => DeliveryError::Store(StoreError::NoRandomness).into(),
            error => Self::System { code: error.reason(), detail: error.to_string() },
        }
    }
}

impl From<IssueError> for Refused {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Request(error) => error.into(),
            error => Self::System { code: error.reason(), detail: error.to_string() },
        }
    }
}

fn answer(delivery: Arc<Delivery>, call: Call) -> Answering {
    Box::pin(async move { answered(delivery, &call).await.into_response() })
}

fn certificate(delivery: Arc<Delivery>, _: Call) -> Answering {
    Box::pin(async move { certified(&delivery).into_response() })
}

fn certified(delivery: &Delivery) -> Result<Response, Refused> {
    let certificate = service_certificate(delivery)?;
    Ok(secret(MEDIA_TYPE, Bytes::copy_from_slice(certificate.bare())))
}

/// The certificate to which clients are to encrypt: that of the server to which they are passed on,
/// else that of this one.
fn service_certificate(delivery: &Delivery) -> Result<ServiceCertificate, Refused> {
    let elsewhere = delivery.certificate_elsewhere(System::Widevine);
    match elsewhere.and_then(|file| ServiceCertificate::read(file)) {
        Some(certificate) => Ok(certificate),
        None => Ok(trust(delivery)?.service_certificate()?),
    }
}

const MEDIA_TYPE: &str = "application/octet-stream";

fn trust(delivery: &Delivery) -> Result<&Trust, DeliveryError> {
    delivery.trust().widevine.as_ref().ok_or(DeliveryError::NotServed)
}

async fn answered(delivery: Arc<Delivery>, call: &Call) -> Result<Response, Refused> {
    served(&delivery, delivery.trust().widevine.is_some())?;
    let answer = match Request::parse(&call.body)? {
        Request::ServiceCertificate => service_certificate(&delivery)?.message(),
        Request::License(challenge) => return license(delivery, call, challenge).await,
        Request::Existing(existing) => return existing_license(&delivery, call, &existing).await,
    };
    Ok(secret(MEDIA_TYPE, answer.into()))
}

/// Who asks is looked at after what is asked for was granted: in privacy mode that takes the
/// private key of the service.
async fn license(
    delivery: Arc<Delivery>,
    call: &Call,
    challenge: Challenge,
) -> Result<Response, Refused> {
    let token = call.token()?;
    let kids = kids(&delivery, call, &challenge).await?;
    let persistent = challenge.wanted.license_type == LicenseType::Offline;
    let request =
        KeyRequest { system: System::Widevine, kids: &kids, token: token.as_ref(), persistent };
    let granted = match delivery.route(&request).await? {
        Route::Here(granted) => granted,
        Route::Elsewhere(forward) => {
            let named = names_no_other(&delivery, &challenge, &kids).await;
            return elsewhere(forward, named, (&request, call), &challenge).await;
        }
    };
    let prove_and_write = move || write(&delivery, &challenge, granted);
    // Some milliseconds of arithmetic, during which this thread would serve nobody.
    let written = tokio::task::spawn_blocking(prove_and_write).await;
    let written = written.map_err(|_| DeliveryError::Store(StoreError::Closed))??;
    Ok(secret(MEDIA_TYPE, written.into()))
}

/// The other server reads the whole request, and may go by what we did not.
async fn names_no_other(
    delivery: &Delivery,
    challenge: &Challenge,
    kids: &[KeyId],
) -> Result<(), DeliveryError> {
    for id in &challenge.wanted.identifiers {
        if !delivery.stands_for_no_other(id, kids).await? {
            return Err(DeliveryError::OtherContent);
        }
    }
    Ok(())
}

async fn elsewhere(
    forward: Forward,
    named: Result<(), DeliveryError>,
    (request, call): (&KeyRequest<'_>, &Call),
    challenge: &Challenge,
) -> Result<Response, Refused> {
    if let Err(error) = named {
        forward.refused(error.reason());
        return Err(error.into());
    }
    if let Err(error) = are_of_one_scheme(forward.keys(), challenge.wanted.scheme) {
        forward.refused(error.reason());
        return Err(error.into());
    }
    let content_id = challenge.wanted.content_id.as_deref();
    let passed = Passed { content_id, ..passed(request, call) };
    Ok(forwarded(forward, request, &passed).await?)
}

fn write(delivery: &Delivery, challenge: &Challenge, granted: Granted) -> Result<Vec<u8>, Refused> {
    let granted = of_one_scheme(granted, challenge.wanted.scheme)?;
    let random = &mut random::System::new();
    let (trust, granted) = credentials(delivery.trust().widevine.as_ref(), granted)?;
    let device = match challenge.identify(trust, granted.now().as_second(), random) {
        Ok(device) => device,
        Err(error) => {
            granted.refused(error.reason());
            return Err(error.into());
        }
    };
    let suiting = granted.only(IssueError::Level.reason(), |key| device.suits(&key.rights));
    let granted = suiting.ok_or(IssueError::Level)?;
    let (now, sealer) = (granted.now(), delivery.license_sealer());
    let issue = Issue { challenge, device: &device, keys: granted.keys(), now, sealer };
    finish(issue.license(random), granted)
}

/// The keys of one scheme, as a licence has one for all its keys: of that which the content names,
/// else of the first key. Keys of whole segments have none.
fn of_one_scheme(granted: Granted, named: Option<Scheme>) -> Result<Granted, IssueError> {
    let scheme = |key: &GrantedKey| Scheme::of(key.protection);
    let granted = granted.only(IssueError::OtherKind.reason(), |key| scheme(key).is_some());
    let granted = granted.ok_or(IssueError::OtherKind)?;
    let wanted = named.or_else(|| granted.keys().first().and_then(scheme));
    let granted = granted.only(IssueError::OtherScheme.reason(), |key| scheme(key) == wanted);
    granted.ok_or(IssueError::OtherScheme)
}

/// The same where the request cannot be cut.
fn are_of_one_scheme(keys: &[GrantedKey], named: Option<Scheme>) -> Result<(), IssueError> {
    let mut schemes = keys.iter().map(|key| Scheme::of(key.protection));
    let wanted = named.or_else(|| keys.first().and_then(|key| Scheme::of(key.protection)));
    schemes.try_for_each(|scheme| match scheme {
        None => Err(IssueError::OtherKind),
        scheme if scheme == wanted => Ok(()),
        _ => Err(IssueError::OtherScheme),
    })
}

/// Nothing is stored of a licence: what it keeps comes back, and policy, times and lists decide anew.
async fn existing_license(
    delivery: &Delivery,
    call: &Call,
    existing: &Existing,
) -> Result<Response, Refused> {
    let sealer = delivery.license_sealer();
    // Who has no credentials has made no licence.
    let own = delivery.trust().widevine.as_ref().ok_or(RequestError::UnknownLicense);
    let opened = own.and_then(|trust| Ok((trust, existing.open(sealer)?)));
    let (trust, opened) = match opened {
        Err(RequestError::UnknownLicense) if delivery.has_upstreams() => {
            return existing_elsewhere(delivery, call).await;
        }
        opened => opened?,
    };
    if existing.is_release {
        return Ok(secret(MEDIA_TYPE, opened.release().into()));
    }
    let token = call.token()?;
    let request = KeyRequest {
        system: System::Widevine,
        kids: opened.kids(),
        token: token.as_ref(),
        persistent: false,
    };
    let granted = delivery.grant_all(&request).await?;
    let (keys, now) = (granted.keys(), granted.now());
    let renewed = opened.renew(trust, keys, now, sealer, &mut random::System::new());
    Ok(secret(MEDIA_TYPE, finish(renewed, granted)?.into()))
}

/// A licence of another server is renewed and given back there. The message does not name its keys to
/// us, so the address must name one.
async fn existing_elsewhere(delivery: &Delivery, call: &Call) -> Result<Response, Refused> {
    let kids = match call.kid() {
        Err(Refused::KidMissing) => return Err(RequestError::UnknownLicense.into()),
        kid => [kid?],
    };
    let token = call.token()?;
    let request = KeyRequest {
        system: System::Widevine,
        kids: &kids,
        token: token.as_ref(),
        persistent: false,
    };
    match delivery.route(&request).await? {
        Route::Elsewhere(forward) => {
            Ok(forwarded(forward, &request, &passed(&request, call)).await?)
        }
        Route::Here(granted) => {
            granted.refused(RequestError::UnknownLicense.reason());
            Err(RequestError::UnknownLicense.into())
        }
    }
}

fn finish(written: Result<Vec<u8>, IssueError>, granted: Granted) -> Result<Vec<u8>, Refused> {
    match &written {
        Ok(_) => granted.delivered(),
        Err(error) => granted.refused(error.reason()),
    }
    Ok(written?)
}

/// The keys that the data name; where they name none, that of the address (an init segment has one
/// that its `pssh` may leave out); where there is none either, those of the content.
async fn kids(
    delivery: &Delivery,
    call: &Call,
    challenge: &Challenge,
) -> Result<Vec<KeyId>, Refused> {
    if !challenge.wanted.kids.is_empty() {
        return Ok(challenge.wanted.kids.clone());
    }
    match (call.kid(), &challenge.wanted.content_id) {
        (Err(Refused::KidMissing), Some(content_id)) => {
            let of = (System::Widevine, challenge.wanted.scheme);
            Ok(delivery.keys_of_content(content_id, of, MAX_KIDS).await?)
        }
        (Err(Refused::KidMissing), None) => Err(RequestError::NoKids.into()),
        (kid, _) => Ok(vec![kid?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license::widevine::DeviceError;

    #[test]
    fn every_refusal_has_one_row_and_every_row_a_refusal() {
        let requests = [
            RequestError::Malformed,
            RequestError::TooManyKids,
            RequestError::NoKids,
            RequestError::Unsigned,
            RequestError::Signature,
            RequestError::OtherService,
            RequestError::Privacy,
            RequestError::NoServiceCertificate,
            RequestError::UnknownLicense,
            RequestError::Ended,
            RequestError::Device(DeviceError::Malformed),
            RequestError::Device(DeviceError::Unsupported),
            RequestError::Device(DeviceError::Untrusted),
            RequestError::Device(DeviceError::Expired),
            RequestError::Device(DeviceError::Revoked),
        ];
        let issues = [
            IssueError::Level,
            IssueError::OtherKind,
            IssueError::OtherScheme,
            IssueError::Renewal,
            IssueError::NotYet,
            IssueError::Over,
        ];
        let requests = requests.iter().map(|error| error.reason());
        let mut reasons: Vec<_> = requests.chain(issues.iter().map(IssueError::reason)).collect();
        let mut rows: Vec<_> = PROBLEMS.iter().map(|(code, ..)| *code).collect();
        reasons.sort_unstable();
        rows.sort_unstable();
        assert_eq!(reasons, rows);
    }
}
