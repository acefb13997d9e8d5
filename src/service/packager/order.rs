//! What is to be packaged, and into what.

use std::num::NonZero;

use crate::crypto::ContentKey;
use crate::ids::KeyId;
use crate::isobmff::cenc::Pssh;
use crate::media::server_manifest::{TextEntry, Traits};
use crate::package::announced::System;
use crate::policy::UrlTemplate;
use crate::protection::Protection;
use crate::store::Location;

/// Everything that one run does.
#[derive(Debug)]
pub struct Order {
    /// The tracks of pictures and sound that are packaged.
    pub streams: Vec<StreamOrder>,
    /// The tracks of text that are.
    pub text: Vec<TextOrder>,
    /// Wanted duration of segments in milliseconds.
    pub segment_ms: u32,
    /// How they are protected.
    pub protection: Protection,
    /// The keys by the labels of the tracks they are for; empty when nothing is protected. Where keys
    /// change, those of one label take turns.
    pub keys: Vec<LabelledKey>,
    /// Segments that start before this stay clear, in wire ticks.
    pub clear_lead: u64,
    /// After how many wire ticks keys change; `None` = never.
    pub crypto_period: Option<NonZero<u64>>,
    /// The constant IV, where somebody chose it.
    pub iv: Option<[u8; 16]>,
    /// The systems to which keys are announced.
    pub systems: Vec<System>,
    /// Boxes of systems, as they are.
    pub boxes: Vec<Pssh>,
    /// Where players of HLS find the bytes of a key.
    pub key_uri: Option<UrlTemplate>,
    /// The MPD, if one is wanted.
    pub mpd: Option<Location>,
    /// `BaseURL` elements of the MPD.
    pub base_urls: Vec<String>,
    /// The multivariant playlist, if playlists are wanted.
    pub multivariant: Option<Location>,
    /// What stands in front of the URIs of playlists.
    pub hls_base_url: String,
    /// Tracks of that language come first and are what players start with.
    pub default_language: Option<String>,
}

impl Order {
    /// Whether something is read from an object store, or written into one.
    pub fn is_remote(&self) -> bool {
        let media = self.streams.iter().map(|stream| (&stream.input, &stream.output));
        let text = self.text.iter().map(|text| (&text.input, &text.output));
        let named = media.chain(text);
        let mut named = named.flat_map(|(input, output)| output.places().chain([input]));
        let mut manifests = self.mpd.iter().chain(&self.multivariant);
        named.any(Location::is_object) || manifests.any(Location::is_object)
    }

    /// The names of the playlists of streams and text that the multivariant playlist lists, streams
    /// first: those that were given, else one by number. Of less pictures only the key frames have one.
    pub(super) fn playlist_names(&self) -> Vec<String> {
        let of_stream = |stream: &StreamOrder| match stream.every {
            Some(_) => stream.key_frames.clone(),
            None => stream.playlist.clone(),
        };
        let of_text = self.listed_text().map(|text| text.playlist.clone());
        let given = self.listed_streams().map(of_stream).chain(of_text).enumerate();
        given.map(|(n, name)| name.unwrap_or_else(|| format!("stream_{n}.m3u8"))).collect()
    }

    /// All playlists that are written.
    pub(super) fn playlists(&self) -> Vec<Location> {
        let Some(multivariant) = &self.multivariant else { return Vec::new() };
        let of_streams = self.listed_streams().map(|stream| stream.every.is_none());
        let is_whole = of_streams.chain(self.listed_text().map(|_| true));
        let whole = self.playlist_names().into_iter().zip(is_whole);
        let whole = whole.filter_map(|(name, is_whole)| is_whole.then_some(name));
        let key_frames = self.listed_streams().filter_map(|stream| stream.key_frames.clone());
        let beside = whole.chain(key_frames).map(|name| multivariant.beside(&name));
        beside.chain([multivariant.clone()]).collect()
    }

    fn listed_streams(&self) -> impl Iterator<Item = &StreamOrder> {
        self.streams.iter().filter(|stream| stream.in_hls)
    }

    fn listed_text(&self) -> impl Iterator<Item = &TextOrder> {
        self.text.iter().filter(|text| text.kind == TextKind::WebVtt)
    }
}

/// A key and the tracks that it is for.
#[derive(Debug)]
pub struct LabelledKey {
    /// Label of the tracks.
    pub label: String,
    /// Its id.
    pub kid: KeyId,
    /// The key.
    pub key: ContentKey,
}

/// One track and what is made of it.
#[derive(Debug, Clone)]
pub struct StreamOrder {
    /// The file that it is in.
    pub input: Location,
    /// Which track of the file.
    pub selector: Selector,
    /// Every so many of its key frames and nothing else, for trick play; `None` = all of it.
    pub every: Option<NonZero<u32>>,
    /// What segments are made of.
    pub form: Form,
    /// Where they go.
    pub output: Output,
    /// Media playlist, relative to the folder of the multivariant playlist.
    pub playlist: Option<String>,
    /// Playlist of key frames, relative alike.
    pub key_frames: Option<String>,
    /// Group of sound in playlists.
    pub group: Option<String>,
    /// Display name.
    pub title: Option<String>,
    /// Language tag that stands for that of the file.
    pub language: Option<String>,
    /// Bits per second that stand for those of the track.
    pub bitrate: Option<u64>,
    /// Label of the key; `None` = the class of the track.
    pub label: Option<String>,
    /// Whether it stays clear.
    pub clear: bool,
    /// Role and accessibility in MPDs.
    pub traits: Traits,
    /// Whether the MPD lists it.
    pub in_mpd: bool,
    /// Whether playlists list it.
    pub in_hls: bool,
}

/// One track of text and what is made of it. MPDs list fragments and whole
/// documents, playlists segments of WebVTT. Segments of WebVTT are
/// encrypted where segments are encrypted as wholes.
#[derive(Debug, Clone)]
pub struct TextOrder {
    /// The file that it is in, or that it is.
    pub input: Location,
    /// What segments are made of.
    pub kind: TextKind,
    /// Where they go.
    pub output: Output,
    /// Media playlist, relative to the folder of the multivariant playlist.
    pub playlist: Option<String>,
    /// Label of the key; `None` = that of all text.
    pub label: Option<String>,
    /// Whether it stays clear.
    pub clear: bool,
    /// What is said of it: everything but the name of the file.
    pub entry: TextEntry,
}

/// Which track of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// The first with pictures.
    Video,
    /// The first with sound.
    Audio,
    /// That of this number, counted from 0.
    Number(usize),
}

/// What segments are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// CMAF fragments.
    Fragments,
    /// Transport streams.
    Transport,
}

/// What segments of text are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// CMAF fragments.
    Fragments,
    /// WebVTT.
    WebVtt,
    /// There are none: a file of WebVTT has it all.
    Document,
}

/// Where segments go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Into one file, behind the init segment and an index where there is one.
    One(Location),
    /// Each into a file of its own.
    Each {
        /// File of the init segment; transport streams have none.
        init: Option<Location>,
        /// Template of the paths, or the keys, of segments.
        template: Location,
    },
}

impl Output {
    /// The one file, or the template of segments.
    pub fn name(&self) -> String {
        match self {
            Self::One(place) | Self::Each { template: place, .. } => place.to_string(),
        }
    }

    /// Where it goes, the init segment before the others.
    pub fn places(&self) -> impl Iterator<Item = &Location> {
        let (init, place) = match self {
            Self::One(place) => (None, place),
            Self::Each { init, template } => (init.as_ref(), template),
        };
        init.into_iter().chain([place])
    }
}
