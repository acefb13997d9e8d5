//! A bit reader for records that have no emulation prevention.

use super::Truncated;

/// Reads bits, most significant first.
#[derive(Debug, Clone, Copy)]
pub struct PlainBits<'a> {
    data: &'a [u8],
    /// Index of the next bit.
    next: usize,
}

impl<'a> PlainBits<'a> {
    /// Starts at the first bit of `data`.
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, next: 0 }
    }

    /// Bytes that are touched so far; a byte of which one bit is read counts whole.
    pub fn bytes_touched(&self) -> usize {
        self.next.div_ceil(8)
    }

    /// The next `count` bits, at most 32.
    pub fn take(&mut self, count: usize) -> Result<u32, Truncated> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.data.get(self.next / 8).ok_or(Truncated)?;
            value = value << 1 | u32::from(byte >> (7 - self.next % 8) & 1);
            self.next += 1;
        }
        Ok(value)
    }

    /// The next `count` bits, at most 8; higher bits of the value are 0.
    pub fn small(&mut self, count: usize) -> Result<u8, Truncated> {
        self.take(count.min(8)).map(|value| value.to_le_bytes()[0])
    }

    /// One bit.
    pub fn flag(&mut self) -> Result<bool, Truncated> {
        self.take(1).map(|bit| bit == 1)
    }

    /// Passes over bits; there may be more than 32.
    pub fn skip(&mut self, count: usize) -> Result<(), Truncated> {
        let next = self.next.checked_add(count).ok_or(Truncated)?;
        if next > self.data.len().saturating_mul(8) {
            return Err(Truncated);
        }
        self.next = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_most_significant_first_and_end_with_the_data() {
        let mut bits = PlainBits::new(&[0b1010_0000, 0xff]);
        assert_eq!(bits.take(3), Ok(5));
        assert_eq!(bits.skip(5), Ok(()));
        assert_eq!(bits.small(7), Ok(0x7f));
        assert_eq!(bits.flag(), Ok(true));
        assert_eq!(bits.flag(), Err(Truncated));
        assert_eq!(bits.skip(1), Err(Truncated));
    }
}
