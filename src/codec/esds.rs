//! The descriptors of an `esds` box (ISO/IEC 14496-1 section 7.2.6).

use crate::bytes::{Reader, Truncated};

const ES_DESCRIPTOR: u8 = 3;
const DECODER_CONFIG: u8 = 4;
const DECODER_SPECIFIC_INFO: u8 = 5;

/// Bytes of a decoder configuration in front of its children.
const FIXED: usize = 13;

/// What an `esds` says of the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderConfig<'a> {
    /// Object type indication.
    pub object_type: u8,
    body: &'a [u8],
}

impl<'a> DecoderConfig<'a> {
    /// Reads the body of an `esds` box (version and flags included).
    ///
    /// # Errors
    /// It ends too early, or has no decoder configuration.
    pub fn parse(esds: &'a [u8]) -> Result<Self, Truncated> {
        let es = find(esds.get(4..).ok_or(Truncated)?, ES_DESCRIPTOR)?;
        let body = find(es_children(es)?, DECODER_CONFIG)?;
        Ok(Self { object_type: *body.first().ok_or(Truncated)?, body })
    }

    /// The configuration of the codec.
    ///
    /// # Errors
    /// There is none.
    pub fn specific(&self) -> Result<&'a [u8], Truncated> {
        find(self.body.get(FIXED..).ok_or(Truncated)?, DECODER_SPECIFIC_INFO)
    }
}

/// The children of an ES descriptor: behind the id, the flags and what the flags announce.
fn es_children(es: &[u8]) -> Result<&[u8], Truncated> {
    let mut reader = Reader::new(es);
    reader.skip(2)?;
    let flags = reader.u8()?;
    if flags & 0x80 != 0 {
        reader.skip(2)?;
    }
    if flags & 0x40 != 0 {
        let length = reader.u8()?;
        reader.skip(usize::from(length))?;
    }
    if flags & 0x20 != 0 {
        reader.skip(2)?;
    }
    Ok(reader.rest())
}

/// The body of the first descriptor with `tag` among its siblings.
fn find(siblings: &[u8], tag: u8) -> Result<&[u8], Truncated> {
    let mut reader = Reader::new(siblings);
    loop {
        let found = reader.u8()?;
        let length = expandable_length(&mut reader)?;
        let body = reader.take(length)?;
        if found == tag {
            return Ok(body);
        }
    }
}

/// A length of one to four bytes with seven bits each (section 8.3.3).
fn expandable_length(reader: &mut Reader<'_>) -> Result<usize, Truncated> {
    let mut length = 0;
    for _ in 0..4 {
        let byte = reader.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(Truncated)
}
