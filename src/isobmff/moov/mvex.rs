//! `mvex` with `trex`: defaults of movie fragments (ISO/IEC 14496-12 sections 8.8.1, 8.8.3).

use crate::bytes::Writer;
use crate::isobmff::{boxed, full_box};

/// Writes the box for track 1: sample description 1, every other default in the fragments.
pub fn write(w: &mut Writer) {
    boxed(w, b"mvex", |w| {
        full_box(w, b"trex", 0, 0, |w| {
            w.u32(1);
            w.u32(1);
            w.zeros(12);
        });
    });
}
