//! What manifest writers need of one request: the renditions and fragments that it lists, the
//! selectors, the keys.

use std::ops::Range;

use super::compat::Compat;
use super::figures::AssetFigures;
use super::files::{Files, Place, RenditionFiles};
use super::keyed::{KeyRuns, RenditionKey};
use super::request::{Query, Selectors, TrackRef};
use super::steering::Steering;
use super::text::TextForm;
use super::ts;
use crate::bytes::push_decimal;
use crate::cenc::{IvContext, Scheme};
use crate::codec::MediaType;
use crate::codec::captions::Captions;
use crate::ids::KeyId;
use crate::media::timeline::Cuts;
use crate::media::{ImageRendition, Rendition, TextRendition};
use crate::protection::Protection;
use crate::time::SAME_MOMENT;

/// An asset in the form that a URL selects. Writers see nothing of the asset but this.
#[derive(Debug)]
pub struct Presentation<'a> {
    /// Format and encryption as asked for; repeated in child URLs.
    pub selectors: Selectors,
    /// The protection in force: also when the URL left it out because the policy allows just one.
    pub protection: Protection,
    /// Whose manifests are written.
    pub compat: Compat,
    /// What the query chose; repeated in the URLs of playlists, which list it, and of files.
    pub query: Query,
    /// What is listed, video first: what the format can carry.
    pub listed: Vec<Listed<'a>>,
    /// The tracks of less pictures, which players show while they wind.
    pub thinned: Vec<Listed<'a>>,
    /// The audio track that goes into video segments, whether or not it is listed.
    pub muxed_audio: Option<&'a Rendition>,
    /// The text tracks; hidden ones too.
    pub text: Vec<ListedText<'a>>,
    /// The image tracks, where the format has them.
    pub images: Vec<ListedImages<'a>>,
    /// Where the presentation starts, in wire ticks: 0 unless its beginning is cut off.
    pub start: u64,
    /// The crypto period of all that is listed, in a part of a presentation whose keys rotate.
    pub period: Option<u32>,
    /// Whether a filter put the first video level where it stands.
    pub led: bool,
    /// Who steers players.
    pub steering: &'a Steering,
    /// What was worked out of the listed tracks before.
    pub figures: AssetFigures<'a>,
    /// What the parts are called where they lie in files; `None` = in the URL space of the origin.
    pub files: Option<&'a Files>,
}

/// A rendition as one request sees it.
#[derive(Debug)]
pub struct Listed<'a> {
    /// The rendition.
    pub rendition: &'a Rendition,
    /// Its keys, one after the other where they rotate.
    pub keys: KeyRuns,
    /// The fragments that are listed; never empty.
    pub fragments: Range<usize>,
}

impl Listed<'_> {
    /// Start and end of every listed fragment, in wire ticks.
    pub fn spans(&self) -> impl Iterator<Item = (u64, u64)> {
        spans(&self.rendition.cuts, &self.fragments)
    }

    /// The same with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, (u64, u64))> {
        self.fragments.clone().zip(self.spans())
    }

    /// Presentation duration of every listed fragment, in wire ticks.
    pub fn durations(&self) -> impl Iterator<Item = u64> {
        self.spans().map(|(start, end)| end.saturating_sub(start))
    }
}

/// A text track as one request sees it.
#[derive(Debug)]
pub struct ListedText<'a> {
    /// The track.
    pub text: &'a TextRendition,
    /// Its keys, where segments are encrypted as a whole.
    pub keys: KeyRuns,
    /// The fragments that are listed; never empty.
    pub fragments: Range<usize>,
}

impl ListedText<'_> {
    /// Start and end of every listed fragment, in wire ticks.
    pub fn spans(&self) -> impl Iterator<Item = (u64, u64)> {
        spans(&self.text.cuts, &self.fragments)
    }
}

/// An image track as one request sees it. Images are never encrypted.
#[derive(Debug)]
pub struct ListedImages<'a> {
    /// The track.
    pub images: &'a ImageRendition,
    /// The images that are listed; never empty.
    pub fragments: Range<usize>,
}

impl ListedImages<'_> {
    /// Start and end of every listed image, in wire ticks.
    pub fn spans(&self) -> impl Iterator<Item = (u64, u64)> {
        spans(&self.images.cuts, &self.fragments)
    }
}

fn spans(cuts: &Cuts, fragments: &Range<usize>) -> impl Iterator<Item = (u64, u64)> {
    let end = fragments.end.min(cuts.len());
    let starts = cuts.starts.get(fragments.start..end).unwrap_or_default();
    let end = cuts.starts.get(end).map_or(cuts.end, |next| next.start);
    let next = move |n: usize| starts.get(n + 1).map_or(end, |next| next.start);
    starts.iter().enumerate().map(move |(n, cut)| (cut.start, next(n)))
}

/// Gives the IV of a segment that starts at that time.
pub type Ivs = fn(&IvContext, u64) -> [u8; 16];

/// Renditions that a player may switch between: one name, one key.
#[derive(Debug)]
pub struct Set<'a> {
    /// The first of them, as it is listed.
    pub first: &'a Listed<'a>,
    /// All of them.
    pub renditions: Vec<&'a Rendition>,
}

impl<'a> Set<'a> {
    fn all(listed: impl Iterator<Item = &'a Listed<'a>>) -> Vec<Self> {
        let mut sets: Vec<Self> = Vec::new();
        for listed in listed {
            let (rendition, kid) = (listed.rendition, listed.keys.first().map(|key| key.kid));
            let same = |set: &&mut Self| {
                set.first.rendition.name == rendition.name && set.key().map(|key| key.kid) == kid
            };
            match sets.iter_mut().find(same) {
                Some(set) => set.renditions.push(rendition),
                None => sets.push(Set { first: listed, renditions: vec![rendition] }),
            }
        }
        sets
    }

    /// Their name.
    pub fn name(&self) -> &str {
        &self.first.rendition.name
    }

    /// The key of all of them; where it rotates, the first.
    pub fn key(&self) -> Option<&RenditionKey> {
        self.first.keys.first()
    }
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

    /// PlayReady licences.
    pub fn play_ready(&self) -> String {
        format!("{}/PlayReady/", self.base)
    }

    /// Widevine licences of a key.
    pub fn widevine(&self, kid: KeyId) -> String {
        format!("{}/Widevine/?kid={kid}", self.base)
    }

    /// FairPlay licences of a key.
    pub fn fair_play(&self, kid: KeyId) -> String {
        format!("{}/FairPlay/?kid={kid}", self.base)
    }

    /// The URI of FairPlay key lines. Apps put a scheme in front that they know (ams.md section 6.3).
    pub fn fair_play_line(&self, kid: KeyId) -> String {
        let url = self.fair_play(kid);
        format!("skd://{}", url.split_once("://").map_or(&*url, |(_, rest)| rest))
    }
}

impl<'a> Presentation<'a> {
    /// Video levels: that which a filter wants first, then codec by codec from the highest bitrate
    /// down.
    pub fn video(&self) -> impl Iterator<Item = &Listed<'a>> {
        self.of_type(MediaType::Video)
    }

    /// Video levels: that which a filter wants first, then set by set from the lowest bitrate up.
    pub fn video_upwards(&self) -> Vec<&Listed<'a>> {
        let mut levels: Vec<_> = self.video().collect();
        let fixed = usize::from(self.led).min(levels.len());
        let same_set = |a: &&Listed<'_>, b: &&Listed<'_>| a.rendition.name == b.rendition.name;
        levels[fixed..].chunk_by_mut(same_set).for_each(<[_]>::reverse);
        levels
    }

    /// Audio tracks in source order.
    pub fn audio(&self) -> impl Iterator<Item = &Listed<'a>> {
        self.of_type(MediaType::Audio)
    }

    fn of_type(&self, media_type: MediaType) -> impl Iterator<Item = &Listed<'a>> {
        self.listed.iter().filter(move |listed| listed.rendition.track.media_type == media_type)
    }

    /// The protection of a rendition: that in force, unless the rendition is left in the clear.
    pub fn protection_of(&self, listed: &Listed<'_>) -> Protection {
        listed.keys.first().map_or(Protection::Clear, |_| self.protection)
    }

    /// Audio tracks and then video levels, those that players may switch between together: they
    /// have one name and one key. In each set the first is the best.
    pub fn sets(&self) -> Vec<Set<'_>> {
        Set::all(self.audio().chain(self.video()))
    }

    /// The same of the tracks of less pictures.
    pub fn thinned_sets(&self) -> Vec<Set<'_>> {
        Set::all(self.thinned.iter())
    }

    /// The captions inside the pictures; all levels have those of the first.
    pub fn captions(&self) -> Captions {
        let first = self.video().next();
        first.map_or_else(Captions::default, |listed| listed.rendition.track.captions)
    }

    /// The text tracks that manifests list: those that are not hidden, where the format has text.
    pub fn listed_text(&self) -> impl Iterator<Item = &ListedText<'a>> {
        let shown = |text: &TextRendition| !text.hidden && self.text_form(text).is_some();
        self.text.iter().filter(move |listed| shown(listed.text))
    }

    /// The form that segments of a text track have here.
    pub fn text_form(&self, text: &TextRendition) -> Option<TextForm> {
        TextForm::of(self.selectors.format, self.compat, text)
    }

    /// How long the presentation lasts, in wire ticks. Where tracks are cut off, it ends with the first
    /// of them: levels of other codecs may have no fragment that ends there.
    pub fn duration(&self) -> u64 {
        let end = |listed: &Listed<'_>| listed.spans().last().map_or(0, |(_, end)| end);
        let is_cut = |listed: &&Listed<'_>| listed.fragments.end < listed.rendition.cuts.len();
        let (cut, whole): (Vec<_>, Vec<_>) = self.listed.iter().partition(is_cut);
        let first = cut.iter().copied().map(end).min().unwrap_or(0);
        let near = |end: &u64| *end <= first.saturating_add(SAME_MOMENT);
        let cut = cut.iter().copied().map(end).filter(near);
        let end = whole.into_iter().map(end).chain(cut).max();
        end.unwrap_or(0).saturating_sub(self.start)
    }

    /// The audio track that goes into the segments of a rendition.
    pub fn muxed_into(&self, rendition: &Rendition) -> Option<&'a Rendition> {
        self.muxed_audio.filter(|_| rendition.track.media_type == MediaType::Video)
    }

    /// The selectors as children of a rendition repeat them.
    fn selectors_of(&self, rendition: &Rendition) -> String {
        match self.muxed_into(rendition) {
            Some(audio) => format!("{},audiotrack={}", self.selectors, audio.name),
            None => self.selectors.to_string(),
        }
    }

    /// The files of a rendition, where its parts lie in files.
    pub fn files_of(&self, rendition: &Rendition) -> Option<&RenditionFiles> {
        self.files.and_then(|files| files.of(&TrackRef::of(rendition)))
    }

    /// Whether the key frames of a video level are listed by themselves.
    pub fn lists_key_frames(&self, rendition: &Rendition) -> bool {
        match self.files {
            None => self.selectors.format.has_key_frames(),
            Some(_) => self.files_of(rendition).is_some_and(|files| files.key_frames.is_some()),
        }
    }

    /// Where the segments of a rendition are.
    pub fn place_of(&self, rendition: &Rendition) -> Place<'_> {
        match self.files_of(rendition) {
            Some(files) => Place::Files(files),
            None => Place::Url(self.fragment_leaf(rendition)),
        }
    }

    /// URL of a media playlist, relative to the multivariant playlist.
    pub fn media_playlist_url(&self, rendition: &Rendition) -> String {
        if let Some(files) = self.files_of(rendition) {
            return files.playlist.clone();
        }
        let Rendition { bitrate, name, .. } = rendition;
        let selectors = self.selectors_of(rendition);
        format!("QualityLevels({bitrate})/Manifest({name}{selectors}){}", self.query)
    }

    /// The IVs of segments of a rendition that are encrypted each as a whole.
    pub fn ivs_of(&self, rendition: &Rendition) -> Ivs {
        match ts::packed::media_type(self.selectors.format, rendition) {
            Some(_) => IvContext::packed,
            None => self.ivs_of_text(),
        }
    }

    /// The same of segments of text.
    pub fn ivs_of_text(&self) -> Ivs {
        match self.selectors.format.is_transport() {
            true => IvContext::transport,
            false => IvContext::segment,
        }
    }

    /// Whether key frames are listed as byte ranges of their segments, or as resources of their own.
    pub fn key_frames_are_ranges(&self) -> bool {
        self.selectors.format.has_key_frame_ranges(self.protection)
    }

    /// The files of a text track, where its parts lie in files.
    pub fn files_of_text(&self, text: &TextRendition) -> Option<&RenditionFiles> {
        self.files.and_then(|files| files.of(&TrackRef::of_text(text)))
    }

    /// Where the segments of a text track are.
    pub fn place_of_text(&self, text: &TextRendition) -> Place<'_> {
        match self.files_of_text(text) {
            Some(files) => Place::Files(files),
            None => Place::Url(self.text_leaf(text)),
        }
    }

    /// URL of the playlist of a text track, relative to the multivariant playlist.
    pub fn text_playlist_url(&self, text: &TextRendition) -> String {
        if let Some(files) = self.files_of_text(text) {
            return files.playlist.clone();
        }
        self.plain_playlist_url(text.bitrate, &text.name)
    }

    /// URL of the playlist of an image track, relative to the multivariant playlist.
    pub fn image_playlist_url(&self, images: &ImageRendition) -> String {
        self.plain_playlist_url(images.bitrate, &images.name)
    }

    fn plain_playlist_url(&self, bitrate: u64, name: &str) -> String {
        format!("QualityLevels({bitrate})/Manifest({name}{}){}", self.selectors, self.query)
    }

    /// The last component of the URLs of fragments of a text track.
    pub fn text_leaf(&self, text: &TextRendition) -> Leaf {
        self.plain_leaf(&text.name)
    }

    /// The last component of the URLs of images.
    pub fn image_leaf(&self, images: &ImageRendition) -> Leaf {
        self.plain_leaf(&images.name)
    }

    fn plain_leaf(&self, name: &str) -> Leaf {
        Leaf { front: format!("Fragments({name}="), back: format!("{})", self.selectors) }
    }

    /// URL of a playlist of key frames, relative to the multivariant playlist.
    pub fn key_frame_playlist_url(&self, rendition: &Rendition) -> String {
        if let Some(files) = self.files_of(rendition) {
            return files.key_frames.clone().unwrap_or_default();
        }
        let Rendition { bitrate, name, .. } = rendition;
        let selectors = self.selectors_of(rendition);
        let query = &self.query;
        format!("QualityLevels({bitrate})/Manifest({name}{selectors},type=keyframes){query}")
    }

    /// URL of the one file of a rendition, or of its key frames, relative to the MPD. What the query
    /// chose is all that the file holds.
    pub fn media_file_url(&self, rendition: &Rendition, key_frames: bool) -> String {
        if let Some(uri) = self.files_of(rendition).and_then(|files| files.segments.only()) {
            return uri.to_owned();
        }
        let Rendition { bitrate, name, .. } = rendition;
        let selectors = self.selectors_of(rendition);
        let kind = if key_frames { ",type=keyframes" } else { "" };
        format!("QualityLevels({bitrate})/Media({name}{selectors}{kind}){}", self.query)
    }

    /// URL of the one file of a text track, relative to the MPD.
    pub fn text_file_url(&self, text: &TextRendition) -> String {
        if let Some(uri) = self.files_of_text(text).and_then(|files| files.segments.only()) {
            return uri.to_owned();
        }
        let TextRendition { bitrate, name, .. } = text;
        format!("QualityLevels({bitrate})/Media({name}{}){}", self.selectors, self.query)
    }

    /// The last component of the URLs of fragments.
    pub fn fragment_leaf(&self, rendition: &Rendition) -> Leaf {
        self.leaf("Fragments", rendition)
    }

    /// Whether any track changes its key.
    pub fn rotates(&self) -> bool {
        self.listed.iter().any(|listed| listed.keys.changes().next().is_some())
    }

    /// What stands for a time in the URLs of init segments. In each crypto period they name another
    /// key; in HLS, segments that are encrypted as wholes share one init segment in the clear.
    pub fn init_time(&self, period: Option<u32>) -> String {
        let is_own = Scheme::of(self.protection).is_some()
            || self.selectors.format.playlist_version().is_none();
        period.filter(|_| is_own).map_or_else(|| "i".to_owned(), |period| format!("i{period}"))
    }

    /// The last component of the URLs of key frames.
    pub fn key_frame_leaf(&self, rendition: &Rendition) -> Leaf {
        self.leaf("KeyFrames", rendition)
    }

    fn leaf(&self, keyword: &str, rendition: &Rendition) -> Leaf {
        Leaf {
            front: format!("{keyword}({}=", rendition.name),
            back: format!("{})", self.selectors_of(rendition)),
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

    /// What stands in front of the time and behind it.
    pub fn around(&self) -> (&str, &str) {
        (&self.front, &self.back)
    }

    /// With `i` or a template in the place of a start.
    pub fn with(&self, time: &str) -> String {
        [&self.front, time, &self.back].concat()
    }
}
