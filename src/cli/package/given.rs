//! What stands in a descriptor, and the order that it makes.

use std::num::NonZero;

use crate::media::server_manifest::{TextEntry, Traits};
use crate::service::packager::order::{Form, Output, Selector, StreamOrder, TextKind, TextOrder};
use crate::store::Location;

/// What a descriptor asks for.
#[derive(Debug)]
pub(super) enum Described {
    /// Pictures or sound.
    Media(Box<StreamOrder>),
    /// Cues.
    Text(Box<TextOrder>),
}

/// Value of `output_format`, or what an extension says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Mp4,
    Ts,
    WebVtt,
}

/// Value of `stream`.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Media(Selector),
    Text,
}

/// What stands in a descriptor.
#[derive(Default)]
pub(super) struct Given {
    pub(super) input: Option<Location>,
    pub(super) wanted: Option<Wanted>,
    pub(super) every: Option<NonZero<u32>>,
    pub(super) output: Option<Location>,
    pub(super) init: Option<Location>,
    pub(super) template: Option<Location>,
    pub(super) format: Option<Format>,
    pub(super) playlist: Option<String>,
    pub(super) key_frames: Option<String>,
    pub(super) group: Option<String>,
    pub(super) title: Option<String>,
    pub(super) language: Option<String>,
    pub(super) bitrate: Option<u64>,
    pub(super) label: Option<String>,
    pub(super) clear: bool,
    pub(super) hls_only: bool,
    pub(super) dash_only: bool,
    pub(super) forced: bool,
    pub(super) characteristics: Option<String>,
    pub(super) traits: Traits,
}

impl Given {
    pub(super) fn order(self) -> Result<Described, String> {
        let rule = "stream= is missing: video, audio, text, or a number";
        match self.wanted.ok_or(rule)? {
            Wanted::Media(selector) => self.media(selector).map(Box::new).map(Described::Media),
            Wanted::Text => self.text().map(Box::new).map(Described::Text),
        }
    }

    fn media(mut self, selector: Selector) -> Result<StreamOrder, String> {
        let (format, output) = self.output()?;
        let has_key_frames = self.key_frames.is_some();
        let form = match format {
            Format::Mp4 => Form::Fragments,
            Format::Ts => Form::Transport,
            Format::WebVtt => return Err("WebVTT is made of text: stream=text".to_owned()),
        };
        check(&[
            (!self.forced, "forced_subtitle is said of text"),
            (
                self.characteristics.is_none(),
                "hls_characteristics is said of text: say dash_accessibilities=...=description",
            ),
            (!(self.hls_only && self.dash_only), "hls_only and dash_only leave no manifest"),
        ])?;
        if self.every.is_some() {
            check(&self.of_trick_play(selector))?;
        }
        Ok(StreamOrder {
            input: self.input.ok_or(NO_INPUT)?,
            selector,
            every: self.every,
            form,
            output,
            playlist: self.playlist,
            key_frames: self.key_frames,
            group: self.group,
            title: self.title,
            language: self.language,
            bitrate: self.bitrate,
            label: self.label,
            clear: self.clear,
            traits: self.traits,
            in_mpd: !self.hls_only,
            in_hls: !self.dash_only && (self.every.is_none() || has_key_frames),
        })
    }

    /// What is not said together with trick_play_factor.
    fn of_trick_play(&self, selector: Selector) -> [(bool, &'static str); 4] {
        [
            (selector != Selector::Audio, "trick_play_factor is said of pictures"),
            (
                self.playlist.is_none(),
                "playlist_name: playlists list a trick play stream by its key frames, so that nobody \
                 takes it for a film: say iframe_playlist_name=",
            ),
            (
                self.traits == Traits::default(),
                "dash_roles and dash_accessibilities are said of the stream that trick play is of",
            ),
            (
                !self.hls_only || self.key_frames.is_some(),
                "hls_only leaves no manifest without iframe_playlist_name=",
            ),
        ]
    }

    fn text(mut self) -> Result<TextOrder, String> {
        let (format, output) = self.output()?;
        let kind = match (format, &output) {
            (Format::Mp4, _) => TextKind::Fragments,
            (Format::WebVtt, Output::One(_)) => TextKind::Document,
            (Format::WebVtt, Output::Each { .. }) => TextKind::WebVtt,
            (Format::Ts, _) => return Err("transport streams hold no text: say .vtt".to_owned()),
        };
        let webvtt = kind == TextKind::WebVtt;
        check(&[
            (self.key_frames.is_none(), "iframe_playlist_name is said of pictures"),
            (self.every.is_none(), "trick_play_factor is said of pictures"),
            (self.group.is_none(), "hls_group_id is said of sound"),
            (self.traits.accessibility.is_none(), "dash_accessibilities is said of sound"),
            (
                !self.hls_only || webvtt,
                "playlists list WebVTT in segments: say segment_template=, with .vtt",
            ),
            (
                !(self.dash_only && webvtt),
                "an MPD lists text in MP4, or one file of WebVTT: say output=, or init_segment= and \
                 segment_template=",
            ),
        ])?;
        let forced = self.forced.then(|| "forced-subtitle".to_owned());
        let entry = TextEntry {
            bitrate: self.bitrate,
            language: self.language,
            title: self.title,
            characteristics: self.characteristics,
            role: forced.or(self.traits.role),
            ..TextEntry::default()
        };
        let input = self.input.ok_or(NO_INPUT)?;
        let (label, clear, playlist) = (self.label, self.clear, self.playlist);
        Ok(TextOrder { input, kind, output, playlist, label, clear, entry })
    }

    /// What is made, and where it goes.
    fn output(&mut self) -> Result<(Format, Output), String> {
        let named = self.output.as_ref().or(self.template.as_ref());
        let format = match self.format {
            Some(format) => format,
            None => format_of(named.ok_or("output= or segment_template= is missing")?)?,
        };
        let output = match (self.output.take(), self.init.take(), self.template.take()) {
            (Some(path), None, None) => Output::One(path),
            (None, init, Some(template)) => Output::Each { init, template },
            (Some(init), None, Some(template)) if format == Format::Mp4 => {
                Output::Each { init: Some(init), template }
            }
            _ => return Err("say output=, or init_segment= and segment_template=".to_owned()),
        };
        match (format, &output) {
            (Format::Mp4, Output::Each { init: None, .. }) => {
                Err("segments of MP4 need an init_segment=".to_owned())
            }
            (Format::Ts | Format::WebVtt, Output::Each { init: Some(_), .. }) => {
                Err("transport streams and WebVTT have no init segment".to_owned())
            }
            _ => Ok((format, output)),
        }
    }
}

const NO_INPUT: &str = "in= is missing";

/// The first of the rules that does not hold.
fn check(rules: &[(bool, &str)]) -> Result<(), String> {
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => Err((*rule).to_owned()),
        None => Ok(()),
    }
}

/// Extensions and names of formats.
const FORMATS: &[(&str, Format)] = &[
    ("mp4", Format::Mp4),
    ("m4s", Format::Mp4),
    ("m4v", Format::Mp4),
    ("m4a", Format::Mp4),
    ("m4f", Format::Mp4),
    ("cmfv", Format::Mp4),
    ("cmfa", Format::Mp4),
    ("cmft", Format::Mp4),
    ("ts", Format::Ts),
    ("vtt", Format::WebVtt),
];

/// A format by its name.
pub(super) fn format(value: &str) -> Result<Format, String> {
    let found = FORMATS.iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
    let unknown = || format!("{value} is not supported: mp4, ts and vtt are");
    found.map(|(_, format)| *format).ok_or_else(unknown)
}

fn format_of(place: &Location) -> Result<Format, String> {
    let extension =
        place.extension().ok_or("output_format= is missing, and no extension says it")?;
    format(extension).map_err(|_| {
        format!("no format has the extension .{extension}: say output_format=mp4, ts or vtt")
    })
}
