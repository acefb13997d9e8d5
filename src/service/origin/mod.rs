//! The origin: from a streaming URL to an answer (architecture, section 2).

mod answer;
mod assets;
mod body;
mod check;
mod documents;
mod download;
mod error;
mod filters;
mod fragment;
mod images;
mod joined;
mod key_frames;
mod keys;
mod manifests;
mod media_file;
mod offers;
mod passed;
mod pieces;
mod preview;
pub(super) mod sidecars;
mod standing;
mod support;
mod systems;
mod text;
mod together;
mod transport;
mod turns;

use std::sync::Arc;
use std::time::Instant;

use moka::future::Cache;

pub use answer::{Answer, CachePolicy, Content, Following, Sources};
pub use assets::{AssetCache, LoadedAsset};
pub use body::PlanBody;
use check::Check;
use documents::DocumentCache;
pub(super) use download::names as download_names;
pub use error::{Code, OriginError, TABLE};
use key_frames::Lengths;
use keys::TrackKeys;
use media_file::LayoutCache;
pub use media_file::{FileBody, StreamedFile};
pub use offers::Offers;
pub(super) use preview::Draft;
use standing::Grounds;
pub use standing::Standing;
use turns::Turns;

use crate::crypto::chains;
use crate::media::Rendition;
use crate::media::timeline::Cutting;
use crate::package::cmaf::{Protect, Shape, Told};
use crate::package::compat::Compat;
use crate::package::figures::Figures;
use crate::package::format::{Container, Format, Manifest};
use crate::package::plan::Plan;
use crate::package::presentation::{DeliveryUrls, Listed, Presentation};
use crate::package::request::{Item, Query, Selectors, StreamRequest, Target, TrackRef};
use crate::package::selection::{Selected, Selection};
use crate::package::steering::Steering;
use crate::package::{dash, hls, smooth};
use crate::policy::StreamingPolicy;
use crate::policy::streaming::EncryptedBlock;
use crate::protection::Protection;
use crate::service::delivery::Clock;
use crate::store::{Asset, Locator, Store};

const MPD: &str = "application/dash+xml";
const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const SMOOTH: &str = "application/vnd.ms-sstr+xml";

/// Serves manifests, init segments, fragments and downloads. Clones share everything.
#[derive(Clone)]
pub struct Origin {
    store: Store,
    clock: Clock,
    assets: AssetCache,
    documents: DocumentCache,
    plans: Cache<String, Arc<Plan>>,
    lengths: Lengths,
    layouts: LayoutCache,
    figures: Arc<Figures>,
    steering: Arc<Steering>,
    /// Of long documents.
    turns: Turns,
}

/// What the caches of an origin may hold, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSizes {
    /// Sample indexes of assets.
    pub indexes: u64,
    /// Manifests, playlists and init segments.
    pub documents: u64,
    /// Headers and protected ranges of fragments.
    pub plans: u64,
}

/// What a request is about, once it was found and allowed.
#[derive(Clone)]
struct Context {
    locator: Arc<Locator>,
    loaded: Arc<LoadedAsset>,
    selectors: Selectors,
    protection: Protection,
    keys: TrackKeys,
    query: Query,
    selection: Arc<Selection>,
}

impl Context {
    /// The renditions that the request may see, whether or not they can be carried.
    fn selected(&self) -> impl Iterator<Item = Selected<'_>> {
        self.selection.renditions(&self.loaded.asset)
    }

    /// Refuses what only HLS has.
    fn demand_playlists(&self) -> Result<(), OriginError> {
        if self.selectors.format.playlist_version().is_some() {
            return Ok(());
        }
        Err(OriginError::new(Code::BAD_URL_SYNTAX, "only HLS has media playlists"))
    }

    /// Refuses keys that rotate where the manifest cannot say which of them is for what.
    fn demand_constant_keys(&self, presentation: &Presentation<'_>) -> Result<(), OriginError> {
        let names_one = matches!(self.selectors.format.row().manifest, Manifest::Smooth { .. });
        match names_one && presentation.rotates() {
            true => Err(keys::keys_rotate()),
            false => Ok(()),
        }
    }

    /// Encrypts an init segment where segments are encrypted as a whole: in DASH it is one of them
    /// (packaging.md section 8.4), in HLS it stands in front of the keys.
    fn enclose_init(&self, data: &mut Vec<u8>, protect: &Protect) {
        if let (Protect::Segment(key), false) = (protect, self.tells_ivs()) {
            chains::seal_padded(&key.key, key.ivs.constant(), data);
        }
    }

    /// What fragments are asked for.
    fn shape(&self, key_frame: bool) -> Shape {
        match Shape::of(self.selectors.format.row().container) {
            Shape::Cmaf if key_frame => Shape::KeyFrame,
            Shape::Smooth(_) => Shape::Smooth(self.told()),
            shape => shape,
        }
    }

    /// How Smooth fragments tell of their protection. What a filter leaves of the manifest changes
    /// no fragment: they name their key wherever the policy has several.
    fn told(&self) -> Told {
        let key = self.block().is_some_and(EncryptedBlock::has_several_keys);
        Told { piff: self.selectors.piff, key }
    }

    /// The rendition of a URL.
    fn find(&self, track: &TrackRef) -> Result<Selected<'_>, OriginError> {
        let named = |selected: &Selected<'_>| selected.rendition.name == track.name;
        let mut named = self.selected().filter(named).peekable();
        if named.peek().is_none() {
            return Err(OriginError::new(Code::TRACK_NOT_FOUND, "there is no track of that name"));
        }
        let found = named.find(|selected| selected.rendition.bitrate == track.bitrate);
        let found = found.ok_or_else(|| {
            OriginError::new(Code::MEDIA_ENTRY_NOT_FOUND, "the track has no level of that bitrate")
        })?;
        self.demand_support(found.rendition)?;
        Ok(found)
    }
}

impl Origin {
    /// An origin over what is stored.
    pub fn new(store: Store, clock: Clock, caches: CacheSizes, steering: Steering) -> Self {
        let weigh = |tag: &String, plan: &Arc<Plan>| {
            u32::try_from(tag.len() + plan.heap_size()).unwrap_or(u32::MAX)
        };
        let plans = Cache::builder().max_capacity(caches.plans).weigher(weigh).build();
        let documents = documents::cache(caches.documents);
        let assets = AssetCache::new(caches.indexes);
        let (lengths, steering) = (Lengths::new(), Arc::new(steering));
        let figures = Arc::default();
        let layouts = media_file::layouts();
        let turns = Turns::new();
        Self { store, clock, assets, documents, plans, lengths, layouts, figures, steering, turns }
    }

    /// Checks a folder before it is published: the same as the first request would do, which then finds
    /// the asset loaded.
    ///
    /// # Errors
    /// Media that cannot be published: the reason names file, box and rule.
    pub async fn check(&self, stored: &Asset) -> Result<Arc<LoadedAsset>, OriginError> {
        let cutting = Cutting { fragment_ms: stored.segment_ms, packed: 1 };
        self.assets.get(stored, cutting).await
    }

    /// Answers the path of a URL, with or without its query. `delivery` is where the client of this request gets its keys.
    ///
    /// # Errors
    /// A row of the AMS error table with what was wrong.
    pub async fn answer(&self, url: &str, delivery: &DeliveryUrls) -> Result<Answer, OriginError> {
        let StreamRequest { locator, target, query } = StreamRequest::parse(url)?;
        let (changes, since) = (self.store.changes(), Instant::now());
        let locator = self.store.locator(locator).await?;
        if !locator.is_active((self.clock)()) {
            let detail = "the locator is outside its start and end time";
            return Err(OriginError::new(Code::UNAUTHORIZED, detail));
        }
        let policy = self.store.streaming_policy(&locator.streaming_policy).await?;
        let stored = self.store.asset(&locator.asset).await?;
        match target {
            Target::Download { file } => download::answer(&policy, &stored, &file).await,
            Target::Presentation { base, selectors, item } => {
                let protection = keys::protection(&selectors, &policy)?;
                let loaded = self.load(&stored, locator.compat, selectors.format).await?;
                let expected = loaded.manifest_stem.as_deref().unwrap_or(&stored.name);
                if base != expected {
                    let detail = "there is no server manifest of that name";
                    return Err(OriginError::new(Code::RESOURCE_NOT_FOUND, detail));
                }
                let chooses = item.reads_queries() && locator.compat.reads_queries();
                let query = if chooses { query? } else { Query::default() };
                let context =
                    self.context(&locator, policy, loaded, selectors, protection, query).await?;
                context.check_tracks(&item)?;
                if !item.is_document() {
                    return self.item(&Arc::new(context), item, delivery).await;
                }
                let context = Arc::new(context);
                let answer = self.item(&context, item, delivery).await?;
                let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
                let files = context.loaded.checks.iter().map(Check::findings).collect();
                let grounds = Grounds { store, clock, locator, files, changes, since };
                Ok(Answer { standing: Some(Standing::new(grounds)), ..answer })
            }
        }
    }

    /// What a request for a presentation is about.
    async fn context(
        &self,
        locator: &Arc<Locator>,
        policy: Arc<StreamingPolicy>,
        loaded: Arc<LoadedAsset>,
        mut selectors: Selectors,
        protection: Protection,
        query: Query,
    ) -> Result<Context, OriginError> {
        passed::demand(&loaded.asset, selectors.format, protection)?;
        let filters = self.filters(locator, &mut selectors).await?;
        let selection = loaded.select(&filters, &query)?;
        let keys = self.track_keys(locator, policy, protection).await?;
        let locator = Arc::clone(locator);
        Ok(Context { locator, loaded, selectors, protection, keys, query, selection })
    }

    /// The asset, cut as the profile and the format want it.
    async fn load(
        &self,
        stored: &Asset,
        compat: Compat,
        format: Format,
    ) -> Result<Arc<LoadedAsset>, OriginError> {
        let single = Cutting { fragment_ms: compat.fragment_ms(stored.segment_ms), packed: 1 };
        let loaded = self.assets.get(stored, single).await?;
        let packed = loaded.fragments_per_segment.unwrap_or(compat.packed());
        if packed == 1 || !format.is_transport() {
            return Ok(loaded);
        }
        self.assets.get(stored, Cutting { packed, ..single }).await
    }

    async fn item(
        &self,
        context: &Arc<Context>,
        item: Item,
        delivery: &DeliveryUrls,
    ) -> Result<Answer, OriginError> {
        match item {
            Item::Fragment { track, start } => self.fragment(context, &track, start, false).await,
            Item::KeyFrame { track, start } => {
                context.key_frame_track(&track)?;
                self.fragment(context, &track, start, true).await
            }
            item @ (Item::Media(_) | Item::KeyFrameMedia(_)) => {
                self.media_file(context, item, delivery).await
            }
            document => self.document(context, document, delivery).await,
        }
    }

    fn init_segment(
        &self,
        context: &Context,
        track: &TrackRef,
        period: Option<u32>,
        delivery: &DeliveryUrls,
    ) -> Result<Answer, OriginError> {
        let period = context.period_named(period)?;
        if let Some(found) = context.find_text(track) {
            return self.text_init(context, found?.text, period);
        }
        if let Some(found) = context.find_images(track) {
            found?;
            let detail = "images have no init segment";
            return Err(OriginError::new(Code::BAD_URL_SYNTAX, detail));
        }
        let Selected { rendition, .. } = context.find(track)?;
        let container = context.selectors.format.row().container;
        if matches!(container, Container::Transport { .. } | Container::Smooth) {
            let detail = "the format has no init segments";
            return Err(OriginError::new(Code::BAD_URL_SYNTAX, detail));
        }
        let mut data = self.init_bytes(context, rendition, period, delivery)?;
        context.enclose_init(&mut data, &self.protect(context, rendition, period)?);
        Ok(Answer::of_bytes(media_type(rendition), CachePolicy::Media, data))
    }
}

/// How long the media of an asset last, in wire ticks.
///
/// # Errors
/// Media that cannot be published.
pub async fn duration_of(stored: &Asset) -> Result<u64, OriginError> {
    let cutting = Cutting { fragment_ms: stored.segment_ms, packed: 1 };
    let loaded = AssetCache::new(0).get(stored, cutting).await?;
    Ok(loaded.asset.duration)
}

fn manifest(context: &Context, presentation: &Presentation<'_>) -> Result<Answer, OriginError> {
    context.demand_constant_keys(presentation)?;
    let (content_type, text) = match context.selectors.format.row().manifest {
        Manifest::Mpd { .. } => (MPD, dash::mpd(presentation, &[])),
        Manifest::Smooth { .. } => (SMOOTH, smooth::manifest(presentation)),
        Manifest::Playlists { .. } => (PLAYLIST, Ok(hls::multivariant(presentation).into_bytes())),
    };
    let text = text.map_err(|error| OriginError::storage(&error))?;
    Ok(Answer::of_bytes(content_type, CachePolicy::Manifest, text))
}

fn media_playlist(
    context: &Context,
    presentation: &Presentation<'_>,
    track: &TrackRef,
) -> Result<Answer, OriginError> {
    context.demand_playlists()?;
    let text = if let Some(found) = context.find_text(track) {
        context.text_playlist(presentation, &found?)?
    } else if let Some(found) = context.find_images(track) {
        Context::image_playlist(presentation, &found?)?
    } else {
        let listed = listed_as(presentation, context.find(track)?.rendition)?;
        hls::media(presentation, listed)
    };
    Ok(Answer::of_bytes(PLAYLIST, CachePolicy::Manifest, text.into_bytes()))
}

/// A rendition as a playlist of its own lists it.
fn listed_as<'p, 'a>(
    presentation: &'p Presentation<'a>,
    rendition: &Rendition,
) -> Result<&'p Listed<'a>, OriginError> {
    let mut listed = presentation.listed.iter();
    listed.find(|listed| std::ptr::eq(listed.rendition, rendition)).ok_or_else(|| {
        OriginError::new(Code::TRACK_NOT_FOUND, "the format does not list the track")
    })
}

fn media_type(rendition: &Rendition) -> &'static str {
    match rendition.track.media_type {
        crate::codec::MediaType::Video => "video/mp4",
        crate::codec::MediaType::Audio => "audio/mp4",
    }
}
