//! `ftyp` and `styp`: brands (ISO/IEC 14496-12 sections 4.3 and 8.16.2; ISO/IEC 23000-19
//! section 7.2).

use crate::bytes::Writer;
use crate::isobmff::boxed;

/// Writes a brand box: `kind` is `ftyp` or `styp`, the first brand is the major one, in
/// the version `minor`.
pub fn write(w: &mut Writer, kind: &[u8; 4], minor: u32, brands: &[&[u8; 4]]) {
    boxed(w, kind, |w| {
        if let Some(major) = brands.first() {
            w.bytes(*major);
        }
        w.u32(minor);
        brands.iter().for_each(|brand| w.bytes(*brand));
    });
}
