//! Another server that fails, in every way that servers have.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use http_body::Frame;
use portcullis::ids::KeyId;
use portcullis::license::upstream::Protocol;
use portcullis::service::upstream::Settings;
use tokio::net::TcpListener;

use crate::support::keys::{Answer, clearkey_request};
use crate::support::log::{Log, logged};
use crate::support::upstream::{Reply, Server, Service, reply};

const URL: &str = "/keydelivery/ClearKey/";

/// One key under one server.
struct Asked {
    service: Service,
    kid: KeyId,
}

impl Asked {
    async fn of(settings: Settings) -> Self {
        let service = Service::of(settings, true).await;
        let kid = service.cenc().await.0;
        Self { service, kid }
    }

    async fn ask(&self) -> Answer {
        self.service.keys.post(URL, clearkey_request(&[self.kid])).await
    }
}

#[tokio::test]
async fn each_bad_answer_has_its_own_refusal() {
    let server = Server::start(|_| reply(200, "application/json", "{}")).await;
    let settings =
        Settings { answer_bytes: 100, failures: 100, ..server.settings(Protocol::Https) };
    let asked = Asked::of(settings).await;
    let other = Server::start(|_| reply(200, "application/json", "{}")).await;
    let moved = other.url();
    for (status, length, expected) in [
        (200, 100, (200, "")),
        (200, 101, (502, "upstream-answer-too-large")),
        (200, 1_000_000, (502, "upstream-answer-too-large")),
        (200, 0, (502, "upstream-answer-malformed")),
        (204, 0, (502, "upstream-failed")),
        (302, 5, (502, "upstream-failed")),
        (307, 5, (502, "upstream-failed")),
        (400, 5, (403, "upstream-refused")),
        (401, 5, (403, "upstream-refused")),
        (404, 5, (403, "upstream-refused")),
        (429, 5, (502, "upstream-failed")),
        (500, 5, (502, "upstream-failed")),
        (503, 5, (502, "upstream-failed")),
    ] {
        let moved = moved.clone();
        server.becomes(move |_| {
            let mut reply = reply(status, "text/plain", vec![b'x'; length]);
            reply.answer.headers_mut().insert("location", moved.parse().unwrap());
            reply
        });
        let answer = asked.ask().await;
        let told = match answer.status.as_u16() {
            200 => (200, String::new()),
            _ => answer.refusal(),
        };
        assert_eq!(told, (expected.0, expected.1.to_owned()), "{status} {length}");
    }
    assert!(other.seen().is_empty(), "redirections are not followed");
}

#[tokio::test]
async fn a_server_that_is_silent_or_slow_is_not_waited_for() {
    let server = Server::start(|_| Reply {
        after: Duration::from_secs(30),
        ..reply(200, "application/json", "{}")
    })
    .await;
    let timeout = Duration::from_millis(200);
    let asked = Asked::of(Settings { timeout, ..server.settings(Protocol::Https) }).await;
    let began = Instant::now();
    assert_eq!(asked.ask().await.refusal(), (504, "upstream-timeout".into()));
    assert!(began.elapsed() >= timeout && began.elapsed() < Duration::from_secs(10));

    // The head comes, the body never ends.
    server.becomes(|_| reply(200, "application/json", Body::new(Endless)));
    assert_eq!(asked.ask().await.refusal(), (504, "upstream-timeout".into()));
}

#[tokio::test]
async fn a_server_that_is_not_there_or_hangs_up_cannot_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}/").parse().unwrap();
    let asked = Asked::of(Settings::new(Protocol::Https, url)).await;
    let hangs_up = tokio::spawn(async move {
        for _ in 0..2 {
            drop(listener.accept().await);
        }
    });
    assert_eq!(asked.ask().await.refusal(), (502, "upstream-unreachable".into()));
    hangs_up.abort();
    let _ = hangs_up.await;
    assert_eq!(asked.ask().await.refusal(), (502, "upstream-unreachable".into()));
}

#[tokio::test]
async fn a_server_that_fails_is_left_alone_and_tried_again() {
    let server = Server::start(|_| reply(503, "text/plain", "no")).await;
    let pause = Duration::from_millis(300);
    let settings = Settings { failures: 3, pause, ..server.settings(Protocol::Https) };
    let asked = Asked::of(settings).await;
    for _ in 0..3 {
        assert_eq!(asked.ask().await.refusal(), (502, "upstream-failed".into()));
    }
    for _ in 0..5 {
        let refused = asked.ask().await;
        assert_eq!(refused.refusal(), (503, "upstream-unavailable".into()));
        assert_eq!(refused.header("retry-after"), "1");
    }
    assert_eq!(server.seen().len(), 3, "nobody asks it");
    tokio::time::sleep(pause).await;
    assert_eq!(asked.ask().await.refusal(), (502, "upstream-failed".into()));
    assert_eq!(asked.ask().await.refusal(), (503, "upstream-unavailable".into()));
    assert_eq!(server.seen().len(), 4, "one tries, and fails");
    server.becomes(|_| reply(200, "application/json", "{}"));
    tokio::time::sleep(pause).await;
    for _ in 0..3 {
        assert_eq!(asked.ask().await.status, 200);
    }
}

#[tokio::test]
async fn what_a_server_says_of_a_request_leaves_it_open_to_others() {
    let server = Server::start(|_| reply(403, "text/plain", "revoked")).await;
    let settings = Settings { failures: 1, ..server.settings(Protocol::Https) };
    let asked = Asked::of(settings).await;
    for (status, body, expected) in [
        (403, "revoked", (403, "upstream-refused")),
        (500, "a request that nobody thought of", (502, "upstream-failed")),
        (200, "", (502, "upstream-answer-malformed")),
    ] {
        server.becomes(move |_| reply(status, "text/plain", body));
        for _ in 0..4 {
            assert_eq!(asked.ask().await.refusal(), (expected.0, expected.1.into()));
        }
    }
    assert_eq!(server.seen().len(), 12);
}

#[tokio::test]
async fn no_more_requests_wait_than_may() {
    let server = Server::start(|_| Reply {
        after: Duration::from_millis(500),
        ..reply(200, "application/json", "{}")
    })
    .await;
    let asked = Asked::of(Settings { requests: 2, ..server.settings(Protocol::Https) }).await;
    let answers = tokio::join!(asked.ask(), asked.ask(), asked.ask());
    let mut statuses: Vec<u16> =
        [answers.0, answers.1, answers.2].iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!((statuses, server.seen().len()), (vec![200, 200, 503], 2));
    assert_eq!(asked.ask().await.status, 200);
}

#[tokio::test]
async fn a_name_that_nobody_configured_is_our_fault() {
    let server = Server::start(|_| reply(200, "application/json", "{}")).await;
    let servers = [("another", server.settings(Protocol::Https))];
    let choices = crate::support::upstream::every_system();
    let service = Service::with(&servers, true, &choices).await;
    let kid = service.cenc().await.0;
    let answer = service.keys.post(URL, clearkey_request(&[kid])).await;
    assert_eq!(answer.refusal(), (500, "upstream-unknown".into()));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_ends_what_was_done_for_it() {
    let log = Log::default();
    let _guard = logged(&log);
    let server = Server::start(|_| reply(200, "application/json", Body::new(Endless))).await;
    let settings = Settings { requests: 1, ..server.settings(Protocol::Https) };
    let asked = Asked::of(settings).await;
    let gone = tokio::time::timeout(Duration::from_millis(300), asked.ask()).await;
    assert!(gone.is_err() && server.seen().len() == 1);
    assert_eq!(log.audit()[0]["reason"], "request-abandoned");
    server.becomes(|_| reply(200, "application/json", "{}"));
    assert_eq!(asked.ask().await.status, 200, "its place is free");
}

/// A body that begins and does not end.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}
