//! AVC (ISO/IEC 14496-10): configuration record, parameter sets, slice headers.

mod config;
mod pps;
mod slice;
mod sps;

pub use config::AvcConfig;
pub use pps::Pps;
pub use sps::Sps;

use super::CodecError;
use super::nal::{Role, Slices};
use super::parameter_sets::{PictureSet, SequenceSet};

/// NAL unit types (table 7-1) that matter here.
pub mod nal_type {
    /// Coded slice of a non-IDR picture.
    pub const SLICE: u8 = 1;
    /// Data partitions A to C (Extended profile).
    pub const PARTITION_A: u8 = 2;
    /// See [`PARTITION_A`].
    pub const PARTITION_C: u8 = 4;
    /// Coded slice of an IDR picture.
    pub const IDR_SLICE: u8 = 5;
    /// Supplemental enhancement information.
    pub const MESSAGE: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const DELIMITER: u8 = 9;
}

/// The type of a NAL unit by the first byte of its header.
pub fn nal_type_of(header: u8) -> u8 {
    header & 0x1f
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

impl Slices for ParameterSets {
    fn role(header: &[u8]) -> Result<Role, CodecError> {
        match header.first().map(|header| nal_type_of(*header)) {
            Some(nal_type::SLICE | nal_type::IDR_SLICE) => Ok(Role::Slice),
            Some(nal_type::SPS | nal_type::PPS) => Ok(Role::ParameterSet),
            Some(nal_type::PARTITION_A..=nal_type::PARTITION_C) => {
                Err(CodecError::BadValue("data partitioning cannot be protected"))
            }
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
