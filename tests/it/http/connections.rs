//! Slow, silent and stalled clients are ended; good ones do not notice.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use portcullis::http::limits::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::wire::{Client, WireServer, brisk};

const MS: Duration = Duration::from_millis(1);
/// Upper bound on a busy machine; what matters is that the end comes at all.
const AMPLE: Duration = Duration::from_secs(5);

/// Runs until the server closes the connection and gives the time that took.
async fn closed_after(client: &mut Client) -> (Duration, String) {
    let began = Instant::now();
    let rest = client.rest().await;
    (began.elapsed(), rest)
}

#[tokio::test]
async fn a_silent_client_is_cut_off() {
    let server = WireServer::start(brisk()).await;
    let (after, rest) = closed_after(&mut server.connect().await).await;
    assert_eq!(rest, "");
    assert!((300 * MS..AMPLE).contains(&after), "{after:?}");
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let server = WireServer::start(brisk()).await;
    for head in ["GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0"] {
        let mut client = server.connect().await;
        let began = Instant::now();
        for byte in head.bytes().chain(std::iter::repeat(0)) {
            if client.0.write_all(&[byte]).await.is_err() || began.elapsed() > AMPLE {
                break;
            }
            tokio::time::sleep(20 * MS).await;
        }
        assert!((300 * MS..AMPLE).contains(&began.elapsed()), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_the_idle_time() {
    let server = WireServer::start(brisk()).await;
    let mut client = server.connect().await;
    client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(client.read_until("hello").await.starts_with("HTTP/1.1 200"));
    let (after, _) = closed_after(&mut client).await;
    assert!((500 * MS..AMPLE).contains(&after), "{after:?}");
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut_off() {
    let server = WireServer::start(brisk()).await;
    let mut client = server.connect_narrow().await;
    client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(2000 * MS).await;
    assert!(client.rest().await.len() < 4_000_000, "the whole answer came in spite of the stall");
}

#[tokio::test]
async fn a_client_that_reads_a_trickle_is_cut_off() {
    let server = WireServer::start(brisk()).await;
    let mut client = server.connect_narrow().await;
    client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let read = client.read_slowly(500, 100 * MS, 60_000).await;
    assert!(read < 60_000, "{read} bytes were served at 5 kB/s, the limit is 20 kB/s");
}

#[tokio::test]
async fn a_slow_client_above_the_rate_gets_everything() {
    let limits = Limits { stall_rate: 50_000, ..brisk() };
    let server = WireServer::start(limits).await;
    let mut client = server.connect_narrow().await;
    client.send("GET /medium HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let read = client.read_slowly(50_000, 20 * MS, usize::MAX).await;
    assert!(read > 1_000_000, "only {read} bytes came");
}

/// An HTTP/2 connection on which each stream may send `window` bytes.
async fn http2(server: &WireServer, window: u8) -> Client {
    let mut client = server.connect().await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend_from_slice(b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0");
    bytes.push(window);
    client.0.write_all(&bytes).await.unwrap();
    client
}

/// HEADERS of a whole request, in static-table and literal HPACK.
fn headers(stream: u8, method: &str, path: &str) -> Vec<u8> {
    let literal = |name: u8, value: &str| [&[name, value.len() as u8], value.as_bytes()].concat();
    let block = [literal(2, method), vec![0x86], literal(4, path), literal(1, "x")].concat();
    let frame = [0, 0, block.len() as u8, 1, 5, 0, 0, 0, stream];
    [&frame[..], &block].concat()
}

const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0abcdefgh";

/// Writes what `frame` gives for 1, 2, 3... until the server closes, and gives the time that took.
async fn closed_in_spite_of(client: Client, frame: impl Fn(u8) -> Vec<u8>) -> Duration {
    let began = Instant::now();
    let (mut read, mut write) = client.0.into_split();
    let written = async {
        for n in 1..100 {
            if write.write_all(&frame(n)).await.is_err() {
                break;
            }
            tokio::time::sleep(100 * MS).await;
        }
    };
    let closed = async {
        let mut piece = [0; 4096];
        while read.read(&mut piece).await.is_ok_and(|count| count > 0) {}
    };
    tokio::select! {
        () = written => {}
        () = closed => {}
    }
    began.elapsed()
}

#[tokio::test]
async fn an_http2_client_that_opens_no_window_is_cut_off() {
    let server = WireServer::start(brisk()).await;
    let mut client = http2(&server, 0).await;
    let request = headers(1, "GET", "/large");
    client.0.write_all(&request).await.unwrap();
    let (after, rest) = closed_after(&mut client).await;
    assert!((900 * MS..AMPLE).contains(&after), "{after:?}");
    assert!(rest.len() < 1000, "{} bytes came without a window", rest.len());
}

#[tokio::test]
async fn new_requests_do_not_hide_an_answer_that_is_not_taken() {
    let server = WireServer::start(brisk()).await;
    for (window, path) in [(0, "/large"), (1, "/hello"), (1, "/large")] {
        let mut client = http2(&server, window).await;
        let request = headers(1, "GET", path);
        client.0.write_all(&request).await.unwrap();
        let heads = |n: u8| headers(1 + 2 * n, "HEAD", "/hello");
        let after = closed_in_spite_of(client, heads).await;
        assert!((900 * MS..AMPLE).contains(&after), "{path}: {after:?}");
    }
    assert_eq!(server.made.alive.load(SeqCst), 0);
}

#[tokio::test]
async fn bodies_that_come_slowly_do_not_hide_an_answer_that_is_not_taken() {
    let server = WireServer::start(Limits { streams: 200, ..brisk() }).await;
    let mut client = http2(&server, 0).await;
    let request = headers(1, "GET", "/large");
    client.0.write_all(&request).await.unwrap();
    let unfinished = |n: u8| {
        let mut post = headers(1 + 2 * n, "POST", "/echo");
        post[4] = 4; // END_HEADERS without END_STREAM
        post
    };
    let after = closed_in_spite_of(client, unfinished).await;
    assert!((900 * MS..AMPLE).contains(&after), "{after:?}");
}

#[tokio::test]
async fn pings_do_not_keep_an_idle_connection() {
    let server = WireServer::start(brisk()).await;
    let mut client = http2(&server, 100).await;
    let request = headers(1, "GET", "/hello");
    client.0.write_all(&request).await.unwrap();
    let after = closed_in_spite_of(client, |_| PING.to_vec()).await;
    assert!((500 * MS..AMPLE).contains(&after), "{after:?}");
}

#[tokio::test]
async fn the_connection_limit_makes_later_clients_wait_not_fail() {
    let server = WireServer::start(Limits { connections: 2, ..brisk() }).await;
    let _held = (server.connect().await, server.connect().await);
    let began = Instant::now();
    assert!(server.get("/hello").await.ends_with("hello"));
    assert!(began.elapsed() > 200 * MS, "served before a place was free");
}

#[tokio::test]
async fn a_peer_beyond_its_number_of_connections_is_turned_away_until_one_ends() {
    let server = WireServer::start(Limits { connections_per_peer: 2, ..brisk() }).await;
    let held = (server.connect().await, server.connect().await);
    // Long before any deadline, and without an answer.
    let (after, rest) = closed_after(&mut server.connect().await).await;
    assert!(after < 200 * MS && rest.is_empty(), "{after:?} {rest}");
    drop(held);
    tokio::time::sleep(100 * MS).await;
    assert!(server.get("/hello").await.ends_with("hello"));
}

#[tokio::test]
async fn a_client_that_stops_reading_holds_little_and_then_nothing() {
    let server = WireServer::start(brisk()).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = server.connect_narrow().await;
        client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
        clients.push(client);
    }
    tokio::time::sleep(500 * MS).await;
    // In the process a piece or two, in the system what it may hold unsent.
    let each = server.made.bytes.load(SeqCst) / clients.len();
    assert!(each < 700_000, "{each} bytes were made for a client that takes none");
    assert_eq!(server.made.alive.load(SeqCst), clients.len());
    tokio::time::sleep(1500 * MS).await;
    assert_eq!(server.made.alive.load(SeqCst), 0, "stalled answers must be given up");
}
