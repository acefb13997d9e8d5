//! HEVC (ISO/IEC 23008-2): configuration record and what sequence parameter sets say of colour.

mod config;
mod sps;

pub use config::HevcConfig;

/// NAL unit types (table 7-1) that matter here.
pub mod nal_type {
    /// First of the pictures at which decoding can start (IRAP).
    pub const FIRST_RANDOM_ACCESS: u8 = 16;
    /// Last of them.
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
