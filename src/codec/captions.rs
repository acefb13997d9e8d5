//! Captions inside pictures: CEA-608 and CEA-708 in registered user data of message NAL units
//! (ATSC A/53 part 4, section 6.2.3; ANSI/SCTE 128).

use crate::bytes::Reader;

/// Message type of registered user data.
const USER_DATA_REGISTERED: u32 = 4;

/// Country and provider code of ATSC, its identifier, and the type of caption data.
const ATSC_CAPTIONS: &[u8] = &[0xb5, 0x00, 0x31, b'G', b'A', b'9', b'4', 0x03];

/// Which captions pictures carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Captions {
    /// CEA-608 in the first field: channel CC1.
    pub field_1: bool,
    /// CEA-608 in the second field: channel CC3.
    pub field_2: bool,
    /// CEA-708: service 1.
    pub digital: bool,
}

impl Captions {
    /// Adds what a message NAL unit carries; `header` is the length of its header in bytes. What
    /// breaks the rules is passed over.
    pub fn add(&mut self, unit: &[u8], header: usize) {
        let data = unescaped(unit.get(header..).unwrap_or_default());
        let mut reader = Reader::new(&data);
        while let Some((kind, payload)) = message(&mut reader) {
            if let (USER_DATA_REGISTERED, Some(data)) = (kind, payload.strip_prefix(ATSC_CAPTIONS))
            {
                self.add_constructs(data);
            }
        }
    }

    /// Three bytes each, behind a byte with their number and a reserved one. Pairs of nulls with
    /// parity are there to fill the time.
    fn add_constructs(&mut self, data: &[u8]) {
        let Some((flags, rest)) = data.split_first() else { return };
        let (constructs, _) = rest.get(1..).unwrap_or_default().as_chunks::<3>();
        for [kind, first, second] in constructs.iter().take(usize::from(flags & 0x1f)) {
            let valid = kind & 0x04 != 0;
            match kind & 0x03 {
                0 => self.field_1 |= valid && (first | second) & 0x7f != 0,
                1 => self.field_2 |= valid && (first | second) & 0x7f != 0,
                _ => self.digital |= valid && (first | second) != 0,
            }
        }
    }
}

/// The next message: its type and payload.
fn message<'a>(reader: &mut Reader<'a>) -> Option<(u32, &'a [u8])> {
    let kind = number(reader)?;
    let size = usize::try_from(number(reader)?).ok()?;
    Some((kind, reader.take(size).ok()?))
}

/// A number in bytes of which all but the last are 255.
fn number(reader: &mut Reader<'_>) -> Option<u32> {
    let mut sum = 0_u32;
    loop {
        let byte = reader.u8().ok()?;
        sum = sum.checked_add(byte.into())?;
        if byte != 255 {
            return Some(sum);
        }
    }
}

/// Without emulation prevention bytes.
fn unescaped(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    let mut zeros = 0;
    for byte in data {
        if *byte == 3 && zeros >= 2 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A message NAL unit with these constructs.
    fn unit(constructs: &[[u8; 3]]) -> Vec<u8> {
        let count = u8::try_from(constructs.len()).unwrap();
        let data =
            [ATSC_CAPTIONS, &[0x40 | count, 0xff], constructs.as_flattened(), &[0xff]].concat();
        let size = u8::try_from(data.len()).unwrap();
        [&[0x06, 1, 2, 0, 0, 3, 4, size], &*data, &[0x80]].concat()
    }

    #[test]
    fn channels_are_told_apart_and_fill_is_none() {
        let captions = |constructs: &[[u8; 3]]| {
            let mut captions = Captions::default();
            captions.add(&unit(constructs), 1);
            (captions.field_1, captions.field_2, captions.digital)
        };
        assert_eq!(captions(&[[0xfc, 0x94, 0x20]]), (true, false, false));
        assert_eq!(captions(&[[0xfc, 0x80, 0x80], [0xfd, 0x15, 0x2c]]), (false, true, false));
        assert_eq!(captions(&[[0xfe, 0x41, 0x02], [0xf8, 0x94, 0x20]]), (false, false, true));
        assert_eq!(captions(&[[0xfa, 0, 0], [0xfc, 0x80, 0x80]]), (false, false, false));
    }

    proptest! {
        #[test]
        fn arbitrary_units_never_panic(unit: Vec<u8>, header in 0_usize..4) {
            Captions::default().add(&unit, header);
        }
    }
}
