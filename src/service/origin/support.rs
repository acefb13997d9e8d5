//! Refuses what the format or the protection cannot carry, by the codes of AMS (ams.md section 19).

use super::{Code, Context, OriginError};
use crate::codec::MediaType;
use crate::media::Rendition;
use crate::package::request::Item;
use crate::package::selection::Selected;
use crate::package::support::{self, Unsupported};

impl Context {
    /// The renditions that are listed: those of the selection that can be carried.
    pub(super) fn renditions(&self) -> impl Iterator<Item = Selected<'_>> {
        self.selected().filter(|selected| self.supports(selected.rendition).is_ok())
    }

    /// Refuses a manifest without pictures where there should be some, or without sound: a player
    /// would show half of the title without a word. What is carried can be had by its own URL.
    pub(super) fn check_tracks(&self, item: &Item) -> Result<(), OriginError> {
        self.check_audio_track()?;
        if *item != Item::Manifest {
            return Ok(());
        }
        let sound = self.none_of(MediaType::Audio);
        let pictures = self.none_of(MediaType::Video).filter(|_| !self.selectors.audio_only);
        match (pictures, sound) {
            (None, None) => Ok(()),
            (Some(why), None) => Err(refused(why, Code::VIDEO_ENCODING_NOT_SUPPORTED, "pictures")),
            (None, Some(why)) => Err(refused(why, Code::AUDIO_ENCODING_NOT_SUPPORTED, "sound")),
            (Some(why), Some(_)) => {
                Err(refused(why, Code::MEDIA_ENCODING_NOT_SUPPORTED, "pictures and sound"))
            }
        }
    }

    /// Refuses an `audioTrack=` that is not muxed in.
    fn check_audio_track(&self) -> Result<(), OriginError> {
        let Some(name) =
            self.selectors.audio_track.as_ref().filter(|_| self.muxed_audio().is_none())
        else {
            return Ok(());
        };
        let mut sound = self.selection.muxable(&self.loaded.asset);
        let named = sound.find(|rendition| {
            rendition.track.media_type == MediaType::Audio && rendition.name == *name
        });
        named.map_or(Ok(()), |rendition| self.demand_support(rendition))?;
        let detail = "there is no audio track of that name";
        Err(OriginError::new(Code::TRACK_NOT_FOUND, detail))
    }

    /// Refuses a rendition that is named but cannot be carried.
    pub(super) fn demand_support(&self, rendition: &Rendition) -> Result<(), OriginError> {
        let code = match rendition.track.media_type {
            MediaType::Video => Code::VIDEO_ENCODING_NOT_SUPPORTED,
            MediaType::Audio => Code::AUDIO_ENCODING_NOT_SUPPORTED,
        };
        let refused = |why| refused(why, code, &rendition.track.codec_string());
        self.supports(rendition).map_err(refused)
    }

    /// Why none of the tracks of a kind can be carried; `None` when one can, or there are none.
    fn none_of(&self, media_type: MediaType) -> Option<Unsupported> {
        let tracks = self.selected().map(|selected| selected.rendition);
        let tracks = tracks.filter(|rendition| rendition.track.media_type == media_type);
        let reasons = tracks.map(|rendition| self.supports(rendition).err());
        reasons.collect::<Option<Vec<_>>>()?.into_iter().next()
    }

    fn supports(&self, rendition: &Rendition) -> Result<(), Unsupported> {
        support::check(&rendition.track, self.selectors.format, self.protection_of(rendition))
    }
}

fn refused(why: Unsupported, code: Code, what: &str) -> OriginError {
    match why {
        Unsupported::Codec => {
            OriginError::new(code, format!("the format cannot carry the codec of the {what}"))
        }
        Unsupported::Protection => {
            let detail = format!("the codec of the {what} cannot be protected that way");
            OriginError::new(Code::ENCRYPTION_NOT_SUPPORTED, detail)
        }
    }
}
