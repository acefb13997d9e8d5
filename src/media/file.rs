//! The index of one MP4 file: all its tracks.

use std::sync::Arc;

use super::track::SkippedTrack;
use super::{MediaRule, Track};
use crate::bytes::ReadAt;
use crate::isobmff::moov::mvhd;
use crate::isobmff::{BoxRef, children, scan};

/// Everything that is kept of a file: nothing of it refers to the file's bytes.
#[derive(Debug)]
pub struct FileIndex {
    /// The tracks that can be packaged, in file order.
    pub tracks: Vec<Arc<Track>>,
    /// The tracks that are left out.
    pub skipped: Vec<SkippedTrack>,
}

impl FileIndex {
    /// Reads the movie header of a file and indexes its tracks.
    ///
    /// # Errors
    /// A file that is no MP4, a broken box, tables that contradict each other, fragmented input.
    pub fn read<S: ReadAt + ?Sized>(source: &S) -> Result<Self, MediaRule> {
        let scan = scan(source)?;
        let found = children(crate::isobmff::FourCc(*b"file"), &scan.moov).next();
        // The scan gives a whole box.
        let moov = found
            .transpose()?
            .ok_or(MediaRule::SampleTable("the movie header is empty"))?;
        if scan.fragmented || moov.find(b"mvex")?.is_some() {
            return Err(MediaRule::Fragmented);
        }
        Self::of_movie(&moov, source.len())
    }

    fn of_movie(moov: &BoxRef<'_>, file_len: u64) -> Result<Self, MediaRule> {
        let timescale = mvhd::timescale(&moov.require(b"mvhd")?)?;
        let (mut tracks, mut skipped) = (Vec::new(), Vec::new());
        for child in moov.children() {
            let child = child?;
            if &child.kind.0 == b"trak" {
                match Track::parse(&child, timescale, file_len)? {
                    Ok(track) => tracks.push(Arc::new(track)),
                    Err(reason) => skipped.push(reason),
                }
            }
        }
        if tracks.is_empty() && skipped.is_empty() {
            return Err(MediaRule::NoPlayableTrack(
                "the file has no tracks".to_owned(),
            ));
        }
        Ok(Self { tracks, skipped })
    }

    /// Memory of the index in bytes, for caches.
    pub fn heap_size(&self) -> usize {
        let track = |track: &Arc<Track>| size_of::<Track>() + track.index.heap_size();
        size_of::<Self>() + self.tracks.iter().map(track).sum::<usize>()
    }
}
