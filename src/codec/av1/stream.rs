//! Follows the units of a stream to its tiles: what Common Encryption protects (AV1 Codec ISO Media
//! File Format Binding, section 4.1).

use super::Av1Config;
use super::frame::{FrameHeader, Outcome};
use super::obu::{FRAME, FRAME_HEADER, Obu, SEQUENCE_HEADER, TILE_GROUP};
use super::references::References;
use super::sequence::Sequence;
use super::tiles::{TileGroup, TileInfo};
use crate::bytes::PlainBits;
use crate::codec::CodecError;

/// obu_type of tiles for large scale decoding, which files must not hold.
const TILE_LIST: u8 = 8;

/// What later units depend on.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    sequence: Option<Sequence>,
    references: References,
    /// The frame whose tiles are still to come.
    frame: Option<TileInfo>,
}

/// The tiles of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiles {
    /// Bytes of the payload in front of the first tile, or of the size of it.
    pub start: usize,
    /// The tiles behind them, the last one up to the end of the unit.
    pub group: TileGroup,
}

impl Stream {
    /// At a random access point of a track with that configuration.
    pub fn new(config: &Av1Config) -> Self {
        Self { sequence: config.sequence.clone(), ..Self::default() }
    }

    /// Begins with the next sample; frames do not go on from one to the other.
    pub fn start_sample(&mut self) {
        self.frame = None;
    }

    /// Whether the payload of a unit has to be looked into.
    pub fn is_read(unit: &Obu) -> bool {
        matches!(unit.kind, SEQUENCE_HEADER | FRAME_HEADER | TILE_GROUP | FRAME | TILE_LIST)
    }

    /// Takes a unit and gives its tiles, if it has any; everything else in it is clear. `front` is
    /// its payload, or as much of it as holds the headers.
    ///
    /// # Errors
    /// Headers that cannot be parsed, or tiles without a frame.
    pub fn unit(&mut self, unit: &Obu, front: &[u8]) -> Result<Option<Tiles>, CodecError> {
        match unit.kind {
            SEQUENCE_HEADER => {
                let truncated = CodecError::truncated("a sequence header");
                self.sequence = Some(Sequence::parse(front).map_err(truncated)?);
                Ok(None)
            }
            // With a frame under way it is a copy.
            FRAME_HEADER if self.frame.is_some() => Ok(None),
            FRAME_HEADER => self.header(unit, front).map(|_| None),
            FRAME => {
                let start = self.header(unit, front)?;
                self.tiles(front, start).map(Some)
            }
            TILE_GROUP => self.tiles(front, 0).map(Some),
            TILE_LIST => Err(CodecError::BadValue("tile lists cannot be protected")),
            _ => Ok(None),
        }
    }

    /// Reads a frame header and gives its length in bytes.
    fn header(&mut self, unit: &Obu, front: &[u8]) -> Result<usize, CodecError> {
        let missing = CodecError::BadValue("a frame stands in front of its sequence header");
        let sequence = self.sequence.as_ref().ok_or(missing)?;
        let outcome = FrameHeader::parse(front, unit.layer, sequence, &self.references);
        match outcome.map_err(CodecError::truncated("a frame header"))? {
            Outcome::Shown(slot) => {
                self.references.show(slot);
                Ok(0)
            }
            Outcome::Coded { tiles, length, refresh, frame } => {
                self.references.refresh(refresh, frame);
                self.frame = Some(tiles);
                Ok(length)
            }
        }
    }

    fn tiles(&mut self, front: &[u8], start: usize) -> Result<Tiles, CodecError> {
        let frame =
            self.frame.ok_or(CodecError::BadValue("tiles stand in front of their frame"))?;
        let bits = &mut PlainBits::new(front.get(start..).unwrap_or_default());
        let group = frame.group(bits).map_err(CodecError::truncated("a tile group"))?;
        if group.ends_frame {
            self.frame = None;
        }
        Ok(Tiles { start: start + bits.bytes_touched(), group })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From libaom: 320 x 180, nothing that a sequence does not need.
    const SEQUENCE: [u8; 11] = [0, 0, 0, 12, 0xc4, 0xff, 0x67, 0x36, 0xbe, 0x40, 0x10];

    proptest! {
        #[test]
        fn arbitrary_units_never_panic(
            sequence: Vec<u8>, units in prop::collection::vec((0_u8..16, any::<Vec<u8>>()), 0..8),
        ) {
            let mut stream = Stream::default();
            if sequence.first().is_none_or(|first| first % 2 == 0) {
                stream.sequence = Some(Sequence::parse(&SEQUENCE).unwrap());
            }
            let first = [(SEQUENCE_HEADER, sequence)];
            for (kind, payload) in first.iter().chain(&units) {
                let unit = Obu { kind: *kind, layer: [0, 0], header: 1, payload: payload.len() };
                if let Ok(Some(tiles)) = stream.unit(&unit, payload) {
                    prop_assert!(tiles.start <= payload.len() && tiles.group.count > 0);
                    prop_assert!(tiles.group.count <= 64 * 64);
                }
            }
        }
    }
}
