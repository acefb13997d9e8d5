//! AV1: the configuration record `av1C` (AV1 Codec ISO Media File Format Binding, section 2.3) with
//! the sequence header that lies in it, and where the tiles of samples are.

mod frame;
mod obu;
mod references;
mod sequence;
mod stream;
mod tiles;

pub use obu::{MAX_HEADER, Obu};
pub use stream::{Stream, Tiles};
pub use tiles::TileGroup;

use sequence::Sequence;

use super::{CodecError, Colour};
use crate::bytes::{PlainBits, Truncated};

/// What packaging needs of an `av1C` box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Av1Config {
    /// seq_profile: 0 Main, 1 High, 2 Professional.
    pub profile: u8,
    /// seq_level_idx of the first operating point.
    pub level: u8,
    /// seq_tier of the first operating point: whether the tier is High.
    pub high_tier: bool,
    /// Bits per component.
    pub bit_depth: u8,
    /// Whether there is no colour.
    pub monochrome: bool,
    /// subsampling_x, subsampling_y, chroma_sample_position.
    pub chroma: [u8; 3],
    /// The sequence header, if the record holds one.
    sequence: Option<Sequence>,
}

impl Av1Config {
    /// Reads the body of an `av1C` box.
    ///
    /// # Errors
    /// A record that ends too early, or an unknown version.
    pub fn parse(record: &[u8]) -> Result<Self, CodecError> {
        let truncated = CodecError::truncated("av1C");
        let mut bits = PlainBits::new(record);
        // Marker and version.
        if bits.take(8).map_err(&truncated)? != 0x81 {
            return Err(CodecError::BadValue("the av1C version is not 1"));
        }
        Self::fields(&mut bits, record.get(4..).unwrap_or_default()).map_err(truncated)
    }

    fn fields(bits: &mut PlainBits<'_>, units: &[u8]) -> Result<Self, Truncated> {
        let (profile, level) = (bits.small(3)?, bits.small(5)?);
        let high_tier = bits.flag()?;
        let bit_depth = match (bits.flag()?, bits.flag()?) {
            (false, _) => 8,
            (true, false) => 10,
            (true, true) => 12,
        };
        let monochrome = bits.flag()?;
        let chroma = [bits.small(1)?, bits.small(1)?, bits.small(2)?];
        bits.skip(8)?; // initial_presentation_delay
        let sequence = Sequence::find(units);
        Ok(Self { profile, level, high_tier, bit_depth, monochrome, chroma, sequence })
    }

    /// Colour of the sequence header, if the record holds one that tells.
    pub fn colour(&self) -> Option<Colour> {
        self.sequence.as_ref().and_then(|sequence| sequence.colour)
    }

    /// The codec string (binding, section 5). `colour` of a `colr` box stands in where the sequence
    /// header is silent. What players assume anyway is left out.
    pub fn string(&self, colour: Option<Colour>) -> String {
        let Self { profile, level, bit_depth, .. } = self;
        let tier = if self.high_tier { 'H' } else { 'M' };
        let mut string = format!("av01.{profile}.{level:02}{tier}.{bit_depth:02}");
        let colour = self.colour().or(colour).unwrap_or(Colour {
            primaries: 1,
            transfer: 1,
            matrix: 1,
            full_range: false,
        });
        let [x, y, position] = self.chroma;
        if self.monochrome || (x, y) != (1, 1) || !colour.is_plain() {
            let mono = u8::from(self.monochrome);
            let Colour { primaries, transfer, matrix, full_range } = colour;
            string += &format!(
                ".{mono}.{x}{y}{position}.{primaries:02}.{transfer:02}.{matrix:02}.{}",
                u8::from(full_range)
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
    fn main_profile_needs_no_tail() {
        // From libaom: level 2.1, the sequence header says nothing of colour.
        let record =
            [0x81, 1, 0x0c, 0, 10, 11, 0, 0, 0, 12, 0xc4, 0xff, 0x67, 0x36, 0xbe, 0x40, 0x10];
        let config = Av1Config::parse(&record).unwrap();
        assert_eq!(config.string(None), "av01.0.01M.08");
        let pq = Colour { primaries: 9, transfer: 16, matrix: 9, full_range: false };
        assert_eq!(config.string(Some(pq)), "av01.0.01M.08.0.110.09.16.09.0");
    }

    #[test]
    fn the_sequence_header_tells_the_colour() {
        // HDR10 at level 4.1, from a converted film.
        let record = [
            0x81, 9, 0x4c, 0, 10, 14, 0, 0, 0, 0x4a, 0xab, 0xbf, 0xc3, 0x77, 0x6f, 0xe3, 0x42,
            0x44, 2, 0x41,
        ];
        let config = Av1Config::parse(&record).unwrap();
        assert_eq!(config.string(None), "av01.0.09M.10.0.110.09.16.09.0");
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(mut data: Vec<u8>) {
            let _ = Av1Config::parse(&data);
            if let Some(version) = data.first_mut() {
                *version = 0x81;
            }
            let _ = Av1Config::parse(&data);
        }
    }
}
