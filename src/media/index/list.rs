//! Samples as movie fragments list them, one after the other: what an index is built from when
//! there are no sample tables.

use super::composition::Composition;
use super::layout::{EXTENT, Layout, note};
use super::times::Times;
use super::{MAX_SAMPLES, Sample, SampleIndex};
use crate::media::MediaRule;

/// Values with the number of samples in a row that have them.
type Runs<T> = Vec<(u32, T)>;

/// A growing list of samples in decoding order.
#[derive(Debug, Default)]
pub struct SampleList {
    /// Decoding time of the first sample in media ticks; `None` as long as no fragment said it.
    start: Option<i64>,
    durations: Runs<u32>,
    /// Sum of all durations.
    length: i64,
    offsets: Runs<i32>,
    sizes: Vec<u32>,
    /// First sample and file offset of samples that lie one behind the other.
    extents: Vec<(u32, u64)>,
    /// File offset behind the last sample.
    end: u64,
    sync: Vec<u32>,
    /// First sample and number of the sample description, where it changes.
    descriptions: Vec<(u32, u32)>,
}

impl SampleList {
    /// Number of samples.
    pub fn len(&self) -> u32 {
        // `push` and `append` allow no more than `MAX_SAMPLES`.
        u32::try_from(self.sizes.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// Sizes of the samples from number `first` on, in bytes.
    pub(in crate::media) fn sizes_from(&self, first: u32) -> &[u32] {
        self.sizes.get(first as usize..).unwrap_or_default()
    }

    /// Says that the next sample is decoded at `dts` (media ticks). A gap is given to the sample
    /// before it, an overlap is taken from it.
    ///
    /// # Errors
    /// A time before the start of the last sample, or too far behind it.
    pub fn start_at(&mut self, dts: i64) -> Result<(), MediaRule> {
        const BACKWARDS: MediaRule = MediaRule::SampleTable("tfdt: a fragment starts too early");
        let Some((count, last)) = self.durations.last().copied() else {
            self.start = Some(dts);
            return Ok(());
        };
        let expected = self.start.unwrap_or(0).saturating_add(self.length);
        let longer = dts.saturating_sub(expected);
        if longer == 0 {
            return Ok(());
        }
        let lasts = i64::from(last).saturating_add(longer);
        if lasts < 0 {
            return Err(BACKWARDS);
        }
        let lasts = u32::try_from(lasts)
            .map_err(|_| MediaRule::SampleTable("tfdt: a fragment starts too late"))?;
        if count > 1 {
            self.durations.pop();
            self.durations.push((count - 1, last));
            self.durations.push((1, lasts));
        } else if let Some(run) = self.durations.last_mut() {
            run.1 = lasts;
        }
        self.length += longer;
        Ok(())
    }

    /// Adds a sample; its number and decoding time follow from those before it. `description` is
    /// the number of its sample description, counted from 1.
    ///
    /// # Errors
    /// More samples than a track may have.
    pub fn push(&mut self, sample: &Sample, description: u32) -> Result<(), MediaRule> {
        let number = self.len();
        check_count(number, 1)?;
        let crowded = self.extents.last().is_none_or(|(first, _)| number - first >= EXTENT);
        if crowded || self.end != sample.offset {
            self.extents.push((number, sample.offset));
        }
        if sample.sync {
            self.sync.push(number);
        }
        note(&mut self.descriptions, number, description);
        repeat(&mut self.durations, sample.duration);
        repeat(&mut self.offsets, sample.composition_offset);
        self.sizes.push(sample.size);
        self.length += i64::from(sample.duration);
        self.end = sample.offset.saturating_add(u64::from(sample.size));
        Ok(())
    }

    /// Adds the samples of another list behind those of this one.
    ///
    /// # Errors
    /// As [`Self::start_at`] and [`Self::push`].
    pub fn append(&mut self, other: Self) -> Result<(), MediaRule> {
        if self.is_empty() {
            *self = other;
            return Ok(());
        }
        if let Some(start) = other.start {
            self.start_at(start)?;
        }
        let before = self.len();
        check_count(before, other.len())?;
        let moved = |(first, value): (u32, u64)| (first + before, value);
        self.extents.extend(other.extents.into_iter().map(moved));
        self.sync.extend(other.sync.into_iter().map(|number| number + before));
        for (first, description) in other.descriptions {
            note(&mut self.descriptions, first + before, description);
        }
        self.durations.extend(other.durations);
        self.offsets.extend(other.offsets);
        self.sizes.extend(other.sizes);
        self.length += other.length;
        self.end = other.end;
        Ok(())
    }
}

impl SampleIndex {
    /// The index of a list.
    pub(in crate::media) fn of_list(list: SampleList) -> Result<Self, MediaRule> {
        let count = list.len();
        Ok(Self {
            open: 0,
            times: Times::build(list.durations.into_iter(), count)?,
            composition: Composition::build(list.offsets.into_iter(), count),
            sync: (list.sync.len() < list.sizes.len()).then(|| list.sync.into()),
            layout: Layout::of_list(list.sizes, list.extents),
            start: list.start.unwrap_or(0),
            descriptions: list.descriptions.into(),
        })
    }
}

fn check_count(have: u32, more: u32) -> Result<(), MediaRule> {
    if have.checked_add(more).is_some_and(|count| count <= MAX_SAMPLES) {
        return Ok(());
    }
    Err(MediaRule::SampleTable("more than 16,777,216 samples in one track"))
}

/// Makes the last run longer, or starts one.
fn repeat<T: PartialEq>(runs: &mut Runs<T>, value: T) {
    match runs.last_mut() {
        Some((count, last)) if *last == value => *count += 1,
        _ => runs.push((1, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(starts: &[i64], durations: &[u32]) -> Result<SampleIndex, MediaRule> {
        let mut list = SampleList::default();
        for (n, dts) in starts.iter().enumerate() {
            list.start_at(*dts)?;
            for duration in durations {
                let offset = 100 * n as u64 + u64::from(list.len());
                let sample = Sample {
                    number: 0,
                    offset,
                    size: 1,
                    dts: 0,
                    duration: *duration,
                    composition_offset: 0,
                    sync: true,
                };
                list.push(&sample, 1)?;
            }
        }
        SampleIndex::of_list(list)
    }

    fn times(starts: &[i64], durations: &[u32]) -> Vec<i64> {
        let index = list(starts, durations).unwrap();
        (0..=index.len()).map(|n| index.dts(n) + index.start).collect()
    }

    #[test]
    fn gaps_and_overlaps_change_the_sample_before_them() {
        assert_eq!(times(&[0, 20], &[10, 10]), [0, 10, 20, 30, 40]);
        assert_eq!(times(&[5, 27], &[10, 10]), [5, 15, 27, 37, 47]);
        assert_eq!(times(&[-5, 8], &[10, 10]), [-5, 5, 8, 18, 28]);
        assert_eq!(times(&[0, 5, 15], &[10]), [0, 5, 15, 25]);
        assert!(list(&[0, 9], &[10, 10]).is_err());
        assert!(list(&[0, i64::MAX], &[10]).is_err());
        assert!(list(&[i64::MAX, i64::MIN], &[10]).is_err());
    }

    #[test]
    fn a_list_behind_sample_tables_counts_on() {
        let sample = |offset: u64| Sample {
            number: 0,
            offset,
            size: 4,
            dts: 0,
            duration: 3,
            composition_offset: 1,
            sync: offset == 0,
        };
        let mut front = SampleList::default();
        let mut rest = SampleList::default();
        for n in 0..100 {
            front.push(&sample(4 * n), 1).unwrap();
            rest.push(&sample(1000 + 4 * n), 1).unwrap();
        }
        front.append(rest).unwrap();
        let index = SampleIndex::of_list(front).unwrap();
        let offsets: Vec<u64> = index.samples(98..102).map(|sample| sample.offset).collect();
        assert_eq!(offsets, [392, 396, 1000, 1004]);
        assert_eq!((index.dts(150), index.composition_time(150)), (450, 451));
        assert_eq!(index.sync_samples().collect::<Vec<_>>(), [0]);
    }
}
