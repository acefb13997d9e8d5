//! Read caches of the hot paths.
//!
//! Writes of this process drop what they change at once; those of another process on the same
//! database are seen after [`TTL`] at the latest. What is not there is never cached, so a new
//! locator or key works at once.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use super::{Asset, Locator, StoreError};
use crate::ids::{KeyId, LocatorId};
use crate::keys::KeyRecord;
use crate::policy::{ContentKeyPolicy, StreamingPolicy};

/// The longest time for which a deleted locator or a changed policy is still seen.
pub(super) const TTL: Duration = Duration::from_secs(5);
const ENTRIES: u64 = 10_000;

pub(super) struct ReadCaches {
    pub(super) assets: ReadCache<String, Asset>,
    pub(super) streaming_policies: ReadCache<String, StreamingPolicy>,
    pub(super) content_key_policies: ReadCache<String, ContentKeyPolicy>,
    pub(super) locators: ReadCache<LocatorId, Locator>,
    pub(super) locator_keys: ReadCache<LocatorId, [KeyRecord]>,
    pub(super) keys: ReadCache<KeyId, KeyRecord>,
}

impl ReadCaches {
    pub(super) fn new() -> Self {
        Self {
            assets: ReadCache::new(),
            streaming_policies: ReadCache::new(),
            content_key_policies: ReadCache::new(),
            locators: ReadCache::new(),
            locator_keys: ReadCache::new(),
            keys: ReadCache::new(),
        }
    }
}

/// One cache: any number of concurrent first reads of a key make one query.
pub(super) struct ReadCache<K, V: ?Sized>(Cache<K, Arc<V>>);

impl<K, V> ReadCache<K, V>
where
    K: Hash + Eq + Send + Sync + Clone + 'static,
    V: Send + Sync + ?Sized + 'static,
{
    fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(ENTRIES)
                .time_to_live(TTL)
                .build(),
        )
    }

    pub(super) async fn read(
        &self,
        key: K,
        load: impl Future<Output = Result<Arc<V>, StoreError>>,
    ) -> Result<Arc<V>, StoreError> {
        self.0
            .try_get_with(key, load)
            .await
            .map_err(|error| StoreError::clone(&error))
    }

    pub(super) async fn forget(&self, key: &K) {
        self.0.invalidate(key).await;
    }
}
