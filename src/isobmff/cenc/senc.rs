//! `senc`, read from files, also in its `uuid` form of PIFF (ISO/IEC 23001-7 section 7.2;
//! packaging.md sections 1.5 and 3).

use super::Subsample;
use super::protection::SampleProtection;
use crate::bytes::{Reader, Truncated};
use crate::isobmff::{BoxError, BoxRef, FourCc, Rule};

/// Type of the `uuid` box that stands for `senc` in PIFF.
pub(in crate::isobmff) const PIFF_SAMPLE_ENCRYPTION: [u8; 16] =
    0xa2394f52_5a9b_4f14_a244_6c427c648df4_u128.to_be_bytes();

/// Bytes of algorithm, size of IVs and KID.
const PIFF_FIELDS: usize = 20;

pub(in crate::isobmff) const OVERRIDES_TRACK: u32 = 1;
pub(super) const HAS_SUBSAMPLES: u32 = 2;

/// The auxiliary data of the samples of a track fragment.
#[derive(Debug, Clone)]
pub struct Senc<'a> {
    reader: Reader<'a>,
    layout: Layout<'a>,
    left: u32,
    /// Scheme and protection that the fragment has in the place of those of its track: of PIFF.
    pub own: Option<(FourCc, SampleProtection)>,
}

/// How it is told whether a sample has subsamples.
#[derive(Debug, Clone)]
enum Layout<'a> {
    /// All have, or none.
    Flag(bool),
    /// Those whose data are longer than an IV: the sizes are known.
    Sizes(std::slice::Iter<'a, u8>),
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
    /// A broken box.
    pub fn find(traf: &BoxRef<'a>) -> Result<Option<Self>, BoxError> {
        for child in traf.children() {
            let child = child?;
            match (&child.kind.0, child.body.strip_prefix(&PIFF_SAMPLE_ENCRYPTION)) {
                (b"senc", _) => return Self::parse(&child, child.body, false).map(Some),
                (b"uuid", Some(body)) => return Self::parse(&child, body, true).map(Some),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Whether a box is one of these, and means nothing any more once samples are decrypted.
    pub fn is_one(kind: &[u8; 4], body: &[u8]) -> bool {
        kind == b"senc" || (kind == b"uuid" && body.starts_with(&PIFF_SAMPLE_ENCRYPTION))
    }

    /// Auxiliary data that lie one after the other, with the size of each sample's.
    pub fn of_auxiliary(sizes: &'a [u8], data: &'a [u8]) -> Self {
        let left = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
        Self { reader: Reader::new(data), layout: Layout::Sizes(sizes.iter()), left, own: None }
    }

    /// How many samples it says that it has data of, less those that were read.
    pub fn left(&self) -> u32 {
        self.left
    }

    /// The data that are not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.reader.rest()
    }

    fn parse(at: &BoxRef<'a>, body: &'a [u8], is_piff: bool) -> Result<Self, BoxError> {
        let truncated = |Truncated| at.error(Rule::Truncated);
        let mut reader = Reader::new(body);
        let flags = reader.u32().map_err(truncated)? & 0x00ff_ffff;
        let mut own = None;
        if flags & OVERRIDES_TRACK != 0 {
            if !is_piff {
                return Err(at.error(Rule::BadValue("only boxes of PIFF have a key of their own")));
            }
            let fields = reader.take(PIFF_FIELDS).map_err(truncated)?;
            own = Some(SampleProtection::of_piff_fields(at, fields)?);
        }
        let left = reader.u32().map_err(truncated)?;
        Ok(Self { reader, layout: Layout::Flag(flags & HAS_SUBSAMPLES != 0), left, own })
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
        let has_subsamples = match &mut self.layout {
            Layout::Flag(has) => *has,
            Layout::Sizes(sizes) => *sizes.next().ok_or(Truncated)? > iv_size,
        };
        let count = if has_subsamples { self.reader.u16()? } else { 0 };
        let (subsamples, _) = self.reader.take(6 * usize::from(count))?.as_chunks();
        Ok(SampleAux { iv: (!own.is_empty()).then_some(iv), subsamples })
    }
}
