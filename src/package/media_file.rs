//! The file of a rendition in the DASH on-demand profile (ISO/IEC 23009-1 section 8.3): init
//! segment, one `sidx`, and the fragments of CMAF behind each other.
//!
//! The file never exists as a whole: what is known of it is its beginning, and where each
//! fragment ends.

use std::ops::Range;

use bytes::Bytes;

use super::cmaf::{FragmentError, Shape};
use super::heads::Heads;
use super::request::TrackRef;
use crate::bytes::Writer;
use crate::isobmff::sidx::{self, Reference};
use crate::media::Rendition;
use crate::time::WIRE_TIMESCALE;

/// Where a player finds the beginning of a file, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// Whose file.
    pub track: TrackRef,
    /// Length of the init segment, which stands first.
    pub init: u64,
    /// Length of the index behind it.
    pub index: u64,
}

impl Front {
    /// Of a file with an init segment of that length and so many fragments.
    pub fn of(track: TrackRef, init: usize, fragments: usize) -> Self {
        Self { track, init: init as u64, index: sidx::length(fragments) }
    }
}

/// What a file consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// Init segment and index.
    pub front: Bytes,
    /// The first fragment.
    first: usize,
    /// Where each fragment ends in the file, in bytes.
    ends: Box<[u64]>,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which fragment; `None` for the front.
    pub fragment: Option<usize>,
    /// Where it is in the file, in bytes.
    pub place: Range<u64>,
}

impl MediaFile {
    /// Lays out the listed fragments of a rendition, or the key frames of those, behind its init
    /// segment. `heads` are those of the same shape.
    ///
    /// # Errors
    /// More fragments than an index has entries, or a fragment larger than an entry can say.
    pub fn new(
        rendition: &Rendition,
        fragments: Range<usize>,
        shape: Shape,
        heads: &Heads,
        init: &[u8],
    ) -> Result<Self, FragmentError> {
        let size = |n| match shape {
            Shape::KeyFrame => heads.key_frame(rendition, n),
            Shape::Cmaf | Shape::Smooth(_) => heads.fragment(rendition, n),
        };
        Self::of_sizes(rendition, fragments, size, init)
    }

    /// The same where the bytes of each fragment are known.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_sizes(
        rendition: &Rendition,
        fragments: Range<usize>,
        size: impl Fn(usize) -> u64,
        init: &[u8],
    ) -> Result<Self, FragmentError> {
        if fragments.len() > sidx::MAX_REFERENCES {
            return Err(FragmentError::TooLarge);
        }
        let references = fragments.clone().map(|n| reference(rendition, n, size(n)));
        let references: Vec<Reference> = references.collect::<Result<_, _>>()?;
        let mut w = Writer::with_capacity(init.len() + 64 + references.len() * 12);
        w.bytes(init);
        let start = rendition.cuts.starts.get(fragments.start).map_or(0, |cut| cut.start);
        sidx::write(&mut w, WIRE_TIMESCALE, start, &references);
        let front = Bytes::from(w.into_vec());
        let mut end = front.len() as u64;
        let ends = references.iter().map(|reference| {
            end += u64::from(reference.size);
            end
        });
        let ends = ends.collect();
        Ok(Self { front, first: fragments.start, ends })
    }

    /// Memory that it takes beside itself, in bytes.
    pub fn heap_size(&self) -> usize {
        self.front.len() + size_of_val(&*self.ends)
    }

    /// Where each fragment ends in the file, in bytes.
    pub fn ends(&self) -> &[u64] {
        &self.ends
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.ends.last().copied().unwrap_or(self.front.len() as u64)
    }

    /// The part that holds the byte at `position`; `None` behind the end.
    pub fn part(&self, position: u64) -> Option<Part> {
        let front = self.front.len() as u64;
        if position < front {
            return Some(Part { fragment: None, place: 0..front });
        }
        let n = self.ends.partition_point(|end| *end <= position);
        let end = *self.ends.get(n)?;
        let start = n.checked_sub(1).map_or(front, |before| self.ends[before]);
        Some(Part { fragment: Some(self.first + n), place: start..end })
    }
}

fn reference(rendition: &Rendition, n: usize, size: u64) -> Result<Reference, FragmentError> {
    let (start, end) = rendition.cuts.span(n).unwrap_or_default();
    let size = u32::try_from(size).ok();
    let size = size.filter(|size| *size <= sidx::MAX_SIZE).ok_or(FragmentError::TooLarge)?;
    let duration = u32::try_from(end.saturating_sub(start)).map_err(|_| FragmentError::TooLarge)?;
    Ok(Reference { size, duration })
}
