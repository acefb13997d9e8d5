//! When a connection has earned its end: the silent, the idle and the stalled client.
//!
//! hyper's header timeout begins only after the HTTP version was told from the first bytes and
//! knows nothing of a client that stops reading. So each exchange counts what the client takes of
//! its answer, and a [`Watch`] judges every exchange by itself: on HTTP/2 neither new requests nor
//! pings hide that one answer is not taken. The judgement itself takes the time as an argument and
//! does no I/O; what follows from it is told to the connection as an [`Order`].

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;
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
    /// The client did not take an answer.
    Stalled,
}

/// What a connection is told to do; a later one counts more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Nothing yet.
    GoOn,
    /// To finish the answers under way, and to take no more requests.
    Finish,
    /// To end now.
    Leave,
    /// To end now and to be reset when it is closed, so that the system drops unsent bytes too.
    Abort,
}

/// What one connection does and is told: its exchanges write the one, its watch the other.
#[derive(Debug, Default)]
pub(super) struct Activity {
    exchanges: Mutex<Exchanges>,
    /// The [`Order`] as a number.
    order: AtomicU8,
    told: AtomicWaker,
}

#[derive(Debug, Default)]
struct Exchanges {
    begun: u64,
    /// Few at a time, in no order.
    open: Vec<(u64, Arc<Progress>)>,
}

#[derive(Debug)]
struct Progress {
    working: AtomicBool,
    taken: AtomicU64,
}

impl Activity {
    /// Wakes the connection to follow the order, unless it has one that counts more.
    pub(super) fn tell(&self, order: Order) {
        self.order.fetch_max(order as u8, AcqRel);
        self.told.wake();
    }

    /// What the connection is told; it is woken when that changes.
    pub(super) fn order(&self, cx: &Context<'_>) -> Order {
        self.told.register(cx.waker());
        self.last_order()
    }

    fn last_order(&self) -> Order {
        const ORDERS: [Order; 3] = [Order::GoOn, Order::Finish, Order::Leave];
        let order = self.order.load(Acquire);
        ORDERS.into_iter().find(|known| *known as u8 == order).unwrap_or(Order::Abort)
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let exchanges = self.lock();
        let waiting = |(id, progress): &(u64, Arc<Progress>)| {
            let working = progress.working.load(Relaxed);
            (!working).then(|| (*id, progress.taken.load(Relaxed)))
        };
        Snapshot {
            begun: exchanges.begun,
            open: exchanges.open.len(),
            waiting: exchanges.open.iter().filter_map(waiting).collect(),
        }
    }

    /// Nothing that holds the lock can panic halfway.
    fn lock(&self) -> MutexGuard<'_, Exchanges> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One exchange of a connection, open until this is dropped: whose turn it is, and how much of the
/// answer the client has taken.
#[derive(Debug)]
pub(super) struct Turn {
    activity: Arc<Activity>,
    number: u64,
    progress: Arc<Progress>,
}

impl Turn {
    /// A complete request head has come; the server has work with it.
    pub(super) fn begin(activity: Arc<Activity>) -> Self {
        let progress =
            Arc::new(Progress { working: AtomicBool::new(true), taken: AtomicU64::new(0) });
        let mut exchanges = activity.lock();
        exchanges.begun += 1;
        let number = exchanges.begun;
        exchanges.open.push((number, Arc::clone(&progress)));
        drop(exchanges);
        Self { activity, number, progress }
    }

    /// Among all that were ever begun on the connection, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The server works on the next piece of the answer.
    pub(super) fn take_up(&self) {
        self.progress.working.store(true, Relaxed);
    }

    /// A piece is ready: now it is the client's turn to take it.
    pub(super) fn hand_over(&self) {
        self.progress.working.store(false, Relaxed);
    }

    /// The client has taken a piece.
    pub(super) fn taken(&self, bytes: usize) {
        self.progress.taken.fetch_add(bytes as u64, Relaxed);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.activity.lock().open.retain(|(number, _)| *number != self.number);
    }
}

/// A connection at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Exchanges that were ever begun.
    begun: u64,
    /// Exchanges under way.
    open: usize,
    /// Those of them that wait for the client, with the bytes that it has taken.
    waiting: Vec<(u64, u64)>,
}

/// The time in which a client has to take enough of one answer.
#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    taken_before: u64,
}

/// Judges one connection; is to be asked once every [`Watch::period`].
#[derive(Debug)]
pub(super) struct Watch {
    first_request: Duration,
    idle: Duration,
    stall: Duration,
    stall_bytes: u64,
    quiet_since: Instant,
    begun: u64,
    windows: BTreeMap<u64, Window>,
}

impl Watch {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            first_request: limits.first_request,
            idle: limits.idle,
            stall: limits.stall,
            stall_bytes: limits.stall_rate.saturating_mul(limits.stall.as_secs()),
            quiet_since: now,
            begun: 0,
            windows: BTreeMap::new(),
        }
    }

    /// How often to ask: often enough that no limit is overdrawn by more than a quarter.
    pub(super) fn period(limits: &Limits) -> Duration {
        let shortest = limits.first_request.min(limits.idle).min(limits.stall);
        (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(1))
    }

    /// Whether the connection is to be ended at this moment.
    pub(super) fn judge(&mut self, now: Instant, seen: &Snapshot) -> Option<Ended> {
        if self.stalls(now, &seen.waiting) {
            return Some(Ended::Stalled);
        }
        if self.is_busy(seen) {
            self.quiet_since = now;
            self.begun = seen.begun;
        }
        let quiet = now - self.quiet_since;
        match seen.begun {
            0 => (quiet >= self.first_request).then_some(Ended::Silent),
            _ => (quiet >= self.idle).then_some(Ended::Idle),
        }
    }

    /// Whether there was a request since it was last judged, or an answer is under way.
    pub(super) fn is_busy(&self, seen: &Snapshot) -> bool {
        seen.open > 0 || seen.begun != self.begun
    }

    /// Answers that wait at the same time share the line, so each needs its share of the rate.
    fn stalls(&mut self, now: Instant, waiting: &[(u64, u64)]) -> bool {
        let share = (self.stall_bytes / waiting.len().max(1) as u64).max(1);
        let mut before = std::mem::take(&mut self.windows);
        let mut stalled = false;
        for &(id, taken) in waiting {
            let fresh = Window { since: now, taken_before: taken };
            let mut window = before.remove(&id).unwrap_or(fresh);
            if now - window.since >= self.stall {
                stalled |= taken - window.taken_before < share;
                window = fresh;
            }
            self.windows.insert(id, window);
        }
        stalled
    }
}

/// A socket that can be told to forget what the client has not taken.
#[derive(Debug)]
pub(super) struct Resettable {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Resettable {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.activity.last_order() == Order::Abort {
            // When it fails the system keeps the unsent bytes for its own timeout, no longer.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
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

    /// Lets `seconds` pass, one judgement per second, on what `at` gives.
    fn run(seconds: u32, at: impl Fn(u32) -> Snapshot) -> Option<(u32, Ended)> {
        let limits = Limits { stall_rate: 1000, ..Limits::default() };
        let start = Instant::now();
        let mut watch = Watch::new(&limits, start);
        (0..=seconds).find_map(|second| {
            watch.judge(start + SECOND * second, &at(second)).map(|ended| (second, ended))
        })
    }

    /// Answers that wait for the client, each with what was taken of it.
    fn sending(taken: &[u64]) -> Snapshot {
        Snapshot {
            begun: taken.len() as u64,
            open: taken.len(),
            waiting: (0..).zip(taken.iter().copied()).collect(),
        }
    }

    #[test]
    fn a_client_without_a_first_request_is_silent() {
        assert_eq!(run(60, |_| Snapshot::default()), Some((10, Ended::Silent)));
    }

    #[test]
    fn a_client_that_takes_nothing_or_too_little_is_stalled() {
        assert_eq!(run(100, |_| sending(&[5000])), Some((30, Ended::Stalled)));
        assert_eq!(
            run(100, |second| sending(&[999 * u64::from(second)])),
            Some((30, Ended::Stalled))
        );
    }

    #[test]
    fn a_client_at_the_smallest_rate_and_one_that_starts_late_are_served() {
        assert_eq!(run(600, |s| sending(&[1000 * u64::from(s)])), None);
        assert_eq!(run(59, |s| sending(&[if s < 20 { 0 } else { 40_000 }])), None);
    }

    #[test]
    fn a_client_that_stops_after_a_good_beginning_is_stalled_in_the_next_window() {
        let taken = |second: u32| sending(&[100_000 * u64::from(second.min(29))]);
        assert_eq!(run(600, taken), Some((60, Ended::Stalled)));
    }

    #[test]
    fn answers_at_the_same_time_share_the_rate() {
        let half = |second: u32| 500 * u64::from(second);
        assert_eq!(run(600, |s| sending(&[half(s), half(s)])), None);
    }

    #[test]
    fn neither_other_answers_nor_new_or_working_requests_hide_a_stalled_one() {
        let fast = |second: u32| 1_000_000 * u64::from(second);
        assert_eq!(run(600, |s| sending(&[0, fast(s)])), Some((30, Ended::Stalled)));
        let busy =
            |second: u32| Snapshot { begun: u64::from(second) + 1, open: 2, ..sending(&[0]) };
        assert_eq!(run(600, busy), Some((30, Ended::Stalled)));
    }

    #[test]
    fn the_servers_own_slowness_is_not_held_against_the_client() {
        let working = Snapshot { begun: 1, open: 1, waiting: Vec::new() };
        assert_eq!(run(600, |_| working.clone()), None);
    }

    #[test]
    fn a_connection_without_a_next_request_is_idle() {
        let after = |begun| Snapshot { begun, ..Snapshot::default() };
        assert_eq!(run(200, |_| after(3)), Some((75, Ended::Idle)));
        let asking = |second: u32| after(1 + u64::from(second.min(50)));
        assert_eq!(run(200, asking), Some((125, Ended::Idle)));
    }

    #[test]
    fn an_exchange_is_open_until_it_is_dropped() {
        let activity = Arc::new(Activity::default());
        let turn = Turn::begin(Arc::clone(&activity));
        assert_eq!(activity.snapshot().waiting, []);
        turn.hand_over();
        turn.taken(7);
        assert_eq!(activity.snapshot().waiting, [(1, 7)]);
        drop(turn);
        let seen = activity.snapshot();
        assert_eq!((seen.begun, seen.open), (1, 0));
    }
}
