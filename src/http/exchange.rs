//! One request and its answer, from the complete head to the last byte or the client's leaving:
//! counted for the deadlines, named by a request identifier, logged once.
//!
//! An answer leaves in pieces that know when the connection has let go of them. That, and not that
//! a piece was made, tells how far the client is: an HTTP/2 client may hold made pieces back.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response};
use bytes::Bytes;
use cipher::BlockCipherEncrypt;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use uuid::{Builder, Uuid};

use super::admission::Place;
use super::deadline::{Activity, Turn};
use super::router::{Answered, App};
use crate::crypto::{ContentKey, Expanded};

/// Names one exchange in the answer and in the log.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_REQUEST_ID: usize = 64;

/// The longest piece: small enough that a slow client takes one in the time it is given.
const PIECE: usize = 64 * 1024;

/// What the exchanges of one connection share.
pub(super) struct Connected {
    app: Arc<App>,
    activity: Arc<Activity>,
    /// No other connection of this process had or has it.
    number: u64,
}

impl Connected {
    pub(super) fn new(app: Arc<App>, activity: Arc<Activity>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self { app, activity, number: COUNT.fetch_add(1, Relaxed) }
    }
}

/// Answers one request. What is at hand is fetched at once, and the request let go: hyper tries to read
/// more before it asks for the answer, and takes a new buffer of 8 kB for that while a request has
/// parts of the last one.
pub(super) fn answer(
    connected: &Arc<Connected>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Tracked>, Infallible>> + Send + use<> {
    let exchange = Exchange::begin(connected, &request);
    let answer = match connected.app.at_hand(&request) {
        Some(answered) => Answer::AtHand(exchange.tracked(answered)),
        None => Answer::Made(Box::pin(made(Arc::clone(connected), request, exchange))),
    };
    async {
        let mut response = match answer {
            Answer::AtHand(response) => response,
            Answer::Made(making) => making.await,
        };
        // Not before it is asked for: the client may still be taking the answer before it.
        response.body_mut().hand_over();
        Ok(response)
    }
}

/// One that is made is boxed: for most, room for what is at hand is enough.
#[expect(clippy::large_enum_variant, reason = "a box would be made for most requests")]
enum Answer<F> {
    AtHand(Response<Tracked>),
    Made(Pin<Box<F>>),
}

async fn made(
    connected: Arc<Connected>,
    request: Request<Incoming>,
    exchange: Exchange,
) -> Response<Tracked> {
    exchange.tracked(connected.app.answer(request.map(gathered)).await)
}

fn gathered(body: Incoming) -> Body {
    if body.is_end_stream() { Body::empty() } else { Body::new(body) }
}

/// What an exchange is named by.
#[derive(Debug)]
enum RequestId {
    /// By a proxy in front.
    Given(HeaderValue),
    Own(Uuid),
}

impl RequestId {
    /// The identifier that a proxy in front gave, when it is a harmless token; else a new one.
    fn of(request: &Request<Incoming>, connection: u64, turn: &Turn) -> Self {
        let given = request.headers().get(REQUEST_ID).filter(|id| {
            let bytes = id.as_bytes();
            (1..=MAX_REQUEST_ID).contains(&bytes.len())
                && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        });
        let own = || Self::Own(new_id(connection, turn.number()));
        given.cloned().map_or_else(own, Self::Given)
    }

    fn field(&self) -> HeaderValue {
        match self {
            Self::Given(field) => field.clone(),
            Self::Own(id) => {
                let mut text = Uuid::encode_buffer();
                let text = id.as_hyphenated().encode_lower(&mut text);
                // A hyphenated GUID is always a valid field value; the fallback is never taken.
                HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
            }
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(field) => f.write_str(field.to_str().unwrap_or_default()),
            Self::Own(id) => write!(f, "{}", id.as_hyphenated()),
        }
    }
}

/// Nobody tells the next from the last: the numbers of a connection and of its exchange, encrypted
/// under a key that the process made for itself at its start. Random bits for each exchange would be a
/// system call for each.
fn new_id(connection: u64, exchange: u64) -> Uuid {
    static KEY: LazyLock<Expanded> =
        LazyLock::new(|| Expanded::new(&ContentKey::from_bytes(Uuid::new_v4().into_bytes())));
    let mut block = (u128::from(connection) << 64 | u128::from(exchange)).to_be_bytes();
    KEY.cipher().encrypt_block((&mut block).into());
    Builder::from_random_bytes(block).into_uuid()
}

/// What an exchange holds until the last piece of its answer is taken.
#[derive(Debug)]
struct Hold {
    turn: Turn,
    place: OnceLock<Place>,
}

/// A piece of an answer on its way; dropped by the connection once it is taken or given up.
struct Piece {
    data: Bytes,
    hold: Arc<Hold>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.hold.turn.taken(self.data.len());
    }
}

/// What is known of the exchange; dropped with the body, whoever ends it.
#[derive(Debug)]
struct Exchange {
    hold: Arc<Hold>,
    id: RequestId,
    method: Method,
    path: String,
    began: Instant,
    status: u16,
    bytes: u64,
    complete: bool,
}

impl Exchange {
    fn begin(connected: &Connected, request: &Request<Incoming>) -> Self {
        let turn = Turn::begin(Arc::clone(&connected.activity));
        Self {
            id: RequestId::of(request, connected.number, &turn),
            hold: Arc::new(Hold { turn, place: OnceLock::new() }),
            method: request.method().clone(),
            // The query may hold a token and is never logged.
            path: request.uri().path().to_owned(),
            began: Instant::now(),
            status: 0,
            bytes: 0,
            complete: false,
        }
    }

    /// The answer, whose body carries the exchange from now on.
    fn tracked(mut self, Answered { mut response, place }: Answered) -> Response<Tracked> {
        self.status = response.status().as_u16();
        if let Some(place) = place {
            self.hold.place.get_or_init(|| place);
        }
        response.headers_mut().insert(REQUEST_ID, self.id.field());
        response.map(|body| Tracked { body, rest: Bytes::new(), exchange: self })
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        tracing::info!(
            target: "access",
            method = %self.method,
            path = self.path,
            status = self.status,
            bytes = self.bytes,
            us = self.began.elapsed().as_micros(),
            complete = self.complete,
            id = %self.id,
        );
    }
}

/// An answer's body that tells its connection whose turn it is.
#[derive(Debug)]
pub(super) struct Tracked {
    body: Body,
    /// What is left of a frame longer than a piece.
    rest: Bytes,
    exchange: Exchange,
}

impl Tracked {
    /// The head is on its way, and with it all of an answer without a body.
    fn hand_over(&mut self) {
        self.exchange.complete = self.exchange.method == Method::HEAD || self.is_end_stream();
        self.exchange.hold.turn.hand_over();
    }

    /// The next piece of `data`, which is cut into equal ones; what goes beyond it waits in `rest`.
    fn piece(&mut self, mut data: Bytes) -> Frame<Bytes> {
        let pieces = data.len().div_ceil(PIECE).max(1);
        self.rest = data.split_off(data.len().div_ceil(pieces));
        self.exchange.bytes += data.len() as u64;
        self.exchange.complete = self.is_end_stream();
        let hold = Arc::clone(&self.exchange.hold);
        Frame::data(Bytes::from_owner(Piece { data, hold }))
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(self.piece(rest))));
        }
        Pin::new(&mut self.body).poll_frame(cx).map(|frame| match frame? {
            Ok(frame) => Some(Ok(match frame.into_data() {
                Ok(data) => self.piece(data),
                Err(trailers) => trailers,
            })),
            Err(error) => {
                tracing::warn!(path = self.exchange.path, %error, "cut off");
                Some(Err(error))
            }
        })
    }
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.exchange.hold.turn.take_up();
        let polled = self.next(cx);
        if let Poll::Ready(frame) = &polled {
            self.exchange.hold.turn.hand_over();
            self.exchange.complete |= frame.is_none();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_exchanges_have_one_name() {
        let exchanges = (0..50).flat_map(|connection| (0..50).map(move |n| new_id(connection, n)));
        assert_eq!(exchanges.collect::<HashSet<_>>().len(), 50 * 50);
    }
}
