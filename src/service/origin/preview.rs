//! Answers about a locator that is not stored yet: what would be served of it.

use std::sync::Arc;

use bytes::Bytes;

use super::keys::TrackKeys;
use super::{Code, Content, Context, LoadedAsset, Origin, OriginError, keys, passed};
use crate::keys::KeyRecord;
use crate::media::Rendition;
use crate::package::format::Format;
use crate::package::plan::Plan;
use crate::package::presentation::DeliveryUrls;
use crate::package::request::{Item, Query, StreamRequest, Target, TrackRef};
use crate::policy::StreamingPolicy;
use crate::store::{Asset, Locator};

/// A locator that is not stored yet.
pub(in crate::service) struct Draft {
    pub(in crate::service) locator: Arc<Locator>,
    pub(in crate::service) policy: Arc<StreamingPolicy>,
    pub(in crate::service) records: Arc<[KeyRecord]>,
}

impl Draft {
    /// A locator with its keys, which are put into the order of the store.
    pub(in crate::service) fn new(
        locator: &Locator,
        policy: Arc<StreamingPolicy>,
        mut records: Vec<KeyRecord>,
    ) -> Self {
        records.sort_by_cached_key(|key| {
            let key_type = key.protection.row().map_or("", |row| row.key_type);
            (key_type, key.label.clone(), key.crypto_period)
        });
        Self { locator: Arc::new(locator.clone()), policy, records: records.into() }
    }
}

impl Origin {
    /// The asset as the locator would have it; `None` where its folder is not there, so that nothing
    /// is known of it.
    pub(in crate::service) async fn asset_of(
        &self,
        stored: &Asset,
        locator: &Locator,
    ) -> Result<Option<Arc<LoadedAsset>>, OriginError> {
        match self.load(stored, locator.compat, Format::DashCmaf).await {
            Err(error) if error.code == Code::RESOURCE_NOT_FOUND => Ok(None),
            loaded => loaded.map(Some),
        }
    }

    /// What the path of a streaming URL would give; filters are not applied.
    pub(in crate::service) async fn preview(
        &self,
        draft: &Draft,
        loaded: &Arc<LoadedAsset>,
        path: &str,
        delivery: &DeliveryUrls,
    ) -> Result<Bytes, OriginError> {
        let (context, item) = draft_context(draft, loaded, path)?;
        match self.item(&context, item, delivery).await?.content {
            Content::Bytes(bytes) => Ok(bytes),
            Content::Text(text) => Ok(text.plain().bytes.clone()),
            Content::Planned(..) | Content::File(_) => {
                Err(OriginError::new(Code::BAD_URL_SYNTAX, "media are not looked at"))
            }
        }
    }

    /// How fragment `n` of a track would be made under the selectors of a path: its samples are
    /// mapped for it, as far as they are protected.
    pub(in crate::service) async fn preview_fragment(
        &self,
        draft: &Draft,
        loaded: &Arc<LoadedAsset>,
        path: &str,
        (rendition, n): (&Rendition, usize),
    ) -> Result<Arc<Plan>, OriginError> {
        let (context, _) = draft_context(draft, loaded, path)?;
        context.find(&TrackRef::of(rendition))?;
        let etag = self.fragment_tag(&context, rendition, n, false).await?;
        self.cached_plan(&context, rendition, n, false, &etag).await
    }
}

/// What a request for the path of a streaming URL would be about.
fn draft_context(
    draft: &Draft,
    loaded: &Arc<LoadedAsset>,
    path: &str,
) -> Result<(Arc<Context>, Item), OriginError> {
    let Target::Presentation { selectors, item, .. } = StreamRequest::parse(path)?.target else {
        return Err(OriginError::new(Code::BAD_URL_SYNTAX, "only presentations are looked at"));
    };
    let protection = keys::protection(&selectors, &draft.policy)?;
    passed::demand(&loaded.asset, selectors.format, protection)?;
    let query = Query::default();
    let selection = loaded.select(&[], &query)?;
    let (policy, records) = (Arc::clone(&draft.policy), Arc::clone(&draft.records));
    let context = Context {
        locator: Arc::clone(&draft.locator),
        loaded: Arc::clone(loaded),
        selectors,
        protection,
        keys: TrackKeys { policy, records },
        query,
        selection,
    };
    context.check_tracks(&item)?;
    Ok((Arc::new(context), item))
}
