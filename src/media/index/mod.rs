//! The sample index of a track: compact (about 5 bytes a sample), built in one pass over the
//! sample tables, answers "which samples, which bytes" in O(log n).

mod composition;
mod layout;
mod list;
mod times;

use std::ops::Range;

use composition::Composition;
use layout::Layout;
pub use list::SampleList;
use times::Times;

use super::MediaRule;
use crate::isobmff::BoxRef;
use crate::isobmff::stbl::{
    ChunkOffsets, ChunkRuns, CompositionOffsets, SampleSizes, SyncSamples, TimeRuns,
};

/// More samples in one file are refused. Per-sample IVs have 24 bits for the sample number, and
/// a day of video at 120 fps has fewer samples.
pub const MAX_SAMPLES: u32 = 1 << 24;

/// What the samples of a file have to fit into.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Length of the file in bytes.
    file_len: u64,
    /// How many more samples may be indexed.
    samples: u32,
}

impl Room {
    /// That of a file of which nothing is indexed yet.
    pub fn of(file_len: u64) -> Self {
        Self { file_len, samples: MAX_SAMPLES }
    }

    fn take(&mut self, samples: u32) -> Result<(), MediaRule> {
        let left = self.samples.checked_sub(samples);
        self.samples = left.ok_or(MediaRule::Limit("a file has at most 16,777,216 samples"))?;
        Ok(())
    }
}

/// One sample. Times in media ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Number in decoding order, counted from 0.
    pub number: u32,
    /// First byte in the file.
    pub offset: u64,
    /// Size in bytes.
    pub size: u32,
    /// Decoding time.
    pub dts: i64,
    /// Duration.
    pub duration: u32,
    /// Composition offset.
    pub composition_offset: i32,
    /// Whether decoding can start here: a sync sample without leading pictures.
    pub sync: bool,
}

/// Where the samples of a track are, and when.
#[derive(Debug)]
pub struct SampleIndex {
    times: Times,
    composition: Composition,
    layout: Layout,
    /// Sync samples in order; `None` when every sample is one.
    sync: Option<Box<[u32]>>,
    /// How many key frames are none of them, for the groups that they begin are open.
    open: u32,
    /// Decoding time of the first sample as the file counts it, in media ticks; the times of the
    /// index count from 0.
    pub start: i64,
    /// Where another sample description is used: first sample and number, counted from 1.
    pub descriptions: Box<[(u32, u32)]>,
}

impl SampleIndex {
    /// Builds the index of a sample table, and of what movie fragments add to it, and checks every
    /// sample against the file. Its samples are taken from `room` before they are indexed.
    ///
    /// # Errors
    /// A broken box, tables that contradict each other, or samples that do not fit into `room`.
    pub fn build(
        stbl: &BoxRef<'_>,
        fragments: Option<SampleList>,
        room: &mut Room,
    ) -> Result<Self, MediaRule> {
        room.take(fragments.as_ref().map_or(0, SampleList::len))?;
        let mut index = Self::of_tables(stbl, room)?;
        if let Some(fragments) = fragments {
            let mut all = SampleList::default();
            for sample in index.samples(0..index.len()) {
                all.push(&sample, index.description(sample.number))?;
            }
            all.append(fragments)?;
            index = Self::of_list(all)?;
        }
        index.drop_open_sync_samples();
        Ok(index)
    }

    fn of_tables(stbl: &BoxRef<'_>, room: &mut Room) -> Result<Self, MediaRule> {
        let sizes = SampleSizes::parse(stbl)?;
        room.take(sizes.count())?;
        let runs = ChunkRuns::parse(&stbl.require(b"stsc")?)?;
        let offsets = ChunkOffsets::parse(stbl)?;
        let (layout, descriptions) = Layout::build(&sizes, &runs, &offsets, room.file_len)?;
        let durations = TimeRuns::parse(&stbl.require(b"stts")?)?;
        let times = Times::build(durations.iter(), sizes.count())?;
        let composition = match stbl.find(b"ctts")? {
            Some(ctts) => {
                Composition::build(CompositionOffsets::parse(&ctts)?.iter(), sizes.count())
            }
            None => Composition::Zero,
        };
        let sync = match stbl.find(b"stss")? {
            Some(stss) => Some(sync_samples(&SyncSamples::parse(&stss)?, sizes.count())?),
            None => None,
        };
        let descriptions = descriptions.into();
        Ok(Self { times, composition, layout, sync, open: 0, start: 0, descriptions })
    }

    /// Which sample description sample `n` uses, counted from 1.
    fn description(&self, n: u32) -> u32 {
        let run = self.descriptions.partition_point(|(first, _)| *first <= n).checked_sub(1);
        run.map_or(1, |run| self.descriptions[run].1)
    }

    /// Number of samples.
    pub fn len(&self) -> u32 {
        self.layout.count()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decoding time of sample `n` in media ticks; for `n` = [`Self::len`] the end of the last.
    pub fn dts(&self, n: u32) -> i64 {
        self.times.dts(n)
    }

    /// The duration of all samples in media ticks, if it is the same and not 0.
    pub fn constant_duration(&self) -> Option<u32> {
        self.times.constant_duration()
    }

    /// How long samples last on average where they follow each other most closely, in media ticks.
    /// Durations up to `jitter` ticks longer than the shortest count as equal.
    pub fn shortest_duration(&self, jitter: u32) -> Option<f64> {
        self.times.shortest(jitter)
    }

    /// Decoding time + composition offset of sample `n` in media ticks, edits not applied.
    pub fn composition_time(&self, n: u32) -> i64 {
        self.dts(n) + i64::from(self.composition.get(n))
    }

    /// Bounds of all composition times: no sample is shown before the first or after the second.
    pub fn composition_bounds(&self) -> (i64, i64) {
        let (lowest, highest) = self.composition.bounds();
        (lowest.into(), self.dts(self.len()) + i64::from(highest))
    }

    /// Whether any sample has a composition offset.
    pub fn has_composition_offsets(&self) -> bool {
        !matches!(self.composition, Composition::Zero)
    }

    /// The lowest composition offset of the track; 0 when none is negative.
    pub fn lowest_composition_offset(&self) -> i32 {
        self.composition.lowest()
    }

    /// The first sample whose decoding time is not before `dts`.
    pub fn first_at_or_after(&self, dts: i64) -> u32 {
        self.times.first_at_or_after(dts).min(self.len())
    }

    /// The samples at which decoding can start, in order.
    pub fn sync_samples(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        match &self.sync {
            Some(sync) => Box::new(sync.iter().copied()),
            None => Box::new(0..self.len()),
        }
    }

    /// The last sample up to `n`, else the first, at which decoding can start.
    pub fn sync_at_or_before(&self, n: u32) -> u32 {
        let Some(sync) = &self.sync else { return n };
        let behind = sync.partition_point(|sample| *sample <= n);
        sync[..behind].last().or(sync.first()).copied().unwrap_or(n)
    }

    /// The samples of a range in decoding order.
    pub fn samples(&self, range: Range<u32>) -> impl ExactSizeIterator<Item = Sample> {
        let mut times = self.times.cursor(range.start);
        let mut layout = self.layout.cursor(range.start);
        let sync = self.sync.as_deref();
        let mut next_sync = sync.map_or(0, |sync| sync.partition_point(|n| *n < range.start));
        (0..range.len()).map(move |n| {
            let number = range.start + u32::try_from(n).unwrap_or(u32::MAX);
            let is_sync = sync.is_none_or(|sync| sync.get(next_sync) == Some(&number));
            next_sync += usize::from(is_sync);
            let (dts, duration) = times.next();
            let (offset, size) = layout.next();
            let composition_offset = self.composition.get(number);
            Sample { number, offset, size, dts, duration, composition_offset, sync: is_sync }
        })
    }

    /// Total size of the samples of a range in bytes.
    pub fn bytes(&self, range: Range<u32>) -> u64 {
        self.layout.bytes(range)
    }

    /// How many key frames have leading pictures, so that decoding cannot start there.
    pub fn open_key_frames(&self) -> u32 {
        self.open
    }

    /// Whether decoding can start at every sample.
    pub fn all_sync(&self) -> bool {
        self.sync.is_none()
    }

    /// Makes every sample one at which decoding can start, whatever the file says.
    pub fn mark_all_sync(&mut self) {
        self.sync = None;
    }

    /// Heap memory of the index in bytes.
    pub fn heap_size(&self) -> usize {
        self.times.heap_size()
            + self.composition.heap_size()
            + self.layout.heap_size()
            + self.sync.as_ref().map_or(0, |sync| size_of_val(&**sync))
            + size_of_val(&*self.descriptions)
    }

    /// Leaves out sync samples with leading pictures (open GOPs): pictures behind them in decoding
    /// order that are shown earlier refer to the group before, so decoding cannot start there.
    fn drop_open_sync_samples(&mut self) {
        let (Some(sync), true) = (&self.sync, self.has_composition_offsets()) else {
            return;
        };
        let ends = sync.iter().copied().skip(1).chain([self.len()]);
        let closed = sync.iter().copied().zip(ends).filter(|(start, end)| {
            let first = self.composition_time(*start);
            let mut times = self.times.cursor(*start);
            (*start..*end).all(|n| times.next().0 + i64::from(self.composition.get(n)) >= first)
        });
        let closed: Box<[u32]> = closed.map(|(start, _)| start).collect();
        self.open = u32::try_from(sync.len() - closed.len()).unwrap_or(u32::MAX);
        self.sync = Some(closed);
    }
}

/// Sync sample numbers counted from 0; they must ascend and lie inside the track.
fn sync_samples(stss: &SyncSamples<'_>, count: u32) -> Result<Box<[u32]>, MediaRule> {
    let sync: Option<Box<[u32]>> = stss.iter().map(|number| number.checked_sub(1)).collect();
    sync.filter(|sync| sync.is_sorted_by(|a, b| a < b) && sync.iter().all(|n| *n < count))
        .ok_or(MediaRule::SampleTable("stss: the sync samples do not ascend inside the track"))
}

#[cfg(test)]
mod tests;
