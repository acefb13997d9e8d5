//! Boxes that are renamed where they lie: nothing moves, so offsets into the file stay true.

use super::{BoxError, BoxHeader, FourCc, Rule};

/// A box that lies in memory and may be changed.
#[derive(Debug)]
pub struct BoxMut<'a> {
    /// Box type.
    pub kind: FourCc,
    raw: &'a mut [u8],
    header_len: usize,
}

impl BoxMut<'_> {
    /// What follows the header.
    pub fn body(&mut self) -> &mut [u8] {
        &mut self.raw[self.header_len..]
    }

    /// Gives the box another type.
    pub fn rename(&mut self, kind: FourCc) {
        self.raw[4..8].copy_from_slice(&kind.0);
        self.kind = kind;
    }

    /// Turns the box into one that readers skip (`free`, ISO/IEC 14496-12 section 8.1.2).
    pub fn blank(&mut self) {
        self.body().fill(0);
        self.rename(FourCc(*b"free"));
    }
}

/// Shows each of the boxes in `data`, which is (a part of) the body of `parent`, to `edit`.
///
/// # Errors
/// A broken box, or what `edit` refuses.
pub fn for_each(
    parent: FourCc,
    data: &mut [u8],
    mut edit: impl FnMut(BoxMut<'_>) -> Result<(), BoxError>,
) -> Result<(), BoxError> {
    let mut rest = data;
    while rest.len() >= 8 {
        let BoxHeader { kind, header_len, size } = BoxHeader::parse(rest)?;
        let size = size.unwrap_or(rest.len() as u64);
        let (raw, others) = usize::try_from(size)
            .ok()
            .and_then(|size| rest.split_at_mut_checked(size))
            .ok_or(BoxError::new(kind, Rule::LargerThanParent(parent)))?;
        edit(BoxMut { kind, raw, header_len })?;
        rest = others;
    }
    Ok(())
}
