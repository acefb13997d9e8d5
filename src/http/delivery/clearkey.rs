//! ClearKey (clearkey.md section 5).

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::call::Call;
use super::forward::{forwarded, passed};
use super::refused::{REQUEST_BAD, Refused, Row};
use super::{Answering, Service, secret};
use crate::license::clearkey::{self, Request, RequestError, SessionType};
use crate::license::upstream::Passed;
use crate::license::{GrantedKey, System};
use crate::protection::Protection;
use crate::service::delivery::{Delivery, Forward, Granted, KeyRequest, Route};

pub(super) const SERVICE: Service = Service {
    system: System::ClearKey,
    answer,
    refuse: Refused::into_response,
    certificate: None,
    problems: PROBLEMS,
};

const PROBLEMS: &[Row] = &[
    ("clearkey-request-malformed", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("clearkey-request-without-kids", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("clearkey-request-too-many-kids", StatusCode::BAD_REQUEST, REQUEST_BAD),
    ("clearkey-request-kid-not-base64url", StatusCode::BAD_REQUEST, REQUEST_BAD),
    (OTHER_KIND, StatusCode::FORBIDDEN, "There is no such licence"),
];

const OTHER_KIND: &str = "clearkey-key-of-other-kind";

impl From<RequestError> for Refused {
    fn from(error: RequestError) -> Self {
        Self::System { code: error.reason(), detail: error.to_string() }
    }
}

pub(super) fn answer(delivery: Arc<Delivery>, call: Call) -> Answering {
    Box::pin(async move { licence(&delivery, &call).await.into_response() })
}

/// Which keys are wanted stands in the body; a `kid` that players copy into the query is ignored.
async fn licence(delivery: &Delivery, call: &Call) -> Result<Response, Refused> {
    let request = Request::parse(&call.body)?;
    let token = call.token()?;
    let wanted = KeyRequest {
        system: System::ClearKey,
        kids: &request.kids,
        token: token.as_ref(),
        persistent: request.session == SessionType::PersistentLicense,
    };
    let granted = match delivery.route(&wanted).await? {
        Route::Here(granted) => of_samples(granted)?,
        Route::Elsewhere(forward) => return elsewhere(forward, &request, &wanted, call).await,
    };
    let licence = clearkey::licence(granted.keys(), request.session);
    granted.delivered();
    Ok(secret("application/json", Bytes::copy_from_slice(licence.as_bytes())))
}

async fn elsewhere(
    forward: Forward,
    request: &Request,
    wanted: &KeyRequest<'_>,
    call: &Call,
) -> Result<Response, Refused> {
    if !forward.keys().iter().all(is_of_samples) {
        forward.refused(OTHER_KIND);
        return Err(other_kind());
    }
    // What was not read was not decided on either.
    let body = request.rewritten();
    let passed = Passed { body: body.as_bytes(), ..passed(wanted, call) };
    Ok(forwarded(forward, wanted, &passed).await?)
}

/// A key of whole segments is no key of Encrypted Media Extensions (ams.md section 10).
fn is_of_samples(key: &GrantedKey) -> bool {
    key.protection != Protection::Cbc
}

fn of_samples(granted: Granted) -> Result<Granted, Refused> {
    granted.only(OTHER_KIND, is_of_samples).ok_or_else(other_kind)
}

fn other_kind() -> Refused {
    let detail = "this key encrypts whole segments: ask for its bytes by ?kid=".to_owned();
    Refused::System { code: OTHER_KIND, detail }
}

/// The end of a persistent licence is acknowledged by the same object (clearkey.md section 3).
/// Nothing is kept here that would end, so there is nothing to decide.
pub(super) async fn release(call: Call) -> Result<Response, Refused> {
    let acknowledged = clearkey::acknowledgement(&call.body)?;
    Ok(secret("application/json", acknowledged.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_one_row_and_every_row_a_reason() {
        let errors = [
            RequestError::Malformed,
            RequestError::NoKids,
            RequestError::TooManyKids,
            RequestError::NotBase64,
        ];
        let reasons = errors.map(RequestError::reason).into_iter().chain([OTHER_KIND]);
        let rows = PROBLEMS.iter().map(|row| row.0);
        assert_eq!(reasons.collect::<Vec<_>>(), rows.collect::<Vec<_>>());
    }
}
