//! `sinf` with `frma`, `schm`, `schi` and `tenc` (ISO/IEC 14496-12 section 8.12; ISO/IEC 23001-7
//! section 8.2).

use crate::bytes::Writer;
use crate::ids::KeyId;
use crate::isobmff::{FourCc, boxed, full_box};

/// Sample groups from this number on are described in the track fragment itself (ISO/IEC 14496-12
/// section 8.9.4).
pub const LOCAL_GROUPS: u32 = 0x10000;

/// Bytes of a description without a constant IV.
const LENGTH: u32 = 20;

/// Bytes that a constant IV adds.
const OWN_IV: u32 = 17;

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
        full_box(w, b"tenc", version, 0, |w| self.write_fields(w));
    }

    /// The fields of `tenc`, and of the description of a sample group of type `seig`.
    fn write_fields(&self, w: &mut Writer) {
        let (crypt, skip) = self.pattern.unwrap_or((0, 0));
        w.u8(0);
        w.u8(crypt << 4 | skip);
        w.u8(1);
        w.u8(self.per_sample_iv_size);
        w.bytes(self.kid.as_bytes());
        if let Some(iv) = &self.constant_iv {
            w.u8(16);
            w.bytes(iv);
        }
    }

    /// Writes `sbgp` and `sgpd` into a `traf`: all of its samples are protected so, whatever the
    /// track says (ISO/IEC 23001-7 section 6; packaging.md section 1.7).
    pub fn write_group(&self, w: &mut Writer, samples: u32) {
        full_box(w, b"sbgp", 0, 0, |w| {
            w.bytes(b"seig");
            w.u32(1);
            w.u32(samples);
            w.u32(LOCAL_GROUPS + 1);
        });
        let length = if self.constant_iv.is_some() { LENGTH + OWN_IV } else { LENGTH };
        full_box(w, b"sgpd", 1, 0, |w| {
            w.bytes(b"seig");
            w.u32(length);
            w.u32(1);
            self.write_fields(w);
        });
    }

    /// Bytes that [`Self::write_group`] writes, with or without a constant IV: `sbgp` 28, `sgpd` 24
    /// and the description.
    pub fn group_length(constant_iv: bool) -> u64 {
        52 + u64::from(if constant_iv { LENGTH + OWN_IV } else { LENGTH })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::cenc::protection::{SampleProtection, group_descriptions, group_runs};
    use crate::isobmff::children;

    #[test]
    fn groups_read_back_and_are_as_long_as_foretold() {
        for constant_iv in [None, Some([7; 16])] {
            let kid = KeyId::from_bytes([1; 16]);
            let per_sample_iv_size = if constant_iv.is_some() { 0 } else { 8 };
            let tenc = Tenc { pattern: Some((1, 9)), per_sample_iv_size, constant_iv, kid };
            let mut w = Writer::with_capacity(96);
            tenc.write_group(&mut w, 48);
            let bytes = w.into_vec();
            assert_eq!(bytes.len() as u64, Tenc::group_length(constant_iv.is_some()));
            let boxes: Vec<_> = children(FourCc(*b"traf"), &bytes).map(Result::unwrap).collect();
            assert_eq!(group_runs(&boxes[0]).unwrap(), [(48, LOCAL_GROUPS + 1)]);
            let expected = SampleProtection {
                is_protected: true,
                pattern: (1, 9),
                iv_size: per_sample_iv_size,
                kid,
                constant_iv,
            };
            assert_eq!(group_descriptions(&boxes[1]).unwrap(), [expected]);
        }
    }
}
