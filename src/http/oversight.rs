//! One watch over all connections: it judges each of them again and again, and tells those that have
//! earned their end. A timer for each connection would wake and be asked at every turn of it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, interval};

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
        for activity in self.lock().iter().filter_map(|watched| watched.activity.upgrade()) {
            activity.tell(Order::Finish);
        }
    }

    /// Judges until it is dropped.
    pub(super) async fn keep_on(&self) -> Infallible {
        let mut ticks = interval(Watch::period(&self.limits));
        loop {
            let now = ticks.tick().await;
            self.lock().retain_mut(|watched| watched.is_open(now));
        }
    }

    /// Nothing that holds the lock can panic halfway.
    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
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
        if let Some(since) = self.parting {
            return (now - since >= GOODBYE).then_some(Order::Leave);
        }
        let ended = self.watch.judge(now, &activity.snapshot())?;
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
