//! The URL grammar of streaming requests (ams.md sections 2.2 to 2.6).
//!
//! ```text
//! /{locatorId}/{base}.ism/manifest[(param,...)][.m3u8|.mpd]
//! /{locatorId}/{base}.ism/QualityLevels({bitrate})/Manifest({track}[,param...][,type=keyframes])
//! /{locatorId}/{base}.ism/QualityLevels({bitrate})/Fragments({track}={ticks|i}[,param...])
//! /{locatorId}/{base}.ism/QualityLevels({bitrate})/KeyFrames({track}={ticks}[,param...])
//! /{locatorId}/{base}.ism/QualityLevels({bitrate})/Media({track}[,param...][,type=keyframes])
//! /{locatorId}/{file}
//! ```
//! Keywords and parameter names are compared without case; each path component is percent-decoded
//! once. Nothing behind this module sees raw text.

mod child;
mod query;
mod selectors;

pub use query::Query;
pub use selectors::Selectors;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::ids::LocatorId;
use crate::media::{Rendition, TextRendition};

/// A longer path is refused.
const MAX_PATH: usize = 4096;

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The path does not start with a locator id.
    #[error("there is no stream at this address: it does not start with a locator id")]
    Locator,
    /// The path breaks the grammar.
    #[error("{0}")]
    Syntax(&'static str),
    /// `format=` names no format that is served.
    #[error("format {0:?} is not served; see the table of formats in the README")]
    Format(String),
    /// `encryption=` names a form that the format does not have.
    #[error("encryption {0:?} is served in Smooth Streaming only")]
    Encryption(String),
}

/// A streaming request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRequest {
    /// The locator.
    pub locator: LocatorId,
    /// What is asked for.
    pub target: Target,
    /// What the query chooses, or why it cannot be read: that counts only where queries do.
    pub query: Result<Query, UrlError>,
}

/// What a streaming URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A manifest or one of its children.
    Presentation {
        /// Name of the server manifest without extension.
        base: String,
        /// Format and encryption.
        selectors: Selectors,
        /// Which part of the presentation.
        item: Item,
    },
    /// A file of the asset.
    Download {
        /// Its name.
        file: String,
    },
}

/// A part of a presentation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Item {
    /// The manifest: MPD or multivariant playlist.
    Manifest,
    /// A media playlist.
    MediaPlaylist(TrackRef),
    /// A playlist of key frames.
    KeyFramePlaylist(TrackRef),
    /// An init segment, with the key of a crypto period where those are told apart.
    Init(TrackRef, Option<u32>),
    /// The one file of a track. AMS had none: `Media` is a word of ours.
    Media(TrackRef),
    /// The one file of the key frames of a rendition.
    KeyFrameMedia(TrackRef),
    /// A media fragment.
    Fragment {
        /// Of which track.
        track: TrackRef,
        /// Its start in wire ticks.
        start: u64,
    },
    /// The key frame at the start of a fragment.
    KeyFrame {
        /// Of which track.
        track: TrackRef,
        /// Its start in wire ticks.
        start: u64,
    },
}

impl Item {
    /// Whether it is a manifest, a playlist or an init segment, and holds no media.
    pub fn is_document(&self) -> bool {
        match self {
            Self::Manifest
            | Self::MediaPlaylist(_)
            | Self::KeyFramePlaylist(_)
            | Self::Init(..) => true,
            Self::Media(_)
            | Self::KeyFrameMedia(_)
            | Self::Fragment { .. }
            | Self::KeyFrame { .. } => false,
        }
    }

    /// Whether it lists media, or holds what a manifest lists: queries say what.
    pub fn reads_queries(&self) -> bool {
        match self {
            Self::Manifest
            | Self::MediaPlaylist(_)
            | Self::KeyFramePlaylist(_)
            | Self::Media(_)
            | Self::KeyFrameMedia(_) => true,
            Self::Init(..) | Self::Fragment { .. } | Self::KeyFrame { .. } => false,
        }
    }
}

/// A track by its identity in URLs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrackRef {
    /// Bits per second, exactly as in the manifest.
    pub bitrate: u64,
    /// Track name.
    pub name: String,
}

impl TrackRef {
    /// The identity of a rendition.
    pub fn of(rendition: &Rendition) -> Self {
        Self { bitrate: rendition.bitrate, name: rendition.name.clone() }
    }

    /// The identity of a text track.
    pub fn of_text(text: &TextRendition) -> Self {
        Self { bitrate: text.bitrate, name: text.name.clone() }
    }
}

impl StreamRequest {
    /// Reads the path of a URL, with or without the query.
    ///
    /// # Errors
    /// A path that breaks the grammar, or values that are not served.
    pub fn parse(target: &str) -> Result<Self, UrlError> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path.len() > MAX_PATH {
            return Err(UrlError::Syntax("the path is too long"));
        }
        let path = path.strip_prefix('/').ok_or(UrlError::Syntax("the path is not absolute"))?;
        let components = path.split('/').map(decode).collect::<Result<Vec<Cow<str>>, _>>()?;
        let (locator, rest) = components.split_first().ok_or(UrlError::Syntax("empty path"))?;
        let locator = locator.parse().map_err(|_| UrlError::Locator)?;
        Ok(Self { locator, target: Target::parse(rest)?, query: Query::parse(query) })
    }
}

impl Target {
    fn parse(components: &[Cow<str>]) -> Result<Self, UrlError> {
        let (base, leaf) = match components {
            [file] if !file.is_empty() => {
                return Ok(Self::Download { file: file.clone().into_owned() });
            }
            [ism, leaf @ ..] if !leaf.is_empty() => (server_manifest_base(ism)?, leaf),
            _ => return Err(UrlError::Syntax("a manifest or a file name is expected")),
        };
        let (item, selectors) = match leaf {
            [manifest] => child::manifest(manifest)?,
            [level, leaf] => child::child(level, leaf)?,
            _ => return Err(UrlError::Syntax("too many path components")),
        };
        Ok(Self::Presentation { base, selectors, item })
    }
}

/// The name in front of `.ism`.
fn server_manifest_base(component: &str) -> Result<String, UrlError> {
    let expected = UrlError::Syntax("a name that ends with .ism is expected");
    let at = component.len().checked_sub(4).ok_or(expected.clone())?;
    match component.split_at_checked(at) {
        Some((base, ism)) if ism.eq_ignore_ascii_case(".ism") && !base.is_empty() => {
            Ok(base.to_owned())
        }
        _ => Err(expected),
    }
}

/// Percent-decodes one component, once. Most have nothing to decode.
fn decode(component: &str) -> Result<Cow<'_, str>, UrlError> {
    let text = match component.contains('%') {
        false => Cow::Borrowed(component),
        true => percent_decode_str(component)
            .decode_utf8()
            .map_err(|_| UrlError::Syntax("the path is not UTF-8"))?,
    };
    let hostile = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if text.contains(hostile) || text == "." || text == ".." {
        return Err(UrlError::Syntax("a path component holds a separator or control character"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::format::Format;
    use crate::protection::Protection;
    use proptest::prelude::*;

    const GUID: &str = "5c2dd1a2-7f0e-4d0c-9d1c-0123456789ab";

    fn target(path: &str) -> Result<Target, UrlError> {
        StreamRequest::parse(&format!("/{GUID}/{path}")).map(|request| request.target)
    }

    fn presentation(path: &str) -> (String, Selectors, Item) {
        match target(path) {
            Ok(Target::Presentation { base, selectors, item }) => (base, selectors, item),
            other => panic!("{path}: {other:?}"),
        }
    }

    fn track(bitrate: u64, name: &str) -> TrackRef {
        TrackRef { bitrate, name: name.to_owned() }
    }

    #[test]
    fn selectors_stand_in_any_order_and_case_and_spelling() {
        let expected = Selectors {
            format: Format::HlsCmaf,
            encryption: Some(Protection::Cbcs),
            piff: false,
            audio_only: false,
            audio_track: None,
            filters: Vec::new(),
        };
        for path in [
            "my%20film.ism/manifest(format=m3u8-cmaf,encryption=cbcs-aapl)",
            "my film.ISM/Manifest(encryption=CBCS-AAPL, Format=M3U8-CMAF).m3u8",
            "my%20film.ism/MANIFEST%28format%3Dm3u8-cmaf%2Cencryption%3Dcbcs-aapl%29",
        ] {
            let (base, selectors, item) = presentation(path);
            assert_eq!((base.as_str(), &selectors, item), ("my film", &expected, Item::Manifest));
        }
    }

    #[test]
    fn children_name_level_track_and_time() {
        let (.., item) =
            presentation("a.ism/QualityLevels(721495)/Fragments(video=i,format=mpd-time-cmaf)");
        assert_eq!(item, Item::Init(track(721_495, "video"), None));
        let (_, selectors, item) = presentation(
            "a.ism/qualitylevels(128041)/fragments(aac_eng_2=60053333,format=mpd-time-cmaf,encryption=cenc)",
        );
        assert_eq!(selectors.encryption, Some(Protection::Cenc));
        let track_ref = track(128_041, "aac_eng_2");
        assert_eq!(item, Item::Fragment { track: track_ref, start: 60_053_333 });
        let (.., item) = presentation("a.ism/QualityLevels(5)/Manifest(video,format=m3u8-cmaf)");
        assert_eq!(item, Item::MediaPlaylist(track(5, "video")));
    }

    #[test]
    fn key_frames_and_muxed_tracks_have_urls() {
        let (_, selectors, item) = presentation(
            "a.ism/QualityLevels(5)/Manifest(video,format=m3u8-aapl-v4,type=keyframes)",
        );
        assert_eq!(item, Item::KeyFramePlaylist(track(5, "video")));
        assert_eq!(selectors.format, Format::HlsTs4);
        let (_, selectors, item) = presentation(
            "a.ism/QualityLevels(5)/KeyFrames(video=7,format=m3u8-aapl-v3,audiotrack=deu)",
        );
        let track = track(5, "video");
        assert_eq!(item, Item::KeyFrame { track, start: 7 });
        assert_eq!(selectors.audio_track.as_deref(), Some("deu"));
    }

    #[test]
    fn filters_stand_between_semicolons_encoded_or_not() {
        for path in [
            "a.ism/manifest(format=m3u8-cmaf,filter=trim;Mobile;TRIM)",
            "a.ism/manifest(Filter=trim%3BMobile,format=m3u8-cmaf)",
            "a.ism/QualityLevels(1)/Fragments(video=0,filter=trim;%20Mobile,format=m3u8-cmaf)",
        ] {
            let (_, selectors, _) = presentation(path);
            assert_eq!(selectors.filters, ["trim", "Mobile"], "{path}");
            assert_eq!(selectors.to_string(), ",format=m3u8-cmaf,filter=trim;Mobile");
        }
    }

    #[test]
    fn files_are_downloads() {
        let file = "movie_720.mp4".to_owned();
        assert_eq!(target("movie_720.mp4"), Ok(Target::Download { file }));
    }

    #[test]
    fn what_is_not_served_is_told_apart_from_what_is_wrong() {
        let format = |name: &str| Err(UrlError::Format(name.to_owned()));
        assert_eq!(target("a.ism/manifest(format=f4m-f4f)"), format("f4m-f4f"));
        assert_eq!(target("a.ism/manifest(format=)"), format(""));
        let piff = Err(UrlError::Encryption("piff".to_owned()));
        assert_eq!(target("a.ism/manifest(format=m3u8-cmaf,encryption=piff)"), piff);
        for path in [
            "",
            "a.ism/",
            "a.ism/manifest(",
            "a.ism/manifest()",
            "a.ism/manifest(format=m3u8-cmaf",
            "a.ism/manifest(format=m3u8-cmaf)x",
            "a.ism/manifest(format)",
            "a.ism/manifest(format=m3u8-cmaf,format=m3u8-cmaf)",
            "a.ism/manifest(colour=red,format=m3u8-cmaf)",
            "a.ism/manifest(format=m3u8-cmaf,encryption=rot13)",
            "a.ism/manifest(format=m3u8-cmaf,audio-only=perhaps)",
            "a.ism/manifest(format=m3u8-cmaf,filter=)",
            "a.ism/manifest(format=m3u8-cmaf,filter=a;;b)",
            "a.ism/manifest(format=m3u8-cmaf,filter=a,filter=b)",
            "a.ism/QualityLevels(x)/Fragments(video=0,format=m3u8-cmaf)",
            "a.ism/QualityLevels(+1)/Fragments(video=0,format=m3u8-cmaf)",
            "a.ism/QualityLevels(01)/Fragments(video=0,format=m3u8-cmaf)",
            "a.ism/QualityLevels(1)/Fragments(video=00,format=m3u8-cmaf)",
            "a.ism/QualityLevels(-1)/Fragments(video=0,format=m3u8-cmaf)",
            "a.ism/QualityLevels(1)/Fragments(video=,format=m3u8-cmaf)",
            "a.ism/QualityLevels(1)/Fragments(video=0.5,format=m3u8-cmaf)",
            "a.ism/QualityLevels(1)/Fragments(=0,format=m3u8-cmaf)",
            "a.ism/QualityLevels(1)/Fragments(format=m3u8-cmaf)",
            "a.ism/QualityLevels(1)/Manifest(,format=m3u8-cmaf)",
            "a.ism/QualityLevels(99999999999999999999)/Fragments(video=0,format=m3u8-cmaf)",
            "a.ism/QualityLevels(1)/Secrets(video=0)",
            "a.ism/QualityLevels(1)/KeyFrames(video=i,format=m3u8-aapl)",
            "a.ism/x/y/z",
            "..%2fsecret",
            "%2e%2e",
            "a%00b",
            "%ff",
        ] {
            assert!(matches!(target(path), Err(UrlError::Syntax(_))), "{path}: {:?}", target(path));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_paths_never_panic(path: String) {
            let _ = StreamRequest::parse(&path);
            let _ = target(&path);
            let _ = target(&format!("a.ism/manifest({path})"));
            let _ = target(&format!("a.ism/QualityLevels(1)/Fragments({path})"));
        }

        #[test]
        fn every_spelling_of_a_fragment_url_reads_back(
            bitrate: u64, start: u64, name in "[a-zA-Z0-9_.-]{1,20}", encode: bool,
        ) {
            let mut path = format!(
                "a.ism/QualityLevels({bitrate})/Fragments({name}={start},format=mpd-time-cmaf)"
            );
            if encode {
                path = path.replace('(', "%28").replace(')', "%29").replace('=', "%3D");
            }
            let (.., item) = presentation(&path);
            prop_assert_eq!(item, Item::Fragment { track: TrackRef { bitrate, name }, start });
        }
    }
}
