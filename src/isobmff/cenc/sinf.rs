//! `sinf` with `frma`, `schm`, `schi` and `tenc` (ISO/IEC 14496-12 section 8.12; ISO/IEC 23001-7
//! section 8.2).

use crate::bytes::Writer;
use crate::ids::KeyId;
use crate::isobmff::{FourCc, boxed, full_box};

/// Defaults of a protected track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenc {
    /// Blocks encrypted and skipped in turn; `Some((0, 0))` in pattern schemes for tracks that
    /// have no pattern, `None` in schemes without patterns (box version 0).
    pub pattern: Option<(u8, u8)>,
    /// Size of the IV of each sample in bytes: 8 or 16, or 0 with a constant IV.
    pub per_sample_iv_size: u8,
    /// The IV of all samples when there is none of their own.
    pub constant_iv: Option<[u8; 16]>,
    /// The key of the track.
    pub kid: KeyId,
}

impl Tenc {
    fn write(&self, w: &mut Writer) {
        let version = u8::from(self.pattern.is_some());
        let (crypt, skip) = self.pattern.unwrap_or((0, 0));
        full_box(w, b"tenc", version, 0, |w| {
            w.u8(0);
            w.u8(crypt << 4 | skip);
            w.u8(1);
            w.u8(self.per_sample_iv_size);
            w.bytes(self.kid.as_bytes());
            if let Some(iv) = &self.constant_iv {
                w.u8(16);
                w.bytes(iv);
            }
        });
    }
}

/// Protection scheme information of a sample entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sinf {
    /// Type of the sample entry before protection.
    pub original_format: FourCc,
    /// Scheme: `cenc`, `cbcs`, ...
    pub scheme: FourCc,
    /// Track defaults.
    pub tenc: Tenc,
}

impl Sinf {
    /// Scheme version 1.0, the only one.
    const SCHEME_VERSION: u32 = 0x1_0000;

    /// Writes the box.
    pub fn write(&self, w: &mut Writer) {
        boxed(w, b"sinf", |w| {
            boxed(w, b"frma", |w| w.bytes(&self.original_format.0));
            full_box(w, b"schm", 0, 0, |w| {
                w.bytes(&self.scheme.0);
                w.u32(Self::SCHEME_VERSION);
            });
            boxed(w, b"schi", |w| self.tenc.write(w));
        });
    }
}
