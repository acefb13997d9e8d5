//! Which manifests of a locator will be served: what lists of streams may name. The same steps as for
//! a request, up to where its manifest would be written.

use std::sync::Arc;

use super::{Origin, OriginError};
use crate::package::format::{self, Row};
use crate::package::request::{Item, Query, Selectors};
use crate::protection::Protection;
use crate::store::Locator;

/// What a locator offers.
#[derive(Debug, Clone)]
pub struct Offers {
    /// What stands before `.ism` in its URLs.
    pub base: String,
    /// The manifests, in the order of the format table.
    pub manifests: Vec<(&'static Row, Protection)>,
}

impl Origin {
    /// What the locator offers, as its asset is now.
    ///
    /// # Errors
    /// An asset that cannot be served at all, or a failure of the store.
    pub async fn offers(&self, locator: &Arc<Locator>) -> Result<Offers, OriginError> {
        let policy = self.store.streaming_policy(&locator.streaming_policy).await?;
        let stored = self.store.asset(&locator.asset).await?;
        let rows = format::TABLE.iter().flat_map(|row| {
            let protections = policy.protections(row.protocol);
            let carried = protections.into_iter().filter(|&it| row.format.supports(it));
            carried.map(move |protection| (row, protection))
        });
        let mut offers = Offers { base: stored.name.clone(), manifests: Vec::new() };
        for (row, protection) in rows {
            let selectors = Selectors::of(row.format, protection);
            let loaded = self.load(&stored, locator.compat, row.format).await?;
            if let Some(stem) = &loaded.manifest_stem {
                offers.base.clone_from(stem);
            }
            let policy = Arc::clone(&policy);
            let context =
                self.context(locator, policy, loaded, selectors, protection, Query::default());
            if context.await.and_then(|it| it.check_tracks(&Item::Manifest)).is_ok() {
                offers.manifests.push((row, protection));
            }
        }
        Ok(offers)
    }
}
