//! Emulation prevention (ISO/IEC 14496-10 section 7.4.1.1): inside a NAL unit no three bytes may look
//! like a start code, so a byte 3 stands behind two zeros wherever a byte below 4 would follow.

use memchr::memchr;

/// The byte that is put in between.
pub const ESCAPE: u8 = 3;

/// Finds the places in a NAL unit that comes part by part.
#[derive(Debug)]
pub struct Escapes {
    places: Vec<u32>,
    /// So many are kept.
    most: usize,
    /// Bytes seen.
    seen: u32,
    /// Zeros at the end of what was seen; at most 2.
    zeros: u8,
}

impl Escapes {
    /// For a NAL unit with at most so many places.
    pub fn new(most: usize) -> Self {
        Self { places: Vec::new(), most, seen: 0, zeros: 0 }
    }

    /// Looks through the next part. Gives `false` when there are too many places.
    #[must_use]
    pub fn look(&mut self, part: &[u8]) -> bool {
        let mut rest = part;
        while let Some((&byte, behind)) = self.skip_to_zero(rest).split_first() {
            if self.zeros == 2 && byte <= ESCAPE {
                // Parts of a NAL unit, whose length has 32 bits.
                let at = u32::try_from(part.len() - behind.len() - 1).unwrap_or(u32::MAX);
                self.places.push(self.seen.saturating_add(at));
                self.zeros = 0;
            }
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
            rest = behind;
            if self.places.len() > self.most {
                return false;
            }
        }
        self.seen = self.seen.saturating_add(u32::try_from(part.len()).unwrap_or(u32::MAX));
        true
    }

    /// Most bytes are no zeros and follow none.
    fn skip_to_zero<'p>(&self, part: &'p [u8]) -> &'p [u8] {
        match self.zeros {
            0 => memchr(0, part).map_or(&[], |at| &part[at..]),
            _ => part,
        }
    }

    /// How many bytes of the NAL unit stand in front of each byte that is put in. A NAL unit does not
    /// end in a zero.
    pub fn finish(mut self) -> Vec<u32> {
        if self.zeros > 0 {
            self.places.push(self.seen);
        }
        self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places(parts: &[&[u8]]) -> Vec<u32> {
        let mut escapes = Escapes::new(1000);
        assert!(parts.iter().all(|part| escapes.look(part)));
        escapes.finish()
    }

    fn escaped(nal: &[u8]) -> Vec<u8> {
        let (mut out, mut at) = (Vec::new(), 0);
        for place in places(&[nal]) {
            out.extend(&nal[at..place as usize]);
            out.push(ESCAPE);
            at = place as usize;
        }
        [out, nal[at..].to_vec()].concat()
    }

    #[test]
    fn what_looks_like_a_start_code_is_escaped_and_what_was_escaped_is_again() {
        for (plain, expected) in [
            (&[0, 0, 1][..], &[0, 0, 3, 1][..]),
            (&[0, 0, 3, 1], &[0, 0, 3, 3, 1]),
            (&[0, 0, 0, 0, 0, 0, 9], &[0, 0, 3, 0, 0, 3, 0, 0, 9]),
            (&[0, 0, 4, 0, 1, 0, 0, 3], &[0, 0, 4, 0, 1, 0, 0, 3, 3]),
            (&[7, 0], &[7, 0, 3]),
        ] {
            assert_eq!(escaped(plain), expected);
        }
    }

    #[test]
    fn places_are_bounded() {
        let mut escapes = Escapes::new(10);
        assert!((0..2).all(|_| escapes.look(&[0; 10])));
        assert!(!escapes.look(&[0; 10]));
    }

    proptest! {
        #[test]
        fn parts_make_no_difference_and_no_start_code_is_left(
            nal in proptest::collection::vec(0_u8..5, 0..200), cut in 0_usize..200,
        ) {
            let (front, back) = nal.split_at(cut.min(nal.len()));
            prop_assert_eq!(places(&[front, back]), places(&[&nal]));
            let escaped = escaped(&nal);
            prop_assert!(escaped.windows(3).all(|three| three[..2] != [0, 0] || three[2] > 2));
            prop_assert_ne!(escaped.last(), Some(&0));
        }
    }
}
