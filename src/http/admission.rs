//! How many answers may be under way at once, over all connections.
//!
//! Each answer under way holds about a piece of media. HTTP/2 lets one connection have many open,
//! so the limit on connections alone would not bound the memory of the process.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
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

/// Middleware that lets a request in when a place is free.
pub(super) async fn admit(
    State(places): State<Arc<Semaphore>>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(permit) = places.try_acquire_owned() else {
        return ([(header::RETRY_AFTER, RETRY_AFTER)], full()).into_response();
    };
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Place { _permit: Arc::new(permit) });
    response
}

fn full() -> Problem {
    Problem {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "overloaded",
        title: "Too many answers are under way",
        detail: "Ask again in a second.".to_owned(),
    }
}
