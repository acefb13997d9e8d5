//! ADTS: the header in front of each AAC frame in MPEG-2 transport streams (ISO/IEC 14496-3
//! section 1.A.2.2; packaging.md section 11).

use super::aac::{AacConfig, SAMPLING_RATES};

/// Bytes of a header without checksum.
pub const HEADER: usize = 7;

/// The frame length field has 13 bits and counts the header.
const MAX_FRAME: u32 = (1 << 13) - 1;

/// The part of the header that is the same for all frames of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adts([u8; HEADER]);

impl Adts {
    /// `None` for what the header cannot say: object types above 4, rates that have no index,
    /// channels that only a program config element tells.
    pub fn of(config: &AacConfig) -> Option<Self> {
        let core = config.core;
        let profile = u8::try_from(core.object_type.checked_sub(1)?).ok()?;
        let rate = SAMPLING_RATES.iter().position(|rate| *rate == core.sampling_rate)?;
        let rate = u8::try_from(rate).ok()?;
        let channels = core.channel_configuration;
        if profile > 3 || !(1..=7).contains(&channels) {
            return None;
        }
        // Syncword, MPEG-4, no checksum; buffer fullness of a variable bit rate; one frame.
        let second = profile << 6 | rate << 2 | channels >> 2;
        Some(Self([0xff, 0xf1, second, channels << 6, 0, 0x1f, 0xfc]))
    }

    /// The header of a frame of `size` bytes; `None` when the frame is too long.
    pub fn header(self, size: u32) -> Option<[u8; HEADER]> {
        let length = size.checked_add(7).filter(|length| *length <= MAX_FRAME)?;
        let mut header = self.0;
        // 13 bits: two in the fourth byte, eight in the fifth, three in the sixth.
        let part = |shift: u32, bits: u32| (length >> shift & bits) as u8;
        header[3] |= part(11, 0x03);
        header[4] = part(3, 0xff);
        header[5] |= part(0, 0x07) << 5;
        Some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::aac::Core;

    fn config(object_type: u32, sampling_rate: u32, channel_configuration: u8) -> AacConfig {
        let core = Core { object_type, sampling_rate, channel_configuration };
        AacConfig {
            object_type,
            sampling_rate,
            channels: channel_configuration,
            object_type_indication: 0x40,
            specific: [].into(),
            core,
        }
    }

    #[test]
    fn the_header_says_profile_rate_channels_and_length() {
        let adts = Adts::of(&config(2, 44_100, 2)).unwrap();
        assert_eq!(adts.header(371 - 7), Some([0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc]));
        assert_eq!(adts.header(8191 - 7), Some([0xff, 0xf1, 0x50, 0x83, 0xff, 0xff, 0xfc]));
        assert_eq!(adts.header(8192 - 7), None);
        assert_eq!(adts.header(u32::MAX), None);
    }

    #[test]
    fn what_the_header_cannot_say_is_refused() {
        for (object_type, rate, channels) in
            [(42, 48_000, 2), (2, 47_999, 2), (2, 48_000, 0), (0, 48_000, 2), (2, 48_000, 11)]
        {
            assert_eq!(Adts::of(&config(object_type, rate, channels)), None);
        }
    }
}
