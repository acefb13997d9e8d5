//! Leaves a server alone that fails: after some failures in a row nobody asks it for a while, then one
//! request tries, and its end decides for all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When to ask and when not.
#[derive(Debug)]
pub(super) struct Breaker {
    failures: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// All may ask.
    Closed { failed: u32 },
    /// Nobody may, until then.
    Open { until: Instant },
    /// One tries.
    Trial,
}

/// The right to ask once. Dropped without an end, as when the client leaves, it says nothing of the
/// server; the next request tries then.
#[derive(Debug)]
pub(super) struct Pass<'b> {
    breaker: &'b Breaker,
    is_trial: bool,
    ended: bool,
}

impl Breaker {
    pub(super) fn new(failures: u32, pause: Duration) -> Self {
        Self { failures, pause, state: Mutex::new(State::Closed { failed: 0 }) }
    }

    /// Lets ask, or says how long nobody may.
    pub(super) fn admit(&self, now: Instant) -> Result<Pass<'_>, Duration> {
        let mut state = self.state();
        let is_trial = match *state {
            State::Closed { .. } => false,
            State::Open { until } if until <= now => true,
            State::Open { until } => return Err(until - now),
            State::Trial => return Err(self.pause),
        };
        if is_trial {
            *state = State::Trial;
        }
        Ok(Pass { breaker: self, is_trial, ended: false })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Says how it went; gives whether the server is left alone, or asked again, from now on.
    pub(super) fn end(mut self, is_failure: bool, now: Instant) -> Option<Change> {
        self.ended = true;
        let Breaker { failures, pause, .. } = *self.breaker;
        let mut state = self.breaker.state();
        let failed = match *state {
            State::Closed { failed } => failed,
            State::Trial if self.is_trial => failures,
            // It began before the server was left alone, and its end is old news.
            _ => return None,
        };
        *state = match (is_failure, failed.saturating_add(1) >= failures) {
            (false, _) => State::Closed { failed: 0 },
            (true, false) => State::Closed { failed: failed + 1 },
            (true, true) => State::Open { until: now + pause },
        };
        match *state {
            State::Open { .. } => Some(Change::Opened),
            _ if self.is_trial => Some(Change::Closed),
            _ => None,
        }
    }
}

/// What is worth a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The server is left alone.
    Opened,
    /// It is asked again.
    Closed,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_trial && !self.ended {
            *self.breaker.state() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new(2, PAUSE);
        assert_eq!(breaker.admit(now).unwrap().end(true, now), None);
        assert_eq!(breaker.admit(now).unwrap().end(true, now), Some(Change::Opened));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_and_one_success_between_does_not() {
        let (breaker, now) = (Breaker::new(2, PAUSE), Instant::now());
        for is_failure in [true, false, true, false] {
            assert_eq!(breaker.admit(now).unwrap().end(is_failure, now), None);
        }
        assert_eq!(opened(now).admit(now).unwrap_err(), PAUSE);
    }

    #[test]
    fn one_request_tries_and_decides_for_all() {
        let now = Instant::now();
        for (is_failure, change) in [(false, Change::Closed), (true, Change::Opened)] {
            let breaker = opened(now);
            let later = now + PAUSE;
            let trial = breaker.admit(later).unwrap();
            assert_eq!(breaker.admit(later).unwrap_err(), PAUSE);
            assert_eq!(trial.end(is_failure, later), Some(change));
            assert_eq!(breaker.admit(later).is_err(), is_failure);
        }
    }

    #[test]
    fn a_trial_that_is_given_up_leaves_the_next_to_try() {
        let now = Instant::now();
        let breaker = opened(now);
        drop(breaker.admit(now + PAUSE).unwrap());
        assert!(breaker.admit(Instant::now() + PAUSE).unwrap().is_trial);
    }

    #[test]
    fn what_ends_late_changes_nothing() {
        let (breaker, now) = (Breaker::new(1, PAUSE), Instant::now());
        let [slow, other] = [(); 2].map(|()| breaker.admit(now).unwrap());
        assert_eq!(breaker.admit(now).unwrap().end(true, now), Some(Change::Opened));
        assert_eq!(slow.end(false, now), None);
        assert!(breaker.admit(now).is_err());
        assert_eq!(other.end(true, now + PAUSE), None);
        assert!(breaker.admit(now + PAUSE).is_ok());
    }
}
