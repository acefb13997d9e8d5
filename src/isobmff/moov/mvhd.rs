//! `mvhd`: movie header (ISO/IEC 14496-12 section 8.2.2).

use super::UNITY_MATRIX;
use crate::bytes::{Reader, Writer};
use crate::isobmff::{BoxError, BoxRef, Rule, full_box};

/// Reads the movie timescale in ticks per second, never 0.
pub fn timescale(mvhd: &BoxRef<'_>) -> Result<u32, BoxError> {
    let (version, _, rest) = mvhd.full()?;
    let mut reader = Reader::new(rest);
    let truncated = BoxError::truncated(b"mvhd");
    reader.skip(if version == 1 { 16 } else { 8 }).map_err(&truncated)?;
    match reader.u32().map_err(&truncated)? {
        0 => Err(mvhd.error(Rule::BadValue("the timescale is 0"))),
        timescale => Ok(timescale),
    }
}

/// Writes the header of a fragmented movie: the duration is 0, the next track id 2.
pub fn write(w: &mut Writer, timescale: u32) {
    full_box(w, b"mvhd", 0, 0, |w| {
        w.zeros(8);
        w.u32(timescale);
        w.u32(0);
        w.u32(0x1_0000);
        w.u16(0x0100);
        w.zeros(10);
        UNITY_MATRIX.iter().for_each(|value| w.u32(*value));
        w.zeros(24);
        w.u32(2);
    });
}
