//! Writing boxes: the size is patched when the body is complete.

use crate::bytes::Writer;

/// Writes a box of type `kind` around what `body` writes.
pub fn boxed(w: &mut Writer, kind: &[u8; 4], body: impl FnOnce(&mut Writer)) {
    let start = w.position();
    w.u32(0);
    w.bytes(kind);
    body(w);
    // Only headers are written here; media data are sized by the plan and never reach 4 GiB.
    let size = u32::try_from(w.position() - start).unwrap_or(u32::MAX);
    w.patch_u32(start, size);
}

/// Writes a full box: a box whose body starts with `version` and 24 bits of `flags`.
pub fn full_box(
    w: &mut Writer,
    kind: &[u8; 4],
    version: u8,
    flags: u32,
    body: impl FnOnce(&mut Writer),
) {
    boxed(w, kind, |w| {
        w.u32(u32::from(version) << 24 | flags);
        body(w);
    });
}
