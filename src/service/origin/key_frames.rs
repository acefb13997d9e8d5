//! Key frames for trick play: which tracks have them, their playlist, and how long they are.

use std::sync::Arc;

use super::joined::Joined;
use super::transport::reading;
use super::turns::Turns;
use super::{Answer, CachePolicy, Code, Context, Origin, OriginError, PLAYLIST, answer, listed_as};
use crate::codec::MediaType;
use crate::media::Rendition;
use crate::package::cmaf::Shape;
use crate::package::heads::Heads;
use crate::package::hls;
use crate::package::presentation::{DeliveryUrls, Presentation};
use crate::package::request::{TrackRef, UrlError};
use crate::package::selection::Selected;
use crate::package::ts;

/// Lengths that take a look into every fragment of a track; eight bytes a fragment.
#[derive(Clone)]
pub(super) struct Lengths {
    heads: Joined<Heads>,
    /// Of the key frames in transport streams.
    key_frames: Joined<Vec<u64>>,
}

/// Bytes of lengths that are kept: of some hundred long films.
const KEPT: u64 = 8 << 20;

impl Lengths {
    pub(super) fn new() -> Self {
        let turns = Turns::new();
        let heads = Joined::new(KEPT, turns.clone(), Heads::heap_size);
        let key_frames = Joined::new(KEPT, turns, |lengths: &Vec<u64>| lengths.len() * 8);
        Self { heads, key_frames }
    }
}

impl Context {
    /// The rendition whose key frames are asked for: pictures, of a format that has such lists.
    pub(super) fn key_frame_track(&self, track: &TrackRef) -> Result<Selected<'_>, OriginError> {
        let found = self.find(track)?;
        if !self.selectors.format.has_key_frames() {
            return Err(UrlError::Format("type=keyframes".to_owned()).into());
        }
        if found.rendition.track.media_type != MediaType::Video {
            let detail = "only pictures have key frames";
            return Err(OriginError::new(Code::BAD_URL_SYNTAX, detail));
        }
        Ok(found)
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
        let format = context.selectors.format;
        if !format.has_key_frame_ranges(context.protection) {
            return Ok(vec![0; fragments.len()]);
        }
        if format.is_transport() {
            let lengths = self.transport_lengths(context, rendition).await?;
            return Ok(lengths.get(fragments).unwrap_or_default().to_vec());
        }
        let heads = self.heads(context, rendition, Shape::Cmaf).await?;
        Ok(fragments.map(|n| heads.key_frame(rendition, n)).collect())
    }

    /// The lengths of all key frames of a rendition in transport streams.
    async fn transport_lengths(
        &self,
        context: &Context,
        rendition: &Rendition,
    ) -> Result<Arc<Vec<u64>>, OriginError> {
        let tag = answer::tag(&[&context.identity(rendition)]);
        let (context, track) = (context.clone(), TrackRef::of(rendition));
        let read = async move {
            let Selected { rendition, .. } = context.find(&track)?;
            let read = |_: &Context, main: &Rendition, source: &_| {
                (0..main.cuts.len()).map(|n| ts::key_frame_length(main, n, source)).collect()
            };
            reading(&context, rendition, read).await
        };
        self.lengths.key_frames.get(tag, read).await
    }

    /// The lengths of all fragment heads of a rendition, or of those of its key frames: read once, kept
    /// for all that ask.
    pub(super) async fn heads(
        &self,
        context: &Context,
        rendition: &Rendition,
        shape: Shape,
    ) -> Result<Arc<Heads>, OriginError> {
        let scheme = context.protection_of(rendition).row().map_or("", |row| row.scheme);
        let kind: &[u8] = if shape == Shape::KeyFrame { b"key frames" } else { b"" };
        let in_band = context.in_band_tag().unwrap_or_default();
        let lead = context.lead_of(&rendition.cuts);
        let number = lead.to_be_bytes();
        let identity = context.identity(rendition);
        let tag = answer::tag(&[&identity, scheme.as_bytes(), kind, &in_band, &number]);
        let (origin, context, track) = (self.clone(), context.clone(), TrackRef::of(rendition));
        let read = async move {
            let Selected { rendition, .. } = context.find(&track)?;
            let protect = origin.protect(&context, rendition, context.first_period())?;
            let read = move |_: &Context, rendition: &Rendition, source: &_| {
                Heads::read(rendition, shape, &protect, lead, source)
            };
            reading(&context, rendition, read).await
        };
        self.lengths.heads.get(tag, read).await
    }
}
