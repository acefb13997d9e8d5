//! Flags that say which fields of `tfhd` and `trun` are there (ISO/IEC 14496-12 sections 8.8.7 and
//! 8.8.8).

/// Flags of `tfhd`.
pub(super) mod tfhd {
    pub(in super::super) const BASE_DATA_OFFSET: u32 = 0x00_0001;
    pub(in super::super) const DESCRIPTION: u32 = 0x00_0002;
    pub(in super::super) const DURATION: u32 = 0x00_0008;
    pub(in super::super) const SIZE: u32 = 0x00_0010;
    pub(in super::super) const FLAGS: u32 = 0x00_0020;
    pub(in super::super) const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
}

/// Flags of `trun`.
pub(super) mod trun {
    pub(in super::super) const DATA_OFFSET: u32 = 0x000_001;
    pub(in super::super) const FIRST_SAMPLE_FLAGS: u32 = 0x000_004;
    pub(in super::super) const DURATION: u32 = 0x000_100;
    pub(in super::super) const SIZE: u32 = 0x000_200;
    pub(in super::super) const FLAGS: u32 = 0x000_400;
    pub(in super::super) const COMPOSITION_OFFSET: u32 = 0x000_800;
}
