//! The accept loop: connections within limits, each under a watch, and an orderly end.
//!
//! `axum::serve` has neither a deadline for the first request nor limits per connection, so the
//! loop is our own; routes and handlers are axum's.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::deadline::{Activity, Order, Resettable};
use super::exchange::{self, Connected};
use super::limits::Limits;
use super::oversight::Oversight;
use super::peers::Peers;
use super::router::App;

/// What hyper may hold of one request head, and of one answer before the client takes it (about
/// one piece).
const BUFFER: usize = 64 * 1024;

/// What the system may hold of one answer beyond what is on its way. Without it a stalled client
/// costs megabytes of kernel memory and a slow one makes progress in rare, large steps.
#[cfg(target_os = "linux")]
const UNSENT_IN_SYSTEM: u32 = 256 * 1024;

/// Pause after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every answer under way was finished.
    Completely,
    /// The drain time ran out first.
    CutOff {
        /// Connections that were still open.
        connections: usize,
    },
}

/// A bound listener with its limits.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    limits: Limits,
}

impl Server {
    /// Opens the port; nothing is accepted before [`Server::run`].
    pub async fn bind(address: SocketAddr, limits: Limits) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, limits })
    }

    /// The address with the port that was really taken.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves `app` until `stop` is ready, then takes no more connections and finishes the answers
    /// under way within the drain time.
    pub async fn run(self, app: App, stop: impl Future<Output = ()>) -> Drained {
        let Self { listener, limits } = self;
        let limits = Arc::new(limits);
        let slots = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        let connections = Connections { protocol: Arc::new(protocol(&limits)), app: Arc::new(app) };
        let peers = Peers::new(limits.connections_per_peer);
        let oversight = Oversight::new(Arc::clone(&limits));
        let served = async {
            tokio::select! {
                () = accept_all(&listener, &slots, &peers, &oversight, &connections) => {}
                () = stop => {}
            }
            drop(listener);
            oversight.finish_all();
            drain(&slots, &limits).await
        };
        tokio::select! {
            drained = served => drained,
            never = oversight.keep_on() => match never {},
        }
    }
}

async fn accept_all(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    peers: &Arc<Peers>,
    oversight: &Oversight,
    connections: &Connections,
) {
    // The semaphore is never closed, so this loop has no end of its own.
    while let Ok(slot) = Arc::clone(slots).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, address)) => {
                let Some(seat) = peers.seat(address.ip()) else {
                    tracing::debug!(%address, "connection refused, its peer has too many");
                    continue;
                };
                let connection = connections.clone().serve(stream, oversight.take_in());
                tokio::spawn(async move {
                    connection.await;
                    drop((seat, slot));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Every slot free means every connection gone.
async fn drain(slots: &Semaphore, limits: &Limits) -> Drained {
    let all = limits.connections.min(Semaphore::MAX_PERMITS);
    let gone = async {
        while slots.available_permits() < all {
            sleep(Duration::from_millis(10)).await;
        }
    };
    match timeout(limits.drain, gone).await {
        Ok(()) => Drained::Completely,
        Err(_) => Drained::CutOff { connections: all - slots.available_permits() },
    }
}

/// HTTP/1.1 and HTTP/2 with prior knowledge on one port, with buffers that fit many clients.
fn protocol(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The watch covers the time between requests, for both versions alike.
        .header_read_timeout(None)
        .max_headers(limits.header_lines)
        .max_buf_size(BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(BUFFER as u32)
        .max_send_buf_size(BUFFER);
    builder
}

/// What every connection is served with.
#[derive(Clone)]
struct Connections {
    protocol: Arc<auto::Builder<TokioExecutor>>,
    app: Arc<App>,
}

impl Connections {
    /// Until the connection ends, or is told to.
    async fn serve(self, stream: TcpStream, activity: Arc<Activity>) {
        let Self { protocol, app } = self;
        if let Err(error) = tune(&stream) {
            tracing::debug!(%error, "connection gone before it was served");
            return;
        }
        let io = TokioIo::new(Resettable::new(stream, Arc::clone(&activity)));
        // One count for each connection: cores that count the same thing wait for one another.
        let connected = Arc::new(Connected::new(app, Arc::clone(&activity)));
        let service = service_fn(|request| exchange::answer(&connected, request));
        let mut connection = pin!(protocol.serve_connection(io, service).into_owned());
        let mut last = Order::GoOn;
        let ended = poll_fn(|cx| {
            let order = activity.order(cx);
            if std::mem::replace(&mut last, order) != order && order == Order::Finish {
                connection.as_mut().graceful_shutdown();
            }
            match order {
                Order::GoOn | Order::Finish => connection.as_mut().poll(cx),
                Order::Leave | Order::Abort => Poll::Ready(Ok(())),
            }
        });
        if let Err(error) = ended.await {
            tracing::debug!(%error, "connection closed");
        }
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_IN_SYSTEM)?;
    Ok(())
}
