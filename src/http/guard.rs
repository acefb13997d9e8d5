//! What every request goes through before its handler, and every answer behind it: a bounded number
//! at once, complete and small request bodies, an answer even when a handler panics, and for
//! players the cross-origin fields.
//!
//! One layer does it all: each costs copies and allocations for every request.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use super::admission::{self, Place, Places};
use super::limits::Limits;
use super::problem::Problem;
use super::{cors, delivery, upload};

/// The limits hold over all routes together.
#[derive(Clone)]
pub(super) struct Guards {
    limits: Arc<Limits>,
    places: Places,
    readable: bool,
}

impl Guards {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: Arc::new(limits.clone()),
            places: Places::new(limits.requests),
            readable: false,
        }
    }

    /// The same limits, for answers that every origin may read.
    pub(super) fn readable(&self) -> Self {
        Self { readable: true, ..self.clone() }
    }

    /// Puts itself around routes.
    pub(super) fn around(&self, routes: Router) -> Router {
        let guard = from_fn_with_state(
            self.clone(),
            async |State(guards): State<Self>, request, next: Next| {
                guards.answer(request, |request| next.run(request)).await
            },
        );
        routes.method_not_allowed_fallback(method_not_allowed).layer(guard)
    }

    /// A place among the answers under way, when one is free.
    pub(super) fn place(&self) -> Option<Place> {
        self.places.take()
    }

    /// What `handler` answers, as far as it is asked.
    pub(super) async fn answer<F>(
        &self,
        request: Request,
        handler: impl FnOnce(Request) -> F,
    ) -> Response
    where
        F: Future<Output = Response>,
    {
        if !self.readable {
            return self.admitted(request, handler).await;
        }
        let origin = request.headers().get(header::ORIGIN).cloned();
        let mut response = match *request.method() {
            Method::OPTIONS => cors::options(request.headers()),
            _ => self.admitted(request, handler).await,
        };
        if response.extensions().get::<cors::Hidden>().is_none() {
            cors::mark(response.headers_mut());
            cors::name(response.headers_mut(), origin.as_ref());
        }
        response
    }

    async fn admitted<F>(&self, request: Request, handler: impl FnOnce(Request) -> F) -> Response
    where
        F: Future<Output = Response>,
    {
        let form = delivery::form_of(request.uri().path());
        let Some(place) = self.place() else {
            return admission::full(form);
        };
        let mut response = match upload::gathered(request, &self.limits).await {
            Ok(request) => unless_it_panics(|| handler(request), form).await,
            Err(refused) => form(refused),
        };
        response.extensions_mut().insert(place);
        response
    }
}

/// The panic message went to the log through the panic hook; it may hold anything, so it is not
/// repeated to the client. Nothing of the handler is used behind its panic.
async fn unless_it_panics<F: Future<Output = Response>>(
    answer: impl FnOnce() -> F,
    form: fn(Problem) -> Response,
) -> Response {
    // Made in its place: it is large to move.
    let mut answer = pin!(answer());
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(form(panicked())))
    })
    .await
}

/// The `Allow` field is added by the router, which knows the methods of the route.
async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "method-not-allowed",
        title: "The method is not offered at this address",
        detail: format!("{:?} is not answered with {method}; see Allow.", uri.path()),
    }
}

fn panicked() -> Problem {
    Problem {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        code: "internal-error",
        title: "The server made a mistake",
        detail: "The request could not be finished; the log has the reason.".to_owned(),
    }
}
