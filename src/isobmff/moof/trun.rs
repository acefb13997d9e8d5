//! `trun`: samples of a track fragment (ISO/IEC 14496-12 section 8.8.8).

use super::flags::trun::{
    COMPOSITION_OFFSET, DATA_OFFSET, DURATION, FIRST_SAMPLE_FLAGS, FLAGS, SIZE,
};
use crate::bytes::{Reader, Truncated};
use crate::isobmff::moov::mvex::SampleDefaults;
use crate::isobmff::{BoxError, BoxRef, Rule};

/// sample_is_non_sync_sample.
const NON_SYNC: u32 = 0x0001_0000;
/// sample_depends_on 1, of two bits: the sample needs others, whatever the flag above says.
const DEPENDS_ON: u32 = 0x0300_0000;
const DEPENDS: u32 = 0x0100_0000;

/// A run of samples that lie one behind the other.
#[derive(Debug, Clone)]
pub struct Trun<'a> {
    /// From the base of the track fragment to the first sample in bytes; without it the run goes
    /// on where the one before ends.
    pub data_offset: Option<i32>,
    /// Number of samples; there are bytes for the fields of every one of them, if any has fields.
    pub count: u32,
    first_flags: Option<u32>,
    fields: u32,
    entries: &'a [u8],
}

/// A sample of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSample {
    /// Duration in media ticks.
    pub duration: u32,
    /// Size in bytes.
    pub size: u32,
    /// Composition offset in media ticks; signed in version 0 too, as in `ctts`.
    pub composition_offset: i32,
    /// Whether decoding can start here.
    pub sync: bool,
}

impl<'a> Trun<'a> {
    /// Reads the box and checks the count against it.
    pub fn parse(trun: &BoxRef<'a>) -> Result<Self, BoxError> {
        let (_, fields, rest) = trun.full()?;
        let mut reader = Reader::new(rest);
        let has = |flag: u32| fields & flag != 0;
        let mut head = || {
            let count = reader.u32()?;
            let data_offset = has(DATA_OFFSET).then(|| reader.u32()).transpose()?;
            let first_flags = has(FIRST_SAMPLE_FLAGS).then(|| reader.u32()).transpose()?;
            let data_offset = data_offset.map(u32::cast_signed);
            Ok(Self { data_offset, count, first_flags, fields, entries: &[] })
        };
        let run = head().map_err(BoxError::truncated(b"trun"))?;
        let entry =
            [DURATION, SIZE, FLAGS, COMPOSITION_OFFSET].map(|flag| 4 * usize::from(has(flag)));
        let length = (run.count as usize).checked_mul(entry.iter().sum());
        let entries = length.and_then(|length| reader.rest().get(..length));
        Ok(Self { entries: entries.ok_or(trun.error(Rule::CountExceedsBox))?, ..run })
    }

    /// The samples in order.
    pub fn samples(&self, defaults: SampleDefaults) -> impl Iterator<Item = RunSample> + use<'a> {
        let (fields, first_flags) = (self.fields, self.first_flags);
        let mut reader = Reader::new(self.entries);
        (0..self.count).map_while(move |n| {
            let mut field = |flag: u32, default: u32| {
                if fields & flag == 0 { Ok(default) } else { reader.u32() }
            };
            let mut read = || -> Result<RunSample, Truncated> {
                let duration = field(DURATION, defaults.duration)?;
                let size = field(SIZE, defaults.size)?;
                let flags = field(FLAGS, defaults.flags)?;
                let flags = first_flags.filter(|_| n == 0).unwrap_or(flags);
                let composition_offset = field(COMPOSITION_OFFSET, 0)?.cast_signed();
                let sync = flags & NON_SYNC == 0 && flags & DEPENDS_ON != DEPENDS;
                Ok(RunSample { duration, size, composition_offset, sync })
            };
            // `parse` has seen the bytes of all entries.
            read().ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::FourCc;
    use proptest::prelude::*;

    const TRACK: SampleDefaults =
        SampleDefaults { description: 1, duration: 7, size: 9, flags: NON_SYNC };

    fn read(flags: u32, words: &[u32]) -> Result<Vec<RunSample>, BoxError> {
        let mut body = flags.to_be_bytes().to_vec();
        body.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        let trun = BoxRef { kind: FourCc(*b"trun"), raw: &body, body: &body };
        Trun::parse(&trun).map(|run| run.samples(TRACK).collect())
    }

    #[test]
    fn fields_that_are_not_there_come_from_the_defaults() {
        let sample = |duration, size, composition_offset, sync| RunSample {
            duration,
            size,
            composition_offset,
            sync,
        };
        assert_eq!(read(0, &[2]).unwrap(), [sample(7, 9, 0, false); 2]);
        let first = read(FIRST_SAMPLE_FLAGS | SIZE, &[2, 0x0200_0000, 5, 6]).unwrap();
        assert_eq!(first, [sample(7, 5, 0, true), sample(7, 6, 0, false)]);
        let all = DATA_OFFSET | DURATION | SIZE | FLAGS | COMPOSITION_OFFSET;
        let full = read(all, &[1, 99, 1, 2, 0x0100_0000, (-4_i32).cast_unsigned()]).unwrap();
        assert_eq!(full, [sample(1, 2, -4, false)], "a sample that depends on others");
    }

    #[test]
    fn a_count_beyond_the_box_is_refused() {
        let refused = read(DURATION, &[3, 1, 1]).unwrap_err();
        assert_eq!(refused.rule, Rule::CountExceedsBox);
        assert_eq!(read(DURATION | SIZE | FLAGS, &[u32::MAX]).unwrap_err(), refused);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_give_as_many_samples_as_the_count_or_none(body: Vec<u8>) {
            let trun = BoxRef { kind: FourCc(*b"trun"), raw: &body, body: &body };
            if let Ok(run) = Trun::parse(&trun) {
                let expected = run.count.min(1000) as usize;
                prop_assert_eq!(run.samples(TRACK).take(1000).count(), expected);
            }
        }
    }
}
