//! NAL units behind length fields, as samples of AVC tracks hold them
//! (ISO/IEC 14496-15 section 5.3.4.2).

use super::CodecError;

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
