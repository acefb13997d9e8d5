//! `hdlr`: handler reference (ISO/IEC 14496-12 section 8.4.3).

use crate::bytes::{Reader, Writer};
use crate::isobmff::{BoxError, BoxRef, FourCc, full_box};

/// Reads the handler type, for example `vide` or `soun`. The name is not looked at: many files
/// leave out its terminator.
pub fn handler_type(hdlr: &BoxRef<'_>) -> Result<FourCc, BoxError> {
    let (_, _, rest) = hdlr.full()?;
    let mut reader = Reader::new(rest);
    let truncated = BoxError::truncated(b"hdlr");
    reader.skip(4).map_err(&truncated)?;
    reader.array().map(FourCc).map_err(&truncated)
}

/// Writes the box with the product's name as handler name.
pub fn write(w: &mut Writer, handler: FourCc) {
    full_box(w, b"hdlr", 0, 0, |w| {
        w.zeros(4);
        w.bytes(&handler.0);
        w.zeros(12);
        w.bytes(b"Portcullis\0");
    });
}
