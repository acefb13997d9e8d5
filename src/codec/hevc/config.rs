//! The HEVC decoder configuration record, `hvcC` (ISO/IEC 14496-15 section 8.3.3.1).

use super::{ParameterSets, Sps, nal_type, nal_type_of};
use crate::bytes::{Reader, Truncated};
use crate::codec::nal::{LengthSize, Slices};
use crate::codec::{CodecError, Colour};

/// What the record holds, in the order in which decoders need it.
const SETS: [u8; 4] = [nal_type::VPS, nal_type::SPS, nal_type::PPS, nal_type::MESSAGE];

/// What packaging needs of an `hvcC` box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HevcConfig {
    /// general_profile_space (2 bits), general_tier_flag (1), general_profile_idc (5).
    pub profile: u8,
    /// general_profile_compatibility_flags.
    pub compatibility: u32,
    /// general_constraint_indicator_flags.
    pub constraints: [u8; 6],
    /// general_level_idc: 30 times the level.
    pub level: u8,
    /// Size of the NAL unit length fields in the samples.
    pub length_size: LengthSize,
    /// The parameter sets of the record as NAL units, VPS, SPS, PPS, and messages that hold for the
    /// whole stream. None where the samples carry them (`hev1`).
    pub sets: Vec<Box<[u8]>>,
    /// The same sets, as far as they can be parsed.
    pub parameter_sets: ParameterSets,
    /// Colour of the first sequence parameter set that tells.
    pub colour: Option<Colour>,
}

impl HevcConfig {
    /// Reads the body of an `hvcC` box.
    ///
    /// # Errors
    /// A record that ends inside a parameter set, or an unknown version.
    pub fn parse(record: &[u8]) -> Result<Self, CodecError> {
        let truncated = CodecError::truncated("hvcC");
        let mut reader = Reader::new(record);
        // Files of the time before the standard was finished say 0.
        if reader.u8().map_err(&truncated)? > 1 {
            return Err(CodecError::BadValue("the hvcC version is not 1"));
        }
        Self::parse_fields(&mut reader).map_err(&truncated)?
    }

    fn parse_fields(reader: &mut Reader<'_>) -> Result<Result<Self, CodecError>, Truncated> {
        let profile = reader.u8()?;
        let compatibility = reader.u32()?;
        let constraints = reader.array()?;
        let level = reader.u8()?;
        reader.skip(8)?; // segmentation, parallelism, chroma, bit depths, frame rate
        let length_size = match LengthSize::from_minus_one(reader.u8()?) {
            Ok(size) => size,
            Err(error) => return Ok(Err(error)),
        };
        let sets = parameter_sets(reader)?;
        let mut parameter_sets = ParameterSets::default();
        for set in &sets {
            // What is broken is no reason to refuse a track: slices that name it cannot be protected.
            let _ = parameter_sets.add(set);
        }
        let mut told = sets.iter().filter(|set| kind(set) == nal_type::SPS);
        let colour = told.find_map(|set| Sps::parse(set).ok()?.colour);
        Ok(Ok(Self {
            profile,
            compatibility,
            constraints,
            level,
            length_size,
            sets,
            parameter_sets,
            colour,
        }))
    }

    /// The codec string (ISO/IEC 14496-15 annex E.3); `entry` is the type of the sample entry.
    pub fn string(&self, entry: &str) -> String {
        let space = ["", "A", "B", "C"][usize::from(self.profile >> 6)];
        let (profile, tier) =
            (self.profile & 0x1f, if self.profile & 0x20 == 0 { 'L' } else { 'H' });
        let compatibility = self.compatibility.reverse_bits();
        let mut string = format!("{entry}.{space}{profile}.{compatibility:X}.{tier}{}", self.level);
        let used = self.constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for byte in &self.constraints[..used] {
            string += &format!(".{byte:X}");
        }
        string
    }
}

fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |header| nal_type_of(*header))
}

/// The parameter sets of all arrays, whatever the order of the arrays.
fn parameter_sets(reader: &mut Reader<'_>) -> Result<Vec<Box<[u8]>>, Truncated> {
    let mut sets: Vec<Box<[u8]>> = Vec::new();
    for _ in 0..reader.u8()? {
        reader.skip(1)?; // array_completeness and type, which the NAL units repeat
        for _ in 0..reader.u16()? {
            let length = reader.u16()?;
            let nal = reader.take(usize::from(length))?;
            if SETS.contains(&kind(nal)) {
                sets.push(Box::from(nal));
            }
        }
    }
    sets.sort_by_key(|set| kind(set));
    Ok(sets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(digits: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap()
    }

    /// Main 10 with HLG in its SPS, three arrays; from a phone's recording.
    const MAIN_10: &str = "010220000000b000000000005df000fcfdfafa00000b03a00001001840010c01ffff02\
        2000000300b0000003000003005d15c090a100010023420101022000000300b0000003000003005da00280802d13\
        62057b9165535091209008a2000100094401c02864b86414c9";

    #[test]
    fn profile_tier_level_and_constraints_make_the_codec_string() {
        let config = HevcConfig::parse(&hex(MAIN_10)).unwrap();
        assert_eq!(config.string("hvc1"), "hvc1.2.4.L93.B0");
        let high = HevcConfig { profile: 0x61, constraints: [0x90, 0, 1, 0, 0, 0], ..config };
        assert_eq!(high.string("hev1"), "hev1.A1.4.H93.90.0.1");
    }

    #[test]
    fn the_sets_come_in_order_and_the_colour_with_them() {
        let record = hex(MAIN_10);
        let config = HevcConfig::parse(&record).unwrap();
        assert_eq!(config.sets.iter().map(|set| kind(set)).collect::<Vec<_>>(), [32, 33, 34]);
        let colour = Colour { primaries: 9, transfer: 18, matrix: 9, full_range: false };
        assert_eq!(config.colour, Some(colour));
        for length in 0..record.len() - 40 {
            assert!(HevcConfig::parse(&record[..length]).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(mut data: Vec<u8>) {
            let _ = HevcConfig::parse(&data);
            if let Some(version) = data.first_mut() {
                *version = 1;
            }
            let _ = HevcConfig::parse(&data);
        }
    }
}
