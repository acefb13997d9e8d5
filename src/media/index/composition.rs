//! Composition offsets: one byte a sample, as encoders use few different offsets.

/// Composition offsets of all samples in media ticks.
#[derive(Debug)]
pub(super) enum Composition {
    /// All are 0.
    Zero,
    /// All are the same.
    Constant(i32),
    /// At most 256 different values; each sample names one.
    Palette { values: Box<[i32]>, codes: Box<[u8]> },
    /// More than 256 different values.
    Table { values: Box<[i32]>, lowest: i32 },
}

impl Composition {
    /// Takes runs of (samples, offset); samples that they do not cover have the offset 0.
    pub(super) fn build(runs: impl Iterator<Item = (u32, i32)> + Clone, count: u32) -> Self {
        let count = count as usize;
        if runs.clone().all(|(_, offset)| offset == 0) {
            return Self::Zero;
        }
        let first = runs.clone().next().map_or(0, |(_, offset)| offset);
        let covered =
            runs.clone().map(|(samples, _)| samples as usize).fold(0, usize::saturating_add);
        if covered >= count && runs.clone().all(|(_, offset)| offset == first) {
            return Self::Constant(first);
        }
        Self::palette(runs.clone(), count).unwrap_or_else(|| {
            let mut table = Vec::with_capacity(count);
            for (samples, offset) in runs {
                table.resize(table.len().saturating_add(samples as usize).min(count), offset);
            }
            table.resize(count, 0);
            Self::Table {
                lowest: table.iter().copied().min().unwrap_or(0).min(0),
                values: table.into(),
            }
        })
    }

    fn palette(runs: impl Iterator<Item = (u32, i32)>, count: usize) -> Option<Self> {
        let mut values = vec![0];
        let mut codes = Vec::with_capacity(count);
        for (samples, offset) in runs {
            let known = values.iter().position(|value| *value == offset);
            let code = known.unwrap_or_else(|| {
                values.push(offset);
                values.len() - 1
            });
            let code = u8::try_from(code).ok()?;
            codes.resize(codes.len().saturating_add(samples as usize).min(count), code);
        }
        codes.resize(count, 0);
        Some(Self::Palette { values: values.into(), codes: codes.into() })
    }

    pub(super) fn get(&self, sample: u32) -> i32 {
        let sample = sample as usize;
        match self {
            Self::Zero => 0,
            Self::Constant(offset) => *offset,
            Self::Palette { values, codes } => {
                codes.get(sample).map_or(0, |code| values[usize::from(*code)])
            }
            Self::Table { values, .. } => values.get(sample).copied().unwrap_or(0),
        }
    }

    /// The lowest offset, or 0 when none is negative.
    pub(super) fn lowest(&self) -> i32 {
        match self {
            Self::Zero => 0,
            Self::Constant(offset) => (*offset).min(0),
            // A palette always holds 0.
            Self::Palette { values, .. } => values.iter().copied().min().unwrap_or(0),
            Self::Table { lowest, .. } => *lowest,
        }
    }

    /// The lowest and the highest offset, 0 among them.
    pub(super) fn bounds(&self) -> (i32, i32) {
        let values: &[i32] = match self {
            Self::Zero => &[],
            Self::Constant(value) => std::slice::from_ref(value),
            Self::Palette { values, .. } | Self::Table { values, .. } => values,
        };
        let widen = |(low, high): (i32, i32), value: &i32| (low.min(*value), high.max(*value));
        values.iter().fold((0, 0), widen)
    }

    pub(super) fn heap_size(&self) -> usize {
        match self {
            Self::Zero | Self::Constant(_) => 0,
            Self::Palette { values, codes } => size_of_val(&**values) + codes.len(),
            Self::Table { values, .. } => size_of_val(&**values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_forms_give_what_the_runs_say(
            offsets in proptest::collection::vec(-400_i32..400, 1..900), spread: bool,
        ) {
            let offsets: Vec<i32> =
                offsets.iter().map(|offset| if spread { *offset } else { offset % 4 }).collect();
            let count = u32::try_from(offsets.len()).unwrap() + 1;
            let runs = offsets.iter().map(|offset| (1, *offset));
            let composition = Composition::build(runs, count);
            let read: Vec<i32> = (0..count).map(|n| composition.get(n)).collect();
            prop_assert_eq!(&read[..offsets.len()], offsets.as_slice());
            prop_assert_eq!(read[offsets.len()], 0);
            prop_assert_eq!(composition.lowest(), *read.iter().min().unwrap());
        }
    }
}
