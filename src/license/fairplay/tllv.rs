//! Blocks of FairPlay messages: tag, two lengths, value and padding (fairplay.md section 2).

use zeroize::Zeroizing;

use super::FairPlayError;
use super::aes::BLOCK;
use crate::bytes::{Reader, Writer};
use crate::crypto::random::{NoRandomness, Random};

/// Bytes in front of the value.
pub(super) const HEADER: usize = 16;

/// A block of a message.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) tag: u64,
    pub(super) value: &'a [u8],
    /// All of it, header and padding included.
    pub(super) raw: &'a [u8],
}

/// Reads the blocks of a message, up to the first that does not fit.
pub(super) fn blocks(message: &[u8]) -> impl Iterator<Item = Result<Block<'_>, FairPlayError>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let next = (!rest.is_empty()).then(|| block(rest))?;
        rest = next.as_ref().map_or(&[], |block| &rest[block.raw.len()..]);
        Some(next)
    })
}

fn block(message: &[u8]) -> Result<Block<'_>, FairPlayError> {
    let mut reader = Reader::new(message);
    let header = (reader.u64(), reader.u32(), reader.u32());
    let (Ok(tag), Ok(length), Ok(value)) = header else {
        return Err(FairPlayError::Block);
    };
    let (length, value) = (length as usize, value as usize);
    let body = reader.take(length).map_err(|_| FairPlayError::Block)?;
    let value = body.get(..value).filter(|_| length.is_multiple_of(BLOCK));
    let value = value.ok_or(FairPlayError::Block)?;
    Ok(Block { tag, value, raw: &message[..HEADER + length] })
}

/// Writes a block with random padding: up to a whole number of cipher blocks, and `more` of them.
pub(super) fn put(
    out: &mut Writer,
    tag: u64,
    value: &[u8],
    more: usize,
    random: &mut Random<'_>,
) -> Result<(), NoRandomness> {
    let mut body = Zeroizing::new(vec![0; value.len().next_multiple_of(BLOCK) + more * BLOCK]);
    let (front, padding) = body.split_at_mut(value.len());
    front.copy_from_slice(value);
    random.try_fill_bytes(padding)?;
    out.u64(tag);
    out.u32(body.len() as u32);
    out.u32(value.len() as u32);
    out.bytes(&body);
    Ok(())
}
