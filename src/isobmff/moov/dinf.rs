//! `dinf` with `dref`: where the samples lie (ISO/IEC 14496-12 section 8.7).

use crate::bytes::Writer;
use crate::isobmff::{boxed, full_box};

/// Writes the boxes: in this file.
pub fn write(w: &mut Writer) {
    boxed(w, b"dinf", |w| {
        full_box(w, b"dref", 0, 0, |w| {
            w.u32(1);
            full_box(w, b"url ", 0, 1, |_| {});
        });
    });
}
