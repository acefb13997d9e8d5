//! `tfhd`: track fragment header (ISO/IEC 14496-12 section 8.8.7).

use super::flags::tfhd::{
    BASE_DATA_OFFSET, DEFAULT_BASE_IS_MOOF, DESCRIPTION, DURATION, FLAGS, SIZE,
};
use crate::bytes::Reader;
use crate::isobmff::moov::mvex::SampleDefaults;
use crate::isobmff::{BoxError, BoxRef};

/// A track fragment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tfhd {
    /// Which track the fragment belongs to.
    pub track_id: u32,
    /// File offset from which data offsets count, if the box gives one.
    pub base_data_offset: Option<u64>,
    /// Without such an offset: whether data offsets count from the start of `moof` in every track
    /// fragment, or go on where the data of the track fragment before end.
    pub base_is_moof: bool,
    description: Option<u32>,
    duration: Option<u32>,
    size: Option<u32>,
    flags: Option<u32>,
}

impl Tfhd {
    /// Reads the box.
    pub fn parse(tfhd: &BoxRef<'_>) -> Result<Self, BoxError> {
        let (_, flags, rest) = tfhd.full()?;
        let mut reader = Reader::new(rest);
        let has = |flag: u32| flags & flag != 0;
        let mut parse = || {
            let track_id = reader.u32()?;
            let base_data_offset = has(BASE_DATA_OFFSET).then(|| reader.u64()).transpose()?;
            let mut field = |flag: u32| has(flag).then(|| reader.u32()).transpose();
            Ok(Self {
                track_id,
                base_data_offset,
                base_is_moof: has(DEFAULT_BASE_IS_MOOF),
                description: field(DESCRIPTION)?,
                duration: field(DURATION)?,
                size: field(SIZE)?,
                flags: field(FLAGS)?,
            })
        };
        parse().map_err(BoxError::truncated(b"tfhd"))
    }

    /// What the samples of the fragment have unless their run says otherwise.
    pub fn defaults(&self, track: SampleDefaults) -> SampleDefaults {
        SampleDefaults {
            description: self.description.unwrap_or(track.description),
            duration: self.duration.unwrap_or(track.duration),
            size: self.size.unwrap_or(track.size),
            flags: self.flags.unwrap_or(track.flags),
        }
    }
}
