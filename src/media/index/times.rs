//! Decoding times: runs of equal durations with a checkpoint every few runs.

use std::collections::BTreeMap;

use crate::media::MediaRule;

/// Runs between two checkpoints; a look-up adds up at most that many.
const CHECKPOINT: usize = 64;

/// A run of samples with equal duration.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u32,
    delta: u32,
}

/// Decoding times of all samples in media ticks.
#[derive(Debug)]
pub(super) struct Times {
    runs: Box<[Run]>,
    /// Decoding time at the start of every 64th run.
    checkpoints: Box<[i64]>,
    count: u32,
}

impl Times {
    /// Takes runs of (samples, duration), which must cover `count` samples; what goes beyond is
    /// ignored.
    pub(super) fn build(
        durations: impl ExactSizeIterator<Item = (u32, u32)>,
        count: u32,
    ) -> Result<Self, MediaRule> {
        let mut runs: Vec<Run> = Vec::with_capacity(durations.len());
        let (mut first, mut dts, mut checkpoints) = (0_u32, 0_i64, Vec::new());
        for (samples, delta) in durations {
            let samples = samples.min(count - first);
            if samples == 0 {
                continue;
            }
            if runs.len().is_multiple_of(CHECKPOINT) {
                checkpoints.push(dts);
            }
            runs.push(Run { first, delta });
            first += samples;
            // At most 2^24 samples of less than 2^32 ticks: far below 2^63.
            dts += i64::from(samples) * i64::from(delta);
        }
        if first < count {
            return Err(MediaRule::SampleTable("stts: not every sample has a duration"));
        }
        Ok(Self { runs: runs.into(), checkpoints: checkpoints.into(), count })
    }

    /// Start of run `n` in ticks.
    fn run_start(&self, n: usize) -> i64 {
        let base = n / CHECKPOINT * CHECKPOINT;
        let between = self.runs[base..n].iter().zip(&self.runs[base + 1..]);
        let ticks =
            |(run, next): (&Run, &Run)| i64::from(next.first - run.first) * i64::from(run.delta);
        self.checkpoints[n / CHECKPOINT] + between.map(ticks).sum::<i64>()
    }

    /// The last sample may last longer or shorter: many muxers stretch it.
    pub(super) fn constant_duration(&self) -> Option<u32> {
        let (first, others) = self.runs.split_first()?;
        let equal =
            others.iter().all(|run| run.delta == first.delta || run.first + 1 == self.count);
        (equal && first.delta > 0).then_some(first.delta)
    }

    /// How long samples last that follow each other closely, on average: those of the shortest
    /// duration, and those that last up to `jitter` ticks longer. One in a hundred may last shorter than
    /// that, and one where there are few: cuts leave such samples. `None` where no sample lasts.
    pub(super) fn shortest(&self, jitter: u32) -> Option<f64> {
        let ends = self.runs.iter().skip(1).map(|run| run.first).chain([self.count]);
        let mut lasting: BTreeMap<u32, u32> = BTreeMap::new();
        for (run, end) in self.runs.iter().zip(ends).filter(|(run, _)| run.delta > 0) {
            *lasting.entry(run.delta).or_default() += end - run.first;
        }
        let count: u32 = lasting.values().sum();
        let mut outliers = (count / 100).max(u32::from(count > 2));
        let mut is_outlier = |(_, samples): &(&u32, &u32)| {
            let left = outliers.checked_sub(**samples);
            outliers = left.unwrap_or(outliers);
            left.is_some()
        };
        let (shortest, _) = lasting.iter().find(|lasts| !is_outlier(lasts))?;
        let close = lasting.range(*shortest..=shortest.saturating_add(jitter));
        let (ticks, samples) = close.fold((0.0, 0.0), |(ticks, all), (delta, samples)| {
            (ticks + f64::from(*delta) * f64::from(*samples), all + f64::from(*samples))
        });
        Some(ticks / samples)
    }

    pub(super) fn dts(&self, sample: u32) -> i64 {
        let Some(n) = self.runs.partition_point(|run| run.first <= sample).checked_sub(1) else {
            return 0;
        };
        let run = self.runs[n];
        self.run_start(n) + i64::from(sample - run.first) * i64::from(run.delta)
    }

    /// The first sample that does not start before `dts`; the sample count when there is none.
    pub(super) fn first_at_or_after(&self, dts: i64) -> u32 {
        let begun = self.checkpoints.partition_point(|start| *start < dts);
        let Some(last) = begun.checked_sub(1) else { return 0 };
        let mut start = self.checkpoints[last];
        let runs = self.runs.iter().enumerate().skip(last * CHECKPOINT);
        for (n, run) in runs.take(CHECKPOINT) {
            let end = self.runs.get(n + 1).map_or(self.count, |next| next.first);
            let delta = i64::from(run.delta);
            let next = start + i64::from(end - run.first) * delta;
            if next >= dts {
                // It lasts: it starts before `dts`, and ends not before it.
                let samples = (dts - start + delta - 1) / delta;
                return run.first + u32::try_from(samples).unwrap_or(end - run.first);
            }
            start = next;
        }
        self.count
    }

    /// Walks from `sample` on.
    pub(super) fn cursor(&self, sample: u32) -> Cursor<'_> {
        let run = self.runs.partition_point(|run| run.first <= sample).saturating_sub(1);
        Cursor { times: self, run, sample, dts: self.dts(sample) }
    }

    pub(super) fn heap_size(&self) -> usize {
        size_of_val(&*self.runs) + size_of_val(&*self.checkpoints)
    }
}

/// Gives decoding time and duration of one sample after the other.
pub(super) struct Cursor<'a> {
    times: &'a Times,
    run: usize,
    sample: u32,
    dts: i64,
}

impl Cursor<'_> {
    pub(super) fn next(&mut self) -> (i64, u32) {
        if self.times.runs.get(self.run + 1).is_some_and(|next| next.first <= self.sample) {
            self.run += 1;
        }
        let delta = self.times.runs.get(self.run).map_or(0, |run| run.delta);
        let dts = self.dts;
        self.sample += 1;
        self.dts += i64::from(delta);
        (dts, delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(runs: &[(u32, u32)], count: u32) -> Result<Times, MediaRule> {
        Times::build(runs.iter().copied(), count)
    }

    #[test]
    fn a_table_that_ends_early_is_refused() {
        assert!(times(&[(2, 10)], 3).is_err());
        assert!(times(&[(u32::MAX, 10)], 3).is_ok());
    }

    #[test]
    fn the_shortest_duration_is_no_outlier_and_no_rounding() {
        for (runs, jitter, expected) in [
            (&[(299, 40), (1, 2000)][..], 1, 40.0),
            (&[(1, 3), (99, 40), (1, 0)], 1, 40.0),
            (&[(20, 33), (10, 34)], 1, 33.333_333),
            (&[(60, 100), (40, 50)], 1, 50.0),
            (&[(1, 40)], 1, 40.0),
            (&[(1, 40), (1, 2000)], 1, 40.0),
        ] {
            let times = times(runs, runs.iter().map(|run| run.0).sum()).unwrap();
            let found = times.shortest(jitter).unwrap();
            assert!((found - expected).abs() < 1e-5, "{runs:?}: {found}");
        }
        assert_eq!(times(&[(2, 0)], 2).unwrap().shortest(1), None);
    }

    proptest! {
        #[test]
        fn look_ups_agree_with_adding_up(
            runs in proptest::collection::vec((1_u32..4, 0_u32..8), 1..300),
        ) {
            let count = runs.iter().map(|run| run.0).sum();
            let times = times(&runs, count).unwrap();
            let deltas = runs.iter().flat_map(|run| std::iter::repeat_n(run.1, run.0 as usize));
            let (mut dts, mut starts) = (0, Vec::new());
            for (n, delta) in deltas.enumerate() {
                let n = u32::try_from(n).unwrap();
                prop_assert_eq!(times.dts(n), dts);
                prop_assert_eq!(times.cursor(n).next(), (dts, delta));
                starts.push(dts);
                dts += i64::from(delta);
            }
            prop_assert_eq!(times.dts(count), dts);
            starts.push(dts);
            for wanted in -1..dts + 2 {
                let first = starts.partition_point(|start| *start < wanted);
                let first = u32::try_from(first).unwrap().min(count);
                prop_assert_eq!(times.first_at_or_after(wanted), first);
            }
        }
    }
}
