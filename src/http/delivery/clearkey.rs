//! ClearKey (clearkey.md section 5).

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::call::Call;
use super::refused::{REQUEST_BAD, Refused, Row};
use super::{Answering, Service, secret};
use crate::license::System;
use crate::license::clearkey::{Request, RequestError};
use crate::service::delivery::Delivery;

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
];

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
    let licence = delivery.clearkey(&request, call.token()?.as_ref()).await?;
    Ok(secret("application/json", Bytes::copy_from_slice(licence.as_bytes())))
}

/// The end of a persistent licence is acknowledged by the same object (clearkey.md section 3).
/// Nothing is kept here that would end, so there is nothing to decide.
pub(super) async fn release(call: Call) -> Result<Response, Refused> {
    let request = Request::parse(&call.body)?;
    Ok(secret("application/json", request.acknowledgement().into()))
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
        assert_eq!(
            errors.map(RequestError::reason).to_vec(),
            PROBLEMS.iter().map(|row| row.0).collect::<Vec<_>>()
        );
    }
}
