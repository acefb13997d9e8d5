//! Headers of packetized elementary streams (ISO/IEC 13818-1 section 2.4.3.6).

/// Ticks per second of time stamps.
pub const CLOCK: u32 = 90_000;

/// Time stamps have 33 bits.
const WRAP: u64 = (1 << 33) - 1;

/// The longest header: both time stamps.
pub const MAX_HEADER: usize = 19;

/// Time stamps of an access unit in ticks of [`CLOCK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it is presented.
    pub pts: u64,
    /// When it is decoded.
    pub dts: u64,
}

/// The header in front of `size` bytes. A size that has no place in its 16 bits is written as 0,
/// "to the end of the unit", which is allowed for video.
pub fn header(stream_id: u8, times: Times, size: usize) -> Vec<u8> {
    let both = times.dts != times.pts;
    let (flags, stamps) = if both { (0xc0, 10) } else { (0x80, 5) };
    let length = u16::try_from(size + 3 + usize::from(stamps)).unwrap_or(0);
    let [high, low] = length.to_be_bytes();
    let mut header = Vec::with_capacity(MAX_HEADER);
    // 0x84: marker bits, and the payload starts with an access unit.
    header.extend([0, 0, 1, stream_id, high, low, 0x84, flags, stamps]);
    header.extend(time_stamp(if both { 3 } else { 2 }, times.pts));
    if both {
        header.extend(time_stamp(1, times.dts));
    }
    header
}

/// Four bits of prefix, then 3, 15 and 15 bits, each with a marker bit behind it.
fn time_stamp(prefix: u64, time: u64) -> [u8; 5] {
    let time = time & WRAP;
    let bits = prefix << 36 | (time >> 30) << 33 | 1 << 32 | (time >> 15 & 0x7fff) << 17 | 1 << 16;
    let [_, _, _, bytes @ ..] = (bits | (time & 0x7fff) << 1 | 1).to_be_bytes();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_time_stamps_are_written_once() {
        let times = Times { pts: 900_000, dts: 900_000 };
        let expected = [0, 0, 1, 0xc0, 0, 18, 0x84, 0x80, 5, 0x21, 0, 0x37, 0x77, 0x41];
        assert_eq!(header(0xc0, times, 10), expected);
    }

    #[test]
    fn time_stamps_wrap_and_a_long_video_unit_has_no_length() {
        let times = Times { pts: (1 << 33) + 1, dts: (1 << 33) - 1 };
        let header = header(0xe0, times, 70_000);
        assert_eq!(header[4..6], [0, 0]);
        assert_eq!(header[9..14], [0x31, 0, 1, 0, 3]);
        assert_eq!(header[14..], [0x1f, 0xff, 0xff, 0xff, 0xff]);
    }
}
