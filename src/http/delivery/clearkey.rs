//! ClearKey (clearkey.md section 5).

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::call::Call;
use super::forward::{forwarded, passed};
use super::refused::{REQUEST_BAD, Refused, Row};
use super::samples::OfSamples;
use super::{Answering, Service, secret};
use crate::license::System;
use crate::license::clearkey::{self, Request, RequestError, SessionType};
use crate::license::upstream::Passed;
use crate::service::delivery::{Delivery, Forward, KeyRequest, Route};

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
    (OF_SAMPLES.code, StatusCode::FORBIDDEN, "There is no such licence"),
];

const OF_SAMPLES: OfSamples = OfSamples {
    code: "clearkey-key-of-other-kind",
    detail: "this key encrypts whole segments: ask for its bytes by ?kid=",
};

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
        Route::Here(granted) => OF_SAMPLES.among(granted)?,
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
    let forward = OF_SAMPLES.alone(forward)?;
    // What was not read was not decided on either.
    let body = request.rewritten();
    let passed = Passed { body: body.as_bytes(), ..passed(wanted, call) };
    Ok(forwarded(forward, wanted, &passed).await?)
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
        let reasons = errors.map(RequestError::reason).into_iter().chain([OF_SAMPLES.code]);
        let rows = PROBLEMS.iter().map(|row| row.0);
        assert_eq!(reasons.collect::<Vec<_>>(), rows.collect::<Vec<_>>());
    }
}
