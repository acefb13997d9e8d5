//! How many answers may be under way at once, over all connections.
//!
//! Each answer under way holds about a piece of media. HTTP/2 lets one connection have many open,
//! so the limit on connections alone would not bound the memory of the process.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The places among the answers under way. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    /// Each place that is taken holds one, and so does this.
    taken: Arc<()>,
}

/// A place among the answers under way. It travels with the response and is kept until the body
/// is sent. Responses want what they carry to be `Clone`; a clone would be another place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    _taken: Arc<()>,
}

impl Places {
    /// So many.
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Shared { limit, taken: Arc::default() }))
    }

    /// A place, when one is free. Requests that look at the same moment may both get the last one.
    pub(super) fn take(&self) -> Option<Place> {
        let Shared { limit, taken } = &*self.0;
        (Arc::strong_count(taken) <= *limit).then(|| Place { _taken: Arc::clone(taken) })
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
