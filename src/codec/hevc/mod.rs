//! HEVC (ISO/IEC 23008-2): configuration record, parameter sets, slice segment headers.

mod config;
mod pps;
mod short_term;
mod slice;
mod sps;

pub use config::HevcConfig;
pub use pps::Pps;
pub use sps::Sps;

use super::CodecError;
use super::nal::{Role, Slices};
use super::parameter_sets::{PictureSet, SequenceSet};
use crate::bytes::{BitReader, Truncated};

/// NAL unit types (table 7-1) that matter here.
pub mod nal_type {
    /// Last of the slice segments of pictures at which decoding cannot start.
    pub const LAST_TRAILING_SLICE: u8 = 9;
    /// First of the pictures at which decoding can start (IRAP).
    pub const FIRST_RANDOM_ACCESS: u8 = 16;
    /// First of the pictures that refer to nothing before them.
    pub const FIRST_IDR: u8 = 19;
    /// Last of them.
    pub const LAST_IDR: u8 = 20;
    /// Last of the slice segments that are not reserved.
    pub const LAST_SLICE: u8 = 21;
    /// Last of the pictures at which decoding can start.
    pub const LAST_RANDOM_ACCESS: u8 = 23;
    /// Video parameter set.
    pub const VPS: u8 = 32;
    /// Sequence parameter set.
    pub const SPS: u8 = 33;
    /// Picture parameter set.
    pub const PPS: u8 = 34;
    /// Access unit delimiter.
    pub const DELIMITER: u8 = 35;
    /// Supplemental enhancement information in front of a picture.
    pub const MESSAGE: u8 = 39;
}

/// The type of a NAL unit by the first byte of its header.
pub fn nal_type_of(header: u8) -> u8 {
    header >> 1 & 0x3f
}

/// The parameter sets in force.
pub type ParameterSets = super::ParameterSets<Sps, Pps>;

impl SequenceSet for Sps {
    fn id(&self) -> u32 {
        self.id
    }
}

impl PictureSet for Pps {
    fn id(&self) -> u32 {
        self.id
    }

    fn sequence(&self) -> u32 {
        self.sps_id
    }
}

impl ParameterSets {
    /// Memory beside the structure in bytes: reference sets take far more of it than bits in a file.
    pub fn heap_size(&self) -> usize {
        let own = size_of_val(&*self.sequences) + size_of_val(&*self.pictures);
        own + self.sequences.iter().map(Sps::heap_size).sum::<usize>()
    }
}

impl Slices for ParameterSets {
    fn role(header: &[u8]) -> Result<Role, CodecError> {
        let [first, second, ..] = *header else { return Ok(Role::Other) };
        let base = first & 1 == 0 && second >> 3 == 0;
        match nal_type_of(first) {
            0..=nal_type::LAST_TRAILING_SLICE
            | nal_type::FIRST_RANDOM_ACCESS..=nal_type::LAST_SLICE => {
                let refused = CodecError::BadValue("layers above the base cannot be protected");
                if base { Ok(Role::Slice) } else { Err(refused) }
            }
            nal_type::SPS | nal_type::PPS if base => Ok(Role::ParameterSet),
            _ => Ok(Role::Other),
        }
    }

    fn add(&mut self, unit: &[u8]) -> Result<(), CodecError> {
        match unit.first().map(|header| nal_type_of(*header)) {
            Some(nal_type::SPS) => self.put_sequence(Sps::parse(unit)?),
            Some(nal_type::PPS) => self.put_picture(Pps::parse(unit)?),
            _ => {}
        }
        Ok(())
    }

    fn header_len(&self, front: &[u8]) -> Result<usize, CodecError> {
        slice::header_len(front, self)
    }
}

/// Reads over `count` Exp-Golomb values; signed and unsigned ones have the same lengths.
fn skip_values(r: &mut BitReader<'_>, count: u32) -> Result<(), Truncated> {
    (0..count).try_for_each(|_| r.ue().map(|_| ()))
}

/// Section 7.3.4: the values are not needed, their length is.
fn skip_scaling_lists(r: &mut BitReader<'_>) -> Result<(), Truncated> {
    for size in 0..4_u32 {
        let step = if size == 3 { 3 } else { 1 };
        for _ in (0..6).step_by(step) {
            if !r.bit()? {
                r.ue()?;
                continue;
            }
            let coefficients = 64.min(1_u32 << (4 + (size << 1)));
            skip_values(r, coefficients + if size > 1 { 1 } else { 0 })?;
        }
    }
    Ok(())
}

/// Ceil(Log2(`count`)): the bits of an index among so many.
fn index_bits(count: u32) -> u32 {
    u32::BITS - count.saturating_sub(1).leading_zeros()
}

/// A parameter set from the payload of its NAL unit.
fn parsed<T>(
    nal: &[u8],
    name: &'static str,
    parse: impl FnOnce(&mut BitReader<'_>) -> Result<T, Truncated>,
) -> Result<T, CodecError> {
    let payload = nal.get(2..).unwrap_or_default();
    parse(&mut BitReader::new(payload)).map_err(CodecError::truncated(name))
}
