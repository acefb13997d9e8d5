//! When a connection has earned its end: the silent, the idle and the stalled client.
//!
//! hyper's header timeout begins only after the HTTP version was told from the first bytes and
//! knows nothing of a client that stops reading. So each connection counts what it does in an
//! [`Activity`], and a [`Watch`] judges the counts. The judgement itself takes the time as an
//! argument and does no I/O.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::limits::Limits;

/// Why a connection was ended by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// No complete request head in the time after accept.
    Silent,
    /// No further request.
    Idle,
    /// The client did not take the answer.
    Stalled,
}

/// Counters of one connection: its parts write them, its watch reads them.
#[derive(Debug, Default)]
pub(super) struct Activity {
    requests: AtomicU64,
    open: AtomicUsize,
    working: AtomicUsize,
    written: AtomicU64,
    aborted: AtomicBool,
}

impl Activity {
    /// A complete request head has come; the server has work with it.
    pub(super) fn opened(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        self.working.fetch_add(1, Relaxed);
    }

    /// The answer is finished or given up; `working` says whose turn it was at that moment.
    pub(super) fn closed(&self, working: bool) {
        self.open.fetch_sub(1, Relaxed);
        if working {
            self.handed_over();
        }
    }

    /// The server works on the next piece of an answer.
    pub(super) fn took_up(&self) {
        self.working.fetch_add(1, Relaxed);
    }

    /// A piece is ready: now it is the client's turn to take it.
    pub(super) fn handed_over(&self) {
        self.working.fetch_sub(1, Relaxed);
    }

    /// The socket is to be reset when it is closed, so that the system drops unsent bytes too.
    pub(super) fn abort(&self) {
        self.aborted.store(true, Relaxed);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            requests: self.requests.load(Relaxed),
            open: self.open.load(Relaxed),
            working: self.working.load(Relaxed),
            written: self.written.load(Relaxed),
        }
    }
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    requests: u64,
    open: usize,
    working: usize,
    written: u64,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    FirstRequest,
    Idle,
    Working,
    Sending,
}

impl Snapshot {
    fn phase(&self) -> Phase {
        match self {
            Self { requests: 0, .. } => Phase::FirstRequest,
            Self { open: 0, .. } => Phase::Idle,
            Self { working: 0, .. } => Phase::Sending,
            Self { .. } => Phase::Working,
        }
    }
}

/// Judges one connection; is to be asked once every [`Watch::period`].
#[derive(Debug)]
pub(super) struct Watch {
    first_request: Duration,
    idle: Duration,
    stall: Duration,
    stall_bytes: u64,
    phase: Phase,
    since: Instant,
    base: Snapshot,
}

impl Watch {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            first_request: limits.first_request,
            idle: limits.idle,
            stall: limits.stall,
            stall_bytes: limits
                .stall_rate
                .saturating_mul(limits.stall.as_secs())
                .max(1),
            phase: Phase::FirstRequest,
            since: now,
            base: Snapshot::default(),
        }
    }

    /// How often to ask: often enough that no limit is overdrawn by more than a quarter.
    pub(super) fn period(&self) -> Duration {
        let shortest = self.first_request.min(self.idle).min(self.stall);
        (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(1))
    }

    /// Whether the connection is to be ended at this moment.
    pub(super) fn judge(&mut self, now: Instant, seen: Snapshot) -> Option<Ended> {
        if seen.phase() != self.phase || seen.requests != self.base.requests {
            self.restart(now, seen);
        }
        let waited = now - self.since;
        match self.phase {
            Phase::FirstRequest if waited >= self.first_request => return Some(Ended::Silent),
            Phase::Idle if seen.written != self.base.written => self.restart(now, seen),
            Phase::Idle if waited >= self.idle => return Some(Ended::Idle),
            Phase::Sending if waited >= self.stall => {
                if seen.written - self.base.written < self.stall_bytes {
                    return Some(Ended::Stalled);
                }
                self.restart(now, seen);
            }
            _ => {}
        }
        None
    }

    fn restart(&mut self, now: Instant, seen: Snapshot) {
        self.phase = seen.phase();
        self.since = now;
        self.base = seen;
    }
}

/// A socket that counts what the client has taken.
#[derive(Debug)]
pub(super) struct Metered {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Metered {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn count(&self, written: io::Result<usize>) -> Poll<io::Result<usize>> {
        if let Ok(bytes) = written {
            self.activity.written.fetch_add(bytes as u64, Relaxed);
        }
        Poll::Ready(written)
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if self.activity.aborted.load(Relaxed) {
            // When it fails the system keeps the unsent bytes for its own timeout, no longer.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf));
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs));
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Lets `seconds` pass, one judgement per second, with counters given by `at`.
    fn run(seconds: u32, at: impl Fn(u32) -> Snapshot) -> Option<(u32, Ended)> {
        let limits = Limits {
            stall_rate: 1000,
            ..Limits::default()
        };
        let start = Instant::now();
        let mut watch = Watch::new(&limits, start);
        (0..=seconds).find_map(|second| {
            watch
                .judge(start + SECOND * second, at(second))
                .map(|ended| (second, ended))
        })
    }

    fn sending(written: u64) -> Snapshot {
        Snapshot {
            requests: 1,
            open: 1,
            working: 0,
            written,
        }
    }

    #[test]
    fn a_client_without_a_first_request_is_silent() {
        assert_eq!(run(60, |_| Snapshot::default()), Some((10, Ended::Silent)));
    }

    #[test]
    fn a_client_that_takes_nothing_or_too_little_is_stalled() {
        assert_eq!(run(100, |_| sending(5000)), Some((30, Ended::Stalled)));
        assert_eq!(
            run(100, |second| sending(999 * u64::from(second))),
            Some((30, Ended::Stalled))
        );
    }

    #[test]
    fn a_client_at_the_smallest_rate_and_one_that_starts_late_are_served() {
        assert_eq!(run(600, |second| sending(1000 * u64::from(second))), None);
        assert_eq!(
            run(59, |second| sending(if second < 20 { 0 } else { 40_000 })),
            None
        );
    }

    #[test]
    fn a_client_that_stops_after_a_good_beginning_is_stalled_in_the_next_window() {
        let taken = |second: u32| sending(100_000 * u64::from(second.min(29)));
        assert_eq!(run(600, taken), Some((60, Ended::Stalled)));
    }

    #[test]
    fn the_servers_own_slowness_is_not_held_against_the_client() {
        let working = Snapshot {
            requests: 1,
            open: 2,
            working: 1,
            written: 0,
        };
        assert_eq!(run(600, |_| working), None);
    }

    #[test]
    fn a_connection_without_a_next_request_is_idle_once_its_answer_is_out() {
        let after = |written| Snapshot {
            requests: 3,
            open: 0,
            working: 0,
            written,
        };
        assert_eq!(run(200, |_| after(9)), Some((75, Ended::Idle)));
        let flushing = |second: u32| after(u64::from(second.min(50)));
        assert_eq!(run(200, flushing), Some((125, Ended::Idle)));
    }
}
