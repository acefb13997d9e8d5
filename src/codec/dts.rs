//! DTS: the `ddts` box (ETSI TS 102 114 annex E.2.2) of `dtsc`, `dtsh`, `dtse` and `dtsl`, and the
//! `udts` box (ETSI TS 103 491 annex B.2) of `dtsx`.

use super::{CodecError, Sound};
use crate::bytes::{PlainBits, Reader, Truncated};

/// Bits of ChannelLayout that stand for two speakers (table E-5): L/R, Ls/Rs, Lh/Rh, Lsr/Rsr,
/// Lc/Rc, Lw/Rw, Lss/Rss, Lhs/Rhs, Lhr/Rhr.
const PAIRS: u16 = 0xae66;

/// What packaging needs of a DTS configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DtsConfig {
    /// Channels and rate.
    pub sound: Sound,
    /// ChannelMask of a DTS-UHD stream (`dtsx`), one bit for each speaker.
    pub channel_mask: Option<u32>,
}

impl DtsConfig {
    /// Reads the body of a `ddts` box.
    ///
    /// # Errors
    /// A record that ends too early, or a sampling rate of 0.
    pub fn parse(record: &[u8]) -> Result<Self, CodecError> {
        let sound = ddts(record).map_err(CodecError::truncated("ddts"))?;
        if sound.sampling_rate == 0 {
            return Err(CodecError::BadValue("DTSSamplingFrequency is 0"));
        }
        Ok(Self { sound, channel_mask: None })
    }

    /// Reads the body of a `udts` box.
    ///
    /// # Errors
    /// A record that ends too early.
    pub fn parse_uhd(record: &[u8]) -> Result<Self, CodecError> {
        udts(record).map_err(CodecError::truncated("udts"))
    }
}

fn ddts(record: &[u8]) -> Result<Sound, Truncated> {
    let mut reader = Reader::new(record);
    let sampling_rate = reader.u32()?;
    reader.skip(4 + 4 + 1)?; // bit rates, sample depth
    let mut bits = PlainBits::new(reader.rest());
    bits.skip(2 + 5 + 1 + 6 + 14 + 1 + 3)?; // frame duration to representation type
    let layout = bits.take(16)?.to_le_bytes();
    let layout = u16::from_le_bytes([layout[0], layout[1]]);
    let count = layout.count_ones() + (layout & PAIRS).count_ones();
    // At most 32.
    Ok(Sound { channels: u8::try_from(count).unwrap_or(u8::MAX), sampling_rate })
}

fn udts(record: &[u8]) -> Result<DtsConfig, Truncated> {
    let mut bits = PlainBits::new(record);
    bits.skip(6 + 2 + 3 + 5)?; // profile, frame duration, payload, presentations
    let mask = bits.take(32)?;
    let base = if bits.flag()? { 48_000 } else { 44_100 };
    let sampling_rate = base << bits.take(2)?;
    // At most 32.
    let channels = u8::try_from(mask.count_ones()).unwrap_or(u8::MAX);
    Ok(DtsConfig { sound: Sound { channels, sampling_rate }, channel_mask: Some(mask) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_records_give_channels_and_rate() {
        // 48 kHz, layout C L/R Ls/Rs LFE.
        let mut record = vec![0, 0, 0xbb, 0x80, 0, 0xb, 0xb8, 0, 0, 0xb, 0xb8, 0, 24];
        record.extend([0x05, 0xf8, 0x7d, 0x00, 0x00, 0x0f, 0x00]);
        let config = DtsConfig::parse(&record).unwrap();
        assert_eq!(config.sound, Sound { channels: 6, sampling_rate: 48_000 });
        let uhd = DtsConfig::parse_uhd(&[1, 0x20, 0, 0, 0, 0x3f, 0x80, 0]).unwrap();
        assert_eq!(uhd.sound, Sound { channels: 6, sampling_rate: 48_000 });
        assert_eq!(uhd.channel_mask, Some(0x3f));
        assert!(DtsConfig::parse(&[0; 20]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(data: Vec<u8>) {
            let _ = DtsConfig::parse(&data);
            let _ = DtsConfig::parse_uhd(&data);
        }
    }
}
