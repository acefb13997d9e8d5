//! Request bodies: taken in whole, within a size and a time, before any handler runs.
//!
//! What clients send here are key and licence requests of a few hundred bytes. A handler that gets
//! them complete cannot be held open by a client that sends slowly.

use std::error::Error;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::limits::Limits;
use super::problem::Problem;

/// The request with its body complete.
///
/// # Errors
/// A body that is too large, too slow, or not whole.
pub(super) async fn gathered(request: Request, limits: &Limits) -> Result<Request, Problem> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    // Boxed: few requests have a body, and all futures are moved as they are passed on.
    Box::pin(async {
        let (parts, body) = request.into_parts();
        let whole = Limited::new(body, limits.body_bytes).collect();
        match timeout(limits.body, whole).await {
            Ok(Ok(whole)) => Ok(Request::from_parts(parts, Body::from(whole.to_bytes()))),
            Ok(Err(error)) => Err(refused(error.as_ref(), limits)),
            Err(_) => Err(too_slow(limits)),
        }
    })
    .await
}

fn refused(error: &(dyn Error + 'static), limits: &Limits) -> Problem {
    if error.is::<LengthLimitError>() {
        return Problem {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: "body-too-large",
            title: "The request body is too large",
            detail: format!("At most {} bytes are read.", limits.body_bytes),
        };
    }
    Problem {
        status: StatusCode::BAD_REQUEST,
        code: "body-incomplete",
        title: "The request body did not arrive",
        detail: "The body ended early or its framing is wrong.".to_owned(),
    }
}

fn too_slow(limits: &Limits) -> Problem {
    Problem {
        status: StatusCode::REQUEST_TIMEOUT,
        code: "body-too-slow",
        title: "The request body took too long",
        detail: format!("It must be complete within {:?}.", limits.body),
    }
}
