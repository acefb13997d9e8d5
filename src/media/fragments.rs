//! Samples that lie in movie fragments (ISO/IEC 14496-12 section 8.8), collected track by track.

use std::collections::HashMap;
use std::io;

use ring::digest::Context;

use super::MediaRule;
use super::file::{MAX_TRACKS, TOO_MANY_TRACKS};
use super::index::{MAX_SAMPLES, Sample, SampleList};
use super::sealed::{Header, Holder, Places};
use crate::bytes::ReadAt;
use crate::isobmff::moof::{FragmentTime, Tfhd, Trun};
use crate::isobmff::moov::mvex::{SampleDefaults, parse_trex};
use crate::isobmff::{BoxRef, FourCc, Moof, ScanError, children};

/// What the fragments of a file hold.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    tracks: HashMap<u32, TrackFragments>,
    /// Samples of all tracks.
    samples: u32,
}

/// Defaults and samples of one track.
#[derive(Debug, Default)]
struct TrackFragments {
    defaults: SampleDefaults,
    list: SampleList,
    /// Where the data of encrypted samples lie.
    places: Places,
}

impl Fragments {
    /// Reads all fragment headers of a file, which go into `digest` too. `sealed` is there where samples
    /// are encrypted and passed through.
    ///
    /// # Errors
    /// A broken box, more tracks than a file may have, samples that do not lie in the file, or a
    /// failed read.
    pub(super) fn read<S: ReadAt + ?Sized>(
        source: &S,
        moov: &BoxRef<'_>,
        moofs: &[Moof],
        sealed: Option<&Header<'_>>,
        digest: &mut Context,
    ) -> Result<Self, MediaRule> {
        let mut fragments = Self::of_defaults(moov)?;
        let mut buffer = Vec::new();
        for moof in moofs {
            buffer.resize(moof.size, 0);
            let read: io::Result<()> = source.read_exact_at(moof.offset, &mut buffer);
            read.map_err(ScanError::Io)?;
            // Where its data are, as plans have it; the same boxes may lie elsewhere in another file.
            digest.update(&moof.offset.to_be_bytes());
            digest.update(&buffer);
            let found = children(FourCc(*b"file"), &buffer).next().transpose()?;
            let Some(found) = found else { continue };
            let mut file = Place { moof: *moof, file_len: source.len(), end: moof.offset };
            for child in found.children() {
                let child = child?;
                if &child.kind.0 != b"traf" {
                    continue;
                }
                let Added { track, base, description, first } = fragments.add(&child, &mut file)?;
                let Some(sealed) = sealed else { continue };
                let (header, offset) = (buffer.as_slice(), moof.offset);
                let holder = Holder { track, parent: child, header, offset, base };
                let TrackFragments { list, places, .. } = fragments.track(track)?;
                let sizes = list.sizes_from(first);
                sealed.add_fragment(&holder, description, sizes, places, (source, digest))?;
            }
        }
        Ok(fragments)
    }

    fn of_defaults(moov: &BoxRef<'_>) -> Result<Self, MediaRule> {
        let mut fragments = Self::default();
        if let Some(mvex) = moov.find(b"mvex")? {
            for child in mvex.children() {
                let child = child?;
                if &child.kind.0 == b"trex" {
                    let (track_id, defaults) = parse_trex(&child)?;
                    fragments.track(track_id)?.defaults = defaults;
                }
            }
        }
        Ok(fragments)
    }

    /// The samples of a track; `None` when no fragment has any.
    pub(super) fn take(&mut self, track_id: u32) -> Option<SampleList> {
        let track = self.tracks.get_mut(&track_id)?;
        Some(std::mem::take(&mut track.list)).filter(|list| !list.is_empty())
    }

    /// Where the data of the encrypted samples of a track lie.
    pub(super) fn take_places(&mut self, track_id: u32) -> Places {
        let track = self.tracks.get_mut(&track_id);
        track.map(|track| std::mem::take(&mut track.places)).unwrap_or_default()
    }

    /// A track by its id, which the movie header need not have.
    fn track(&mut self, id: u32) -> Result<&mut TrackFragments, MediaRule> {
        if self.tracks.len() >= MAX_TRACKS && !self.tracks.contains_key(&id) {
            return Err(TOO_MANY_TRACKS);
        }
        Ok(self.tracks.entry(id).or_default())
    }

    fn add(&mut self, traf: &BoxRef<'_>, place: &mut Place) -> Result<Added, MediaRule> {
        let tfhd = Tfhd::parse(&traf.require(b"tfhd")?)?;
        let base = place.base(&tfhd);
        place.end = base;
        let mut time = FragmentTime::find(traf)?;
        let known = self.track(tfhd.track_id)?;
        let (defaults, first) = (tfhd.defaults(known.defaults), known.list.len());
        for child in traf.children() {
            let child = child?;
            if &child.kind.0 != b"trun" {
                continue;
            }
            let run = Trun::parse(&child)?;
            self.samples = place.count(self.samples, run.count)?;
            let track = self.track(tfhd.track_id)?;
            if let Some(offset) = run.data_offset {
                place.end = base.checked_add_signed(offset.into()).ok_or(OUTSIDE)?;
            }
            for sample in run.samples(defaults) {
                if let Some(time) = time.take() {
                    track.list.start_at(time.decoded(sample.composition_offset))?;
                }
                let sample = Sample {
                    number: track.list.len(),
                    offset: place.next(sample.size)?,
                    size: sample.size,
                    dts: 0,
                    duration: sample.duration,
                    composition_offset: sample.composition_offset,
                    sync: sample.sync,
                };
                track.list.push(&sample, defaults.description)?;
            }
        }
        Ok(Added { track: tfhd.track_id, base, description: defaults.description, first })
    }
}

/// What a track fragment has added.
struct Added {
    track: u32,
    /// From where its offsets count.
    base: u64,
    /// Number of its sample description, counted from 1.
    description: u32,
    /// Number of its first sample.
    first: u32,
}

const OUTSIDE: MediaRule = MediaRule::SampleTable("trun: samples lie outside the file");

/// Where in the file a fragment header and its samples are.
struct Place {
    moof: Moof,
    file_len: u64,
    /// Offset behind the last sample.
    end: u64,
}

impl Place {
    /// From where the data offsets of a track fragment count (section 8.8.7.1).
    fn base(&self, tfhd: &Tfhd) -> u64 {
        match tfhd.base_data_offset {
            Some(offset) => offset,
            None if tfhd.base_is_moof => self.moof.offset,
            // The start of `moof` in the first track fragment, then the end of the data before.
            None => self.end,
        }
    }

    /// Offset of the next sample, which must lie in the file and not in the fragment header.
    fn next(&mut self, size: u32) -> Result<u64, MediaRule> {
        let start = self.end;
        let end = start.checked_add(size.into()).filter(|end| *end <= self.file_len);
        self.end = end.ok_or(OUTSIDE)?;
        let header = self.moof.offset..self.moof.offset + self.moof.size as u64;
        if size > 0 && header.contains(&start) {
            return Err(MediaRule::SampleTable("trun: samples lie in the fragment header"));
        }
        Ok(start)
    }

    /// A run may have no bytes for its samples, so that a short file could claim any number.
    fn count(&self, have: u32, more: u32) -> Result<u32, MediaRule> {
        let limit = self.file_len.min(MAX_SAMPLES.into());
        let count = have.checked_add(more).filter(|count| u64::from(*count) <= limit);
        count.ok_or(MediaRule::SampleTable("trun: more samples than the file can hold"))
    }
}
