//! The length of a frame of AC-3 (ETSI TS 102 366 section 4.3.1 and table 4.13) or E-AC-3 (section
//! E.1.3.1.3), which its first bytes tell.

/// Bytes that tell it.
pub const HEADER: usize = 6;

const SYNC: [u8; 2] = [0x0b, 0x77];

/// Kilobits per second by frmsizecod, of which the lowest bit pads.
const RATES: [u32; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];

/// Samples of a frame of AC-3.
const SAMPLES: u32 = 1536;

/// The length of the frame that starts with `header`, in bytes; `None` when none does.
pub fn length(header: &[u8]) -> Option<u32> {
    let [first, second, b2, b3, b4, b5] = *header.first_chunk::<HEADER>()?;
    if [first, second] != SYNC {
        return None;
    }
    let words = match b5 >> 3 {
        ..=10 => ac3_words(b4 >> 6, b4 & 0x3f)?,
        11..=16 => u32::from(u16::from_be_bytes([b2 & 7, b3])) + 1,
        _ => return None,
    };
    Some(2 * words).filter(|length| *length >= HEADER as u32)
}

/// Words of 16 bits.
fn ac3_words(fscod: u8, frmsizecod: u8) -> Option<u32> {
    let rate = RATES.get(usize::from(frmsizecod / 2))? * 1000;
    let words = |frequency: u32| rate * (SAMPLES / 16) / frequency;
    match fscod {
        0 => Some(words(48_000)),
        1 => Some(words(44_100) + u32::from(frmsizecod & 1)),
        2 => Some(words(32_000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_those_of_the_table() {
        let ac3 = |fscod: u8, size: u8| length(&[0x0b, 0x77, 0, 0, fscod << 6 | size, 8 << 3]);
        assert_eq!(ac3(0, 0), Some(128));
        assert_eq!((ac3(1, 0), ac3(1, 1)), (Some(138), Some(140)));
        assert_eq!((ac3(0, 37), ac3(1, 37), ac3(2, 37)), (Some(2560), Some(2788), Some(3840)));
        assert_eq!((ac3(3, 0), ac3(0, 38)), (None, None));
        let eac3 = |size: u16| length(&[0x0b, 0x77, (size >> 8) as u8, size as u8, 0, 16 << 3]);
        assert_eq!((eac3(767), eac3(2047)), (Some(1536), Some(4096)));
        assert_eq!(eac3(1), None);
    }

    proptest! {
        #[test]
        fn arbitrary_headers_never_panic(header: Vec<u8>) {
            let _ = length(&header);
        }
    }
}
