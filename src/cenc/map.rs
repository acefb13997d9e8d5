//! Which bytes of a fragment are protected (ISO/IEC 23001-7 section 9.5; packaging.md section 1.3).
//!
//! Only lengths and headers inside the samples are read; the samples stay where they are.

mod nal;
mod obu;
mod vp9;

use std::io;

use self::nal::NalWalk;
use self::obu::ObuWalk;
use self::vp9::FrameWalk;
use super::{Scheme, TrackKey};
use crate::bytes::ReadAt;
use crate::codec::{Codec, CodecError};
use crate::crypto::BLOCK;
use crate::isobmff::cenc::{SampleAuxiliary, SampleEntryAux, Subsample};
use crate::media::index::Sample;

/// Why the samples of a fragment cannot be protected.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// A NAL unit, an open bitstream unit or a tile does not fit into its sample.
    #[error("sample {sample}: a unit of {length} bytes does not fit into the sample")]
    TooLong {
        /// Sample number.
        sample: u32,
        /// The length that is claimed.
        length: u32,
    },
    /// A unit cannot be parsed.
    #[error("sample {sample}: {error}")]
    Codec {
        /// Sample number.
        sample: u32,
        /// What is wrong.
        error: CodecError,
    },
    /// The sample has more slices or tiles than `saiz` can describe.
    #[error("sample {sample}: more protected ranges than a sample can carry")]
    TooManySubsamples {
        /// Sample number.
        sample: u32,
    },
    /// Reading the file failed.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
}

/// A protected range inside the payload of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtectedRange {
    /// First byte, counted from the first sample's first byte.
    pub start: u32,
    /// Length in bytes.
    pub length: u32,
    /// Number of the sample.
    pub sample: u32,
    /// Bytes of key stream, or of the chain, that the ranges of the same sample in front of this
    /// one take.
    pub position: u32,
}

/// The protected ranges of a fragment and what `senc` says about them.
#[derive(Debug, Default)]
pub struct SampleMap {
    /// Ranges in ascending order, none of them empty.
    pub ranges: Vec<ProtectedRange>,
    /// Data for `saiz`, `saio`, `senc`.
    pub auxiliary: SampleAuxiliary,
}

impl SampleMap {
    /// Maps the samples of a fragment, in order.
    ///
    /// # Errors
    /// Headers inside samples that cannot be parsed, or a failed read.
    pub fn build<S: ReadAt + ?Sized>(
        source: &S,
        codec: &Codec,
        scheme: Scheme,
        key: &TrackKey,
        samples: impl Iterator<Item = Sample>,
    ) -> Result<Self, MapError> {
        let mut map = Self::default();
        let mut start = 0_u32;
        let mut pictures = pictures(source, codec);
        map.auxiliary.has_subsamples = pictures.is_some();
        map.auxiliary.iv_size = scheme.row().per_sample_iv_size;
        for sample in samples {
            let before = map.auxiliary.subsamples.len();
            match &mut pictures {
                Some(walk) => {
                    let mut builder = SubsampleBuilder::new(&mut map, scheme, &sample, start);
                    walk.sample(&sample, &mut builder)?;
                    builder.finish()?;
                }
                None => map.whole_sample(&sample, start),
            }
            let count = map.auxiliary.subsamples.len() - before;
            let iv = key.sample_iv(scheme, sample.number);
            // The builder lets no more than 42 pass.
            let subsamples = u16::try_from(count).unwrap_or(u16::MAX);
            map.auxiliary.samples.push(SampleEntryAux { iv, subsamples });
            start += sample.size;
        }
        Ok(map)
    }

    fn whole_sample(&mut self, sample: &Sample, start: u32) {
        let (length, sample) = (sample.size, sample.number);
        if length > 0 {
            self.ranges.push(ProtectedRange { start, length, sample, position: 0 });
        }
    }
}

/// Walks over the samples of a track of pictures, in order from a random access point on.
trait Pictures {
    /// Hands all bytes of a sample to the builder, in order.
    fn sample(
        &mut self,
        sample: &Sample,
        builder: &mut SubsampleBuilder<'_>,
    ) -> Result<(), MapError>;
}

/// The walk for a codec; `None` for sound, whose samples are protected as a whole.
fn pictures<'a, S: ReadAt + ?Sized>(
    source: &'a S,
    codec: &'a Codec,
) -> Option<Box<dyn Pictures + 'a>> {
    Some(match codec {
        Codec::Avc(config) => {
            Box::new(NalWalk::new(source, config.length_size, config.parameter_sets.clone()))
        }
        Codec::Hevc(config) => {
            Box::new(NalWalk::new(source, config.length_size, config.parameter_sets.clone()))
        }
        Codec::Av1(config) => Box::new(ObuWalk::new(source, config)),
        Codec::Vp9(_) => Box::new(FrameWalk::new(source)),
        _ => return None,
    })
}

fn too_long(sample: &Sample, length: u32) -> MapError {
    MapError::TooLong { sample: sample.number, length }
}

/// Names the sample whose headers cannot be parsed.
fn in_sample(sample: &Sample) -> impl Fn(CodecError) -> MapError {
    let sample = sample.number;
    move |error| MapError::Codec { sample, error }
}

/// Collects the subsamples of one sample; clear runs merge.
struct SubsampleBuilder<'m> {
    map: &'m mut SampleMap,
    scheme: Scheme,
    sample: u32,
    /// How many subsamples the sample may have, with those of the samples before it.
    most: usize,
    /// Where the next byte is in the payload.
    at: u32,
    /// Clear bytes that wait for the protected bytes behind them.
    clear: u32,
    /// Bytes of key stream or of the chain so far.
    position: u32,
}

impl<'m> SubsampleBuilder<'m> {
    fn new(map: &'m mut SampleMap, scheme: Scheme, sample: &Sample, start: u32) -> Self {
        let most = map.auxiliary.subsamples.len() + map.auxiliary.max_subsamples();
        Self { map, scheme, sample: sample.number, most, at: start, clear: 0, position: 0 }
    }

    /// Adds `clear` bytes, then `protected` bytes. Where the scheme wants whole blocks, what is left
    /// over stays clear in front of them.
    fn push(&mut self, clear: u32, protected: u32) -> Result<(), MapError> {
        const SIZE: u32 = BLOCK as u32;
        let rest = if self.scheme.row().whole_blocks { protected % SIZE } else { 0 };
        let (clear, protected) = (clear + rest, protected - rest);
        self.clear += clear;
        let start = self.at + clear;
        self.at = start + protected;
        if protected == 0 {
            return Ok(());
        }
        self.write(protected)?;
        let (sample, position) = (self.sample, self.position);
        self.map.ranges.push(ProtectedRange { start, length: protected, sample, position });
        self.position += self.scheme.ciphered(self.scheme.row().video_pattern, protected);
        Ok(())
    }

    fn finish(mut self) -> Result<(), MapError> {
        if self.clear > 0 { self.write(0) } else { Ok(()) }
    }

    /// A clear run has 16 bits; a longer one takes several entries.
    fn write(&mut self, protected: u32) -> Result<(), MapError> {
        let list = &mut self.map.auxiliary.subsamples;
        while self.clear > u32::from(u16::MAX) {
            list.push(Subsample { clear: u16::MAX, protected: 0 });
            self.clear -= u32::from(u16::MAX);
        }
        // Not larger than 65,535 after the loop.
        let clear = u16::try_from(self.clear).unwrap_or(u16::MAX);
        list.push(Subsample { clear, protected });
        self.clear = 0;
        let too_many = MapError::TooManySubsamples { sample: self.sample };
        if list.len() > self.most { Err(too_many) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cenc::scheme::TABLE;
    use crate::codec::aac::{AacConfig, Core};
    use crate::codec::av1::Av1Config;
    use crate::codec::avc::AvcConfig;
    use crate::codec::hevc::HevcConfig;
    use crate::codec::vp9::Vp9Config;
    use crate::crypto::ContentKey;
    use crate::ids::KeyId;
    use proptest::prelude::*;

    /// A walk over the ranges ends at an empty one: what follows would stay clear.
    #[test]
    fn a_sample_without_bytes_has_an_iv_but_no_range() {
        let codec = Codec::Aac(AacConfig {
            object_type_indication: 0x40,
            core: Core { object_type: 2, sampling_rate: 48_000, channel_configuration: 2 },
            object_type: 2,
            sampling_rate: 48_000,
            channels: 2,
            specific: [0x11, 0x90].into(),
        });
        let content_key = ContentKey::from_bytes([3; 16]);
        let key = TrackKey::new(KeyId::from_bytes([7; 16]), &content_key, b"track");
        let samples = [10, 0, 12].into_iter().zip(0..).map(|(size, number)| sample(number, size));
        for scheme in TABLE.iter().map(|row| row.scheme) {
            let map = SampleMap::build(&[][..], &codec, scheme, &key, samples.clone()).unwrap();
            let ranges = map.ranges.iter().map(|range| (range.start, range.length, range.sample));
            assert_eq!(ranges.collect::<Vec<_>>(), [(0, 10, 0), (10, 12, 2)]);
            assert_eq!(map.auxiliary.samples.len(), 3);
        }
    }

    fn sample(number: u32, size: u32) -> Sample {
        Sample {
            number,
            offset: 0,
            size,
            dts: 0,
            duration: 1024,
            composition_offset: 0,
            sync: true,
        }
    }

    fn subsamples(units: &[(u32, u32)]) -> Vec<(u16, u32)> {
        let mut map = SampleMap::default();
        let mut builder = SubsampleBuilder::new(&mut map, Scheme::Cbcs, &sample(0, 0), 0);
        for (clear, protected) in units {
            builder.push(*clear, *protected).unwrap();
        }
        builder.finish().unwrap();
        map.auxiliary.subsamples.iter().map(|s| (s.clear, s.protected)).collect()
    }

    #[test]
    fn clear_runs_merge_and_long_ones_split() {
        assert_eq!(subsamples(&[(6, 0), (30, 0), (10, 160)]), [(46, 160)]);
        assert_eq!(subsamples(&[(10, 16), (7, 0)]), [(10, 16), (7, 0)]);
        assert_eq!(subsamples(&[(70_000, 32)]), [(65_535, 0), (4_465, 32)]);
        assert_eq!(subsamples(&[(65_535, 32)]), [(65_535, 32)]);
    }

    /// Configurations without parameter sets, but for AV1, and the front of a sample that gets far.
    fn cases() -> Vec<(Codec, &'static [u8])> {
        let hevc: Vec<u8> = [&[1; 21][..], &[3, 0]].concat();
        let av1 = [0x81, 1, 0x0c, 0, 10, 11, 0, 0, 0, 12, 0xc4, 0xff, 0x67, 0x36, 0xbe, 0x40, 0x10];
        let vp9 = [1, 0, 0, 0, 0, 0x1e, 0x80, 2, 2, 2, 0, 0];
        let avc = [1, 66, 0, 30, 3, 0, 0];
        vec![
            (AvcConfig::parse(&avc).map(Codec::Avc).unwrap(), &[0, 0, 0, 2, 6, 1, 0, 0, 0, 9]),
            (HevcConfig::parse(&hevc).map(Codec::Hevc).unwrap(), &[0, 0, 0, 2, 0x4e, 1, 0, 0, 0]),
            (Av1Config::parse(&av1).map(Codec::Av1).unwrap(), &[0x30, 0x10, 0]),
            (
                Vp9Config::parse(&vp9).map(Codec::Vp9).unwrap(),
                &[0x82, 0x49, 0x83, 0x42, 0, 0, 0x3f, 0, 0xb3],
            ),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_map_covers_its_samples_exactly(tail: Vec<u8>, case in 0_usize..4, scheme in 0_usize..4) {
            let (codec, front) = cases().swap_remove(case);
            let scheme = TABLE[scheme].scheme;
            let data = [front, &tail].concat();
            let key = TrackKey::new(
                KeyId::from_bytes([7; 16]),
                &ContentKey::from_bytes([3; 16]),
                b"track",
            );
            let samples = [sample(0, data.len() as u32)].into_iter();
            let map = SampleMap::build(data.as_slice(), &codec, scheme, &key, samples);
            let Ok(map) = map else { return Ok(()) };
            let listed = &map.auxiliary.subsamples;
            let sum: usize = listed.iter().map(|s| s.clear as usize + s.protected as usize).sum();
            prop_assert_eq!(sum, data.len());
            let hidden: u32 = map.ranges.iter().map(|range| range.length).sum();
            prop_assert_eq!(hidden, listed.iter().map(|s| s.protected).sum::<u32>());
            let blocks = scheme.row().whole_blocks;
            prop_assert!(map.ranges.iter().all(|range| !blocks || range.length % 16 == 0));
            prop_assert!(listed.len() <= map.auxiliary.max_subsamples());
        }
    }
}
