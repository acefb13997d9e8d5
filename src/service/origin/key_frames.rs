//! Key frames for trick play: which tracks have them, their playlist, and how long they are.

use std::sync::Arc;

use moka::future::Cache;

use super::transport::reading;
use super::{Answer, CachePolicy, Context, Origin, OriginError, PLAYLIST, answer, listed_as};
use crate::codec::MediaType;
use crate::media::Rendition;
use crate::package::heads::Heads;
use crate::package::hls;
use crate::package::presentation::{DeliveryUrls, Presentation};
use crate::package::request::{TrackRef, UrlError};
use crate::package::selection::Selected;
use crate::package::ts;
use crate::protection::Protection;

/// Lengths of fragment heads, which take eight bytes a fragment.
pub(super) type HeadCache = Cache<String, Arc<Heads>>;

/// Bytes of lengths that are kept: of some hundred long films.
const KEPT: u64 = 8 << 20;

pub(super) fn cache() -> HeadCache {
    let weigh = |tag: &String, heads: &Arc<Heads>| {
        u32::try_from(tag.len() + heads.heap_size()).unwrap_or(u32::MAX)
    };
    Cache::builder().max_capacity(KEPT).weigher(weigh).build()
}

impl Context {
    /// The rendition whose key frames are asked for: pictures, of a format that has such lists.
    pub(super) fn key_frame_track(&self, track: &TrackRef) -> Result<Selected<'_>, OriginError> {
        let found = self.find(track)?;
        let is_video = found.rendition.track.media_type == MediaType::Video;
        if is_video && self.selectors.format.has_key_frames() {
            return Ok(found);
        }
        Err(UrlError::Format("type=keyframes".to_owned()).into())
    }
}

impl Origin {
    pub(super) async fn key_frame_playlist(
        &self,
        context: &Arc<Context>,
        track: &TrackRef,
        delivery: &DeliveryUrls,
    ) -> Result<Answer, OriginError> {
        context.demand_playlists()?;
        let lengths = self.key_frame_lengths(context, context.key_frame_track(track)?).await?;
        let track = track.clone();
        let write = move |context: &Context, presentation: &Presentation<'_>| {
            let listed = listed_as(presentation, context.key_frame_track(&track)?.rendition)?;
            let text = hls::key_frames(presentation, listed, &lengths);
            Ok(Answer::of_bytes(PLAYLIST, CachePolicy::Manifest, text.into_bytes()))
        };
        self.write(context, delivery, write).await
    }

    /// How many bytes of each listed segment hold its key frame; zeros where key frames are
    /// resources of their own.
    async fn key_frame_lengths(
        &self,
        context: &Context,
        Selected { rendition, fragments }: Selected<'_>,
    ) -> Result<Vec<u64>, OriginError> {
        if context.protection == Protection::Cbc {
            return Ok(vec![0; fragments.len()]);
        }
        if context.selectors.format.is_transport() {
            let lengths = reading(context, rendition, |_, main, source| {
                fragments.map(|n| ts::key_frame_length(main, n, source)).collect()
            });
            return lengths.await;
        }
        let heads = self.heads(context, rendition).await?;
        Ok(fragments.map(|n| heads.key_frame(rendition, n)).collect())
    }

    /// The lengths of all fragment heads of a rendition: read once, kept for all that ask.
    pub(super) async fn heads(
        &self,
        context: &Context,
        rendition: &Rendition,
    ) -> Result<Arc<Heads>, OriginError> {
        let scheme = context.protection.row().map_or("", |row| row.scheme);
        let tag = answer::tag(&[&context.identity(rendition), scheme.as_bytes()]);
        let read = async {
            let protect = self.protect(context, rendition).await?;
            let read = move |_: &Context, rendition: &Rendition, source: &_| {
                Heads::read(rendition, &protect, source)
            };
            reading(context, rendition, read).await.map(Arc::new)
        };
        let heads = self.heads.try_get_with(tag, read).await;
        heads.map_err(|error: Arc<OriginError>| (*error).clone())
    }
}
