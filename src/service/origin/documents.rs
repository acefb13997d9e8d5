//! Manifests, playlists and init segments: pure functions of the asset, the selectors and the keys,
//! so each is made once, kept by all that its bytes depend on, and shared as it is.

use std::sync::Arc;

use jiff::Timestamp;
use moka::future::Cache;

use super::keys::key_mark;
use super::systems::KeyAddresses;
use super::{Answer, Context, Origin, OriginError};
use crate::ids::LocatorId;
use crate::keys::Schedule;
use crate::package::compat::Compat;
use crate::package::figures::AssetFigures;
use crate::package::presentation::{DeliveryUrls, Presentation};
use crate::package::request::{Item, Query, Selectors};
use crate::package::selection::Selection;
use crate::policy::StreamingPolicy;
use crate::protection::Protection;

/// A presentation with more fragments is written apart from the threads that serve: a line takes
/// some 30 ns, and no thread is to be held for much longer than a millisecond.
const LONG: usize = 20_000;

/// So is one with more keys: what systems want to know of a key takes some microseconds.
const MANY: usize = 50;

/// Documents by what they depend on.
pub(super) type DocumentCache = Cache<DocumentKey, Answer>;

/// A cache that holds about `capacity` bytes.
pub(super) fn cache(capacity: u64) -> DocumentCache {
    let weigh = |key: &DocumentKey, answer: &Answer| {
        // Coded forms that come later have together about half the length of the text.
        let length = answer.content.length() * 3 / 2 + key.heap_size() as u64;
        u32::try_from(length).unwrap_or(u32::MAX)
    };
    Cache::builder().max_capacity(capacity).weigher(weigh).build()
}

/// Everything that the bytes of a document depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct DocumentKey {
    /// The state of the asset's files, as [`super::LoadedAsset::generation`] numbers it.
    generation: u64,
    /// IVs are derived from the name.
    asset: String,
    item: Item,
    selectors: Selectors,
    protection: Protection,
    compat: Compat,
    query: Query,
    selection: Arc<Selection>,
    /// Nothing of it stands in documents of clear content.
    keys: Option<KeyedBy>,
}

/// What keys and addresses come from. All of it by its content: a locator or a policy that is deleted
/// and made anew is seen at other times in other caches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct KeyedBy {
    locator: LocatorId,
    /// When the locator was made; it never changes.
    created: Timestamp,
    delivery: DeliveryUrls,
    policy: Arc<StreamingPolicy>,
    /// Which key is in force when.
    schedule: Option<Schedule>,
    /// The sealed keys.
    marks: Vec<u8>,
}

impl KeyedBy {
    fn of(context: &Context, delivery: &DeliveryUrls) -> Self {
        let marks = context.keys_in_force().flat_map(|key| key_mark(Some(key)));
        Self {
            locator: context.locator.id,
            created: context.locator.created,
            delivery: delivery.clone(),
            policy: context.policy(),
            schedule: context.locator.schedule.clone(),
            marks: marks.flatten().copied().collect(),
        }
    }
}

impl DocumentKey {
    /// With the document itself, as far as it has a fixed size.
    pub(super) fn heap_size(&self) -> usize {
        let keyed = self.keys.as_ref();
        let base = keyed.map_or(0, |keyed| keyed.delivery.base.len() + keyed.marks.len());
        size_of::<(Self, Answer)>() + self.asset.len() + self.selection.heap_size() + base
    }
}

impl Origin {
    /// The document, made unless it is there; concurrent requests wait for one maker.
    pub(super) async fn document(
        &self,
        context: &Arc<Context>,
        item: Item,
        delivery: &DeliveryUrls,
    ) -> Result<Answer, OriginError> {
        let key = document_key(context, item, delivery);
        if let Some(answer) = self.documents.get(&key).await {
            return Ok(answer);
        }
        // Boxed: futures are moved as they are passed on, and that of a maker is large.
        let made = Box::pin(self.make(context, &key.item, delivery));
        let answer = Box::pin(self.documents.try_get_with_by_ref(&key, made)).await;
        answer.map_err(|error| (*error).clone())
    }

    async fn make(
        &self,
        context: &Arc<Context>,
        item: &Item,
        delivery: &DeliveryUrls,
    ) -> Result<Answer, OriginError> {
        match item {
            Item::Init(track, period) => self.init_segment(context, track, *period, delivery),
            Item::KeyFramePlaylist(track) => {
                self.key_frame_playlist(context, track, delivery).await
            }
            Item::MediaPlaylist(track) => {
                let track = track.clone();
                let write = move |context: &Context, presentation: &Presentation<'_>| {
                    super::media_playlist(context, presentation, &track)
                };
                self.write(context, delivery, write).await
            }
            _ if context.selectors.format.has_files() => {
                self.manifest_of_files(context, delivery).await
            }
            _ => self.write(context, delivery, super::manifest).await,
        }
    }

    /// Writes a document over a presentation.
    pub(super) async fn write(
        &self,
        context: &Arc<Context>,
        delivery: &DeliveryUrls,
        write: impl FnOnce(&Context, &Presentation<'_>) -> Result<Answer, OriginError> + Send + 'static,
    ) -> Result<Answer, OriginError> {
        let fragments = context.renditions().map(|selected| selected.fragments.len());
        let images = context.selected_images().map(|selected| selected.fragments.len());
        let is_long = fragments.chain(images).sum::<usize>() > LONG;
        if !is_long && context.keys_in_force().nth(MANY).is_none() {
            let addresses = self.addresses(context, delivery)?;
            return write(context, &context.presentation(&addresses, self)?);
        }
        let (origin, context, delivery) = (self.clone(), Arc::clone(context), delivery.clone());
        let work = move || {
            let addresses = origin.addresses(&context, &delivery)?;
            write(&context, &context.presentation(&addresses, &origin)?)
        };
        self.turns.blocking(work).await?
    }
}

impl Context {
    fn presentation<'a>(
        &'a self,
        addresses: &KeyAddresses,
        origin: &'a Origin,
    ) -> Result<Presentation<'a>, OriginError> {
        let sealed = self.loaded.asset.sealed();
        Ok(Presentation {
            selectors: self.selectors.clone(),
            protection: sealed.map_or(self.protection, |scheme| scheme.row().protection),
            compat: self.locator.compat,
            query: self.query.clone(),
            listed: self.listed(addresses)?,
            thinned: Vec::new(),
            muxed_audio: self.muxed_audio(),
            text: self.listed_text(addresses)?,
            images: self.listed_images(),
            start: self.selection.start(),
            period: None,
            led: self.selection.is_led(),
            steering: &origin.steering,
            figures: AssetFigures { figures: &origin.figures, asset: self.loaded.generation },
            files: None,
        })
    }
}

/// What the bytes of an item depend on, headers in front of media included.
pub(super) fn document_key(context: &Context, item: Item, delivery: &DeliveryUrls) -> DocumentKey {
    // By name, so that whoever adds a member decides here what it does to the bytes.
    let Context { locator, loaded, selectors, protection, keys: _, query, selection } = context;
    let encrypted = *protection != Protection::Clear;
    DocumentKey {
        generation: loaded.generation,
        asset: locator.asset.clone(),
        item,
        selectors: selectors.clone(),
        protection: *protection,
        compat: locator.compat,
        query: query.clone(),
        selection: Arc::clone(selection),
        keys: encrypted.then(|| KeyedBy::of(context, delivery)),
    }
}
