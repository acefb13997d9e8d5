//! Locators as key requests look for them.

use std::sync::Arc;

use super::{Store, read};
use crate::ids::LocatorId;
use crate::keys::KeyRecord;
use crate::store::{Kind, Locator, StoreError};

impl Store {
    /// The identifier of the locator of that name, if there is one (cached); it may be deleted by now.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn locator_named(&self, name: &str) -> Result<Option<LocatorId>, StoreError> {
        let load = async || match read::locator_by_name(&self.0.readers, name).await {
            Ok(locator) => Ok(Arc::new(Some(locator.id))),
            Err(StoreError::NotFound { .. }) => Ok(Arc::new(None)),
            Err(error) => Err(error),
        };
        Ok(*self.0.caches.locator_names.read(name.to_owned(), load).await?)
    }

    /// The locator of a key, with a schedule that has the key's crypto period: another process may
    /// have made both, and the cache not know (cached).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also when there is no such schedule, or a failure of the database.
    pub async fn locator_of(&self, key: &KeyRecord) -> Result<Arc<Locator>, StoreError> {
        let has_period =
            |locator: &Locator| key.crypto_period.is_none_or(|period| period < locator.periods());
        let found = self.locator(key.locator).await?;
        if has_period(&found) {
            return Ok(found);
        }
        self.0.caches.locators.forget(&key.locator).await;
        let found = self.locator(key.locator).await?;
        match has_period(&found) {
            true => Ok(found),
            false => Err(StoreError::missing(Kind::ContentKey, key.kid)),
        }
    }
}
