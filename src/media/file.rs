//! The index of one MP4 file: all its tracks.

use std::collections::HashSet;
use std::sync::Arc;

use ring::digest::{SHA256, digest};

use super::captions;
use super::fragments::Fragments;
use super::index::MAX_SAMPLES;
use super::text::TextTrack;
use super::text_track;
use super::track::SkippedTrack;
use super::{MediaRule, Track};
use crate::bytes::ReadAt;
use crate::isobmff::moov::{mvhd, trak::Trak};
use crate::isobmff::{BoxRef, FourCc, children, scan};

/// More tracks in one file are refused.
const MAX_TRACKS: usize = 64;

/// Everything that is kept of a file: nothing of it refers to the file's bytes.
#[derive(Debug)]
pub struct FileIndex {
    /// The tracks that can be packaged, in file order.
    pub tracks: Vec<Arc<Track>>,
    /// The text tracks, in file order.
    pub text: Vec<Arc<TextTrack>>,
    /// The tracks that are left out.
    pub skipped: Vec<SkippedTrack>,
    /// SHA-256 of the movie header: tells contents apart that have the same length and time.
    pub digest: [u8; 32],
}

impl FileIndex {
    /// Reads the movie header of a file, and its fragment headers if it has any, and indexes its
    /// tracks.
    ///
    /// # Errors
    /// A file that is no MP4, a broken box, tables that contradict each other.
    pub fn read<S: ReadAt + ?Sized>(source: &S) -> Result<Self, MediaRule> {
        let scan = scan(source)?;
        let found = children(FourCc(*b"file"), &scan.moov).next();
        // The scan gives a whole box.
        let moov = found.transpose()?.ok_or(MediaRule::SampleTable("the movie header is empty"))?;
        let fragments = Fragments::read(source, &moov, &scan.fragments)?;
        let mut index = Self::of_movie(&moov, fragments, source)?;
        index.digest.copy_from_slice(digest(&SHA256, &scan.moov).as_ref());
        Ok(index)
    }

    fn of_movie<S: ReadAt + ?Sized>(
        moov: &BoxRef<'_>,
        mut fragments: Fragments,
        source: &S,
    ) -> Result<Self, MediaRule> {
        let timescale = mvhd::timescale(&moov.require(b"mvhd")?)?;
        let (mut tracks, mut text, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        for child in moov.children() {
            let child = child?;
            if &child.kind.0 == b"trak" {
                match Track::parse(&child, timescale, &mut fragments, source.len())? {
                    Ok(mut track) => {
                        track.captions = captions::detect(&track.codec, &track.index, source);
                        tracks.push(Arc::new(track));
                    }
                    Err(reason) => {
                        match text_of(&child, timescale, &mut fragments, source, reason)? {
                            Ok(track) => text.push(Arc::new(track)),
                            Err(reason) => skipped.push(reason),
                        }
                    }
                }
            }
            if tracks.len() + text.len() + skipped.len() > MAX_TRACKS {
                return Err(MediaRule::Limit("a file has at most 64 tracks"));
            }
        }
        if tracks.is_empty() && text.is_empty() && skipped.is_empty() {
            return Err(MediaRule::NoPlayableTrack("the file has no tracks".to_owned()));
        }
        check_together(&tracks, source.len())?;
        Ok(Self { tracks, text, skipped, digest: [0; 32] })
    }

    /// Memory of the index in bytes, for caches.
    pub fn heap_size(&self) -> usize {
        let track = |track: &Arc<Track>| size_of::<Track>() + track.index.heap_size();
        let text = |track: &Arc<TextTrack>| track.document.heap_size();
        size_of::<Self>()
            + self.tracks.iter().map(track).sum::<usize>()
            + self.text.iter().map(text).sum::<usize>()
    }
}

/// A track that is neither pictures nor sound: text, or left out. Broken text costs no other track.
fn text_of<S: ReadAt + ?Sized>(
    trak: &BoxRef<'_>,
    timescale: u32,
    fragments: &mut Fragments,
    source: &S,
    skipped: SkippedTrack,
) -> Result<Result<TextTrack, SkippedTrack>, MediaRule> {
    if !text_track::HANDLERS.contains(&&Trak::handler(trak)?.0) {
        return Ok(Err(skipped));
    }
    Ok(match text_track::read(trak, timescale, fragments, source) {
        Ok(Some(track)) => Ok(track),
        Ok(None) => Err(skipped),
        Err(rule @ MediaRule::Scan(_)) => return Err(rule),
        Err(rule) => Err(SkippedTrack { reason: rule.to_string(), ..skipped }),
    })
}

/// Rules over all tracks of a file: ids tell tracks apart, and samples do not share bytes, so that
/// a short file cannot claim a long index.
fn check_together(tracks: &[Arc<Track>], file_len: u64) -> Result<(), MediaRule> {
    let mut ids = HashSet::new();
    if !tracks.iter().all(|track| ids.insert(track.header.track_id)) {
        return Err(MediaRule::SampleTable("tkhd: two tracks have the same id"));
    }
    let samples: u64 = tracks.iter().map(|track| u64::from(track.index.len())).sum();
    if samples > u64::from(MAX_SAMPLES) {
        return Err(MediaRule::Limit("a file has at most 16,777,216 samples"));
    }
    let bytes = tracks.iter().map(|track| track.bytes).fold(0, u64::saturating_add);
    if bytes > file_len {
        return Err(MediaRule::SampleTable("stsz: the samples are larger than the file"));
    }
    Ok(())
}
