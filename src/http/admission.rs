//! How many answers may be under way at once, over all connections.
//!
//! Each answer under way holds about a piece of media. HTTP/2 lets one connection have many open,
//! so the limit on connections alone would not bound the memory of the process.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// A place among the answers under way. It travels with the response and is kept until the body
/// is sent.
#[derive(Debug, Clone)]
pub(super) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Place {
    /// A place, when one is free.
    pub(super) fn take(places: &Arc<Semaphore>) -> Option<Self> {
        let permit = Arc::clone(places).try_acquire_owned().ok()?;
        Some(Self { _permit: Arc::new(permit) })
    }
}

/// The answer when none is free, in the form of its address.
pub(super) fn full(form: fn(Problem) -> Response) -> Response {
    let problem = Problem {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "overloaded",
        title: "Too many answers are under way",
        detail: "Ask again in a second.".to_owned(),
    };
    ([(header::RETRY_AFTER, RETRY_AFTER)], form(problem)).into_response()
}
