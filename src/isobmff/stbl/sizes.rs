//! `stsz` and `stz2`: sample sizes (ISO/IEC 14496-12 section 8.7.3).

use crate::bytes::Reader;
use crate::isobmff::{BoxError, BoxRef, Rule};

/// Sizes of all samples in bytes.
#[derive(Debug, Clone, Copy)]
pub enum SampleSizes<'a> {
    /// All samples have one size.
    Constant {
        /// Size of each sample.
        size: u32,
        /// Number of samples.
        count: u32,
    },
    /// One entry of `bits` (4, 8, 16 or 32) a sample.
    Table {
        /// Width of an entry.
        bits: u8,
        /// Number of samples.
        count: u32,
        /// The entries.
        entries: &'a [u8],
    },
}

impl<'a> SampleSizes<'a> {
    /// Reads whichever of the two boxes `stbl` has.
    pub fn parse(stbl: &BoxRef<'a>) -> Result<Self, BoxError> {
        match (stbl.find(b"stsz")?, stbl.find(b"stz2")?) {
            (Some(stsz), _) => Self::parse_stsz(&stsz),
            (None, Some(stz2)) => Self::parse_stz2(&stz2),
            (None, None) => Self::parse_stsz(&stbl.require(b"stsz")?),
        }
    }

    fn parse_stsz(stsz: &BoxRef<'a>) -> Result<Self, BoxError> {
        let mut reader = Reader::new(stsz.full()?.2);
        let truncated = BoxError::truncated(b"stsz");
        let size = reader.u32().map_err(&truncated)?;
        let count = reader.u32().map_err(&truncated)?;
        if size != 0 {
            return Ok(Self::Constant { size, count });
        }
        Self::table(stsz, 32, count, reader.rest())
    }

    fn parse_stz2(stz2: &BoxRef<'a>) -> Result<Self, BoxError> {
        let mut reader = Reader::new(stz2.full()?.2);
        let truncated = BoxError::truncated(b"stz2");
        reader.skip(3).map_err(&truncated)?;
        let bits = reader.u8().map_err(&truncated)?;
        if !matches!(bits, 4 | 8 | 16) {
            return Err(stz2.error(Rule::BadValue("the field size is not 4, 8 or 16")));
        }
        let count = reader.u32().map_err(&truncated)?;
        Self::table(stz2, bits, count, reader.rest())
    }

    fn table(table: &BoxRef<'a>, bits: u8, count: u32, data: &'a [u8]) -> Result<Self, BoxError> {
        let length = (u64::from(count) * u64::from(bits)).div_ceil(8);
        let entries = usize::try_from(length).ok().and_then(|length| data.get(..length));
        let entries = entries.ok_or(table.error(Rule::CountExceedsBox))?;
        Ok(Self::Table { bits, count, entries })
    }

    /// Number of samples.
    pub fn count(&self) -> u32 {
        match self {
            Self::Constant { count, .. } | Self::Table { count, .. } => *count,
        }
    }

    /// The size of every sample, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        let sizes = *self;
        (0..sizes.count() as usize).map(move |n| sizes.at(n))
    }

    /// Size of sample `n`, which is below the count.
    fn at(&self, n: usize) -> u32 {
        match *self {
            Self::Constant { size, .. } => size,
            Self::Table { bits: 4, entries, .. } => {
                u32::from(entries[n / 2] >> (if n.is_multiple_of(2) { 4 } else { 0 }) & 0x0f)
            }
            Self::Table { bits: 8, entries, .. } => u32::from(entries[n]),
            Self::Table { bits: 16, entries, .. } => {
                u32::from(u16::from_be_bytes([entries[2 * n], entries[2 * n + 1]]))
            }
            Self::Table { entries, .. } => {
                let at = 4 * n;
                u32::from_be_bytes([entries[at], entries[at + 1], entries[at + 2], entries[at + 3]])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::{FourCc, children};

    fn sizes_of(child: &[u8]) -> Vec<u32> {
        let body = [&(u32::try_from(child.len()).unwrap() + 4).to_be_bytes(), child].concat();
        let stbl = BoxRef { kind: FourCc(*b"stbl"), raw: &body, body: &body };
        assert_eq!(children(stbl.kind, stbl.body).count(), 1);
        SampleSizes::parse(&stbl).unwrap().iter().collect()
    }

    #[test]
    fn every_field_size_reads() {
        let plain = b"stsz\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x05\0\0\x01\0";
        assert_eq!(sizes_of(plain), [5, 256]);
        assert_eq!(sizes_of(b"stsz\0\0\0\0\0\0\0\x07\0\0\0\x03"), [7, 7, 7]);
        assert_eq!(sizes_of(b"stz2\0\0\0\0\0\0\0\x04\0\0\0\x03\x12\x30"), [1, 2, 3]);
        assert_eq!(sizes_of(b"stz2\0\0\0\0\0\0\0\x08\0\0\0\x02\x12\x30"), [0x12, 0x30]);
        assert_eq!(sizes_of(b"stz2\0\0\0\0\0\0\0\x10\0\0\0\x01\x12\x30"), [0x1230]);
    }
}
