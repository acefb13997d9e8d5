//! `tkhd`: track header (ISO/IEC 14496-12 section 8.3.2).

use super::UNITY_MATRIX;
use crate::bytes::{Reader, Writer};
use crate::isobmff::{BoxError, BoxRef, full_box};

/// What packaging needs of a track header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tkhd {
    /// Track id; unique in the file, normally not 0.
    pub track_id: u32,
    /// Alternate audio tracks carry the volume 1.0 (0x0100).
    pub volume: u16,
    /// Transformation matrix; turned pictures have another than unity.
    pub matrix: [u32; 9],
    /// Display width, 16.16 fixed point.
    pub width: u32,
    /// Display height, 16.16 fixed point.
    pub height: u32,
}

impl Tkhd {
    /// Reads the box, version 0 or 1.
    pub fn parse(tkhd: &BoxRef<'_>) -> Result<Self, BoxError> {
        let (version, _, rest) = tkhd.full()?;
        let truncated = BoxError::truncated(b"tkhd");
        let mut reader = Reader::new(rest);
        let mut parse = || {
            reader.skip(if version == 1 { 16 } else { 8 })?;
            let track_id = reader.u32()?;
            reader.skip(if version == 1 { 12 } else { 8 })?;
            reader.skip(12)?;
            let volume = reader.u16()?;
            reader.skip(2)?;
            let mut matrix = [0; 9];
            for value in &mut matrix {
                *value = reader.u32()?;
            }
            Ok(Self { track_id, volume, matrix, width: reader.u32()?, height: reader.u32()? })
        };
        parse().map_err(truncated)
    }

    /// Whether the matrix turns pictures by a quarter, either way.
    pub fn is_turned(&self) -> bool {
        let [a, b, _, c, d, ..] = self.matrix;
        (a, d) == (0, 0) && b != 0 && c != 0
    }

    /// Writes the header of a fragmented track: enabled, duration 0.
    pub fn write(&self, w: &mut Writer) {
        const ENABLED_IN_MOVIE: u32 = 3;
        full_box(w, b"tkhd", 0, ENABLED_IN_MOVIE, |w| {
            w.zeros(8);
            w.u32(self.track_id);
            w.zeros(4 + 4 + 8 + 4);
            w.u16(self.volume);
            w.zeros(2);
            let turned = self.matrix.iter().any(|value| *value != 0);
            let matrix = if turned { &self.matrix } else { &UNITY_MATRIX };
            matrix.iter().for_each(|value| w.u32(*value));
            w.u32(self.width);
            w.u32(self.height);
        });
    }
}
