//! The index of one MP4 file: all its tracks.

use std::collections::HashSet;
use std::sync::Arc;

use ring::digest::{Context, SHA256};

use super::captions;
use super::fragments::Fragments;
use super::identity;
use super::image_track::{self, ImageTrack};
use super::index::Room;
use super::sealed::{Encrypted, Header};
use super::text::TextTrack;
use super::text_track;
use super::track::SkippedTrack;
use super::{MediaRule, Track, protected};
use crate::bytes::ReadAt;
use crate::isobmff::moov::{mvhd, trak::Trak};
use crate::isobmff::{BoxRef, FourCc, ScanError, children, scan};

/// More tracks in one file are refused.
pub(super) const MAX_TRACKS: usize = 64;
pub(super) const TOO_MANY_TRACKS: MediaRule = MediaRule::Limit("a file has at most 64 tracks");

/// Everything that is kept of a file: nothing of it refers to the file's bytes.
#[derive(Debug, Default)]
pub struct FileIndex {
    /// The tracks that can be packaged, in file order.
    pub tracks: Vec<Arc<Track>>,
    /// The text tracks, in file order.
    pub text: Vec<Arc<TextTrack>>,
    /// The image tracks, in file order.
    pub images: Vec<Arc<ImageTrack>>,
    /// The tracks that are left out.
    pub skipped: Vec<SkippedTrack>,
    /// SHA-256 of the movie header, of all fragment headers, of the length, and of some samples of
    /// each track: names the content.
    pub digest: [u8; 32],
}

impl FileIndex {
    /// Reads the movie header of a file, and its fragment headers if it has any, and indexes its
    /// tracks.
    ///
    /// # Errors
    /// A file that is no MP4, a broken box, tables that contradict each other.
    pub fn read<S: ReadAt + ?Sized>(source: &S) -> Result<Self, MediaRule> {
        Self::read_as(source, Encrypted::Refuse)
    }

    /// The same, with what becomes of tracks that are encrypted already.
    ///
    /// # Errors
    /// As [`Self::read`], and encrypted tracks that cannot be passed through.
    pub fn read_as<S: ReadAt + ?Sized>(
        source: &S,
        encrypted: Encrypted,
    ) -> Result<Self, MediaRule> {
        let scan = scan(source)?;
        let found = children(FourCc(*b"file"), &scan.moov).next();
        // The scan gives a whole box.
        let moov = found.transpose()?.ok_or(MediaRule::SampleTable("the movie header is empty"))?;
        let mut digest = Context::new(&SHA256);
        digest.update(&scan.moov);
        let sealed = match encrypted {
            Encrypted::Refuse => None,
            Encrypted::Pass => Header::read(&scan.moov, scan.moov_offset)?,
        };
        let sealed = sealed.as_ref();
        let fragments = Fragments::read(source, &moov, &scan.fragments, sealed, &mut digest)?;
        let mut index = Self::of_movie(&moov, fragments, (source, sealed, &mut digest))?;
        digest.update(&source.len().to_be_bytes());
        let mut add_samples =
            |of: &_| identity::add_samples(of, source, &mut digest).map_err(ScanError::Io);
        for track in &mut index.tracks {
            Arc::make_mut(track).content = add_samples(&track.index)?;
        }
        for track in &index.images {
            add_samples(&track.index)?;
        }
        index.digest.copy_from_slice(digest.finish().as_ref());
        Ok(index)
    }

    fn of_movie<S: ReadAt + ?Sized>(
        moov: &BoxRef<'_>,
        fragments: Fragments,
        (source, sealed, digest): (&S, Option<&Header<'_>>, &mut Context),
    ) -> Result<Self, MediaRule> {
        let timescale = mvhd::timescale(&moov.require(b"mvhd")?)?;
        let room = Room::of(source.len());
        let index = Self::default();
        let mut movie = Movie { timescale, fragments, room, source, sealed, digest, index };
        for child in moov.children() {
            let child = child?;
            if &child.kind.0 == b"trak" {
                movie.add(&child)?;
            }
            if movie.index.count() > MAX_TRACKS {
                return Err(TOO_MANY_TRACKS);
            }
        }
        if movie.index.count() == 0 {
            return Err(MediaRule::NoPlayableTrack("the file has no tracks".to_owned()));
        }
        movie.index.check_together(source.len())?;
        Ok(movie.index)
    }

    fn count(&self) -> usize {
        self.tracks.len() + self.text.len() + self.images.len() + self.skipped.len()
    }

    /// Rules over all tracks of a file: ids tell tracks apart, and samples do not share bytes, so
    /// that a short file cannot claim a long index.
    fn check_together(&self, file_len: u64) -> Result<(), MediaRule> {
        let mut ids = HashSet::new();
        if !self.tracks.iter().all(|track| ids.insert(track.header.track_id)) {
            return Err(MediaRule::SampleTable("tkhd: two tracks have the same id"));
        }
        let images = self.images.iter().map(|track| track.index.bytes(0..track.index.len()));
        let bytes = self.tracks.iter().map(|track| track.bytes).chain(images);
        if bytes.fold(0, u64::saturating_add) > file_len {
            return Err(MediaRule::SampleTable("stsz: the samples are larger than the file"));
        }
        Ok(())
    }

    /// Memory of the index in bytes, for caches.
    pub fn heap_size(&self) -> usize {
        let track = |track: &Arc<Track>| track.heap_size();
        let text = |track: &Arc<TextTrack>| track.document.heap_size();
        let images = |track: &Arc<ImageTrack>| track.heap_size();
        size_of::<Self>()
            + self.tracks.iter().map(track).sum::<usize>()
            + self.text.iter().map(text).sum::<usize>()
            + self.images.iter().map(images).sum::<usize>()
    }
}

/// A movie header whose tracks are read one after the other.
struct Movie<'s, S: ?Sized> {
    timescale: u32,
    fragments: Fragments,
    room: Room,
    source: &'s S,
    /// There where samples are encrypted and passed through.
    sealed: Option<&'s Header<'s>>,
    digest: &'s mut Context,
    index: FileIndex,
}

impl<S: ReadAt + ?Sized> Movie<'_, S> {
    fn add(&mut self, trak: &BoxRef<'_>) -> Result<(), MediaRule> {
        if self.sealed.is_none() {
            protected::refuse(trak)?;
        }
        match Track::parse(trak, self.timescale, &mut self.fragments, &mut self.room)? {
            Ok(mut track) => {
                self.seal(&mut track, trak)?;
                if track.sealed.is_none() {
                    track.captions = captions::detect(&track.codec, &track.index, self.source);
                }
                self.index.tracks.push(Arc::new(track));
            }
            Err(skipped) if protected::is_protected(trak) => {
                let reason = format!("{}, and it is encrypted", skipped.reason);
                self.index.skipped.push(SkippedTrack { reason, ..skipped });
            }
            Err(skipped) => match self.add_other(trak) {
                Ok(true) => {}
                Ok(false) => self.index.skipped.push(skipped),
                Err(rule @ MediaRule::Scan(_)) => return Err(rule),
                // Broken text and images cost no other track.
                Err(rule) => {
                    let reason = rule.to_string();
                    self.index.skipped.push(SkippedTrack { reason, ..skipped });
                }
            },
        }
        Ok(())
    }

    /// Notes how a track is encrypted that is passed through.
    fn seal(&mut self, track: &mut Track, trak: &BoxRef<'_>) -> Result<(), MediaRule> {
        let places = self.fragments.take_places(track.header.track_id);
        let Some(header) = self.sealed else { return Ok(()) };
        let sealed = header.seal(track, trak, places, (self.source, self.digest))?;
        track.sealed = sealed.map(Arc::new);
        match track.says_sealed == track.sealed.is_some() {
            true => Ok(()),
            // What encrypts a track is looked up by its id.
            false => Err(MediaRule::SampleTable("tkhd: two tracks have the same id")),
        }
    }

    /// A track that is neither pictures nor sound of a film: text or images, if it is that.
    fn add_other(&mut self, trak: &BoxRef<'_>) -> Result<bool, MediaRule> {
        let Self { timescale, fragments, room, source, index, .. } = self;
        let handler = Trak::handler(trak)?.0;
        if text_track::HANDLERS.contains(&&handler) {
            let read = text_track::read(trak, *timescale, fragments, room, *source)?;
            return Ok(read.map(|track| index.text.push(Arc::new(track))).is_some());
        }
        if image_track::HANDLERS.contains(&&handler) {
            let read = image_track::read(trak, *timescale, fragments, room, *source)?;
            return Ok(read.map(|track| index.images.push(Arc::new(track))).is_some());
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
