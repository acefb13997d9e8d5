//! `senc`, read from files, also in its `uuid` form of PIFF (ISO/IEC 23001-7 section 7.2;
//! packaging.md sections 1.5 and 3).

use super::Subsample;
use crate::bytes::{Reader, Truncated};
use crate::isobmff::{BoxError, BoxRef, Rule};

/// Type of the `uuid` box that stands for `senc` in PIFF.
pub(super) const PIFF_SAMPLE_ENCRYPTION: [u8; 16] =
    0xa2394f52_5a9b_4f14_a244_6c427c648df4_u128.to_be_bytes();

pub(super) const OVERRIDES_TRACK: u32 = 1;
pub(super) const HAS_SUBSAMPLES: u32 = 2;

/// The auxiliary data of the samples of a track fragment.
#[derive(Debug, Clone)]
pub struct Senc<'a> {
    reader: Reader<'a>,
    has_subsamples: bool,
    left: u32,
}

/// What a sample needs to be decrypted.
#[derive(Debug, Clone)]
pub struct SampleAux<'a> {
    /// The IV of the sample, with zeros behind when it has 8 bytes; `None` when it has none.
    pub iv: Option<[u8; 16]>,
    subsamples: &'a [[u8; 6]],
}

impl<'a> SampleAux<'a> {
    /// Clear and protected runs; none = the whole sample is protected.
    pub fn subsamples(&self) -> impl ExactSizeIterator<Item = Subsample> + use<'a> {
        self.subsamples.iter().map(|[a, b, c, d, e, f]| Subsample {
            clear: u16::from_be_bytes([*a, *b]),
            protected: u32::from_be_bytes([*c, *d, *e, *f]),
        })
    }
}

impl<'a> Senc<'a> {
    /// The box of a track fragment, in either form; `None` when there is none.
    ///
    /// # Errors
    /// A broken box, or one of PIFF that overrides what the track says.
    pub fn find(traf: &BoxRef<'a>) -> Result<Option<Self>, BoxError> {
        for child in traf.children() {
            let child = child?;
            match (&child.kind.0, child.body.strip_prefix(&PIFF_SAMPLE_ENCRYPTION)) {
                (b"senc", _) => return Self::parse(&child, child.body).map(Some),
                (b"uuid", Some(body)) => return Self::parse(&child, body).map(Some),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Whether a box is one of these, and means nothing any more once samples are decrypted.
    pub fn is_one(kind: &[u8; 4], body: &[u8]) -> bool {
        kind == b"senc" || (kind == b"uuid" && body.starts_with(&PIFF_SAMPLE_ENCRYPTION))
    }

    fn parse(at: &BoxRef<'a>, body: &'a [u8]) -> Result<Self, BoxError> {
        let mut reader = Reader::new(body);
        let mut read = || Ok((reader.u32()? & 0x00ff_ffff, reader.u32()?));
        let (flags, left) = read().map_err(|Truncated| at.error(Rule::Truncated))?;
        if flags & OVERRIDES_TRACK != 0 {
            return Err(at.error(Rule::BadValue("fragments with a key of their own are PIFF 1.0")));
        }
        Ok(Self { reader, has_subsamples: flags & HAS_SUBSAMPLES != 0, left })
    }

    /// The data of the next sample, whose own IV has `iv_size` bytes (0, 8 or 16).
    ///
    /// # Errors
    /// The data end, or hold fewer samples.
    pub fn next(&mut self, iv_size: u8) -> Result<SampleAux<'a>, Truncated> {
        self.left = self.left.checked_sub(1).ok_or(Truncated)?;
        let own = self.reader.take(usize::from(iv_size))?;
        let mut iv = [0; 16];
        iv[..own.len()].copy_from_slice(own);
        let count = if self.has_subsamples { self.reader.u16()? } else { 0 };
        let (subsamples, _) = self.reader.take(6 * usize::from(count))?.as_chunks();
        Ok(SampleAux { iv: (!own.is_empty()).then_some(iv), subsamples })
    }
}
