//! `elst`: edit list (ISO/IEC 14496-12 section 8.6.6).

use crate::bytes::{Reader, Writer};
use crate::isobmff::{BoxError, BoxRef, Rule, boxed, full_box};

/// The speed of ordinary edits.
pub const RATE_1: u32 = 0x1_0000;

/// One edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// Length in movie timescale ticks; 0 in fragmented files.
    pub duration: u64,
    /// First media time that is shown, in media timescale ticks; -1 is an empty edit.
    pub media_time: i64,
    /// Speed, 16.16 fixed point; 1.0 in all but dwells.
    pub rate: u32,
}

/// Reads all edits, version 0 or 1.
pub fn parse(elst: &BoxRef<'_>) -> Result<Vec<Edit>, BoxError> {
    let (version, _, rest) = elst.full()?;
    let mut reader = Reader::new(rest);
    let truncated = BoxError::truncated(b"elst");
    let count = reader.u32().map_err(&truncated)? as usize;
    let entry_size = if version == 1 { 20 } else { 12 };
    if count > reader.rest().len() / entry_size {
        return Err(elst.error(Rule::CountExceedsBox));
    }
    let mut edit = || {
        let wide = version == 1;
        let duration = reader.u32_or_u64(wide)?;
        let raw = reader.u32_or_u64(wide)?;
        let rate = reader.u32()?;
        let media_time =
            if wide { raw.cast_signed() } else { i64::from((raw as u32).cast_signed()) };
        Ok(Edit { duration, media_time, rate })
    };
    (0..count).map(|_| edit().map_err(&truncated)).collect()
}

/// Writes `edts` with one edit that starts the presentation at `media_time` (media ticks).
pub fn write(w: &mut Writer, media_time: u32) {
    boxed(w, b"edts", |w| {
        full_box(w, b"elst", 0, 0, |w| {
            w.u32(1);
            w.u32(0);
            w.u32(media_time);
            w.u32(RATE_1);
        });
    });
}
