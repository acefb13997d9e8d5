//! One watch over all connections: it judges each of them again and again, and tells those that have
//! earned their end. A timer for each connection would wake and be asked at every turn of it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::deadline::{Activity, Ended, Order, Watch};
use super::limits::Limits;

/// Time for the closing frames of a connection that is ended in order.
const GOODBYE: Duration = Duration::from_secs(1);

/// Every open connection of a server.
pub(super) struct Oversight {
    limits: Arc<Limits>,
    connections: Mutex<Vec<Watched>>,
}

struct Watched {
    activity: Weak<Activity>,
    watch: Watch,
    /// When it was told to finish because nothing came any more.
    parting: Option<Instant>,
}

impl Oversight {
    pub(super) fn new(limits: Arc<Limits>) -> Self {
        Self { limits, connections: Mutex::default() }
    }

    /// Watches a new connection, as long as its activity is held.
    pub(super) fn take_in(&self) -> Arc<Activity> {
        let activity = Arc::new(Activity::default());
        let watch = Watch::new(&self.limits, Instant::now());
        let watched = Watched { activity: Arc::downgrade(&activity), watch, parting: None };
        self.lock().push(watched);
        activity
    }

    /// Lets every connection finish what it has begun, and no more.
    pub(super) fn finish_all(&self) {
        self.tell_all(Order::Finish);
    }

    fn tell_all(&self, order: Order) {
        for activity in self.lock().iter().filter_map(|watched| watched.activity.upgrade()) {
            activity.tell(order);
        }
    }

    /// Judges until it is dropped.
    pub(super) async fn keep_on(&self) -> Infallible {
        let mut ticks = interval(Watch::period(&self.limits));
        // After a halt of the whole process connections have time to move before they are judged again.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = ticks.tick().await;
            let mut connections = self.lock();
            connections.retain_mut(|watched| watched.is_open(now));
            let room = 2 * connections.len();
            if connections.capacity() > 2 * room {
                connections.shrink_to(room);
            }
        }
    }

    /// Nothing that holds the lock can panic halfway.
    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody would judge them any more.
impl Drop for Oversight {
    fn drop(&mut self) {
        self.tell_all(Order::Leave);
    }
}

impl Watched {
    /// Whether the connection is still there; tells it what it has earned.
    fn is_open(&mut self, now: Instant) -> bool {
        let Some(activity) = self.activity.upgrade() else { return false };
        if let Some(order) = self.order(now, &activity) {
            activity.tell(order);
        }
        true
    }

    fn order(&mut self, now: Instant, activity: &Activity) -> Option<Order> {
        let seen = activity.snapshot();
        // A request may have come just before it was told: that one is still answered.
        self.parting = self.parting.filter(|_| !self.watch.is_busy(&seen));
        if let Some(since) = self.parting {
            return (now - since >= GOODBYE).then_some(Order::Leave);
        }
        let ended = self.watch.judge(now, &seen)?;
        tracing::debug!(?ended, "connection ended");
        match ended {
            Ended::Idle => {
                self.parting = Some(now);
                Some(Order::Finish)
            }
            Ended::Silent | Ended::Stalled => Some(Order::Abort),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::deadline::Turn;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What a connection that nothing came on any more is told `after` it was told to finish.
    fn told(oversight: &Oversight, activity: &Activity, after: Duration) -> Option<Order> {
        let idle = Instant::now() + Limits::default().idle + SECOND;
        let mut connections = oversight.lock();
        assert_eq!(connections[0].order(idle, activity), Some(Order::Finish));
        connections[0].order(idle + after, activity)
    }

    /// One whose first request is answered.
    fn watched() -> (Oversight, Arc<Activity>) {
        let oversight = Oversight::new(Arc::new(Limits::default()));
        let activity = oversight.take_in();
        drop(Turn::begin(Arc::clone(&activity)));
        assert_eq!(oversight.lock()[0].order(Instant::now(), &activity), None);
        (oversight, activity)
    }

    #[test]
    fn an_idle_connection_has_a_moment_to_say_goodbye() {
        let (oversight, activity) = watched();
        assert_eq!(told(&oversight, &activity, SECOND / 2), None);
        let (oversight, activity) = watched();
        assert_eq!(told(&oversight, &activity, SECOND), Some(Order::Leave));
    }

    #[test]
    fn a_request_that_came_just_before_it_was_told_is_answered() {
        let (oversight, activity) = watched();
        let idle = Instant::now() + Limits::default().idle + SECOND;
        assert_eq!(oversight.lock()[0].order(idle, &activity), Some(Order::Finish));
        let turn = Turn::begin(Arc::clone(&activity));
        assert_eq!(oversight.lock()[0].order(idle + 5 * SECOND, &activity), None);
        drop(turn);
        assert_eq!(oversight.lock()[0].order(idle + 6 * SECOND, &activity), None);
    }

    #[test]
    fn what_is_gone_is_forgotten_and_what_is_left_alone_is_told() {
        let (oversight, activity) = watched();
        drop(oversight.take_in());
        oversight.lock().retain_mut(|watched| watched.is_open(Instant::now()));
        assert_eq!(oversight.lock().len(), 1);
        drop(oversight);
        let waker = std::task::Waker::noop();
        let cx = std::task::Context::from_waker(waker);
        assert_eq!(activity.order(&cx), Order::Leave);
    }
}
