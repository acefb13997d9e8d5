//! Where the data lie that a decryptor needs for each sample: a byte a sample for their size, and an
//! offset wherever they do not lie one behind the other. The data stay in the file.

use std::io;
use std::ops::Range;

use crate::bytes::ReadAt;

/// Samples between two kept offsets; a look-up adds up at most that many sizes.
const EXTENT: u32 = 1024;

/// Places of the data of samples in decoding order.
#[derive(Debug, Default)]
pub(in crate::media) struct Places {
    sizes: Vec<u8>,
    /// First sample and file offset of data that lie one behind the other.
    extents: Vec<(u32, u64)>,
    /// File offset behind the data of the last sample.
    end: u64,
}

impl Places {
    /// Number of samples.
    pub(super) fn len(&self) -> u32 {
        // There are no more than samples in an index.
        u32::try_from(self.sizes.len()).unwrap_or(u32::MAX)
    }

    /// Adds the data of the next sample.
    pub(super) fn push(&mut self, offset: u64, size: u8) {
        let number = self.len();
        let crowded = self.extents.last().is_none_or(|(first, _)| number - first >= EXTENT);
        if crowded || self.end != offset {
            self.extents.push((number, offset));
        }
        self.sizes.push(size);
        self.end = offset.saturating_add(size.into());
    }

    /// Adds a sample that has none.
    pub(super) fn push_none(&mut self) {
        self.push(self.end, 0);
    }

    /// The same in as little memory as it takes.
    pub(super) fn finish(self) -> Kept {
        let first = self.sizes.first().copied().unwrap_or(0);
        let count = self.len();
        let sizes = match self.sizes.iter().all(|size| *size == first) {
            true => Sizes::Constant(first),
            false => Sizes::Table(self.sizes.into()),
        };
        Kept { sizes, count, extents: self.extents.into() }
    }
}

/// Sizes in bytes.
#[derive(Debug)]
enum Sizes {
    Constant(u8),
    Table(Box<[u8]>),
}

/// Places that are kept with a track.
#[derive(Debug)]
pub(super) struct Kept {
    sizes: Sizes,
    count: u32,
    extents: Box<[(u32, u64)]>,
}

impl Kept {
    /// Bytes of the data of sample `n`.
    pub(super) fn size(&self, n: u32) -> u8 {
        match &self.sizes {
            Sizes::Constant(size) => *size,
            Sizes::Table(table) => table.get(n as usize).copied().unwrap_or(0),
        }
    }

    /// Bytes of the data of a range of samples.
    pub(super) fn bytes(&self, samples: Range<u32>) -> usize {
        match &self.sizes {
            Sizes::Constant(size) => samples.len() * usize::from(*size),
            Sizes::Table(_) => samples.map(|n| usize::from(self.size(n))).sum(),
        }
    }

    /// The data of a range of samples, one behind the other.
    pub(super) fn read<S: ReadAt + ?Sized>(
        &self,
        samples: Range<u32>,
        source: &S,
    ) -> io::Result<Vec<u8>> {
        let samples = samples.start.min(self.count)..samples.end.min(self.count);
        let mut data = vec![0; self.bytes(samples.clone())];
        let mut rest = data.as_mut_slice();
        let begin = self.extents.partition_point(|(first, _)| *first <= samples.start);
        for at in begin.saturating_sub(1)..self.extents.len() {
            let (first, offset) = self.extents[at];
            let end = self.extents.get(at + 1).map_or(self.count, |(next, _)| *next);
            let own = first.max(samples.start)..end.min(samples.end);
            if first >= samples.end || own.is_empty() {
                break;
            }
            let skipped = self.bytes(first..own.start) as u64;
            let (part, others) = std::mem::take(&mut rest).split_at_mut(self.bytes(own));
            rest = others;
            if !part.is_empty() {
                source.read_exact_at(offset.saturating_add(skipped), part)?;
            }
        }
        Ok(data)
    }

    /// Memory in bytes, for caches.
    pub(super) fn heap_size(&self) -> usize {
        let table = match &self.sizes {
            Sizes::Constant(_) => 0,
            Sizes::Table(table) => table.len(),
        };
        table + size_of_val(&*self.extents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_range_is_found_where_it_lies(
            list in prop::collection::vec((0_u64..3, 0_u8..5), 1..3000),
            from: prop::sample::Index, to: prop::sample::Index,
        ) {
            let file: Vec<u8> = (0..20_000_u32).map(|n| (n * 7 % 251) as u8).collect();
            let (mut places, mut spans, mut at) = (Places::default(), Vec::new(), 0_u64);
            for (gap, size) in list {
                at += gap;
                places.push(at, size);
                spans.push(at as usize..at as usize + usize::from(size));
                at += u64::from(size);
            }
            let (from, to) = (from.index(spans.len() + 1), to.index(spans.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            let expected: Vec<u8> =
                spans[from..to].iter().flat_map(|span| file[span.clone()].to_vec()).collect();
            let read = places.finish().read(from as u32..to as u32, file.as_slice()).unwrap();
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn data_of_one_size_take_an_offset_for_a_thousand_samples() {
        let mut places = Places::default();
        (0..10_000_u64).for_each(|n| places.push(8 * n, 8));
        assert_eq!(places.finish().heap_size(), 10 * size_of::<(u32, u64)>());
    }
}
