//! Sizes and file offsets: every 64 samples, or where a chunk starts, an offset is kept.

use std::ops::Range;

use crate::isobmff::stbl::{ChunkOffsets, ChunkRuns, SampleSizes};
use crate::media::MediaRule;

/// Samples between two kept offsets inside a chunk; a look-up adds up at most that many sizes.
pub(super) const EXTENT: u32 = 64;

/// Sizes of all samples in bytes.
#[derive(Debug)]
enum Sizes {
    Constant(u32),
    Table(Box<[u32]>),
}

impl Sizes {
    fn get(&self, sample: u32) -> u32 {
        match self {
            Self::Constant(size) => *size,
            Self::Table(table) => table.get(sample as usize).copied().unwrap_or(0),
        }
    }
}

/// Where the samples lie.
#[derive(Debug)]
pub(super) struct Layout {
    sizes: Sizes,
    count: u32,
    /// First sample of each extent: samples that lie one behind the other.
    first: Box<[u32]>,
    /// File offset of each extent.
    offset: Box<[u64]>,
}

impl Layout {
    /// Walks over all chunks once. Gives the layout, and where another sample description is used:
    /// first sample and number, counted from 1.
    pub(super) fn build(
        sizes: &SampleSizes<'_>,
        runs: &ChunkRuns<'_>,
        offsets: &ChunkOffsets<'_>,
        file_len: u64,
    ) -> Result<(Self, Vec<(u32, u32)>), MediaRule> {
        let count = sizes.count();
        let sizes = match *sizes {
            SampleSizes::Constant { size, .. } => Sizes::Constant(size),
            SampleSizes::Table { .. } => Sizes::Table(sizes.iter().collect()),
        };
        let mut builder =
            Builder { sizes: &sizes, count, sample: 0, extents: Vec::new(), file_len };
        let descriptions = builder.chunks(runs, offsets)?;
        let (first, offset): (Vec<u32>, Vec<u64>) = builder.extents.into_iter().unzip();
        Ok((Self { sizes, count, first: first.into(), offset: offset.into() }, descriptions))
    }

    /// A layout of sizes and of extents, each with its first sample and its file offset; an extent
    /// has at most [`EXTENT`] samples.
    pub(super) fn of_list(sizes: Vec<u32>, extents: Vec<(u32, u64)>) -> Self {
        let (first, offset): (Vec<u32>, Vec<u64>) = extents.into_iter().unzip();
        // A list has at most `MAX_SAMPLES`.
        let count = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
        let sizes = Sizes::Table(sizes.into());
        Self { sizes, count, first: first.into(), offset: offset.into() }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn bytes(&self, range: Range<u32>) -> u64 {
        match &self.sizes {
            Sizes::Constant(size) => range.len() as u64 * u64::from(*size),
            Sizes::Table(table) => {
                let range = range.start as usize..(range.end as usize).min(table.len());
                table[range].iter().map(|size| u64::from(*size)).sum()
            }
        }
    }

    /// Walks from `sample` on.
    pub(super) fn cursor(&self, sample: u32) -> Cursor<'_> {
        let next_extent = self.first.partition_point(|first| *first <= sample);
        let (first, start) = match next_extent.checked_sub(1) {
            Some(n) => (self.first[n], self.offset[n]),
            None => (sample, 0),
        };
        let offset = start + self.bytes(first..sample);
        Cursor { layout: self, next_extent, sample, offset }
    }

    pub(super) fn heap_size(&self) -> usize {
        let sizes = match &self.sizes {
            Sizes::Constant(_) => 0,
            Sizes::Table(table) => size_of_val(&**table),
        };
        sizes + size_of_val(&*self.first) + size_of_val(&*self.offset)
    }
}

/// Notes the sample description of a sample if it is another than that of the sample before.
pub(super) fn note(descriptions: &mut Vec<(u32, u32)>, sample: u32, description: u32) {
    if descriptions.last().is_none_or(|(_, known)| *known != description) {
        descriptions.push((sample, description));
    }
}

struct Builder<'a> {
    sizes: &'a Sizes,
    count: u32,
    sample: u32,
    extents: Vec<(u32, u64)>,
    file_len: u64,
}

impl Builder<'_> {
    fn chunks(
        &mut self,
        runs: &ChunkRuns<'_>,
        offsets: &ChunkOffsets<'_>,
    ) -> Result<Vec<(u32, u32)>, MediaRule> {
        let mut descriptions = Vec::new();
        let mut runs = runs.iter().peekable();
        while let Some(run) = runs.next() {
            let end = runs.peek().map_or(offsets.len(), |next| next.first_chunk as usize - 1);
            for chunk in run.first_chunk as usize - 1..end {
                if self.sample == self.count {
                    break;
                }
                if run.samples_per_chunk > 0 {
                    note(&mut descriptions, self.sample, run.description);
                }
                let offset = offsets.get(chunk);
                let offset = offset.ok_or(MediaRule::SampleTable("stsc: a chunk is missing"))?;
                self.chunk(offset, run.samples_per_chunk)?;
            }
        }
        if self.sample < self.count {
            return Err(MediaRule::SampleTable("stsc: the chunks hold fewer samples than stsz"));
        }
        Ok(descriptions)
    }

    fn chunk(&mut self, mut offset: u64, samples: u32) -> Result<(), MediaRule> {
        const PAST_END: MediaRule =
            MediaRule::SampleTable("stco: samples lie past the end of the file");
        for n in 0..samples.min(self.count - self.sample) {
            if n % EXTENT == 0 {
                self.extents.push((self.sample, offset));
            }
            offset = offset
                .checked_add(u64::from(self.sizes.get(self.sample)))
                .filter(|end| *end <= self.file_len)
                .ok_or(PAST_END)?;
            self.sample += 1;
        }
        Ok(())
    }
}

/// Gives offset and size of one sample after the other.
pub(super) struct Cursor<'a> {
    layout: &'a Layout,
    next_extent: usize,
    sample: u32,
    offset: u64,
}

impl Cursor<'_> {
    pub(super) fn next(&mut self) -> (u64, u32) {
        if self.layout.first.get(self.next_extent) == Some(&self.sample) {
            self.offset = self.layout.offset[self.next_extent];
            self.next_extent += 1;
        }
        let size = self.layout.sizes.get(self.sample);
        let offset = self.offset;
        self.sample += 1;
        self.offset += u64::from(size);
        (offset, size)
    }
}
