//! Image tracks: each segment is an image of the file as it lies there.

use std::sync::Arc;

use super::answer::{self, Answer, CachePolicy, Content, Following};
use super::{Code, Context, Origin, OriginError, assets};
use crate::media::ImageRendition;
use crate::package::hls;
use crate::package::images::{self, ImageError};
use crate::package::plan::Plan;
use crate::package::presentation::{ListedImages, Presentation};
use crate::package::request::TrackRef;
use crate::package::selection::SelectedImages;

/// Bump when the bytes of segments change for the same input: caches then hold old tags.
const IMAGE_REVISION: &[u8] = b"image 1";

impl Context {
    /// The image track of a URL; `None` when the format has none of that name.
    pub(super) fn find_images(
        &self,
        track: &TrackRef,
    ) -> Option<Result<SelectedImages<'_>, OriginError>> {
        let found = self.selected_images().find(|selected| selected.images.name == track.name)?;
        Some(if found.images.bitrate == track.bitrate {
            Ok(found)
        } else {
            let detail = "the track has no level of that bitrate";
            Err(OriginError::new(Code::MEDIA_ENTRY_NOT_FOUND, detail))
        })
    }

    /// The image tracks, where the format has them.
    pub(super) fn listed_images(&self) -> Vec<ListedImages<'_>> {
        let listed = |SelectedImages { images, fragments }| ListedImages { images, fragments };
        self.selected_images().map(listed).collect()
    }

    /// The image tracks that the request may see.
    pub(super) fn selected_images(&self) -> impl Iterator<Item = SelectedImages<'_>> {
        let there = images::are_in(self.selectors.format, self.locator.compat);
        self.selection.images(&self.loaded.asset).filter(move |_| there)
    }

    /// The playlist of an image track.
    pub(super) fn image_playlist(
        presentation: &Presentation<'_>,
        selected: &SelectedImages<'_>,
    ) -> Result<String, OriginError> {
        let mut listed = presentation.images.iter();
        let same = |listed: &&ListedImages<'_>| listed.images.name == selected.images.name;
        let listed = listed.find(same).filter(|listed| hls::is_listed(presentation, listed));
        let listed = listed.ok_or_else(|| {
            OriginError::new(Code::TRACK_NOT_FOUND, "the format does not list the track")
        })?;
        Ok(hls::images(presentation, listed))
    }
}

impl Origin {
    pub(super) async fn image(
        &self,
        context: &Context,
        selected: &SelectedImages<'_>,
        start: u64,
    ) -> Result<Answer, OriginError> {
        let SelectedImages { images, fragments } = selected;
        let n = images.cuts.find(start).filter(|n| fragments.contains(n)).ok_or_else(|| {
            let detail = "no image of this track is shown from that time on";
            OriginError::new(Code::TIMESTAMP_NOT_FOUND, detail)
        })?;
        let next = images.cuts.starts.get(n + 1).filter(|_| fragments.contains(&(n + 1)));
        let identity = context.loaded.asset.image_identity(images);
        let sample = images.cuts.samples(n).start.to_be_bytes();
        let etag = answer::tag(&[IMAGE_REVISION, &identity, &sample]);
        let plan = self.plans.try_get_with_by_ref(&etag, plan(context, images, n)).await;
        Ok(Answer {
            content_type: images.track.codec.row().content_type,
            etag,
            cache: CachePolicy::Media,
            standing: None,
            following: next.map(|next| Following { start, next: next.start }),
            content: Content::Planned(
                plan.map_err(|error| (*error).clone())?,
                [Arc::clone(context.loaded.source_of(images.file))].into(),
            ),
        })
    }
}

/// Reads the front of an image, perhaps from the disk.
async fn plan(
    context: &Context,
    images: &ImageRendition,
    n: usize,
) -> Result<Arc<Plan>, OriginError> {
    let (loaded, name) = (Arc::clone(&context.loaded), images.name.clone());
    let read = assets::blocking(move || {
        let mut all = loaded.asset.images.iter();
        let images = all.find(|images| images.name == name).ok_or_else(assets::reading_failed)?;
        let source = loaded.source_of(images.file);
        let plan = images::segment(images, n, &**source).map_err(|error| match error {
            ImageError::Io(error) => OriginError::storage(&error),
            ImageError::NoImage { .. } => {
                OriginError::new(Code::MEDIA_ENCODING_NOT_SUPPORTED, error.to_string())
            }
        })?;
        source.check_unchanged().map_err(|error| OriginError::storage(&error))?;
        Ok(Arc::new(plan))
    });
    read.await?
}
