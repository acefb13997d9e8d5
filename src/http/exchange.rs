//! One request and its answer, from the complete head to the last byte or the client's leaving:
//! counted for the deadlines, named by a request identifier, logged once.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tower::ServiceExt;
use uuid::Uuid;

use super::admission::Place;
use super::deadline::Activity;

/// Names one exchange in the answer and in the log.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_REQUEST_ID: usize = 64;

/// Answers one request.
pub(super) async fn answer(
    app: Router,
    activity: Arc<Activity>,
    request: Request<Incoming>,
) -> Result<Response<Tracked>, Infallible> {
    let id = request_id(&request);
    let mut exchange = Exchange::begin(activity, &request, id.clone());
    let mut response = app.oneshot(request.map(Body::new)).await?;
    exchange.status = response.status().as_u16();
    exchange.complete = exchange.method == Method::HEAD || response.body().is_end_stream();
    exchange.place = response.extensions_mut().remove();
    exchange.hand_over();
    response.headers_mut().insert(REQUEST_ID, id);
    Ok(response.map(|body| Tracked { body, exchange }))
}

/// The identifier that a proxy in front gave, when it is a harmless token; else a new one.
fn request_id(request: &Request<Incoming>) -> HeaderValue {
    let given = request.headers().get(REQUEST_ID).filter(|id| {
        let bytes = id.as_bytes();
        (1..=MAX_REQUEST_ID).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    });
    given.cloned().unwrap_or_else(|| {
        let mut text = Uuid::encode_buffer();
        let text = Uuid::new_v4().as_hyphenated().encode_lower(&mut text);
        // A hyphenated GUID is always a valid field value; the fallback is never taken.
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
    })
}

/// What is known of the exchange; dropped at its end, whoever ends it.
#[derive(Debug)]
struct Exchange {
    activity: Arc<Activity>,
    working: bool,
    id: HeaderValue,
    method: Method,
    path: String,
    began: Instant,
    status: u16,
    bytes: u64,
    complete: bool,
    /// Given back when the exchange ends.
    place: Option<Place>,
}

impl Exchange {
    fn begin(activity: Arc<Activity>, request: &Request<Incoming>, id: HeaderValue) -> Self {
        activity.opened();
        Self {
            activity,
            working: true,
            id,
            method: request.method().clone(),
            // The query may hold a token and is never logged.
            path: request.uri().path().to_owned(),
            began: Instant::now(),
            status: 0,
            bytes: 0,
            complete: false,
            place: None,
        }
    }

    fn take_up(&mut self) {
        if !self.working {
            self.working = true;
            self.activity.took_up();
        }
    }

    fn hand_over(&mut self) {
        if self.working {
            self.working = false;
            self.activity.handed_over();
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.activity.closed(self.working);
        tracing::info!(
            target: "access",
            method = %self.method,
            path = self.path,
            status = self.status,
            bytes = self.bytes,
            us = self.began.elapsed().as_micros(),
            complete = self.complete,
            id = self.id.to_str().unwrap_or_default(),
        );
    }
}

/// An answer's body that tells its connection whose turn it is.
#[derive(Debug)]
pub(super) struct Tracked {
    body: Body,
    exchange: Exchange,
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.exchange.take_up();
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(frame) = &polled {
            self.exchange.hand_over();
            match frame {
                Some(Ok(frame)) => {
                    self.exchange.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                    self.exchange.complete = self.body.is_end_stream();
                }
                Some(Err(error)) => tracing::warn!(path = self.exchange.path, %error, "cut off"),
                None => self.exchange.complete = true,
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
