//! The index of one MP4 file: all its tracks.

use std::collections::HashSet;
use std::sync::Arc;

use ring::digest::{Context, SHA256};

use super::captions;
use super::fragments::Fragments;
use super::index::Room;
use super::text::TextTrack;
use super::text_track;
use super::track::SkippedTrack;
use super::{MediaRule, Track};
use crate::bytes::ReadAt;
use crate::isobmff::moov::{mvhd, trak::Trak};
use crate::isobmff::{BoxRef, FourCc, children, scan};

/// More tracks in one file are refused.
pub(super) const MAX_TRACKS: usize = 64;
pub(super) const TOO_MANY_TRACKS: MediaRule = MediaRule::Limit("a file has at most 64 tracks");

/// Everything that is kept of a file: nothing of it refers to the file's bytes.
#[derive(Debug)]
pub struct FileIndex {
    /// The tracks that can be packaged, in file order.
    pub tracks: Vec<Arc<Track>>,
    /// The text tracks, in file order.
    pub text: Vec<Arc<TextTrack>>,
    /// The tracks that are left out.
    pub skipped: Vec<SkippedTrack>,
    /// SHA-256 of the movie header and of all fragment headers: tells contents apart that have the
    /// same length and time.
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
        let mut digest = Context::new(&SHA256);
        digest.update(&scan.moov);
        let fragments = Fragments::read(source, &moov, &scan.fragments, &mut digest)?;
        let mut index = Self::of_movie(&moov, fragments, source)?;
        index.digest.copy_from_slice(digest.finish().as_ref());
        Ok(index)
    }

    fn of_movie<S: ReadAt + ?Sized>(
        moov: &BoxRef<'_>,
        mut fragments: Fragments,
        source: &S,
    ) -> Result<Self, MediaRule> {
        let timescale = mvhd::timescale(&moov.require(b"mvhd")?)?;
        let (mut tracks, mut text, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        let mut room = Room::of(source.len());
        for child in moov.children() {
            let child = child?;
            if &child.kind.0 == b"trak" {
                match Track::parse(&child, timescale, &mut fragments, &mut room)? {
                    Ok(mut track) => {
                        track.captions = captions::detect(&track.codec, &track.index, source);
                        tracks.push(Arc::new(track));
                    }
                    Err(reason) => {
                        let read = || {
                            text_track::read(&child, timescale, &mut fragments, &mut room, source)
                        };
                        match text_of(&child, reason, read)? {
                            Ok(track) => text.push(Arc::new(track)),
                            Err(reason) => skipped.push(reason),
                        }
                    }
                }
            }
            if tracks.len() + text.len() + skipped.len() > MAX_TRACKS {
                return Err(TOO_MANY_TRACKS);
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
        let track = |track: &Arc<Track>| track.heap_size();
        let text = |track: &Arc<TextTrack>| track.document.heap_size();
        size_of::<Self>()
            + self.tracks.iter().map(track).sum::<usize>()
            + self.text.iter().map(text).sum::<usize>()
    }
}

/// A track that is neither pictures nor sound: text, or left out. Broken text costs no other track.
fn text_of(
    trak: &BoxRef<'_>,
    skipped: SkippedTrack,
    read: impl FnOnce() -> Result<Option<TextTrack>, MediaRule>,
) -> Result<Result<TextTrack, SkippedTrack>, MediaRule> {
    if !text_track::HANDLERS.contains(&&Trak::handler(trak)?.0) {
        return Ok(Err(skipped));
    }
    Ok(match read() {
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
    let bytes = tracks.iter().map(|track| track.bytes).fold(0, u64::saturating_add);
    if bytes > file_len {
        return Err(MediaRule::SampleTable("stsz: the samples are larger than the file"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
