//! Box headers and walks over sibling boxes (ISO/IEC 14496-12 section 4.2).

use std::fmt;

use super::{BoxError, Rule};

/// A four-character box type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{self}'")
    }
}

/// The header of a box, as far as it can be judged without the surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxHeader {
    /// Box type.
    pub kind: FourCc,
    /// Size of the header: 8 bytes, or 16 with a 64-bit size.
    pub header_len: usize,
    /// Size of header and body in bytes; `None` when the box goes on to the end.
    pub size: Option<u64>,
}

impl BoxHeader {
    /// Bytes that are enough for every header.
    pub const MAX_LEN: usize = 16;

    /// Reads a header from the front of `data`.
    ///
    /// # Errors
    /// [`Rule::Truncated`] when the data end inside the header, [`Rule::SizeBelowHeader`] when the
    /// box claims to be smaller than its own header.
    pub fn parse(data: &[u8]) -> Result<Self, BoxError> {
        let (short, rest) = data
            .split_first_chunk::<8>()
            .ok_or_else(|| BoxError::new(FourCc(*b"\0\0\0\0"), Rule::Truncated))?;
        let [s0, s1, s2, s3, k0, k1, k2, k3] = *short;
        let kind = FourCc([k0, k1, k2, k3]);
        let (header_len, size) = match u32::from_be_bytes([s0, s1, s2, s3]) {
            0 => (8, None),
            1 => {
                let wide = rest.first_chunk().ok_or(BoxError::new(kind, Rule::Truncated))?;
                (16, Some(u64::from_be_bytes(*wide)))
            }
            size => (8, Some(u64::from(size))),
        };
        if size.is_some_and(|size| size < header_len as u64) {
            return Err(BoxError::new(kind, Rule::SizeBelowHeader));
        }
        Ok(Self { kind, header_len, size })
    }
}

/// A box that lies completely in memory.
#[derive(Debug, Clone, Copy)]
pub struct BoxRef<'a> {
    /// Box type.
    pub kind: FourCc,
    /// Header and body as they lie in the file.
    pub raw: &'a [u8],
    /// What follows the header.
    pub body: &'a [u8],
}

impl<'a> BoxRef<'a> {
    /// An error about this box.
    pub fn error(&self, rule: Rule) -> BoxError {
        BoxError::new(self.kind, rule)
    }

    /// The child boxes; for full boxes and sample entries pass the part that holds them to
    /// [`children`] instead.
    pub fn children(&self) -> Children<'a> {
        children(self.kind, self.body)
    }

    /// The first child of type `kind`.
    pub fn find(&self, kind: &[u8; 4]) -> Result<Option<BoxRef<'a>>, BoxError> {
        find(self.children(), kind)
    }

    /// The first child of type `kind`, which the standard demands.
    pub fn require(&self, kind: &[u8; 4]) -> Result<BoxRef<'a>, BoxError> {
        self.find(kind)?.ok_or(self.error(Rule::MissingChild(FourCc(*kind))))
    }

    /// Splits a full box into version, flags and the rest.
    pub fn full(&self) -> Result<(u8, u32, &'a [u8]), BoxError> {
        match self.body {
            [version, f0, f1, f2, rest @ ..] => {
                Ok((*version, u32::from_be_bytes([0, *f0, *f1, *f2]), rest))
            }
            _ => Err(self.error(Rule::Truncated)),
        }
    }
}

/// The first box of type `kind` in a row of siblings.
pub fn find<'a>(siblings: Children<'a>, kind: &[u8; 4]) -> Result<Option<BoxRef<'a>>, BoxError> {
    for child in siblings {
        let child = child?;
        if child.kind.0 == *kind {
            return Ok(Some(child));
        }
    }
    Ok(None)
}

/// The boxes in `data`, which is (a part of) the body of `parent`.
pub fn children(parent: FourCc, data: &[u8]) -> Children<'_> {
    Children { parent, rest: data }
}

/// Iterator over sibling boxes. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Children<'a> {
    parent: FourCc,
    rest: &'a [u8],
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<BoxRef<'a>, BoxError>;

    fn next(&mut self) -> Option<Self::Item> {
        // QuickTime ends some containers with a 32-bit zero; fewer than 8 bytes hold no box.
        if self.rest.len() < 8 {
            return None;
        }
        Some(self.split_first().inspect_err(|_| self.rest = &[]))
    }
}

impl<'a> Children<'a> {
    /// Bytes that were not walked yet.
    pub fn length(&self) -> usize {
        self.rest.len()
    }

    fn split_first(&mut self) -> Result<BoxRef<'a>, BoxError> {
        let header = BoxHeader::parse(self.rest)?;
        let size = header.size.unwrap_or(self.rest.len() as u64);
        let (raw, rest) = usize::try_from(size)
            .ok()
            .and_then(|size| self.rest.split_at_checked(size))
            .ok_or(BoxError::new(header.kind, Rule::LargerThanParent(self.parent)))?;
        self.rest = rest;
        Ok(BoxRef { kind: header.kind, raw, body: &raw[header.header_len..] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_below_the_header_and_above_the_parent_are_refused() {
        let small = BoxHeader::parse(b"\0\0\0\x04free").unwrap_err();
        assert_eq!(small.rule, Rule::SizeBelowHeader);
        let parent = FourCc(*b"moov");
        let large = children(parent, b"\0\0\0\x10free").next().unwrap().unwrap_err();
        assert_eq!(large.rule, Rule::LargerThanParent(parent));
    }

    #[test]
    fn a_zero_size_reaches_to_the_end_of_the_parent() {
        let data = b"\0\0\0\0mdatxyz";
        let only = children(FourCc(*b"file"), data).next().unwrap().unwrap();
        assert_eq!(only.body, b"xyz");
    }

    proptest! {
        #[test]
        fn a_walk_over_arbitrary_bytes_ends(data: Vec<u8>) {
            let walked: usize = children(FourCc(*b"file"), &data)
                .map_while(Result::ok)
                .map(|child| child.raw.len())
                .sum();
            prop_assert!(walked <= data.len());
        }
    }
}
