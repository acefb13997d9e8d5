//! VP9: the configuration record `vpcC` (VP Codec ISO Media File Format Binding, version 1.0), and
//! the headers of frames.

mod frames;

pub use frames::{MAX_INDEX, Stream, frames};

use super::{CodecError, Colour};
use crate::bytes::{PlainBits, Truncated};

/// chromaSubsampling values that stand for 4:2:0.
const CHROMA_420: [u8; 2] = [0, 1];

/// What packaging needs of a `vpcC` box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vp9Config {
    /// Profile, 0 to 3.
    pub profile: u8,
    /// Ten times the level.
    pub level: u8,
    /// Bits per component.
    pub bit_depth: u8,
    /// chromaSubsampling.
    pub chroma: u8,
    /// Colour; 2 is "unspecified".
    pub colour: Colour,
}

impl Vp9Config {
    /// Reads the body of a `vpcC` box, version and flags included.
    ///
    /// # Errors
    /// A record that ends too early, or the version of the time before the binding was finished.
    pub fn parse(record: &[u8]) -> Result<Self, CodecError> {
        match record.first() {
            Some(1) => {}
            Some(_) => return Err(CodecError::BadValue("the vpcC version is not 1")),
            None => return Err(CodecError::Truncated("vpcC")),
        }
        Self::fields(&mut PlainBits::new(record)).map_err(CodecError::truncated("vpcC"))
    }

    fn fields(bits: &mut PlainBits<'_>) -> Result<Self, Truncated> {
        bits.skip(32)?; // version, flags
        let (profile, level) = (bits.small(8)?, bits.small(8)?);
        let (bit_depth, chroma) = (bits.small(4)?, bits.small(3)?);
        let full_range = bits.flag()?;
        let [primaries, transfer, matrix] = [bits.small(8)?, bits.small(8)?, bits.small(8)?];
        let colour = Colour { primaries, transfer, matrix, full_range };
        Ok(Self { profile, level, bit_depth, chroma, colour })
    }

    /// The codec string (binding, "Codecs Parameter String"). What players assume anyway is left
    /// out.
    pub fn string(&self) -> String {
        let Self { profile, level, bit_depth, chroma, colour } = self;
        let mut string = format!("vp09.{profile:02}.{level:02}.{bit_depth:02}");
        if !CHROMA_420.contains(chroma) || !colour.is_plain() {
            let Colour { primaries, transfer, matrix, full_range } = colour;
            string += &format!(
                ".{chroma:02}.{primaries:02}.{transfer:02}.{matrix:02}.{:02}",
                u8::from(*full_range)
            );
        }
        string
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_tail_stands_for_what_is_special() {
        let plain = [1, 0, 0, 0, 0, 0x1e, 0x80, 2, 2, 2, 0, 0];
        assert_eq!(Vp9Config::parse(&plain).unwrap().string(), "vp09.00.30.08");
        let hdr = [1, 0, 0, 0, 2, 31, 0xa2, 9, 16, 9, 0, 0];
        let hdr = Vp9Config::parse(&hdr).unwrap();
        assert_eq!(hdr.string(), "vp09.02.31.10.01.09.16.09.00");
        assert_eq!(Vp9Config::parse(&plain[..9]), Err(CodecError::Truncated("vpcC")));
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(mut data: Vec<u8>) {
            if let Some(version) = data.first_mut() {
                *version = 1;
            }
            let _ = Vp9Config::parse(&data);
        }
    }
}
