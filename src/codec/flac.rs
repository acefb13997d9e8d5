//! FLAC: the `dfLa` box (Encapsulation of FLAC in ISO Base Media File Format, section 3.3.2) with
//! the STREAMINFO block (RFC 9639 section 8.2) at its start.

use super::{CodecError, Sound};
use crate::bytes::{PlainBits, Truncated};

/// Block type of STREAMINFO; the highest bit only says whether more blocks follow.
const STREAMINFO: u8 = 0;

/// What packaging needs of a `dfLa` box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlacConfig {
    /// Channels and rate.
    pub sound: Sound,
}

impl FlacConfig {
    /// Reads the body of a `dfLa` box, version and flags included.
    ///
    /// # Errors
    /// A record that ends too early, does not start with STREAMINFO, or has a sampling rate of 0.
    pub fn parse(record: &[u8]) -> Result<Self, CodecError> {
        let truncated = CodecError::truncated("dfLa");
        let kind = *record.get(4).ok_or(Truncated).map_err(&truncated)?;
        if kind & 0x7f != STREAMINFO {
            return Err(CodecError::BadValue("dfLa does not start with STREAMINFO"));
        }
        let sound = stream_info(record.get(8..).unwrap_or_default()).map_err(&truncated)?;
        match sound.sampling_rate {
            0 => Err(CodecError::BadValue("the FLAC sampling rate is 0")),
            _ => Ok(Self { sound }),
        }
    }
}

fn stream_info(block: &[u8]) -> Result<Sound, Truncated> {
    let mut bits = PlainBits::new(block);
    bits.skip(16 + 16 + 24 + 24)?; // sizes of blocks and frames
    let sampling_rate = bits.take(20)?;
    let channels = bits.small(3)? + 1;
    bits.skip(5 + 36 + 128)?; // sample depth, number of samples, checksum
    Ok(Sound { channels, sampling_rate })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stream_info_gives_channels_and_rate() {
        let mut record = vec![0, 0, 0, 0, 0x80, 0, 0, 34];
        record.extend([0x10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0xc4, 0x42, 0xf0]);
        record.resize(8 + 34, 0);
        let config = FlacConfig::parse(&record).unwrap();
        assert_eq!(config.sound, Sound { channels: 2, sampling_rate: 44_100 });
        assert!(FlacConfig::parse(&record[..41]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(data: Vec<u8>) {
            let _ = FlacConfig::parse(&data);
        }
    }
}
