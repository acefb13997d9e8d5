//! What transport streams need beside fragments: a second track in a segment.

use std::sync::Arc;

use super::answer::Sources;
use super::{Context, Origin, OriginError, assets, fragment};
use crate::codec::MediaType;
use crate::media::Rendition;
use crate::package::cmaf::FragmentError;
use crate::package::plan::Plan;
use crate::package::request::TrackRef;
use crate::package::selection::Selected;
use crate::package::ts::{self, Wanted, packed};
use crate::store::source::MediaSource;

impl Context {
    /// The audio track that goes into the segments of a rendition.
    fn muxed(&self, rendition: &Rendition) -> Option<&Rendition> {
        let is_video = rendition.track.media_type == MediaType::Video;
        self.muxed_audio().filter(|_| is_video)
    }

    /// The same track whatever the query shows: segments have no query.
    pub(super) fn muxed_audio(&self) -> Option<&Rendition> {
        if !self.selectors.format.muxes_audio() {
            return None;
        }
        let audio = self.selection.muxable(&self.loaded.asset);
        let audio = audio.filter(|rendition| rendition.track.media_type == MediaType::Audio);
        self.selectors.muxed_audio(audio.filter(|audio| self.has_key_of_pictures(audio)))
    }

    /// Whether one key may encrypt a track together with whatever pictures it is muxed into: sound
    /// that the policy has another key for, or pictures that it leaves clear, are not mixed.
    fn has_key_of_pictures(&self, audio: &Rendition) -> bool {
        let mut pictures = self.loaded.asset.renditions();
        pictures.all(|rendition| {
            rendition.track.media_type != MediaType::Video
                || self.label_of(rendition) == self.label_of(audio)
        })
    }

    /// Names what the segments of a rendition hold: IVs and entity tags are derived from it.
    pub(super) fn identity(&self, rendition: &Rendition) -> Vec<u8> {
        let tracks = [Some(rendition), self.muxed(rendition)];
        let of = |rendition| self.loaded.asset.identity(rendition);
        tracks.into_iter().flatten().flat_map(of).collect()
    }

    /// The files that plans of a rendition read.
    pub(super) fn sources(&self, rendition: &Rendition) -> Sources {
        let tracks = [Some(rendition), self.muxed(rendition)];
        let file = |rendition| Arc::clone(self.loaded.source(rendition));
        tracks.into_iter().flatten().map(file).collect()
    }

    /// What the bytes of a segment depend on beyond what those of a fragment do.
    pub(super) fn transport_tag(
        &self,
        rendition: &Rendition,
        n: usize,
        key_frame: bool,
    ) -> Option<Vec<u8>> {
        if !self.selectors.format.is_transport() {
            return None;
        }
        let mut tag = vec![u8::from(key_frame)];
        if packed::media_type(self.selectors.format, rendition).is_some() {
            tag.extend(b"packed");
        }
        if let Some(audio) = self.muxed(rendition) {
            let samples = ts::samples_beside(audio, rendition, n);
            tag.extend(samples.start.to_be_bytes());
            tag.extend(samples.end.to_be_bytes());
            tag.extend(fragment::times(audio, 0, samples.start));
        }
        Some(tag)
    }
}

impl Origin {
    pub(super) async fn transport_plan(
        &self,
        context: &Context,
        rendition: &Rendition,
        n: usize,
        key_frame: bool,
    ) -> Result<Arc<Plan>, OriginError> {
        let protect = self.protect_fragment(context, rendition, n)?;
        let plan = reading(context, rendition, move |context, main, source| {
            if packed::media_type(context.selectors.format, main).is_some() {
                return packed::segment(main, n, protect, source);
            }
            let wanted = Wanted { main, muxed: context.muxed(main), n, key_frame };
            ts::segment(&wanted, protect, source)
        });
        plan.await.map(Arc::new)
    }
}

/// Reads headers inside the samples of a rendition, perhaps from the disk.
pub(super) async fn reading<T: Send + 'static>(
    context: &Context,
    rendition: &Rendition,
    work: impl FnOnce(&Context, &Rendition, &MediaSource) -> Result<T, FragmentError> + Send + 'static,
) -> Result<T, OriginError> {
    let (context, track) = (context.clone(), TrackRef::of(rendition));
    let read = assets::blocking(move || {
        let Selected { rendition, .. } = context.find(&track)?;
        let file = context.loaded.source(rendition);
        let done = work(&context, rendition, file)?;
        file.check_unchanged().map_err(|error| OriginError::storage(&error))?;
        Ok(done)
    });
    read.await?
}
