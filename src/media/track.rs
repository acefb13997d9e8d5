//! One track of a file: codec, sample entry, sample index, edits.

use std::sync::Arc;

use super::descriptions::{Change, Description, Descriptions, packaged};
use super::edit::{MAX_DAYS, Shift};
use super::fragments::Fragments;
use super::protected::Entry;
use super::sealed::Sealed;
use super::{MediaRule, Picture, SampleIndex};
use crate::codec::aac::AOT_USAC;
use crate::codec::captions::Captions;
use crate::codec::{Codec, MediaType};
use crate::isobmff::entry::{self, SampleEntry};
use crate::isobmff::moov::elst::Edit;
use crate::isobmff::moov::mdhd::Language;
use crate::isobmff::moov::tkhd::Tkhd;
use crate::isobmff::moov::trak::Trak;
use crate::isobmff::{BoxRef, FourCc};
use crate::media::index::{Room, Sample};
use crate::time::{WIRE_TIMESCALE, rescale, to_wire};

/// A track that can be packaged.
#[derive(Debug, Clone)]
pub struct Track {
    /// Track header of the source.
    pub header: Tkhd,
    /// Pictures or sound.
    pub media_type: MediaType,
    /// Codec configuration.
    pub codec: Codec,
    /// Sample entry for init segments.
    pub entry: SampleEntry,
    /// Where the track goes over to another sample description than that of codec and entry.
    pub changes: Vec<Change>,
    /// Language of the media header.
    pub language: Language,
    /// Coded width and height in pixels; zeros for sound.
    pub size: (u16, u16),
    /// How the pictures are meant to be seen.
    pub picture: Picture,
    /// Captions inside the pictures.
    pub captions: Captions,
    /// Ticks per second of the index.
    pub timescale: u32,
    /// The samples.
    pub index: Arc<SampleIndex>,
    /// Bytes of all samples.
    pub bytes: u64,
    /// SHA-256 of some samples, from the first to the last.
    pub(super) content: [u8; 32],
    /// How its samples are encrypted as they lie in the file, where they are.
    pub sealed: Option<Arc<Sealed>>,
    /// Whether sample descriptions that it uses say that.
    pub(super) says_sealed: bool,
    shift: Shift,
    /// Where the clock of the track stood at its start, in media ticks: taken out of all times.
    clock: i64,
}

/// A track that is left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedTrack {
    /// Track id.
    pub track_id: u32,
    /// Why it is left out, for people.
    pub reason: String,
}

impl Track {
    /// Reads a `trak`. Tracks of other kinds and codecs give `Ok(Err(_))`: they are left out.
    ///
    /// # Errors
    /// A track of a known kind that is broken.
    pub(super) fn parse(
        trak: &BoxRef<'_>,
        movie_timescale: u32,
        fragments: &mut Fragments,
        room: &mut Room,
    ) -> Result<Result<Self, SkippedTrack>, MediaRule> {
        let track_id = Trak::id(trak)?;
        let skipped = |reason: String| Ok(Err(SkippedTrack { track_id, reason }));
        let handler = Trak::handler(trak)?;
        let media_type = match &handler.0 {
            b"vide" => MediaType::Video,
            b"soun" => MediaType::Audio,
            _ => return skipped(format!("handler '{handler}'")),
        };
        let trak = Trak::parse(trak)?;
        let entries = entry::entries(&trak.stbl.require(b"stsd")?)?;
        let entries = entries.into_iter().map(Entry::of).collect::<Result<Vec<_>, _>>()?;
        if entries.iter().all(|found| packaged(&found.entry, media_type).is_none()) {
            let kind = entries.first().map_or(FourCc(*b"none"), |found| found.entry.kind);
            return skipped(format!("codec '{kind}' is not packaged yet"));
        }
        let mut edits = trak.edits;
        let more = fragments.take(track_id);
        let fragmented = more.is_some();
        if fragmented {
            without_length(&mut edits);
        }
        let mut index = SampleIndex::build(&trak.stbl, more, room)?;
        if index.is_empty() {
            return skipped("no samples".to_owned());
        }
        let used = match Descriptions::of(&entries, media_type, &index.descriptions)? {
            Ok(used) => used,
            Err(reason) => return skipped(reason),
        };
        let Some((first, visual, changes)) = used.finish() else {
            return skipped("no samples".to_owned());
        };
        let says_sealed =
            first.protected || changes.iter().any(|change| change.description.protected);
        let Description { codec, entry, .. } = Arc::unwrap_or_clone(first);
        if fragmented && media_type == MediaType::Audio && !starts_at_sync_samples(&codec) {
            index.mark_all_sync();
        }
        let picture = visual.as_ref().map(|visual| Picture::of(visual, &codec, &trak.tkhd));
        let picture = picture.unwrap_or_default();
        if is_dolby_vision(entry.kind) && picture.dolby_vision.is_none() {
            return skipped(format!("'{}' without a Dolby Vision configuration", entry.kind));
        }
        let shift = Shift::of(&edits, trak.mdhd.timescale, movie_timescale)?;
        let (shift, clock) = shift.behind(index.start);
        check_times(&index, shift, trak.mdhd.timescale)?;
        Ok(Ok(Self {
            shift,
            clock,
            header: trak.tkhd,
            media_type,
            codec,
            entry,
            changes,
            language: trak.mdhd.language,
            size: visual.map_or((0, 0), |visual| (visual.width, visual.height)),
            picture,
            captions: Captions::default(),
            timescale: trak.mdhd.timescale,
            bytes: index.bytes(0..index.len()),
            content: [0; 32],
            index: Arc::new(index),
            sealed: None,
            says_sealed,
        }))
    }

    /// Where the clock of the track stood at its start, in wire ticks.
    pub fn clock(&self) -> i64 {
        to_wire(self.clock, self.timescale)
    }

    /// The same track with everything `time` (wire ticks) later.
    ///
    /// # Errors
    /// [`MediaRule::TooLong`] when that is beyond what a presentation may have.
    pub(super) fn later(&self, time: i64) -> Result<Self, MediaRule> {
        let shift = self.shift.later(rescale(time, WIRE_TIMESCALE, self.timescale));
        check_times(&self.index, shift, self.timescale)?;
        Ok(Self { shift, ..self.clone() })
    }

    /// A presentation time (media ticks, edits applied) as the index counts it.
    pub(super) fn unedited(&self, time: i64) -> i64 {
        time - self.shift.offset
    }

    /// The same track with other samples. What was shown `first` ticks behind the start of the index is
    /// shown at its start now; `place` says as which sample one of before is found, or what follows it.
    pub(super) fn with_samples(
        &self,
        index: SampleIndex,
        first: i64,
        place: impl Fn(u32) -> u32,
    ) -> Self {
        let moved = |change: &Change| Change { sample: place(change.sample), ..change.clone() };
        Self {
            changes: self.changes.iter().map(moved).collect(),
            shift: Shift { offset: self.shift.offset + first, ..self.shift },
            bytes: index.bytes(0..index.len()),
            index: Arc::new(index),
            captions: Captions::default(),
            ..self.clone()
        }
    }

    /// The codec configuration of sample `n`.
    pub fn codec_of(&self, n: u32) -> &Codec {
        self.change(n).map_or(&self.codec, |change| &change.description.codec)
    }

    /// The number of the sample description of sample `n`, counted from 1 in the order of their use.
    pub fn description_of(&self, n: u32) -> u32 {
        self.change(n).map_or(1, |change| change.number)
    }

    /// The same in init segments, where fragments have to say it: in tracks with several descriptions.
    pub fn numbered_description_of(&self, n: u32) -> Option<u32> {
        (!self.changes.is_empty()).then(|| self.place_of(self.description_of(n)))
    }

    /// The sample entries in the order of init segments, each with whether its samples are encrypted
    /// already: readers expect them in front of those of a clear lead.
    pub fn placed_entries(&self) -> Vec<(&SampleEntry, bool)> {
        let numbered = (1..).zip(self.entries());
        let mut entries: Vec<_> =
            numbered.map(|(number, entry)| (entry, self.is_sealed(number))).collect();
        entries.sort_by_key(|(_, sealed)| !sealed);
        entries
    }

    /// The place of a sample description among [`Self::placed_entries`], counted from 1.
    fn place_of(&self, number: u32) -> u32 {
        let place = |number: u32| (!self.is_sealed(number), number);
        if self.sealed.is_none() {
            return number;
        }
        let numbers = (1..).zip(self.entries()).map(|(number, _)| number);
        let before = numbers.filter(|other| place(*other) < place(number)).count();
        // At most 1,000.
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    fn is_sealed(&self, number: u32) -> bool {
        self.sealed.as_ref().is_some_and(|sealed| sealed.covers(number))
    }

    fn change(&self, n: u32) -> Option<&Change> {
        let behind = self.changes.partition_point(|change| change.sample <= n);
        behind.checked_sub(1).and_then(|at| self.changes.get(at))
    }

    /// The same of a sample that is left clear in a protected track: clear descriptions stand behind
    /// the protected ones.
    pub fn lead_description_of(&self, n: u32) -> u32 {
        // At most 1,000.
        u32::try_from(self.entries().len())
            .unwrap_or(u32::MAX)
            .saturating_add(self.description_of(n))
    }

    /// The sample entries, by number.
    pub fn entries(&self) -> Vec<&SampleEntry> {
        let mut entries = vec![&self.entry];
        for change in &self.changes {
            if change.number as usize > entries.len() {
                entries.push(&change.description.entry);
            }
        }
        entries
    }

    /// The codec configurations; those that come back are told each time.
    fn codecs(&self) -> impl Iterator<Item = &Codec> {
        let changed = self.changes.iter().map(|change| &change.description.codec);
        std::iter::once(&self.codec).chain(changed)
    }

    /// The codec string of the track (RFC 6381).
    pub fn codec_string(&self) -> String {
        let entry = self.entry.kind;
        let vision = self.picture.dolby_vision.filter(|_| is_dolby_vision(entry));
        let vision = vision.and_then(|vision| vision.string(entry.0));
        vision.unwrap_or_else(|| self.codec.string(entry.0, self.picture.colour))
    }

    /// Dolby Vision over pictures that other players can show too: its codec string and the brand
    /// of those pictures.
    pub fn supplemental_codec(&self) -> Option<(String, &'static str)> {
        let vision = self.picture.dolby_vision.filter(|_| !is_dolby_vision(self.entry.kind))?;
        Some((vision.string(self.entry.kind.0)?, vision.compatibility_brand()?))
    }

    /// Presentation time of sample `n` in wire ticks, edits applied; negative before the start.
    pub fn presentation_time(&self, n: u32) -> i64 {
        to_wire(self.index.composition_time(n) + self.shift.offset, self.timescale)
    }

    /// Presentation and decoding time of a sample in `timescale`, edits applied, each rounded once
    /// from source ticks. Decoding times are moved by the same amount in the whole track so that
    /// no sample is shown before it is decoded.
    pub fn times(&self, sample: &Sample, timescale: u32) -> (i64, i64) {
        let to = |ticks: i64| rescale(ticks + self.shift.offset, self.timescale, timescale);
        let shown = sample.dts + i64::from(sample.composition_offset);
        let decoded = sample.dts + i64::from(self.index.lowest_composition_offset());
        (to(shown), to(decoded))
    }

    /// Decoding time of sample `n` in wire ticks, moved so that a sample with the composition
    /// offset of sample `like` is decoded when it is shown. `n` may be the number of samples.
    pub fn decode_time(&self, n: u32, like: u32) -> i64 {
        let offset = self.index.composition_time(like) - self.index.dts(like);
        to_wire(self.index.dts(n) + offset + self.shift.offset, self.timescale)
    }

    /// The first sample whose presentation is not before `time` (wire ticks), for tracks that
    /// are shown in decoding order.
    pub fn first_at_or_after(&self, time: i64) -> u32 {
        let ticks = rescale(time, crate::time::WIRE_TIMESCALE, self.timescale);
        self.index.first_at_or_after(ticks - self.shift.offset)
    }

    /// The sample up to `n` at which sound can be cut.
    pub fn sound_start(&self, n: u32) -> u32 {
        if starts_at_sync_samples(&self.codec) { self.index.sync_at_or_before(n) } else { n }
    }

    /// Presentation time at which the edit starts, in wire ticks; samples before it are there for
    /// the decoder only.
    pub fn edit_start(&self) -> i64 {
        to_wire(self.shift.start, self.timescale)
    }

    /// How many samples remain when the end of the edit is honoured: samples at the end of the
    /// track are dropped as long as they start behind it.
    pub fn edited_len(&self) -> u32 {
        let Some(end) = self.shift.end else {
            return self.index.len();
        };
        let end = end.saturating_sub(self.shift.offset);
        let behind = |n: &u32| self.index.composition_time(*n) >= end;
        let dropped = (0..self.index.len()).rev().take_while(behind).count();
        self.index.len() - u32::try_from(dropped).unwrap_or(0)
    }

    /// Memory of the track and its index in bytes, for caches.
    pub fn heap_size(&self) -> usize {
        // The codec configuration is a part of the sample entry.
        let entries: usize = self.entries().iter().map(|entry| 2 * entry.body.len()).sum();
        let changes = size_of_val(&*self.changes) + self.changes.len() * size_of::<Description>();
        let codecs: usize = self.codecs().map(Codec::heap_size).sum();
        let sealed = self.sealed.as_ref().map_or(0, |sealed| sealed.heap_size());
        size_of::<Self>() + self.index.heap_size() + entries + changes + codecs + sealed
    }

    /// Average bits per second of the samples.
    pub fn average_bitrate(&self) -> u64 {
        let ticks = u128::from(self.index.dts(self.index.len()).unsigned_abs()).max(1);
        let bits = u128::from(self.bytes) * 8;
        u64::try_from(bits * u128::from(self.timescale) / ticks).unwrap_or(u64::MAX)
    }
}

/// Muxers of fragments write as the length of an edit what they knew when they wrote the header.
fn without_length(edits: &mut [Edit]) {
    for edit in edits.iter_mut().filter(|edit| edit.media_time >= 0) {
        edit.duration = 0;
    }
}

/// Whether sound can be cut at sync samples only. All codecs start at any frame, whatever the file
/// says of sync samples (muxers of fragments are not strict about it), but for xHE-AAC (ISO/IEC
/// 23003-3 section 7.18).
fn starts_at_sync_samples(codec: &Codec) -> bool {
    matches!(codec, Codec::Aac(config) if config.object_type == AOT_USAC)
}

/// All times of a track must be near enough to be added and subtracted without care.
pub(super) fn check_times(
    index: &SampleIndex,
    shift: Shift,
    timescale: u32,
) -> Result<(), MediaRule> {
    let (first, last) = index.composition_bounds();
    let limit = i64::from(MAX_DAYS) * 86_400 * i64::from(WIRE_TIMESCALE);
    let ends = [first, last].map(|ticks| ticks.saturating_add(shift.offset));
    let near = |ticks: &i64| (-limit..=limit).contains(&to_wire(*ticks, timescale));
    if ends.iter().chain(&[first, last, shift.start]).all(near) {
        return Ok(());
    }
    Err(MediaRule::TooLong { days: MAX_DAYS })
}

/// Whether players need Dolby Vision to show the pictures.
fn is_dolby_vision(entry: FourCc) -> bool {
    matches!(&entry.0, b"dvh1" | b"dvhe" | b"dav1")
}
