//! The AVC decoder configuration record, `avcC` (ISO/IEC 14496-15 section 5.3.3.1).

use super::ParameterSets;
use crate::bytes::{Reader, Truncated};
use crate::codec::CodecError;
use crate::codec::nal::{LengthSize, Slices};

/// What packaging needs of an `avcC` box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvcConfig {
    /// profile_idc, constraint flags, level_idc: the three bytes of the codec string.
    pub profile_level: [u8; 3],
    /// Size of the NAL unit length fields in the samples.
    pub length_size: LengthSize,
    /// The parameter sets of the record; empty for avc3 that carries them in the samples only.
    pub parameter_sets: ParameterSets,
    /// The sequence parameter sets of the record as NAL units, for streams that repeat them.
    pub sps: Vec<Box<[u8]>>,
    /// The picture parameter sets of the record as NAL units.
    pub pps: Vec<Box<[u8]>>,
}

impl AvcConfig {
    /// Reads the body of an `avcC` box. The chroma fields at its end are not looked at.
    ///
    /// # Errors
    /// A record that ends inside a parameter set, an unknown version, or a parameter set that
    /// cannot be parsed.
    pub fn parse(record: &[u8]) -> Result<Self, CodecError> {
        let truncated = CodecError::truncated("avcC");
        let mut reader = Reader::new(record);
        let [version, profile, compatibility, level, length_size] =
            reader.array().map_err(&truncated)?;
        if version != 1 {
            return Err(CodecError::BadValue("the avcC version is not 1"));
        }
        let mut parameter_sets = ParameterSets::default();
        let (mut sps, mut pps) = (Vec::new(), Vec::new());
        let sps_count = reader.u8().map_err(&truncated)? & 0x1f;
        for _ in 0..sps_count {
            let nal = parameter_set(&mut reader).map_err(&truncated)?;
            parameter_sets.add(nal)?;
            sps.push(Box::from(nal));
        }
        let pps_count = reader.u8().map_err(&truncated)?;
        for _ in 0..pps_count {
            let nal = parameter_set(&mut reader).map_err(&truncated)?;
            parameter_sets.add(nal)?;
            pps.push(Box::from(nal));
        }
        Ok(Self {
            profile_level: [profile, compatibility, level],
            length_size: LengthSize::from_minus_one(length_size)?,
            parameter_sets,
            sps,
            pps,
        })
    }
}

fn parameter_set<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Truncated> {
    let length = reader.u16()?;
    reader.take(usize::from(length))
}
