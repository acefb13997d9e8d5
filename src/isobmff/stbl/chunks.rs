//! `stsc`, `stco`, `co64`: how samples lie in chunks, and chunks in the file
//! (ISO/IEC 14496-12 sections 8.7.4 and 8.7.5).

use super::entries;
use crate::isobmff::{BoxError, BoxRef, Rule};

/// A run of chunks with equally many samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRun {
    /// First chunk of the run, counted from 1.
    pub first_chunk: u32,
    /// Samples in each chunk of the run.
    pub samples_per_chunk: u32,
    /// Sample description of the samples, counted from 1.
    pub description: u32,
}

/// `stsc`: runs of chunks.
#[derive(Debug, Clone, Copy)]
pub struct ChunkRuns<'a>(&'a [[u8; 12]]);

impl<'a> ChunkRuns<'a> {
    /// Checks the box: the first run starts at chunk 1, runs ascend.
    pub fn parse(stsc: &BoxRef<'a>) -> Result<Self, BoxError> {
        let (_, entries) = entries(stsc)?;
        let runs = Self(entries);
        if runs.iter().next().is_some_and(|run| run.first_chunk != 1) {
            return Err(stsc.error(Rule::BadValue("the first run does not start at chunk 1")));
        }
        if !runs.iter().is_sorted_by(|a, b| a.first_chunk < b.first_chunk) {
            return Err(stsc.error(Rule::BadValue("the runs do not ascend")));
        }
        Ok(runs)
    }

    /// The runs in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ChunkRun> + use<'a> {
        self.0.iter().map(|[a, b, c, d, e, f, g, h, i, j, k, l]| ChunkRun {
            first_chunk: u32::from_be_bytes([*a, *b, *c, *d]),
            samples_per_chunk: u32::from_be_bytes([*e, *f, *g, *h]),
            description: u32::from_be_bytes([*i, *j, *k, *l]),
        })
    }
}

/// `stco` or `co64`: file offsets of the chunks.
#[derive(Debug, Clone, Copy)]
pub enum ChunkOffsets<'a> {
    /// 32-bit offsets.
    Short(&'a [[u8; 4]]),
    /// 64-bit offsets.
    Long(&'a [[u8; 8]]),
}

impl<'a> ChunkOffsets<'a> {
    /// Reads whichever of the two boxes `stbl` has.
    pub fn parse(stbl: &BoxRef<'a>) -> Result<Self, BoxError> {
        if let Some(co64) = stbl.find(b"co64")? {
            return entries(&co64).map(|(_, offsets)| Self::Long(offsets));
        }
        entries(&stbl.require(b"stco")?).map(|(_, offsets)| Self::Short(offsets))
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        match self {
            Self::Short(offsets) => offsets.len(),
            Self::Long(offsets) => offsets.len(),
        }
    }

    /// Whether there are no chunks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// File offset of chunk `n`, counted from 0; `None` past the last.
    pub fn get(&self, n: usize) -> Option<u64> {
        match self {
            Self::Short(offsets) => offsets.get(n).map(|o| u64::from(u32::from_be_bytes(*o))),
            Self::Long(offsets) => offsets.get(n).map(|o| u64::from_be_bytes(*o)),
        }
    }
}
