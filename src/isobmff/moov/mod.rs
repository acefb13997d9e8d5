//! Movie header boxes (ISO/IEC 14496-12 section 8): read from inputs, written for init segments.

pub mod dinf;
pub mod elst;
pub mod hdlr;
pub mod mdhd;
pub mod mvex;
pub mod mvhd;
pub mod tkhd;
pub mod trak;

/// The unity transformation matrix of `mvhd` and `tkhd` (section 6.2.2).
const UNITY_MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
