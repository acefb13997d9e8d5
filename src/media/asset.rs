//! An asset: quality levels, audio, text and image tracks of a folder of files, on one timeline.

use std::sync::{Arc, OnceLock};

use super::server_manifest::{Entry, Traits};
use super::text::{self, Shape};
use super::thinned::Thinned;
use super::timeline::{Cuts, Cutting, Timeline};
use super::unique::make_unique;
use super::{
    FileIndex, ImageRendition, MediaError, MediaRule, ServerManifest, Sidecar, TextRendition,
    Track, alignment, identity, images, language, role, sealed,
};
use crate::codec::MediaType;
use crate::isobmff::moov::mdhd::Language;

/// More quality levels are refused (ams.md section 5), and as many audio tracks.
const MAX_LEVELS: usize = 64;

/// Name of the video set in URLs (ams.md section 2.5); other codecs and ranges have it in front.
pub const VIDEO: &str = "video";

/// A file of the asset folder with its index.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Name inside the folder.
    pub name: String,
    /// The language that a manifest beside it says it is in, as it is written there; what its tracks
    /// say themselves counts more.
    pub language: Option<String>,
    /// Its tracks.
    pub index: Arc<FileIndex>,
}

/// A quality level or an audio track.
#[derive(Debug)]
pub struct Rendition {
    /// Name in URLs: `video`, `video_hevc` and the like beside it, or the name of the audio track.
    pub name: String,
    /// Whether the server manifest gives it that name.
    pub named: bool,
    /// Bits per second: together with the name the identity in URLs.
    pub bitrate: u64,
    /// Language of media headers.
    pub language: Language,
    /// Language tag of manifests, perhaps with script and region.
    pub tag: Option<String>,
    /// Display name, if the server manifest gives one.
    pub title: Option<String>,
    /// What the server manifest says the track is for.
    pub traits: Traits,
    /// The role of a track of which the server manifest says none.
    pub(super) assumed_role: &'static str,
    /// Index of the file in [`Asset::files`].
    pub file: usize,
    /// The track.
    pub track: Arc<Track>,
    /// Where the fragments start.
    pub cuts: Cuts,
    /// [`Cuts::digest`] of them.
    pub cuts_digest: [u8; 32],
    /// Bytes of the samples of each fragment.
    pub fragment_bytes: Vec<u64>,
    /// Packets of the pictures of each fragment in a transport stream; reckoned when first needed.
    pub picture_packets: OnceLock<Box<[u64]>>,
    /// Pictures per second where there are most; reckoned when first needed.
    pub(super) peak_frame_rate: OnceLock<f64>,
    /// What is added to the track's presentation times.
    pub origin: i64,
    /// Whose key frames it has, where it has nothing else.
    pub thinned: Option<Thinned>,
}

/// Everything that manifests and fragments are made from.
#[derive(Debug)]
pub struct Asset {
    /// The files in use.
    pub files: Vec<SourceFile>,
    /// Video levels: codec by codec, highest bitrate first.
    pub video: Vec<Rendition>,
    /// Audio tracks: codec by codec in source order, or as the server manifest lists them.
    pub audio: Vec<Rendition>,
    /// Presentation duration in wire ticks.
    pub duration: u64,
    /// Text tracks in source order.
    pub text: Vec<TextRendition>,
    /// Image tracks in source order.
    pub images: Vec<ImageRendition>,
    /// Tracks of less pictures, where they are wanted ([`Asset::thin`]).
    pub thinned: Vec<Rendition>,
    /// Tracks and cues that are left out: file name and reason.
    pub skipped: Vec<String>,
    /// Levels with other key frames than the first: file and time. Fragments start at common ones.
    pub misaligned: Vec<String>,
}

impl Asset {
    /// Puts the files of a folder together, text files (`sidecars`) too. `folder` names the asset in
    /// errors.
    ///
    /// # Errors
    /// Nothing to play, levels that are not aligned, a server manifest that names what is not
    /// there.
    pub fn assemble(
        folder: &str,
        files: Vec<SourceFile>,
        sidecars: &[Sidecar],
        manifest: Option<&ServerManifest>,
        cutting: Cutting,
    ) -> Result<Self, MediaError> {
        let in_folder = |rule: MediaRule| rule.in_file(folder);
        let mut skipped = skipped_tracks(&files);
        let candidates = match manifest {
            Some(manifest) => listed(&files, manifest).map_err(in_folder)?,
            None => inferred(&files),
        };
        let (mut video, mut audio): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .partition(|candidate| candidate.track.media_type == MediaType::Video);
        if video.len() > MAX_LEVELS || audio.len() > MAX_LEVELS {
            return Err(in_folder(MediaRule::TooManyLevels));
        }
        if video.is_empty() && audio.is_empty() {
            if skipped.is_empty() {
                skipped.push("there are neither pictures nor sound".to_owned());
            }
            return Err(in_folder(MediaRule::NoPlayableTrack(skipped.join("; "))));
        }
        sealed::check(&[tracks(&video), tracks(&audio)].concat()).map_err(in_folder)?;
        let clock = start_together(&mut video, &mut audio).map_err(in_folder)?;
        video.sort_by_key(|level| (level.track.codec.family(), std::cmp::Reverse(level.bitrate)));
        name_video(&mut video);
        let misaligned = differences(&files, &video);
        let timeline = Timeline::build(&tracks(&video), &tracks(&audio), cutting)
            .map_err(|rule| in_folder(rule.because(&misaligned)))?;
        let mut asset = Self::of_timeline(files, skipped, video, audio, timeline);
        asset.misaligned = misaligned;
        asset.skipped.extend(manifest.into_iter().flat_map(|manifest| manifest.notes.clone()));
        asset.add_others(sidecars, manifest, clock).map_err(in_folder)?;
        Ok(asset)
    }

    /// Text and images, which have no part in the cuts.
    fn add_others(
        &mut self,
        sidecars: &[Sidecar],
        manifest: Option<&ServerManifest>,
        clock: i64,
    ) -> Result<(), MediaRule> {
        let Some(shape) = Shape::of(&self.video, &self.audio, self.duration, clock) else {
            return Ok(());
        };
        let (text, notes) = text::renditions(&self.files, sidecars, manifest, &shape);
        self.skipped.extend(notes);
        let names = text.iter().map(|text| text.name.clone());
        let taken = shape.taken.iter().cloned().chain(names).collect();
        self.text = text;
        let (images, notes) = images::renditions(&self.files, manifest, &shape, taken)?;
        self.images = images;
        self.skipped.extend(notes);
        Ok(())
    }

    fn of_timeline(
        files: Vec<SourceFile>,
        skipped: Vec<String>,
        video: Vec<Candidate>,
        audio: Vec<Candidate>,
        timeline: Timeline,
    ) -> Self {
        let origin = timeline.origin;
        let with_cuts = video.into_iter().zip(timeline.video);
        let mut video: Vec<Rendition> =
            with_cuts.map(|(level, cuts)| level.into_rendition(cuts, origin)).collect();
        let with_cuts = audio.into_iter().zip(timeline.audio);
        let mut audio: Vec<Rendition> = with_cuts
            .filter_map(|(track, cuts)| Some(track.into_rendition(cuts?, origin)))
            .collect();
        make_unique(&mut video, &[]);
        // Of equal bitrates one was raised.
        video.sort_by_key(|level| (level.track.codec.family(), std::cmp::Reverse(level.bitrate)));
        make_unique(&mut audio, &video);
        role::assume(&mut audio);
        let end = |rendition: &Rendition| rendition.cuts.end;
        let duration = video.iter().chain(&audio).map(end).max().unwrap_or(0);
        Self {
            files,
            video,
            audio,
            text: Vec::new(),
            images: Vec::new(),
            thinned: Vec::new(),
            duration,
            skipped,
            misaligned: Vec::new(),
        }
    }

    /// All renditions, video first.
    pub fn renditions(&self) -> impl Iterator<Item = &Rendition> {
        self.video.iter().chain(&self.audio)
    }

    /// The rendition of that place in [`Self::renditions`].
    pub fn rendition(&self, n: usize) -> Option<&Rendition> {
        self.renditions().nth(n)
    }

    /// When fragment `n` of a track that is cut so starts, by the clock of the leading track: what
    /// changes with the time changes for all tracks together, though sound cannot be cut where pictures
    /// are.
    pub fn moment_of(&self, cuts: &Cuts, n: usize) -> u64 {
        let start = cuts.starts.get(n).map_or(0, |cut| cut.start);
        let leading = self.renditions().next();
        leading.and_then(|leading| leading.cuts.same_moment(start)).unwrap_or(start)
    }

    /// Memory of what the asset adds to the indexes of its files, in bytes.
    pub fn heap_size(&self) -> usize {
        let fragments: usize = self.renditions().map(|rendition| rendition.cuts.len()).sum();
        let text = |text: &TextRendition| text.document.heap_size() + text.cuts.len() * 16;
        size_of::<Self>()
            + self.renditions().count() * size_of::<Rendition>()
            + fragments * 24
            + self.text.iter().map(text).sum::<usize>()
            + self.images.iter().map(ImageRendition::heap_size).sum::<usize>()
    }
}

/// Tracks that were recorded by one clock keep their distance; the earliest starts the presentation.
/// Gives where the clock stood then, in wire ticks.
fn start_together(video: &mut [Candidate], audio: &mut [Candidate]) -> Result<i64, MediaRule> {
    let clocks = video.iter().chain(&*audio).map(|candidate| candidate.track.clock());
    let earliest = clocks.min().unwrap_or(0);
    for candidate in video.iter_mut().chain(audio) {
        let late = candidate.track.clock() - earliest;
        if late > 0 {
            candidate.track = Arc::new(candidate.track.later(late)?);
        }
    }
    Ok(earliest)
}

/// Where the key frames of the levels differ.
fn differences(files: &[SourceFile], levels: &[Candidate]) -> Vec<String> {
    let named = |level: &'_ Candidate| files[level.file].name.clone();
    let names: Vec<String> = levels.iter().map(named).collect();
    let tracks = tracks(levels);
    let levels: Vec<(&str, &Track)> = names.iter().map(String::as_str).zip(tracks).collect();
    alignment::describe(&levels)
}

fn tracks(candidates: &[Candidate]) -> Vec<&Track> {
    candidates.iter().map(|candidate| &*candidate.track).collect()
}

fn skipped_tracks(files: &[SourceFile]) -> Vec<String> {
    let reasons = |file: &SourceFile| {
        let name = file.name.clone();
        let reason = move |track: &super::track::SkippedTrack| {
            format!("{name}: track {} is left out: {}", track.track_id, track.reason)
        };
        file.index.skipped.iter().map(reason).collect::<Vec<_>>()
    };
    files.iter().flat_map(reasons).collect()
}

/// A track that is going to be a rendition.
struct Candidate {
    name: Option<String>,
    bitrate: u64,
    language: Language,
    tag: Option<String>,
    title: Option<String>,
    traits: Traits,
    file: usize,
    track: Arc<Track>,
}

impl Candidate {
    fn of(file: usize, track: &Arc<Track>) -> Self {
        Self {
            name: None,
            bitrate: track.average_bitrate().max(1),
            language: track.language,
            tag: language::tag(track.language),
            title: None,
            traits: Traits::default(),
            file,
            track: Arc::clone(track),
        }
    }

    /// A track that says nothing of its language has that of its file.
    fn spoken_in(self, source: &SourceFile) -> Self {
        let tag = source.language.as_deref().filter(|_| self.tag.is_none());
        let known = tag.and_then(|tag| Some((language::from_tag(tag)?, language::full_tag(tag)?)));
        match known {
            Some((language, tag)) => Self { language, tag: Some(tag), ..self },
            None => self,
        }
    }

    /// The given name, or one in the style of the AMS encoder:
    /// `{codec}_{language}_{channels}_{bitrate}`.
    fn url_name(&self) -> String {
        let given = || {
            let (codec, language) = (self.track.codec.family().name(), self.language.as_str());
            let channels = self.track.codec.sound().map_or(0, |sound| sound.channels);
            format!("{codec}_{language}_{channels}_{}", self.bitrate)
        };
        self.name.clone().unwrap_or_else(given)
    }

    fn into_rendition(self, cuts: Cuts, origin: i64) -> Rendition {
        let bytes = |n| self.track.index.bytes(cuts.samples(n));
        let assumed_role =
            if self.traits.accessibility.is_some() { role::ALTERNATE } else { role::MAIN };
        Rendition {
            fragment_bytes: (0..cuts.len()).map(bytes).collect(),
            picture_packets: OnceLock::new(),
            peak_frame_rate: OnceLock::new(),
            named: self.name.is_some(),
            name: self.url_name(),
            bitrate: self.bitrate,
            language: self.language,
            tag: self.tag,
            title: self.title,
            traits: self.traits,
            assumed_role,
            file: self.file,
            track: self.track,
            cuts_digest: cuts.digest(),
            cuts,
            origin,
            thinned: None,
        }
    }
}

/// Pictures of the first codec are `video`, as clients of AMS expect; those of other codecs and of
/// another dynamic range are sets of their own, named after the difference.
fn name_video(video: &mut [Candidate]) {
    let look = |level: &Candidate| (level.track.codec.family(), level.track.picture.range());
    let Some((main_codec, main_range)) = video.first().map(look) else { return };
    for level in video {
        let (codec, range) = look(level);
        let codec = (codec != main_codec).then(|| codec.name().to_owned());
        let range = (range != main_range).then(|| range.as_str().to_lowercase());
        let parts = [Some(VIDEO.to_owned()), codec, range];
        level.name = Some(parts.into_iter().flatten().collect::<Vec<_>>().join("_"));
    }
}

/// All tracks of all files, sound that most players understand first. Files of a muxed set carry the
/// same sound each: the first is taken. Tracks of one file are there to be different.
fn inferred(files: &[SourceFile]) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for (file, source) in files.iter().enumerate() {
        if candidates.len() > 2 * MAX_LEVELS {
            // Too many already: the comparisons below would only take time.
            break;
        }
        for track in &source.index.tracks {
            let is_again = |known: &Candidate| {
                known.file != file && identity::is_equal_sound(&known.track, track)
            };
            if !candidates.iter().any(is_again) {
                candidates.push(Candidate::of(file, track).spoken_in(source));
            }
        }
    }
    candidates.sort_by_key(|candidate| candidate.track.codec.family());
    candidates
}

/// The tracks that a server manifest lists. Those of a codec that is not packaged are left out, as
/// they would be without a manifest.
fn listed(files: &[SourceFile], manifest: &ServerManifest) -> Result<Vec<Candidate>, MediaRule> {
    let found = manifest.entries.iter().map(|entry| listed_track(files, entry));
    found.filter_map(Result::transpose).collect()
}

fn listed_track(files: &[SourceFile], entry: &Entry) -> Result<Option<Candidate>, MediaRule> {
    let missing = |what: &str| MediaRule::ServerManifest(format!("{} {what}", entry.src));
    let file = files.iter().position(|file| file.name == entry.src);
    let file = file.ok_or_else(|| match entry.src.contains('.') {
        true => missing("is not in the folder"),
        false => missing("is no file: folders of live fragments are not read"),
    })?;
    let named = |id: u32| entry.track_id.is_none_or(|named| named == id);
    let fits =
        |track: &&Arc<Track>| track.media_type == entry.media_type && named(track.header.track_id);
    let index = &files[file].index;
    let Some(track) = index.tracks.iter().find(fits) else {
        let images = index.images.iter().map(|track| track.track_id);
        let mut left_out = index.skipped.iter().map(|track| track.track_id).chain(images);
        let left_out = left_out.any(named);
        return if left_out { Ok(None) } else { Err(missing("has no such track")) };
    };
    let mut candidate = Candidate::of(file, track);
    candidate.bitrate = entry.bitrate.filter(|bitrate| *bitrate > 0).unwrap_or(candidate.bitrate);
    if let Some(tag) = &entry.language {
        let language = language::from_tag(tag);
        candidate.language =
            language.ok_or_else(|| missing("has a systemLanguage that is none"))?;
        candidate.tag = language::full_tag(tag).or_else(|| language::tag(candidate.language));
    }
    candidate.title.clone_from(&entry.title);
    candidate.traits.clone_from(&entry.traits);
    if entry.media_type == MediaType::Audio {
        candidate.name.clone_from(&entry.track_name);
    }
    Ok(Some(candidate))
}

impl Rendition {
    /// Pictures per second where there are most, whatever is held longer. Clocks of some muxers count
    /// milliseconds: pictures of one rate last 33 or 34 of them then.
    pub fn peak_frame_rate(&self) -> f64 {
        let reckoned = || {
            let timescale = self.track.timescale;
            let shortest = self.track.index.shortest_duration((timescale / 1000).max(1));
            shortest.map_or_else(|| self.frame_rate(), |ticks| f64::from(timescale) / ticks)
        };
        *self.peak_frame_rate.get_or_init(reckoned)
    }

    /// Pictures per second, averaged over the track.
    fn frame_rate(&self) -> f64 {
        let index = &self.track.index;
        let ticks = index.dts(index.len()).max(1);
        f64::from(index.len()) * f64::from(self.track.timescale) / ticks as f64
    }

    /// Pictures per second as a fraction in lowest terms: exact when all pictures last equally
    /// long, else to three decimals.
    pub fn frame_rate_fraction(&self) -> (u64, u64) {
        let (numerator, denominator) = match self.track.index.constant_duration() {
            Some(delta) => (u64::from(self.track.timescale), u64::from(delta)),
            // A rate of samples is far below 2^53.
            None => ((self.frame_rate() * 1000.0).round() as u64, 1000),
        };
        let divisor = greatest_common_divisor(numerator, denominator).max(1);
        (numerator / divisor, denominator / divisor)
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
