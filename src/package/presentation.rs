//! What manifest writers need of one request: the asset, the selectors, the keys.

use super::request::Selectors;
use super::ts;
use crate::bytes::push_decimal;
use crate::cenc::IvContext;
use crate::codec::MediaType;
use crate::ids::KeyId;
use crate::media::{Asset, Rendition};
use crate::protection::Protection;

/// An asset in the form that a URL selects.
#[derive(Debug)]
pub struct Presentation<'a> {
    /// The asset.
    pub asset: &'a Asset,
    /// Format and encryption as asked for; repeated in child URLs.
    pub selectors: Selectors,
    /// The protection in force: also when the URL left it out because the policy allows just one.
    pub protection: Protection,
    /// The key of every rendition in the order of [`Asset::renditions`]; `None` = clear.
    pub keys: Vec<Option<RenditionKey>>,
    /// Where keys and licences are.
    pub delivery: &'a DeliveryUrls,
}

/// The key of one rendition, as far as manifests need it: never the key itself.
#[derive(Debug, Clone)]
pub struct RenditionKey {
    /// Key id.
    pub kid: KeyId,
    /// IVs.
    pub ivs: IvContext,
}

/// Absolute URLs of key delivery as the client sees them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeliveryUrls {
    /// Base without a slash at the end, for example `https://host/keydelivery`.
    pub base: String,
}

impl DeliveryUrls {
    /// The 16 raw bytes of a key.
    pub fn raw_key(&self, kid: KeyId) -> String {
        format!("{}/?kid={kid}", self.base)
    }

    /// ClearKey licences.
    pub fn clear_key(&self) -> String {
        format!("{}/ClearKey/", self.base)
    }
}

impl<'a> Presentation<'a> {
    /// Video levels with their keys.
    pub fn video(&self) -> impl Iterator<Item = (&'a Rendition, Option<&RenditionKey>)> {
        self.asset.video.iter().zip(self.keys.iter().map(Option::as_ref))
    }

    /// Audio tracks with their keys.
    pub fn audio(&self) -> impl Iterator<Item = (&'a Rendition, Option<&RenditionKey>)> {
        let keys = self.keys.iter().skip(self.asset.video.len()).map(Option::as_ref);
        self.asset.audio.iter().zip(keys)
    }

    /// Whether the format can carry a rendition.
    pub fn carries(&self, rendition: &Rendition) -> bool {
        !self.selectors.format.is_transport() || ts::carries(&rendition.track)
    }

    /// The audio track that goes into video segments.
    pub fn muxed_audio(&self) -> Option<&'a Rendition> {
        self.selectors.muxed_audio(self.asset)
    }

    /// The selectors as children of a rendition repeat them.
    fn selectors_of(&self, rendition: &Rendition) -> String {
        let is_video = rendition.track.media_type == MediaType::Video;
        match self.muxed_audio().filter(|_| is_video) {
            Some(audio) => format!("{},audiotrack={}", self.selectors, audio.name),
            None => self.selectors.to_string(),
        }
    }

    /// URL of a media playlist, relative to the multivariant playlist.
    pub fn media_playlist_url(&self, rendition: &Rendition) -> String {
        let Rendition { bitrate, name, .. } = rendition;
        let selectors = self.selectors_of(rendition);
        format!("QualityLevels({bitrate})/Manifest({name},{selectors})")
    }

    /// URL of a playlist of key frames, relative to the multivariant playlist.
    pub fn key_frame_playlist_url(&self, rendition: &Rendition) -> String {
        let Rendition { bitrate, name, .. } = rendition;
        let selectors = self.selectors_of(rendition);
        format!("QualityLevels({bitrate})/Manifest({name},{selectors},type=keyframes)")
    }

    /// The last component of the URLs of fragments.
    pub fn fragment_leaf(&self, rendition: &Rendition) -> Leaf {
        self.leaf("Fragments", rendition)
    }

    /// The last component of the URLs of key frames.
    pub fn key_frame_leaf(&self, rendition: &Rendition) -> Leaf {
        self.leaf("KeyFrames", rendition)
    }

    fn leaf(&self, keyword: &str, rendition: &Rendition) -> Leaf {
        Leaf {
            front: format!("{keyword}({}=", rendition.name),
            back: format!(",{})", self.selectors_of(rendition)),
        }
    }
}

/// The last component of the URLs of a rendition, but for the time that tells them apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    front: String,
    back: String,
}

impl Leaf {
    /// With a start in ticks.
    pub fn push_at(&self, out: &mut String, start: u64) {
        out.push_str(&self.front);
        push_decimal(out, start);
        out.push_str(&self.back);
    }

    /// With `i` or a template in the place of a start.
    pub fn with(&self, time: &str) -> String {
        [&self.front, time, &self.back].concat()
    }
}
