//! Read caches of the hot paths.
//!
//! Writes of this process drop what they change at once; those of another process on the same
//! database are seen after [`TTL`] at the latest. What is not there is not cached, except that a
//! filter is not there, and for [`MISSING_TTL`] that a key or a locator of a name is not, so that what
//! players repeat costs no query each time.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use moka::future::Cache;

use super::{Asset, FilterKey, Locator, StoreError};
use crate::ids::{KeyId, LocatorId};
use crate::keys::KeyRecord;
use crate::package::filter::Filter;
use crate::policy::{ContentKeyPolicy, StreamingPolicy};

/// The longest time for which a deleted locator or a changed policy is still seen.
pub(super) const TTL: Duration = Duration::from_secs(5);
/// The longest time for which a key, or the name of a locator, that another process made is not seen.
const MISSING_TTL: Duration = Duration::from_secs(1);
const ENTRIES: u64 = 10_000;

/// Counts the writes of this process that changed what is cached.
type Changes = Arc<AtomicU64>;

pub(super) struct ReadCaches {
    pub(super) changes: Changes,
    pub(super) assets: ReadCache<String, Asset>,
    pub(super) streaming_policies: ReadCache<String, StreamingPolicy>,
    pub(super) content_key_policies: ReadCache<String, ContentKeyPolicy>,
    pub(super) content_key_policies_in_use: ReadCache<(), Vec<Arc<ContentKeyPolicy>>>,
    pub(super) locators: ReadCache<LocatorId, Locator>,
    pub(super) locator_names: ReadCache<String, Option<LocatorId>>,
    pub(super) locator_keys: ReadCache<LocatorId, [KeyRecord]>,
    pub(super) keys: ReadCache<KeyId, KeyRecord>,
    pub(super) missing_keys: ReadCache<KeyId, ()>,
    pub(super) filters: ReadCache<FilterKey, Option<Arc<Filter>>>,
}

impl ReadCaches {
    pub(super) fn new() -> Self {
        let changes = Changes::default();
        Self {
            changes: Arc::clone(&changes),
            assets: ReadCache::new(TTL, &changes),
            streaming_policies: ReadCache::new(TTL, &changes),
            content_key_policies: ReadCache::new(TTL, &changes),
            content_key_policies_in_use: ReadCache::new(TTL, &changes),
            locators: ReadCache::new(TTL, &changes),
            locator_names: ReadCache::new(MISSING_TTL, &changes),
            locator_keys: ReadCache::new(TTL, &changes),
            keys: ReadCache::new(TTL, &changes),
            missing_keys: ReadCache::new(MISSING_TTL, &changes),
            filters: ReadCache::new(TTL, &changes),
        }
    }
}

/// One cache: any number of concurrent first reads of a key make one query.
///
/// A query may have begun before a write and end after it. So each value carries the epoch in which
/// its query began, and counts only in that epoch; a write ends the epoch of its key.
pub(super) struct ReadCache<K, V: ?Sized> {
    values: Cache<K, Dated<V>>,
    epochs: Epochs,
    changes: Changes,
}

struct Dated<V: ?Sized> {
    epoch: u64,
    value: Arc<V>,
}

impl<V: ?Sized> Clone for Dated<V> {
    fn clone(&self) -> Self {
        Self { epoch: self.epoch, value: Arc::clone(&self.value) }
    }
}

impl<K, V> ReadCache<K, V>
where
    K: Hash + Eq + Send + Sync + Clone + 'static,
    V: Send + Sync + ?Sized + 'static,
{
    fn new(ttl: Duration, changes: &Changes) -> Self {
        Self {
            values: Cache::builder().max_capacity(ENTRIES).time_to_live(ttl).build(),
            epochs: Epochs::new(),
            changes: Arc::clone(changes),
        }
    }

    /// The cached value, or what `load` gives.
    pub(super) async fn read<F>(&self, key: K, load: impl Fn() -> F) -> Result<Arc<V>, StoreError>
    where
        F: Future<Output = Result<Arc<V>, StoreError>>,
    {
        if let Some(value) = self.cached(&key).await {
            return Ok(value);
        }
        // Boxed: futures are moved as they are passed on, and a query's is large.
        Box::pin(self.load(key, load)).await
    }

    async fn load<F>(&self, key: K, load: impl Fn() -> F) -> Result<Arc<V>, StoreError>
    where
        F: Future<Output = Result<Arc<V>, StoreError>>,
    {
        loop {
            let dated = async {
                let epoch = self.epochs.now(&key);
                let value = load().await?;
                Ok::<_, StoreError>(Dated { epoch, value })
            };
            let found = self.values.try_get_with_by_ref(&key, dated).await;
            let found = found.map_err(|error| StoreError::clone(&error))?;
            if found.epoch == self.epochs.now(&key) {
                return Ok(found.value);
            }
            self.values.invalidate(&key).await;
        }
    }

    /// The cached value.
    pub(super) async fn cached(&self, key: &K) -> Option<Arc<V>> {
        let found = self.values.get(key).await?;
        (found.epoch == self.epochs.now(key)).then_some(found.value)
    }

    /// The present epoch of a key, to be asked before a query whose result is to be kept.
    pub(super) fn epoch(&self, key: &K) -> u64 {
        self.epochs.now(key)
    }

    /// Keeps the result of a query that began in this epoch.
    pub(super) async fn keep(&self, key: K, epoch: u64, value: Arc<V>) {
        self.values.insert(key, Dated { epoch, value }).await;
    }

    /// To be called when a write of the key is committed: no later read gives what was before.
    pub(super) async fn forget(&self, key: &K) {
        self.epochs.end(key);
        self.values.invalidate(key).await;
        self.changes.fetch_add(1, SeqCst);
    }
}

/// Counters of writes; keys share one by hash, which costs no more than a query too many.
struct Epochs {
    hasher: RandomState,
    counts: [AtomicU64; 64],
}

impl Epochs {
    fn new() -> Self {
        Self { hasher: RandomState::new(), counts: [const { AtomicU64::new(0) }; 64] }
    }

    fn now(&self, key: &impl Hash) -> u64 {
        self.of(key).load(SeqCst)
    }

    fn end(&self, key: &impl Hash) {
        self.of(key).fetch_add(1, SeqCst);
    }

    fn of(&self, key: &impl Hash) -> &AtomicU64 {
        let hash = self.hasher.hash_one(key) as usize;
        &self.counts[hash % self.counts.len()]
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_read_that_began_before_a_write_is_not_kept_beyond_it() {
        let cache = Arc::new(ReadCache::<u8, str>::new(TTL, &Changes::default()));
        let (begun, has_begun) = oneshot::channel();
        let (go, may_go) = oneshot::channel::<()>();
        let steps = std::sync::Mutex::new(Some((begun, may_go)));
        let slow = Arc::clone(&cache);
        let reading = tokio::spawn(async move {
            let load = || {
                let step = steps.lock().unwrap().take();
                async move {
                    let Some((begun, may_go)) = step else {
                        return Ok("new".into());
                    };
                    begun.send(()).unwrap();
                    may_go.await.unwrap();
                    Ok("old".into())
                }
            };
            slow.read(1, load).await.unwrap()
        });
        has_begun.await.unwrap();
        cache.forget(&1).await;
        go.send(()).unwrap();
        assert_eq!(&*reading.await.unwrap(), "new");
        let load = async || Ok("not asked".into());
        assert_eq!(&*cache.read(1, load).await.unwrap(), "new");
    }
}
