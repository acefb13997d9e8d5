//! Requests whose licences another server makes.

use axum::http::StatusCode;
use axum::response::Response;

use super::call::Call;
use super::secret;
use crate::license::upstream::Passed;
use crate::service::delivery::{DeliveryError, Forward, KeyRequest};

/// What goes on of a request whose body is the message of the system itself.
pub(super) fn passed<'a>(request: &KeyRequest<'_>, call: &'a Call) -> Passed<'a> {
    Passed {
        system: request.system,
        body: &call.body,
        content_type: call.content_type(),
        message: &call.body,
        form: None,
        content_id: None,
    }
}

/// Passes a request on, and the answer back.
pub(super) async fn forwarded(
    forward: Forward,
    request: &KeyRequest<'_>,
    passed: &Passed<'_>,
) -> Result<Response, DeliveryError> {
    let licence = forward.licence(passed, request.token).await?;
    let mut response = secret(licence.content_type, licence.body);
    let refusal = licence.refusal.and_then(|status| StatusCode::from_u16(status).ok());
    *response.status_mut() = refusal.unwrap_or(StatusCode::OK);
    Ok(response)
}
