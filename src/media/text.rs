//! Text tracks of an asset: sidecar files and tracks of MP4 files, under names, languages and
//! purposes, on the common timeline (ams.md sections 4, 5 and 14.3).

use std::sync::Arc;

use super::server_manifest::TextEntry;
use super::text_name::TextName;
use super::text_rate::peak;
use super::timeline::{Cut, Cuts};
use super::{Rendition, ServerManifest, SourceFile, language, text_name};
use crate::isobmff::moov::mdhd::Language;
use crate::text::{Document, Slice, TextError};
use crate::time::SAME_MOMENT;

/// More text tracks are left out.
const MAX_TRACKS: usize = 64;

/// A text file that lies beside the media.
#[derive(Debug, Clone)]
pub struct Sidecar {
    /// Name inside the folder.
    pub name: String,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// Its cues, or why there are none.
    pub document: Result<Arc<Document>, TextError>,
}

/// A text track of an MP4 file.
#[derive(Debug)]
pub struct TextTrack {
    /// Track id in the file.
    pub track_id: u32,
    /// Language of the media header.
    pub language: Language,
    /// Where the clock of the track stood at its start, in wire ticks: taken out of all times.
    pub clock: i64,
    /// SHA-256 of its samples and their times.
    pub digest: [u8; 32],
    /// Its cues.
    pub document: Arc<Document>,
}

/// What a text track is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Translates what is said.
    Subtitles,
    /// Also tells what is heard, for viewers who cannot hear.
    Captions,
    /// Only what has to be understood by all: foreign words, signs. Shown when nothing is chosen.
    Forced,
}

impl Purpose {
    /// The role that tells players of it (ISO/IEC 23009-1 section 5.8.5.5).
    pub fn role(self) -> &'static str {
        match self {
            Self::Subtitles => "subtitle",
            Self::Captions => "caption",
            Self::Forced => "forced-subtitle",
        }
    }
}

/// A text track of an asset.
#[derive(Debug)]
pub struct TextRendition {
    /// Name in URLs.
    pub name: String,
    /// Whether the server manifest gives it that name.
    pub named: bool,
    /// Bits per second: with the name the identity in URLs.
    pub bitrate: u64,
    /// Language for media headers.
    pub language: Language,
    /// Language tag (RFC 5646) for manifests; `None` when it is not known.
    pub tag: Option<String>,
    /// Display name, if there is one.
    pub title: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether players show it unless the viewer says otherwise.
    pub default: bool,
    /// Hidden tracks are served but not listed.
    pub hidden: bool,
    /// HLS CHARACTERISTICS as given.
    pub characteristics: Option<String>,
    /// Digest of its source, track, language, place on the timeline and cuts: what tells its bytes from
    /// others.
    pub identity: Vec<u8>,
    /// The cues.
    pub document: Arc<Document>,
    /// Where fragments start: with those of the pictures. A fragment counts as one sample.
    pub cuts: Cuts,
    origin: i64,
}

impl TextRendition {
    /// All that is shown.
    pub fn whole(&self) -> Slice<'_> {
        let start = self.cuts.starts.first().map_or(0, |cut| cut.start);
        self.document.slice(start.cast_signed(), self.cuts.end.cast_signed(), self.origin)
    }

    /// What fragment `n` shows.
    pub fn slice(&self, n: usize) -> Slice<'_> {
        let start = self.cuts.starts.get(n).map_or(self.cuts.end, |cut| cut.start);
        let end = self.cuts.starts.get(n + 1).map_or(self.cuts.end, |cut| cut.start);
        self.document.slice(start.cast_signed(), end.cast_signed(), self.origin)
    }
}

/// The text tracks of an asset, and notes about what is left out: text that is missing or broken
/// costs itself and nothing else.
pub(super) fn renditions(
    files: &[SourceFile],
    sidecars: &[Sidecar],
    manifest: Option<&ServerManifest>,
    timeline: &Shape,
) -> (Vec<TextRendition>, Vec<String>) {
    let mut notes = Vec::new();
    let candidates = match manifest {
        Some(manifest) => listed(files, sidecars, manifest, &mut notes),
        None => inferred(files, sidecars),
    };
    let mut text: Vec<TextRendition> = Vec::new();
    for candidate in candidates {
        let left_out = |why: &dyn std::fmt::Display| format!("{}: left out: {why}", candidate.file);
        let document = match &candidate.document {
            _ if text.len() == MAX_TRACKS => {
                notes.push(left_out(&"there are more than 64 text tracks"));
                continue;
            }
            Err(error) => {
                notes.push(left_out(error));
                continue;
            }
            Ok(document) => Arc::clone(document),
        };
        notes.extend(document.note.iter().map(|note| format!("{}: {note}", candidate.file)));
        text.push(candidate.into_rendition(document, timeline));
    }
    make_unique(&mut text, &timeline.taken);
    (text, notes)
}

/// What text and images need to know of the tracks beside them.
pub(super) struct Shape {
    cuts: Cuts,
    /// What is added to presentation times of the tracks.
    pub(super) origin: i64,
    /// Where the clock of the media stood at their start, in wire ticks.
    pub(super) clock: i64,
    /// Names of the other tracks.
    pub(super) taken: Vec<String>,
}

impl Shape {
    /// Text is cut with the pictures, behind them or without them with the sound, and begins and ends
    /// with the presentation. `None` when there is neither.
    pub(super) fn of(
        video: &[Rendition],
        audio: &[Rendition],
        duration: u64,
        clock: i64,
    ) -> Option<Self> {
        let first = video.first().or(audio.first())?;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut starts = first.cuts.starts.clone();
        // What is said before the first picture belongs to the first segment.
        let begin = video.iter().chain(audio).filter_map(|it| it.cuts.starts.first());
        if let (Some(first), Some(begin)) = (starts.first_mut(), begin.map(|cut| cut.start).min()) {
            first.start = begin;
        }
        starts.extend(behind(&first.cuts, video.iter().chain(audio)));
        starts.iter_mut().enumerate().for_each(|(n, cut)| cut.sample = number(n));
        let end_sample = number(starts.len());
        let cuts = Cuts { starts, end_sample, end: duration };
        let taken = video.iter().chain(audio).map(|rendition| rendition.name.clone()).collect();
        Some(Self { cuts, origin: first.origin, clock, taken })
    }

    /// Where the presentation ends, in wire ticks.
    pub(super) fn end(&self) -> u64 {
        self.cuts.end
    }
}

/// Where the track that lasts longest is cut behind all of another.
fn behind<'a>(cuts: &Cuts, tracks: impl Iterator<Item = &'a Rendition>) -> Vec<Cut> {
    let last = cuts.starts.last().map_or(0, |cut| cut.start);
    let is_behind = |cut: &Cut| cut.start > last && cut.start + SAME_MOMENT >= cuts.end;
    let longest = tracks.max_by_key(|track| track.cuts.end);
    let starts = longest.into_iter().flat_map(|track| &track.cuts.starts);
    starts.copied().filter(is_behind).collect()
}

/// A text track before it is put on the timeline.
#[derive(Debug)]
struct Candidate {
    file: String,
    track_id: Option<u32>,
    /// The clock of the track at its start; files count from the start of the presentation.
    clock: Option<i64>,
    digest: [u8; 32],
    document: Result<Arc<Document>, TextError>,
    tag: Option<String>,
    purpose: Option<Purpose>,
    entry: TextEntry,
}

impl Candidate {
    fn of_sidecar(sidecar: &Sidecar) -> Self {
        let name = text_name::read(&sidecar.name);
        Self {
            file: sidecar.name.clone(),
            track_id: None,
            clock: None,
            digest: sidecar.digest,
            document: sidecar.document.clone(),
            tag: name.tag,
            purpose: name.purpose,
            entry: TextEntry::default(),
        }
    }

    fn of_track(file: &SourceFile, track: &TextTrack) -> Self {
        // The name of a file with pictures or sound speaks of those.
        let text_only = file.index.tracks.is_empty();
        let name = if text_only { text_name::read(&file.name) } else { TextName::default() };
        Self {
            file: file.name.clone(),
            track_id: Some(track.track_id),
            clock: Some(track.clock),
            digest: track.digest,
            document: Ok(Arc::clone(&track.document)),
            tag: name
                .tag
                .or_else(|| language::tag(track.language))
                .or_else(|| language::full_tag(file.language.as_deref()?)),
            purpose: name.purpose,
            entry: TextEntry::default(),
        }
    }

    /// What the server manifest says counts most, then the name of the file, then the file.
    fn into_rendition(self, document: Arc<Document>, timeline: &Shape) -> TextRendition {
        let tag = self.tag.or_else(|| document.language.as_deref().and_then(language::full_tag));
        let tag = self.entry.language.as_deref().and_then(language::full_tag).or(tag);
        let language = tag.as_deref().and_then(language::from_tag).unwrap_or(Language::UND);
        let said = self.entry.purpose().or(self.purpose);
        let spoken = if document.captions { Purpose::Captions } else { Purpose::Subtitles };
        let track = self.track_id.unwrap_or(0).to_be_bytes();
        let clock = self.clock.map_or(0, |clock| clock.saturating_sub(timeline.clock));
        let origin = timeline.origin.saturating_add(clock);
        let spoken_in = tag.as_deref().unwrap_or_default().as_bytes();
        let (at, cuts) = (origin.to_be_bytes(), timeline.cuts.digest());
        let identity = [&b"text"[..], &self.digest, &track, &at, &cuts, spoken_in].concat();
        TextRendition {
            named: self.entry.track_name.is_some(),
            name: self.entry.track_name.unwrap_or_else(|| format!("text_{}", language.as_str())),
            bitrate: self.entry.bitrate.unwrap_or_else(|| peak(&document, &timeline.cuts, origin)),
            language,
            tag,
            title: self.entry.title,
            purpose: said.unwrap_or(spoken),
            default: self.entry.default,
            hidden: self.entry.hidden,
            characteristics: self.entry.characteristics,
            identity,
            document,
            cuts: timeline.cuts.clone(),
            origin,
        }
    }
}

/// All sidecars, then all tracks of the media files; files of a set may carry the same track each.
fn inferred(files: &[SourceFile], sidecars: &[Sidecar]) -> Vec<Candidate> {
    // XML lies in folders for many reasons.
    let text = sidecars.iter().filter(|file| !matches!(file.document, Err(TextError::NotTtml)));
    let mut candidates: Vec<Candidate> = text.map(Candidate::of_sidecar).collect();
    let tracks = files.iter().flat_map(|file| file.index.text.iter().map(move |t| (file, t)));
    for (file, track) in tracks {
        let known = candidates.iter().any(|candidate| candidate.digest == track.digest);
        if !known {
            candidates.push(Candidate::of_track(file, track));
        }
    }
    candidates
}

/// The text that a server manifest lists; `notes` take the files that it names in vain.
fn listed(
    files: &[SourceFile],
    sidecars: &[Sidecar],
    manifest: &ServerManifest,
    notes: &mut Vec<String>,
) -> Vec<Candidate> {
    let found = manifest.text.iter().filter_map(|entry| match named(files, sidecars, entry) {
        Ok(candidate) => Some(Candidate { entry: entry.clone(), ..candidate }),
        Err(what) => {
            notes.push(format!(
                "{}: left out: the server manifest lists it, but it {what}",
                entry.src
            ));
            None
        }
    });
    found.collect()
}

/// What an element names, or what is wrong with that.
fn named(
    files: &[SourceFile],
    sidecars: &[Sidecar],
    entry: &TextEntry,
) -> Result<Candidate, &'static str> {
    if let Some(sidecar) = sidecars.iter().find(|sidecar| sidecar.name == entry.src) {
        return Ok(Candidate::of_sidecar(sidecar));
    }
    let file = files.iter().find(|file| file.name == entry.src).ok_or("is not in the folder")?;
    let fits = |track: &&Arc<TextTrack>| entry.track_id.is_none_or(|id| id == track.track_id);
    let track = file.index.text.iter().find(fits).ok_or("has no such text track")?;
    Ok(Candidate::of_track(file, track))
}

/// No name stands for two tracks, whatever their kind.
fn make_unique(text: &mut [TextRendition], taken: &[String]) {
    for n in 0..text.len() {
        let (before, rest) = text.split_at_mut(n);
        let Some(own) = rest.first_mut() else { return };
        let free = |name: &String| !taken.contains(name) && before.iter().all(|t| t.name != *name);
        let names = (2..).map(|k| format!("{}_{k}", own.name));
        let name = std::iter::once(own.name.clone()).chain(names).find(free);
        own.name = name.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_place_and_cuts_belong_to_the_identity() {
        let document = crate::text::parse(b"WEBVTT\n\n00:00.000 --> 00:01.000\nx\n").unwrap();
        let digest = [7; 32];
        let document = Ok(Arc::new(document));
        let sidecar = Sidecar { name: "film_eng.vtt".to_owned(), digest, document };
        let identity = |origin: i64, end: u64, language: &str| {
            let starts = vec![Cut { sample: 0, start: 0 }];
            let cuts = Cuts { starts, end_sample: 1, end };
            let timeline = Shape { cuts, origin, clock: 0, taken: Vec::new() };
            let mut candidate = Candidate::of_sidecar(&sidecar);
            candidate.entry.language = Some(language.to_owned());
            let document = candidate.document.clone().unwrap();
            candidate.into_rendition(document, &timeline).identity
        };
        let end = 20_000_000;
        assert_eq!(identity(0, end, "en-GB"), identity(0, end, "en-GB"));
        assert_ne!(identity(0, end, "en-GB"), identity(0, end, "en-US"));
        assert_ne!(identity(0, end, "en-GB"), identity(1, end, "en-GB"));
        assert_ne!(identity(0, end, "en-GB"), identity(0, end - 1, "en-GB"));
    }
}
