//! What a query leaves of the levels and codecs that filters show.

use super::{FilterError, FilterRule};
use crate::codec::MediaType;
use crate::media::{Asset, Rendition};
use crate::package::request::Query;
use crate::package::selection::Selection;

impl Query {
    /// What is left of a selection. Sizes and bitrates speak of video alone.
    pub(super) fn narrow(
        &self,
        asset: &Asset,
        selection: Selection,
    ) -> Result<Selection, FilterError> {
        let selection = self.of_codecs(asset, selection)?;
        let had_video = has_video(asset, &selection);
        let selection = selection.keeping(asset, |rendition| self.takes_level(rendition));
        match had_video && !has_video(asset, &selection) {
            true => Err(nothing("the query leaves no video level")),
            false => Ok(selection),
        }
    }

    fn takes_level(&self, rendition: &Rendition) -> bool {
        let size = rendition.track.size;
        rendition.track.media_type != MediaType::Video
            || (self.sizes.is_empty() || self.sizes.contains(&size))
                && self.height.is_none_or(|height| height.contains(size.1.into()))
                && self.bitrate.is_none_or(|bitrate| bitrate.contains(rendition.bitrate))
    }

    /// Of each type that has tracks of these codecs those are left, of the others all tracks: who
    /// asks for a video codec says nothing about sound.
    fn of_codecs(&self, asset: &Asset, selection: Selection) -> Result<Selection, FilterError> {
        if self.codecs.is_empty() {
            return Ok(selection);
        }
        let named = |rendition: &Rendition| {
            let kind = rendition.track.entry.kind.0;
            self.codecs.iter().any(|code| code.eq_ignore_ascii_case(&kind))
        };
        let types: Vec<MediaType> = selection
            .renditions(asset)
            .filter(|selected| named(selected.rendition))
            .map(|selected| selected.rendition.track.media_type)
            .collect();
        if types.is_empty() {
            return Err(nothing("there is no track of the codecs in the query"));
        }
        Ok(selection.keeping(asset, |rendition| {
            named(rendition) || !types.contains(&rendition.track.media_type)
        }))
    }
}

fn has_video(asset: &Asset, selection: &Selection) -> bool {
    let mut left = selection.renditions(asset);
    left.any(|selected| selected.rendition.track.media_type == MediaType::Video)
}

fn nothing(detail: &str) -> FilterError {
    FilterError::new(FilterRule::NothingLeft, detail)
}
