//! A bit reader for NAL unit payloads (ISO/IEC 14496-10 sections 7.2 and 9.1).
//!
//! Emulation prevention bytes are skipped while reading, and positions are counted on the escaped
//! bytes as they lie in the file: that is where encryption boundaries are (packaging.md 1.3).

use super::Truncated;

/// Reads bits, most significant first, from the escaped bytes of a NAL unit.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    data: &'a [u8],
    /// Index of the next escaped byte to load.
    next: usize,
    /// How many zero bytes in a row came directly before `next`.
    zeros: u8,
    current: u8,
    /// Bits of `current` that are not read yet.
    left: u32,
}

impl<'a> BitReader<'a> {
    /// Starts at the first bit of `data`.
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, next: 0, zeros: 0, current: 0, left: 0 }
    }

    /// Escaped bytes that are touched so far; a byte of which one bit is read counts whole.
    pub fn bytes_touched(&self) -> usize {
        self.next
    }

    fn load(&mut self) -> Result<(), Truncated> {
        let mut byte = *self.data.get(self.next).ok_or(Truncated)?;
        if self.zeros >= 2 && byte == 3 {
            self.next += 1;
            self.zeros = 0;
            byte = *self.data.get(self.next).ok_or(Truncated)?;
        }
        self.next += 1;
        self.zeros = if byte == 0 { self.zeros.saturating_add(1) } else { 0 };
        self.current = byte;
        self.left = 8;
        Ok(())
    }

    /// One bit.
    pub fn bit(&mut self) -> Result<bool, Truncated> {
        if self.left == 0 {
            self.load()?;
        }
        self.left -= 1;
        Ok((self.current >> self.left) & 1 == 1)
    }

    /// `count` bits (0 to 32), as `u(n)`.
    pub fn bits(&mut self, count: u32) -> Result<u32, Truncated> {
        let mut value = 0_u32;
        for _ in 0..count {
            value = (value << 1) | u32::from(self.bit()?);
        }
        Ok(value)
    }

    /// An unsigned Exp-Golomb value, `ue(v)`; codes longer than 32 bits are refused.
    pub fn ue(&mut self) -> Result<u32, Truncated> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return Err(Truncated);
            }
        }
        Ok((1_u32 << zeros) - 1 + self.bits(zeros)?)
    }

    /// A signed Exp-Golomb value, `se(v)`.
    pub fn se(&mut self) -> Result<i64, Truncated> {
        let code = i64::from(self.ue()?);
        Ok(if code % 2 == 0 { -(code / 2) } else { code / 2 + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exp_golomb_codes_follow_table_9_2() {
        // 1 | 010 | 011 | 00100 | 00101
        let mut reader = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        let values: Vec<u32> = (0..5).map(|_| reader.ue().unwrap()).collect();
        assert_eq!(values, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn an_emulation_prevention_byte_is_skipped_but_counted() {
        let mut reader = BitReader::new(&[0, 0, 3, 1, 0xff]);
        assert_eq!(reader.bits(24), Ok(1));
        assert_eq!(reader.bytes_touched(), 4);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_read_past_the_end(data: Vec<u8>) {
            let mut reader = BitReader::new(&data);
            while reader.ue().is_ok() {}
            prop_assert!(reader.bytes_touched() <= data.len());
        }
    }
}
