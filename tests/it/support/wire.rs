//! A server in this process with a few plain routes, and a client that writes raw bytes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use http_body::Frame;
use portcullis::http::limits::Limits;
use portcullis::http::router::App;
use portcullis::http::server::{Drained, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than any limit that a test sets.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The real accept loop and layers around test routes.
pub(crate) struct WireServer {
    pub(crate) address: SocketAddr,
    pub(crate) made: Arc<Made>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Drained>,
}

/// What the bodies of a server have done.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Bytes that were made so far.
    pub(crate) bytes: AtomicUsize,
    /// Bodies that are neither finished nor given up.
    pub(crate) alive: AtomicUsize,
}

/// A body that is made piece by piece as the client takes it.
struct Zeros {
    left: usize,
    made: Arc<Made>,
}

impl Zeros {
    fn body(left: usize, made: Arc<Made>) -> Body {
        made.alive.fetch_add(1, SeqCst);
        Body::new(Self { left, made })
    }
}

impl Drop for Zeros {
    fn drop(&mut self) {
        self.made.alive.fetch_sub(1, SeqCst);
    }
}

impl http_body::Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let size = self.left.min(64 * 1024);
        self.left -= size;
        self.made.bytes.fetch_add(size, SeqCst);
        Poll::Ready((size > 0).then(|| Ok(Frame::data(Bytes::from(vec![0; size])))))
    }
}

/// Small limits, so that tests are quick.
pub(crate) fn brisk() -> Limits {
    Limits {
        first_request: Duration::from_millis(300),
        idle: Duration::from_millis(600),
        stall: Duration::from_millis(1000),
        stall_rate: 20_000,
        body: Duration::from_millis(300),
        drain: Duration::from_secs(5),
        ..Limits::default()
    }
}

fn routes(made: &Arc<Made>) -> Router {
    let zeros = |size: usize| {
        let made = Arc::clone(made);
        get(move || async move { Zeros::body(size, made) })
    };
    Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/medium", zeros(1_000_000))
        .route("/large", zeros(5_000_000))
        .route("/slow", get(slow))
        .route("/panic", get(panics))
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(500)).await;
    "done"
}

async fn panics() -> &'static str {
    panic!("asked for by a test")
}

impl WireServer {
    pub(crate) async fn start(limits: Limits) -> Self {
        let server = Server::bind(([127, 0, 0, 1], 0).into(), limits.clone()).await.unwrap();
        let address = server.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let made = Arc::default();
        let app = App::layered(routes(&made), &limits);
        let running = tokio::spawn(server.run(app, async {
            let _ = stopped.await;
        }));
        Self { address, made, stop: Some(stop), running }
    }

    pub(crate) fn begin_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn ended(self) -> Drained {
        timeout(PATIENCE, self.running).await.expect("the server did not end").unwrap()
    }

    pub(crate) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// A client with a receive buffer so small that it cannot hide that it does not read.
    pub(crate) async fn connect_narrow(&self) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        Client(socket.connect(self.address).await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        let mut client = self.connect().await;
        client.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        client.rest().await
    }
}

/// A connection on which a test says exactly what it wants.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything until the server closes; a reset ends it too.
    pub(crate) async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut all)).await.expect("still open");
        String::from_utf8_lossy(&all).into_owned()
    }

    /// What has come once `until` is in it.
    pub(crate) async fn read_until(&mut self, until: &str) -> String {
        let mut all = Vec::new();
        while !String::from_utf8_lossy(&all).contains(until) {
            let mut piece = [0; 4096];
            let read = timeout(PATIENCE, self.0.read(&mut piece)).await.expect("nothing came");
            let count = read.unwrap();
            assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&all));
            all.extend_from_slice(&piece[..count]);
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Reads `step` bytes every `pause` until `total` bytes have come; gives what came in all.
    pub(crate) async fn read_slowly(
        &mut self,
        step: usize,
        pause: Duration,
        total: usize,
    ) -> usize {
        let mut piece = vec![0; step];
        let mut read = 0;
        while read < total {
            match timeout(PATIENCE, self.0.read(&mut piece)).await.expect("nothing came") {
                Ok(0) | Err(_) => break,
                Ok(count) => read += count,
            }
            tokio::time::sleep(pause).await;
        }
        read
    }
}
