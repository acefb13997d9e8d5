//! Opus: the `dOps` box (Encapsulation of Opus in ISO Base Media File Format, section 4.3.2).

use super::{CodecError, Sound};
use crate::bytes::Reader;

/// Opus decodes to 48 kHz whatever it was made from (section 4.3.1).
const SAMPLING_RATE: u32 = 48_000;

/// What packaging needs of a `dOps` box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpusConfig {
    /// Channels and rate.
    pub sound: Sound,
}

impl OpusConfig {
    /// Reads the body of a `dOps` box.
    ///
    /// # Errors
    /// A record that ends too early, an unknown version, or no channels.
    pub fn parse(record: &[u8]) -> Result<Self, CodecError> {
        let truncated = CodecError::truncated("dOps");
        let mut reader = Reader::new(record);
        let [version, channels] = reader.array().map_err(&truncated)?;
        // Pre-skip, input rate, output gain, channel mapping family.
        reader.skip(2 + 4 + 2 + 1).map_err(&truncated)?;
        match (version, channels) {
            (1.., _) => Err(CodecError::BadValue("the dOps version is not 0")),
            (_, 0) => Err(CodecError::BadValue("dOps has no channels")),
            (0, _) => Ok(Self { sound: Sound { channels, sampling_rate: SAMPLING_RATE } }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rate_is_that_of_the_decoder() {
        let record = [0, 2, 1, 0x38, 0, 0, 0x3e, 0x80, 0, 0, 0];
        let config = OpusConfig::parse(&record).unwrap();
        assert_eq!(config.sound, Sound { channels: 2, sampling_rate: 48_000 });
        assert!(OpusConfig::parse(&record[..10]).is_err());
        assert!(OpusConfig::parse(&[0; 11]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(data: Vec<u8>) {
            let _ = OpusConfig::parse(&data);
        }
    }
}
