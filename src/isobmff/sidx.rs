//! `sidx`: where the fragments of a file are (ISO/IEC 14496-12 section 8.16.3).

use super::full_box;
use crate::bytes::Writer;

/// Bytes in front of the references: header, identifiers, 64-bit time and offset, count.
const FIXED: u64 = 40;

/// Bytes of a reference.
const REFERENCE: u64 = 12;

/// References that a box can count.
pub const MAX_REFERENCES: usize = u16::MAX as usize;

/// The largest fragment that a reference can measure, in bytes: 31 bits.
pub const MAX_SIZE: u32 = u32::MAX >> 1;

/// starts_with_SAP, SAP_type 1: each fragment starts with a picture or sound that decodes alone.
const STARTS_WITH_SAP: u32 = 0x9000_0000;

/// A fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// Bytes, at most [`MAX_SIZE`].
    pub size: u32,
    /// Duration in ticks.
    pub duration: u32,
}

/// Length of the box in bytes.
pub fn length(references: usize) -> u64 {
    FIXED + REFERENCE * references as u64
}

/// Writes the box; the first fragment follows right behind it and is shown at `earliest`, edits
/// applied. At most [`MAX_REFERENCES`] are written.
pub fn write(w: &mut Writer, timescale: u32, earliest: u64, references: &[Reference]) {
    full_box(w, b"sidx", 1, 0, |w| {
        // The track.
        w.u32(1);
        w.u32(timescale);
        w.u64(earliest);
        // Of the first fragment from here.
        w.u64(0);
        w.u16(0);
        let count = u16::try_from(references.len()).unwrap_or(u16::MAX);
        w.u16(count);
        for reference in &references[..count.into()] {
            w.u32(reference.size & MAX_SIZE);
            w.u32(reference.duration);
            w.u32(STARTS_WITH_SAP);
        }
    });
}
