//! Widevine (widevine.md sections 8 and 10): bodies are protocol buffers, answers too.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::call::Call;
use super::refused::{Refused, Row};
use super::{Answering, Service, secret};
use crate::cenc::Scheme;
use crate::crypto::random;
use crate::ids::KeyId;
use crate::license::widevine::{
    Challenge, Existing, Issue, IssueError, LicenseType, MAX_KIDS, Request, RequestError, Trust,
};
use crate::license::{GrantedKey, System};
use crate::service::delivery::{Delivery, DeliveryError, Granted, KeyRequest};
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
    let certificate = trust(delivery)?.bare_service_certificate();
    let certificate = certificate.ok_or(RequestError::NoServiceCertificate)?;
    Ok(secret(MEDIA_TYPE, Bytes::copy_from_slice(certificate)))
}

const MEDIA_TYPE: &str = "application/octet-stream";

fn trust(delivery: &Delivery) -> Result<&Trust, DeliveryError> {
    delivery.trust().widevine.as_ref().ok_or(DeliveryError::NotServed)
}

async fn answered(delivery: Arc<Delivery>, call: &Call) -> Result<Response, Refused> {
    let trust = trust(&delivery)?;
    let answer = match Request::parse(&call.body)? {
        Request::ServiceCertificate => trust.service_certificate()?,
        Request::License(challenge) => license(delivery, call, challenge).await?,
        Request::Existing(existing) => existing_license(&delivery, trust, call, &existing).await?,
    };
    Ok(secret(MEDIA_TYPE, answer.into()))
}

/// Who asks is looked at after what is asked for was granted: in privacy mode that takes the
/// private key of the service.
async fn license(
    delivery: Arc<Delivery>,
    call: &Call,
    challenge: Challenge,
) -> Result<Vec<u8>, Refused> {
    let token = call.token()?;
    let kids = kids(&delivery, call, &challenge).await?;
    let persistent = challenge.wanted.license_type == LicenseType::Offline;
    let request =
        KeyRequest { system: System::Widevine, kids: &kids, token: token.as_ref(), persistent };
    let granted = delivery.grant(&request).await?;
    let prove_and_write = move || write(&delivery, &challenge, granted);
    // Some milliseconds of arithmetic, during which this thread would serve nobody.
    let written = tokio::task::spawn_blocking(prove_and_write).await;
    written.map_err(|_| DeliveryError::Store(StoreError::Closed))?
}

fn write(delivery: &Delivery, challenge: &Challenge, granted: Granted) -> Result<Vec<u8>, Refused> {
    let granted = of_one_scheme(granted, challenge.wanted.scheme)?;
    let random = &mut random::System::new();
    let device = match challenge.identify(trust(delivery)?, granted.now().as_second(), random) {
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

/// Nothing is stored of a licence: what it keeps comes back, and policy, times and lists decide anew.
async fn existing_license(
    delivery: &Delivery,
    trust: &Trust,
    call: &Call,
    existing: &Existing,
) -> Result<Vec<u8>, Refused> {
    let sealer = delivery.license_sealer();
    let opened = existing.open(sealer)?;
    if existing.is_release {
        return Ok(opened.release());
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
    finish(renewed, granted)
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
            let scheme = challenge.wanted.scheme;
            Ok(delivery.keys_of_content(content_id, scheme, MAX_KIDS).await?)
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
