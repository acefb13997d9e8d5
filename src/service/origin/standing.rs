//! Whether a document would be answered again as it was: under load the same one is asked for many
//! times while nothing changes, and nothing that led to the answer has to be looked up again.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Clock;
use super::check::Findings;
use crate::store::{Locator, Store};

/// What another process changes is not counted, and seen when the look-ups are made again: so late in
/// addition to what the store allows itself. Answers are kept by many threads, so for as long a client
/// with several connections may see the old after the new.
const LASTS: Duration = Duration::from_secs(1);

/// What an answer follows from.
#[derive(Clone)]
pub struct Standing(Arc<Grounds>);

pub(super) struct Grounds {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) locator: Arc<Locator>,
    /// Of the asset, which is not kept for its answers.
    pub(super) files: Box<[Findings]>,
    /// Of the store, when the request began.
    pub(super) changes: u64,
    /// When it began.
    pub(super) since: Instant,
}

impl Standing {
    pub(super) fn new(grounds: Grounds) -> Self {
        Self(Arc::new(grounds))
    }

    /// Whether a request for the same URL with the same key delivery would get the same answer now.
    pub fn holds(&self) -> bool {
        let Grounds { store, clock, locator, files, changes, since } = &*self.0;
        let now = Instant::now();
        *changes == store.changes()
            && now.saturating_duration_since(*since) <= LASTS
            && files.iter().all(|found| found.are_young(now))
            && locator.is_active(clock())
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("since", &self.0.since).finish_non_exhaustive()
    }
}
