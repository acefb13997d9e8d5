//! Documents that were answered a moment ago, by the whole URL: under load the same one is asked for
//! many times while nothing changes, and nothing that led to the answer has to be looked up again.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use super::{Answer, Clock, LoadedAsset};
use crate::package::presentation::DeliveryUrls;
use crate::store::{Locator, Store};

/// What all together may hold, in bytes. The document cache holds the same bytes as long as it has
/// room, so little is held twice.
const CAPACITY: u64 = 16 << 20;

/// What another process changes is not counted, and seen when the look-ups are made again: so late in
/// addition to what the store allows itself.
const KEPT: Duration = Duration::from_secs(1);

/// The documents of the last few milliseconds.
#[derive(Clone)]
pub(super) struct Recent {
    store: Store,
    clock: Clock,
    answers: Cache<String, Arc<Kept>>,
}

/// An answer with what tells whether it is still the right one.
struct Kept {
    answer: Answer,
    locator: Arc<Locator>,
    loaded: Arc<LoadedAsset>,
    /// Of the store, when the request began.
    changes: u64,
}

impl Recent {
    /// Holds no more than the document cache, which may have `documents` bytes.
    pub(super) fn new(store: Store, clock: Clock, documents: u64) -> Self {
        let weigh = |key: &String, kept: &Arc<Kept>| {
            // As in the document cache, coded forms come later.
            let length = kept.answer.content.length() * 3 / 2 + key.len() as u64;
            u32::try_from(length + size_of::<Kept>() as u64).unwrap_or(u32::MAX)
        };
        let capacity = CAPACITY.min(documents);
        let answers = Cache::builder().max_capacity(capacity).weigher(weigh);
        let answers = answers.time_to_live(KEPT).build();
        Self { store, clock, answers }
    }

    /// The answer, if a request for the URL would get the same.
    pub(super) fn get(&self, url: &str, delivery: &DeliveryUrls) -> Option<Answer> {
        let kept = self.answers.get(&key(url, delivery))?;
        let holds = kept.changes == self.store.changes()
            && kept.loaded.was_current()
            && kept.locator.is_active((self.clock)());
        holds.then(|| kept.answer.clone())
    }

    /// Keeps an answer that is of `loaded`, and of the store as it was after so many `changes`.
    pub(super) fn keep(
        &self,
        url: &str,
        delivery: &DeliveryUrls,
        (locator, loaded): (&Arc<Locator>, &Arc<LoadedAsset>),
        changes: u64,
        answer: &Answer,
    ) {
        let (locator, loaded) = (Arc::clone(locator), Arc::clone(loaded));
        let kept = Kept { answer: answer.clone(), locator, loaded, changes };
        self.answers.insert(key(url, delivery), Arc::new(kept));
    }
}

/// No URL holds a space.
fn key(url: &str, delivery: &DeliveryUrls) -> String {
    [url, " ", &delivery.base].concat()
}
