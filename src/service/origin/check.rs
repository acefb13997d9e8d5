//! Whether what was loaded is still there: asked for every request, looked at far less often, and
//! never on a thread that serves, because storage may hang.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::assets::blocking;

/// Looks whether something is unchanged.
pub(super) struct Check {
    last: Arc<LastLook>,
    /// Held while somebody looks.
    turn: Arc<Mutex<()>>,
    /// Whether somebody looks before it is needed.
    ahead: AtomicBool,
    look: Box<dyn Fn() -> bool + Send + Sync>,
}

/// By so much longer the last look counts while one ahead is under way: cores that are busy let it begin
/// late, and whoever asks meanwhile would wait for it.
const LATE: Duration = Duration::from_millis(10);

/// When something was last found unchanged.
struct LastLook {
    loaded: Instant,
    /// How old the last look may be.
    good_for: Duration,
    /// When the last good look began, in nanoseconds after `loaded`.
    passed: AtomicU64,
}

/// What a check finds, for answers that stay when nobody needs what it looks at. Asking changes no
/// count, which cores would wait for one another to do.
pub(super) struct Findings {
    last: Arc<LastLook>,
    check: Weak<Check>,
}

impl Check {
    /// Loading began at `loaded`, which counts as a look.
    pub(super) fn new(
        loaded: Instant,
        good_for: Duration,
        look: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Arc<Self> {
        let last = Arc::new(LastLook { loaded, good_for, passed: AtomicU64::new(0) });
        Arc::new(Self {
            last,
            turn: Arc::default(),
            ahead: AtomicBool::new(false),
            look: Box::new(look),
        })
    }

    pub(super) fn findings(self: &Arc<Self>) -> Findings {
        Findings { last: Arc::clone(&self.last), check: Arc::downgrade(self) }
    }

    /// Whether a look was good that began after this question, or at most `good_for` before it, or
    /// [`LATE`] more where one ahead is under way. One request looks for all that ask meanwhile.
    pub(super) async fn holds(self: &Arc<Self>) -> bool {
        let asked = Instant::now();
        if self.last.is_young(asked, || Some(Arc::clone(self))) {
            return true;
        }
        let _turn = self.turn.lock().await;
        if self.last.good_until() >= asked {
            return true;
        }
        let check = Arc::clone(self);
        blocking(move || check.look()).await.unwrap_or(false)
    }

    fn look_ahead(self: &Arc<Self>) {
        if let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() {
            let check = Arc::clone(self);
            check.ahead.store(true, Relaxed);
            tokio::task::spawn_blocking(move || {
                check.look();
                check.ahead.store(false, Relaxed);
                drop(turn);
            });
        }
    }

    fn look(&self) -> bool {
        let began = Instant::now();
        let good = (self.look)();
        if good {
            self.last.note(began);
        }
        good
    }
}

impl LastLook {
    /// Whether the last good look began at most `good_for` ago. While requests come, the next look
    /// begins before it is too old: else all that come during a look would wait for it.
    fn is_young(&self, now: Instant, check: impl FnOnce() -> Option<Arc<Check>>) -> bool {
        match self.good_until().checked_duration_since(now) {
            Some(left) if left >= self.good_for / 2 => true,
            Some(_) => {
                check().inspect(Check::look_ahead);
                true
            }
            None => {
                now.saturating_duration_since(self.good_until()) <= LATE
                    && check().is_some_and(|check| check.ahead.load(Relaxed))
            }
        }
    }

    fn note(&self, began: Instant) {
        let after = began.saturating_duration_since(self.loaded).as_nanos();
        self.passed.fetch_max(u64::try_from(after).unwrap_or(u64::MAX), Relaxed);
    }

    fn good_until(&self) -> Instant {
        self.loaded + Duration::from_nanos(self.passed.load(Relaxed)) + self.good_for
    }
}

impl Findings {
    /// Whether the last good look is young enough; has the next one made in time.
    pub(super) fn are_young(&self, now: Instant) -> bool {
        self.last.is_young(now, || self.check.upgrade())
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("good_until", &self.last.good_until()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const GOOD_FOR: Duration = Duration::from_millis(1);

    fn long_ago(look: impl Fn() -> bool + Send + Sync + 'static) -> Arc<Check> {
        Check::new(Instant::now() - Duration::from_secs(1), GOOD_FOR, look)
    }

    #[tokio::test]
    async fn one_look_is_for_all_that_ask_meanwhile() {
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&looks);
        let check = long_ago(move || {
            counted.fetch_add(1, Relaxed);
            std::thread::sleep(Duration::from_millis(50));
            true
        });
        let ask = || {
            let check = Arc::clone(&check);
            tokio::spawn(async move { check.holds().await })
        };
        for asked in (0..100).map(|_| ask()).collect::<Vec<_>>() {
            assert!(asked.await.unwrap());
        }
        // What was asked while the first look was under way may need a second.
        assert!((1..=2).contains(&looks.load(Relaxed)), "{looks:?}");
    }

    #[tokio::test]
    async fn a_look_from_before_the_question_does_not_count_for_long() {
        let good = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&good);
        let check = long_ago(move || seen.load(Relaxed));
        assert!(check.holds().await);
        good.store(false, Relaxed);
        tokio::time::sleep(2 * GOOD_FOR).await;
        assert!(!check.holds().await);
        assert!(!check.holds().await, "what was bad is looked at again");
    }

    #[tokio::test]
    async fn while_questions_come_nobody_waits_for_a_look() {
        let good_for = Duration::from_secs(2);
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&looks);
        let loaded = Instant::now() - good_for * 3 / 4;
        let check = Check::new(loaded, good_for, move || {
            std::thread::sleep(Duration::from_millis(20));
            counted.fetch_add(1, Relaxed) < 1
        });
        let findings = check.findings();
        assert!(findings.are_young(Instant::now()), "and begins to look");
        assert!(findings.are_young(Instant::now()), "does not look twice at once");
        assert_eq!(looks.load(Relaxed), 0);
        let _over = check.turn.lock().await;
        assert_eq!(looks.load(Relaxed), 1);
        assert!(check.last.good_until() > loaded + good_for);
    }

    #[tokio::test]
    async fn a_look_that_is_late_is_not_waited_for_at_once() {
        let check = Check::new(Instant::now(), GOOD_FOR, || false);
        let (findings, late) = (check.findings(), Instant::now() + GOOD_FOR + LATE / 2);
        assert!(!findings.are_young(late), "nobody looks");
        check.ahead.store(true, Relaxed);
        assert!(findings.are_young(late));
        assert!(!findings.are_young(late + LATE), "storage hangs");
    }

    #[tokio::test]
    async fn findings_get_old_when_nobody_needs_what_was_looked_at() {
        let check = Check::new(Instant::now(), GOOD_FOR, || true);
        let findings = check.findings();
        assert!(check.holds().await);
        let last_needed = Instant::now();
        drop(check);
        assert!(!findings.are_young(last_needed + 2 * GOOD_FOR));
    }
}
