//! The files of an order and the tracks that it names in them, put on one timeline.

use std::io;
use std::slice;
use std::sync::Arc;

use super::PackageError;
use super::order::{Order, Selector, StreamOrder, TextOrder};
use crate::codec::MediaType;
use crate::media::server_manifest::{Entry, TextEntry};
use crate::media::thinned::Thinning;
use crate::media::timeline::Cutting;
use crate::media::{
    Asset, FileIndex, MediaRule, Rendition, ServerManifest, Sidecar, SourceFile, TextRendition,
    Track, language,
};
use crate::service::origin::sidecars;
use crate::store::source::MediaSource;
use crate::store::{Cloud, Location};

/// Extensions of files that hold tracks.
const MP4: &[&str] = &["mp4", "m4s", "m4v", "m4a", "m4f", "mov", "cmft", "ismt"];

/// What errors call all inputs together.
const TOGETHER: &str = "the inputs together";

/// The inputs of an order.
pub(super) struct Inputs {
    /// The tracks that are used, once each.
    pub(super) asset: Asset,
    /// The files, as [`Asset::files`] has them.
    sources: Vec<MediaSource>,
    /// By stream: file and track id.
    tracks: Vec<(usize, u32)>,
    /// By stream: what is left of the track, if not all.
    thinnings: Vec<Option<Thinning>>,
    /// By order of text: its place in [`Asset::text`].
    text: Vec<usize>,
}

impl Inputs {
    /// Opens and indexes the files.
    pub(super) fn open(order: &Order, cloud: &Arc<Cloud>) -> Result<Self, PackageError> {
        let (beside, inside): (Vec<_>, Vec<_>) =
            order.text.iter().map(|text| &text.input).partition(|place| is_text(place));
        let media = order.streams.iter().map(|stream| &stream.input).chain(inside);
        let mut places: Vec<&Location> = Vec::new();
        for place in media {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let sidecars = beside.into_iter().map(|place| sidecar(place, cloud));
        let sidecars = sidecars.collect::<Result<Vec<_>, _>>()?;
        let opened =
            places.iter().map(|place| open(place, cloud)).collect::<Result<Vec<_>, _>>()?;
        let (sources, files): (Vec<MediaSource>, Vec<SourceFile>) = opened.into_iter().unzip();
        let file_of = |stream: &StreamOrder| {
            let named = places.iter().position(|place| **place == stream.input);
            named.unwrap_or_default()
        };
        let mut tracks = Vec::new();
        for stream in &order.streams {
            let file = file_of(stream);
            let track = find(&files[file], stream.selector)?;
            if stream.every.is_some() && track.media_type != MediaType::Video {
                let rule = "trick_play_factor is said of pictures";
                return Err(PackageError::refused(format!("{}: {rule}", stream.input)));
            }
            tracks.push((file, track.header.track_id));
        }
        let mut manifest = manifest(order, &files, &tracks)?;
        let text = entries(&order.text, &files, &mut manifest.text)?;
        let cutting = Cutting { fragment_ms: order.segment_ms, packed: 1 };
        let listed = manifest.text.len();
        let mut asset = Asset::assemble(TOGETHER, files, &sidecars, Some(&manifest), cutting)?;
        if asset.text.len() < listed {
            return Err(PackageError::refused(asset.skipped.join("; ")));
        }
        let thinnings = thinnings(order, &tracks);
        let wanted: Vec<Thinning> = thinnings.iter().flatten().copied().collect();
        asset.thin(&wanted).map_err(|rule| rule.in_file(TOGETHER))?;
        Ok(Self { asset, sources, tracks, thinnings, text })
    }

    /// The track of an order of text.
    pub(super) fn text(&self, order: usize) -> Option<&TextRendition> {
        self.asset.text.get(*self.text.get(order)?)
    }

    /// The rendition of a stream.
    pub(super) fn rendition(&self, stream: usize) -> Option<&Rendition> {
        match self.thinnings[stream] {
            Some(wanted) => self.asset.thinned(wanted),
            None => self.asset.renditions().find(|found| found.is_of(self.tracks[stream])),
        }
    }

    /// The file of a rendition.
    pub(super) fn source(&self, rendition: &Rendition) -> &MediaSource {
        &self.sources[rendition.file]
    }
}

fn open(place: &Location, cloud: &Arc<Cloud>) -> Result<(MediaSource, SourceFile), PackageError> {
    let name = place.to_string();
    let source = source(place, cloud).map_err(PackageError::read(place))?;
    let index = FileIndex::read(&source).map_err(|rule| rule.in_file(&name))?;
    source.check_unchanged().map_err(PackageError::read(place))?;
    Ok((source, SourceFile { name, language: None, index: Arc::new(index) }))
}

fn source(place: &Location, cloud: &Arc<Cloud>) -> io::Result<MediaSource> {
    match place {
        Location::Local(path) => MediaSource::open(slice::from_ref(path), None),
        Location::Object(name) => cloud.open(name).map(MediaSource::of_object),
    }
}

/// Whether a file is text by itself: everything but MP4.
fn is_text(place: &Location) -> bool {
    !place
        .extension()
        .is_some_and(|extension| MP4.iter().any(|mp4| extension.eq_ignore_ascii_case(mp4)))
}

fn sidecar(place: &Location, cloud: &Arc<Cloud>) -> Result<Sidecar, PackageError> {
    let name = place.to_string();
    let read = source(place, cloud).and_then(|source| sidecars::of(name.clone(), &source));
    let read = read.map_err(PackageError::read(place))?;
    match &read.document {
        Ok(_) => Ok(read),
        Err(error) => Err(PackageError::refused(format!("{name}: {error}"))),
    }
}

/// The orders of text as entries, each track once; gives the place of that of each order.
fn entries(
    orders: &[TextOrder],
    files: &[SourceFile],
    entries: &mut Vec<TextEntry>,
) -> Result<Vec<usize>, PackageError> {
    let place = |order: &TextOrder| {
        let src = order.input.to_string();
        let file = files.iter().find(|file| file.name == src);
        if file.is_some_and(|file| file.index.text.is_empty()) {
            return Err(PackageError::refused(format!("{src}: no track of text")));
        }
        let entry = TextEntry { src, ..order.entry.clone() };
        Ok(entries.iter().position(|known| *known == entry).unwrap_or_else(|| {
            entries.push(entry);
            entries.len() - 1
        }))
    };
    orders.iter().map(place).collect()
}

fn find(file: &SourceFile, selector: Selector) -> Result<&Arc<Track>, PackageError> {
    let SourceFile { name, index, .. } = file;
    let mut tracks = index.tracks.iter();
    let found = match selector {
        Selector::Video => tracks.find(|track| track.media_type == MediaType::Video),
        Selector::Audio => tracks.find(|track| track.media_type == MediaType::Audio),
        Selector::Number(_) if !(index.text.is_empty() && index.images.is_empty()) => {
            let rule = "the file has text or images beside pictures and sound";
            return Err(PackageError::refused(format!(
                "{name}: a number names no track here, as {rule}: say stream=video or stream=audio"
            )));
        }
        Selector::Number(n) => tracks.nth(n),
    };
    found.ok_or_else(|| {
        let left_out = index.skipped.iter().map(|track| track.reason.clone());
        let left_out: Vec<String> = left_out.collect();
        let what = match selector {
            Selector::Video => "no track of pictures that can be packaged".to_owned(),
            Selector::Audio => "no track of sound that can be packaged".to_owned(),
            Selector::Number(n) => format!("no track number {n} that can be packaged"),
        };
        let because = if left_out.is_empty() { String::new() } else { ": ".to_owned() };
        MediaRule::NoPlayableTrack(what + &because + &left_out.join("; ")).in_file(name).into()
    })
}

/// The order as the list of tracks that an asset is put together from, each once; those of the
/// default language first.
fn manifest(
    order: &Order,
    files: &[SourceFile],
    tracks: &[(usize, u32)],
) -> Result<ServerManifest, PackageError> {
    let mut entries: Vec<Entry> = Vec::new();
    let same = |n: usize| {
        move |m: &usize| {
            (tracks[*m], order.streams[*m].every) == (tracks[n], order.streams[n].every)
        }
    };
    for (n, (stream, (file, id))) in order.streams.iter().zip(tracks).enumerate() {
        if let Some(first) = (0..n).find(same(n)) {
            same_track(stream, &order.streams[first])?;
            continue;
        }
        // What is thinned is of the whole track, and says nothing of it.
        let is_whole = stream.every.is_none();
        let others = || (0..tracks.len()).filter(|m| tracks[*m] == tracks[n]);
        if !is_whole && others().any(|m| m < n || order.streams[m].every.is_none()) {
            continue;
        }
        let SourceFile { name, index, .. } = &files[*file];
        let track = index.tracks.iter().find(|track| track.header.track_id == *id);
        entries.push(Entry {
            media_type: track.map_or(MediaType::Video, |track| track.media_type),
            src: name.clone(),
            bitrate: stream.bitrate.filter(|_| is_whole),
            track_id: Some(*id),
            track_name: None,
            language: stream.language.clone(),
            title: stream.title.clone(),
            traits: stream.traits.clone(),
        });
    }
    if let Some(wanted) = order.default_language.as_deref().and_then(language::from_tag) {
        let speaks = |entry: &Entry| {
            let own = files.iter().find(|file| file.name == entry.src).and_then(|file| {
                let id = entry.track_id;
                file.index.tracks.iter().find(|track| Some(track.header.track_id) == id)
            });
            match &entry.language {
                Some(tag) => language::from_tag(tag) == Some(wanted),
                None => own.is_some_and(|track| track.language == wanted),
            }
        };
        entries.sort_by_key(|entry| !speaks(entry));
    }
    Ok(ServerManifest {
        entries,
        fragments_per_segment: None,
        text: Vec::new(),
        images: Vec::new(),
        client_manifest: None,
        notes: Vec::new(),
    })
}

/// What is to be left of the tracks, by stream.
fn thinnings(order: &Order, tracks: &[(usize, u32)]) -> Vec<Option<Thinning>> {
    let of = |(stream, track): (&StreamOrder, &(usize, u32))| {
        let thinning = |every| Thinning { track: *track, every, bitrate: stream.bitrate };
        stream.every.map(thinning)
    };
    order.streams.iter().zip(tracks).map(of).collect()
}

/// A track that is packaged twice is the same track.
fn same_track(again: &StreamOrder, first: &StreamOrder) -> Result<(), PackageError> {
    let told = |stream: &StreamOrder| {
        let StreamOrder { bitrate, language, title, traits, .. } = stream.clone();
        (bitrate, language, title, traits)
    };
    if told(again) == told(first) {
        return Ok(());
    }
    Err(PackageError::refused(format!(
        "{}: a track that stands in two descriptors has one bandwidth, language, hls_name and role",
        again.input
    )))
}
