//! NAL units behind length fields, as samples of AVC and HEVC tracks hold them
//! (ISO/IEC 14496-15 section 5.3.4.2).

use std::ops::RangeInclusive;

use super::{Codec, CodecError, avc, hevc};

/// Size of the length field in front of each NAL unit: 1, 2 or 4 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthSize(u8);

impl LengthSize {
    /// Reads the two bits `lengthSizeMinusOne`; 3 bytes are not allowed.
    pub fn from_minus_one(bits: u8) -> Result<Self, CodecError> {
        match bits & 3 {
            2 => Err(CodecError::BadValue("NAL unit lengths of 3 bytes are not allowed")),
            other => Ok(Self(other + 1)),
        }
    }

    /// Bytes in a length field.
    pub fn bytes(self) -> usize {
        usize::from(self.0)
    }

    /// Reads a length field; `None` when `data` is shorter than the field.
    pub fn read(self, data: &[u8]) -> Option<u32> {
        let field = data.get(..self.bytes())?;
        Some(field.iter().fold(0, |length, byte| length << 8 | u32::from(*byte)))
    }
}

/// What a NAL unit is to the protection of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A slice: clear up to the end of its header.
    Slice,
    /// A parameter set on which the length of slice headers depends; clear.
    ParameterSet,
    /// Clear.
    Other,
}

/// The parameter sets in force, which tell how long the headers of slices are.
pub trait Slices {
    /// What a NAL unit is by its header; `header` may be cut short by the end of the unit.
    ///
    /// # Errors
    /// A unit whose protection is not defined or not understood.
    fn role(header: &[u8]) -> Result<Role, CodecError>;

    /// Takes a whole parameter set, NAL unit header included; replaces the one with the same id.
    ///
    /// # Errors
    /// A parameter set that cannot be parsed.
    fn add(&mut self, unit: &[u8]) -> Result<(), CodecError>;

    /// Bytes of a slice that its headers take, counted as they lie in the file; `front` is the
    /// unit, or as much of it as holds them.
    ///
    /// # Errors
    /// A header that ends too early or names a parameter set that is not there.
    fn header_len(&self, front: &[u8]) -> Result<usize, CodecError>;
}

/// How a codec marks its NAL units.
#[derive(Debug)]
pub struct Syntax {
    /// Reads the type from the first byte of a NAL unit.
    pub kind: fn(u8) -> u8,
    /// An access unit delimiter that allows every slice type, as a NAL unit.
    pub delimiter: &'static [u8],
    /// Types of the pictures at which decoding can start.
    pub random_access: RangeInclusive<u8>,
    /// Type of messages, of which a picture may have several.
    pub message: u8,
}

const AVC: Syntax = Syntax {
    kind: avc::nal_type_of,
    delimiter: &[avc::nal_type::DELIMITER, 0xf0],
    random_access: avc::nal_type::IDR_SLICE..=avc::nal_type::IDR_SLICE,
    message: avc::nal_type::MESSAGE,
};

const HEVC: Syntax = Syntax {
    kind: hevc::nal_type_of,
    delimiter: &[hevc::nal_type::DELIMITER << 1, 1, 0x50],
    random_access: hevc::nal_type::FIRST_RANDOM_ACCESS..=hevc::nal_type::LAST_RANDOM_ACCESS,
    message: hevc::nal_type::MESSAGE,
};

/// What is needed to write the samples of a track as a byte stream.
#[derive(Debug)]
pub struct NalUnits<'a> {
    /// Size of the length fields.
    pub length_size: LengthSize,
    /// How NAL units are marked.
    pub syntax: &'static Syntax,
    /// The parameter sets of the configuration as NAL units, in the order decoders need, and
    /// messages that hold for the whole stream.
    pub sets: Vec<&'a [u8]>,
}

impl<'a> NalUnits<'a> {
    /// The NAL units of a codec; `None` for codecs without them.
    pub fn of(codec: &'a Codec) -> Option<Self> {
        let (length_size, syntax, sets): (_, _, Vec<_>) = match codec {
            Codec::Avc(config) => {
                (config.length_size, &AVC, config.sps.iter().chain(&config.pps).collect())
            }
            Codec::Hevc(config) => (config.length_size, &HEVC, config.sets.iter().collect()),
            _ => return None,
        };
        let sets = sets.into_iter().map(|set| &**set).collect();
        Some(Self { length_size, syntax, sets })
    }
}
