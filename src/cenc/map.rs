//! Which bytes of a fragment are protected (ISO/IEC 23001-7 section 9.5; packaging.md section 1.3).
//!
//! Only lengths, NAL unit headers and slice headers are read; the samples stay where they are.

use std::io;

use super::{Scheme, TrackKey};
use crate::bytes::{ReadAt, Window};
use crate::codec::avc::{AvcConfig, ParameterSets, nal_type, slice_header_len};
use crate::codec::{Codec, CodecError};
use crate::crypto::BLOCK;
use crate::isobmff::cenc::{SampleAuxiliary, SampleEntryAux, Subsample};
use crate::media::index::Sample;

/// Slice headers are far shorter; a parameter set in the samples may need more.
const HEADER_WINDOW: usize = 512;

/// A larger parameter set in the samples is refused.
const MAX_PARAMETER_SET: u32 = 1 << 16;

/// Why the samples of a fragment cannot be protected.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// A NAL unit does not fit into its sample.
    #[error("sample {sample}: a NAL unit of {length} bytes does not fit into the sample")]
    NalTooLong {
        /// Sample number.
        sample: u32,
        /// The length that is claimed.
        length: u32,
    },
    /// A NAL unit cannot be parsed.
    #[error("sample {sample}: {error}")]
    Codec {
        /// Sample number.
        sample: u32,
        /// What is wrong.
        error: CodecError,
    },
    /// The sample has more slices than `saiz` can describe.
    #[error("sample {sample}: more protected ranges than a sample can carry")]
    TooManySubsamples {
        /// Sample number.
        sample: u32,
    },
    /// Where the protected bytes of the codec are is not understood.
    #[error("samples of the codec {0} cannot be protected")]
    Unprotectable(&'static str),
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
    /// NAL units that cannot be parsed, or a failed read.
    pub fn build<S: ReadAt + ?Sized>(
        source: &S,
        codec: &Codec,
        scheme: Scheme,
        key: &TrackKey,
        samples: impl Iterator<Item = Sample>,
    ) -> Result<Self, MapError> {
        let mut map = Self::default();
        let mut payload = 0_u32;
        let mut nals = match codec {
            Codec::Avc(config) => Some(NalWalk::new(source, config, scheme)),
            codec if codec.sound().is_some() => None,
            codec => return Err(MapError::Unprotectable(codec.family().name())),
        };
        map.auxiliary.has_subsamples = nals.is_some();
        map.auxiliary.iv_size = scheme.row().per_sample_iv_size;
        for sample in samples {
            let before = map.auxiliary.subsamples.len();
            match &mut nals {
                Some(walk) => walk.sample(&sample, payload, &mut map)?,
                None => map.whole_sample(&sample, payload),
            }
            let count = map.auxiliary.subsamples.len() - before;
            let iv = key.sample_iv(scheme, sample.number);
            let too_many = MapError::TooManySubsamples { sample: sample.number };
            if count > map.auxiliary.max_subsamples() {
                return Err(too_many);
            }
            let subsamples = u16::try_from(count).map_err(|_| too_many)?;
            map.auxiliary.samples.push(SampleEntryAux { iv, subsamples });
            payload += sample.size;
        }
        Ok(map)
    }

    fn whole_sample(&mut self, sample: &Sample, start: u32) {
        if sample.size == 0 {
            return;
        }
        let (length, sample) = (sample.size, sample.number);
        if length == 0 {
            return;
        }
        self.ranges.push(ProtectedRange { start, length, sample, position: 0 });
    }
}

/// Walks over the NAL units of AVC samples.
struct NalWalk<'a, S: ?Sized> {
    window: Window<'a, S>,
    config: &'a AvcConfig,
    /// In-band parameter sets replace those of the configuration from then on.
    sets: ParameterSets,
    scheme: Scheme,
}

impl<'a, S: ReadAt + ?Sized> NalWalk<'a, S> {
    fn new(source: &'a S, config: &'a AvcConfig, scheme: Scheme) -> Self {
        let sets = config.parameter_sets.clone();
        Self { window: Window::new(source), config, sets, scheme }
    }

    fn sample(
        &mut self,
        sample: &Sample,
        payload: u32,
        map: &mut SampleMap,
    ) -> Result<(), MapError> {
        let length_size = u32::try_from(self.config.length_size.bytes()).unwrap_or(4);
        let mut builder = SubsampleBuilder::new(map, self.scheme, sample.number);
        let mut at = 0;
        while at < sample.size {
            let left = sample.size - at;
            let nal = self.nal_length(sample, at)?;
            let total = nal.checked_add(length_size).filter(|total| *total <= left);
            let total = total.ok_or(too_long(sample, nal))?;
            let clear = self.clear_bytes(sample, at + length_size, nal)?;
            let (clear, protected) = self.align(length_size + clear, nal - clear);
            builder.push(payload + at, clear, protected);
            at += total;
        }
        builder.finish();
        Ok(())
    }

    fn nal_length(&mut self, sample: &Sample, at: u32) -> Result<u32, MapError> {
        let size = self.config.length_size;
        if ((sample.size - at) as usize) < size.bytes() {
            return Err(too_long(sample, 0));
        }
        let field = self.window.get(sample.offset + u64::from(at), size.bytes())?;
        size.read(field).ok_or(too_long(sample, 0))
    }

    /// How many bytes of a NAL unit stay clear: slices up to the end of their header, everything
    /// else as a whole.
    fn clear_bytes(&mut self, sample: &Sample, at: u32, nal: u32) -> Result<u32, MapError> {
        if nal == 0 {
            return Ok(0);
        }
        let offset = sample.offset + u64::from(at);
        let codec = |error| MapError::Codec { sample: sample.number, error };
        match self.window.get(offset, 1)?[0] & 0x1f {
            nal_type::SLICE | nal_type::IDR_SLICE => {
                let front = self.window.get(offset, (nal as usize).min(HEADER_WINDOW))?;
                let length = slice_header_len(front, &self.sets).map_err(codec)?;
                Ok(u32::try_from(length).unwrap_or(nal).min(nal))
            }
            nal_type::PARTITION_A..=nal_type::PARTITION_C => {
                Err(codec(CodecError::BadValue("data partitioning cannot be protected")))
            }
            kind @ (nal_type::SPS | nal_type::PPS) => {
                if nal > MAX_PARAMETER_SET {
                    return Err(too_long(sample, nal));
                }
                let unit = self.window.get(offset, nal as usize)?;
                let add = if kind == nal_type::SPS {
                    ParameterSets::add_sps
                } else {
                    ParameterSets::add_pps
                };
                add(&mut self.sets, unit).map_err(codec)?;
                Ok(nal)
            }
            _ => Ok(nal),
        }
    }

    /// Moves what is no whole block into the clear bytes in front, where the scheme wants that.
    fn align(&self, clear: u32, protected: u32) -> (u32, u32) {
        const SIZE: u32 = BLOCK as u32;
        let whole_blocks = self.scheme.row().whole_blocks;
        let rest = if whole_blocks { protected % SIZE } else { 0 };
        (clear + rest, protected - rest)
    }
}

fn too_long(sample: &Sample, length: u32) -> MapError {
    MapError::NalTooLong { sample: sample.number, length }
}

/// Collects the subsamples of one sample; clear runs merge.
struct SubsampleBuilder<'m> {
    map: &'m mut SampleMap,
    scheme: Scheme,
    sample: u32,
    /// Clear bytes that wait for the protected bytes behind them.
    clear: u32,
    /// Bytes of key stream or of the chain so far.
    position: u32,
}

impl<'m> SubsampleBuilder<'m> {
    fn new(map: &'m mut SampleMap, scheme: Scheme, sample: u32) -> Self {
        Self { map, scheme, sample, clear: 0, position: 0 }
    }

    /// Adds a NAL unit at `start` of the payload: `clear` bytes, then `protected` bytes.
    fn push(&mut self, start: u32, clear: u32, protected: u32) {
        self.clear += clear;
        if protected == 0 {
            return;
        }
        self.write(protected);
        self.map.ranges.push(ProtectedRange {
            start: start + clear,
            length: protected,
            sample: self.sample,
            position: self.position,
        });
        self.position += self.scheme.ciphered(self.scheme.row().video_pattern, protected);
    }

    fn finish(mut self) {
        if self.clear > 0 {
            self.write(0);
        }
    }

    /// A clear run has 16 bits; a longer one takes several entries.
    fn write(&mut self, protected: u32) {
        let list = &mut self.map.auxiliary.subsamples;
        while self.clear > u32::from(u16::MAX) {
            list.push(Subsample { clear: u16::MAX, protected: 0 });
            self.clear -= u32::from(u16::MAX);
        }
        // Not larger than 65,535 after the loop.
        let clear = u16::try_from(self.clear).unwrap_or(u16::MAX);
        list.push(Subsample { clear, protected });
        self.clear = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cenc::scheme::TABLE;
    use crate::codec::aac::{AacConfig, Core};
    use crate::crypto::ContentKey;
    use crate::ids::KeyId;

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
        let samples = [10, 0, 12].iter().zip(0..).map(|(size, number)| Sample {
            number,
            offset: 0,
            size: *size,
            dts: 0,
            duration: 1024,
            composition_offset: 0,
            sync: true,
        });
        for scheme in TABLE.iter().map(|row| row.scheme) {
            let map = SampleMap::build(&[][..], &codec, scheme, &key, samples.clone()).unwrap();
            let ranges = map.ranges.iter().map(|range| (range.start, range.length, range.sample));
            assert_eq!(ranges.collect::<Vec<_>>(), [(0, 10, 0), (10, 12, 2)]);
            assert_eq!(map.auxiliary.samples.len(), 3);
        }
    }

    fn subsamples(units: &[(u32, u32)]) -> Vec<(u16, u32)> {
        let mut map = SampleMap::default();
        let mut builder = SubsampleBuilder::new(&mut map, Scheme::Cenc, 0);
        let mut at = 0;
        for (clear, protected) in units {
            builder.push(at, *clear, *protected);
            at += clear + protected;
        }
        builder.finish();
        map.auxiliary.subsamples.iter().map(|s| (s.clear, s.protected)).collect()
    }

    #[test]
    fn clear_runs_merge_and_long_ones_split() {
        assert_eq!(subsamples(&[(6, 0), (30, 0), (10, 160)]), [(46, 160)]);
        assert_eq!(subsamples(&[(10, 16), (7, 0)]), [(10, 16), (7, 0)]);
        assert_eq!(subsamples(&[(70_000, 32)]), [(65_535, 0), (4_465, 32)]);
        assert_eq!(subsamples(&[(65_535, 32)]), [(65_535, 32)]);
    }
}
