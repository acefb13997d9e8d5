//! Whether what was loaded is still there: asked for every request, looked at far less often, and
//! never on a thread that serves, because storage may hang.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::assets::blocking;

/// When something was last found unchanged.
#[derive(Debug)]
pub(super) struct Check {
    loaded: Instant,
    /// How old the last look may be.
    good_for: Duration,
    /// When the last good look began, in nanoseconds after `loaded`.
    passed: AtomicU64,
    /// Held by the request that looks.
    turn: Mutex<()>,
}

impl Check {
    /// Loading began at `loaded`, which counts as a look.
    pub(super) fn new(loaded: Instant, good_for: Duration) -> Self {
        Self { loaded, good_for, passed: AtomicU64::new(0), turn: Mutex::new(()) }
    }

    /// Whether a look was good that began after this question, or at most `good_for` before it.
    /// One request looks for all that ask meanwhile.
    pub(super) async fn holds(&self, look: impl FnOnce() -> bool + Send + 'static) -> bool {
        let asked = Instant::now();
        if self.passed_for(asked) {
            return true;
        }
        let _turn = self.turn.lock().await;
        if self.passed_for(asked) {
            return true;
        }
        let began = self.loaded.elapsed().as_nanos();
        let good = blocking(look).await.unwrap_or(false);
        if good {
            self.passed.fetch_max(u64::try_from(began).unwrap_or(u64::MAX), Relaxed);
        }
        good
    }

    fn passed_for(&self, asked: Instant) -> bool {
        let passed = self.loaded + Duration::from_nanos(self.passed.load(Relaxed));
        passed + self.good_for >= asked
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const GOOD_FOR: Duration = Duration::from_millis(1);

    fn long_ago() -> Check {
        Check::new(Instant::now() - Duration::from_secs(1), GOOD_FOR)
    }

    #[tokio::test]
    async fn one_look_is_for_all_that_ask_meanwhile() {
        let (check, looks) = (Arc::new(long_ago()), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            let (check, looks) = (Arc::clone(&check), Arc::clone(&looks));
            tokio::spawn(async move {
                let look = move || {
                    looks.fetch_add(1, Relaxed);
                    std::thread::sleep(Duration::from_millis(50));
                    true
                };
                check.holds(look).await
            })
        };
        for asked in (0..100).map(|_| ask()).collect::<Vec<_>>() {
            assert!(asked.await.unwrap());
        }
        // What was asked while the first look was under way may need a second.
        assert!((1..=2).contains(&looks.load(Relaxed)), "{looks:?}");
    }

    #[tokio::test]
    async fn a_look_from_before_the_question_does_not_count_for_long() {
        let check = long_ago();
        assert!(check.holds(|| true).await);
        tokio::time::sleep(2 * GOOD_FOR).await;
        assert!(!check.holds(|| false).await);
        assert!(!check.holds(|| false).await, "what was bad is looked at again");
    }
}
