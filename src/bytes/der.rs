//! Elements of DER (X.690 section 10), as far as certificates and key files need them.

/// Elements, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'a>(&'a [u8]);

/// A list of elements.
pub const SEQUENCE: u8 = 0x30;
/// A whole number.
pub const INTEGER: u8 = 0x02;
/// Bytes.
pub const OCTET_STRING: u8 = 0x04;
/// A name by numbers.
pub const OBJECT_IDENTIFIER: u8 = 0x06;

impl<'a> Elements<'a> {
    /// Those that follow each other in `der`.
    pub fn new(der: &'a [u8]) -> Self {
        Self(der)
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element.
    pub fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: tag and content.
    pub fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element, which must have this tag.
    pub fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.element().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The elements inside of the next, which must have this tag.
    pub fn inside(&mut self, tag: u8) -> Option<Self> {
        self.content(tag).map(Self)
    }

    /// A whole number from 0 to 2^32 - 1.
    pub fn number(&mut self) -> Option<u32> {
        let bytes = self.content(INTEGER)?;
        let (&first, rest) = bytes.split_first()?;
        let digits = if first == 0 && !rest.is_empty() { rest } else { bytes };
        let fits = first < 0x80 && digits.len() <= 4;
        fits.then(|| digits.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_short() {
        for (der, number) in [
            (&[2, 1, 0][..], Some(0)),
            (&[2, 1, 0x7f], Some(127)),
            (&[2, 2, 8, 0], Some(2048)),
            (&[2, 5, 0, 0xff, 0xff, 0xff, 0xff], Some(u32::MAX)),
            (&[2, 1, 0x80], None),
            (&[2, 0], None),
            (&[2, 5, 1, 0, 0, 0, 0], None),
            (&[4, 1, 0], None),
            (&[2, 2, 0], None),
        ] {
            assert_eq!(Elements::new(der).number(), number, "{der:?}");
        }
    }

    #[test]
    fn lengths_are_definite_and_fit() {
        let long = [&[4, 0x82, 1, 0][..], &[7; 256]].concat();
        assert_eq!(Elements::new(&long).content(OCTET_STRING), Some(&[7; 256][..]));
        assert_eq!(Elements::new(&long[..259]).content(OCTET_STRING), None);
        assert_eq!(Elements::new(&[0x30, 0x80, 0, 0]).content(SEQUENCE), None);
    }
}
