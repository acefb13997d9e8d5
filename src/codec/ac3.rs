//! AC-3: the `dac3` box (ETSI TS 102 366 annex F.4), and the speakers of AC-3 and E-AC-3.

use super::{CodecError, Sound};
use crate::bytes::{PlainBits, Truncated};

/// Sampling rates in Hz by fscod (section 4.4.1.3).
const SAMPLING_RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// Speakers of the audio coding modes (section 4.4.2.3) as bits of a custom channel map (table
/// E.1.4); a pair of rear speakers and the single one behind the listener have bits of their own.
const MODES: [u16; 8] = [
    speakers::LEFT | speakers::RIGHT,
    speakers::CENTRE,
    speakers::LEFT | speakers::RIGHT,
    speakers::FRONT,
    speakers::LEFT | speakers::RIGHT | speakers::REAR_CENTRE,
    speakers::FRONT | speakers::REAR_CENTRE,
    speakers::LEFT | speakers::RIGHT | speakers::SURROUND,
    speakers::FRONT | speakers::SURROUND,
];

/// Bits of a channel map.
pub(super) mod speakers {
    pub(crate) const LEFT: u16 = 0x8000;
    pub(crate) const CENTRE: u16 = 0x4000;
    pub(crate) const RIGHT: u16 = 0x2000;
    /// Two speakers.
    pub(crate) const SURROUND: u16 = 0x1800;
    pub(crate) const REAR_CENTRE: u16 = 0x0100;
    pub(crate) const LOW_FREQUENCIES: u16 = 0x0001;
    pub(crate) const FRONT: u16 = LEFT | CENTRE | RIGHT;
    /// Bits that stand for two speakers: Lc/Rc, Lrs/Rrs, Lsd/Rsd, Lw/Rw, Lvh/Rvh, Lts/Rts.
    pub(crate) const PAIRS: u16 = 0x0674;
}

/// What packaging needs of a `dac3` box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ac3Config {
    /// Channels and rate.
    pub sound: Sound,
    /// The speakers as a custom channel map (table E.1.4).
    pub speakers: u16,
}

impl Ac3Config {
    /// Reads the body of a `dac3` box.
    ///
    /// # Errors
    /// A record that ends too early, or a reserved sampling rate.
    pub fn parse(record: &[u8]) -> Result<Self, CodecError> {
        let truncated = CodecError::truncated("dac3");
        let mut bits = PlainBits::new(record);
        let rate = bits.take(2).map_err(&truncated)?;
        bits.skip(5 + 3).map_err(&truncated)?; // bsid, bsmod
        let speakers = mode(&mut bits).map_err(&truncated)?;
        Ok(Self { sound: sound(rate, speakers)?, speakers })
    }
}

/// The speakers of acmod and lfeon, which follow each other in both records.
pub(super) fn mode(bits: &mut PlainBits<'_>) -> Result<u16, Truncated> {
    let mode = MODES[usize::from(bits.small(3)? & 7)];
    Ok(mode | if bits.flag()? { speakers::LOW_FREQUENCIES } else { 0 })
}

/// Counts the speakers, and looks up the rate.
pub(super) fn sound(fscod: u32, speakers: u16) -> Result<Sound, CodecError> {
    let sampling_rate = SAMPLING_RATES.get(fscod as usize).copied();
    let sampling_rate = sampling_rate.ok_or(CodecError::BadValue("fscod is reserved"))?;
    let count = speakers.count_ones() + (speakers & speakers::PAIRS).count_ones();
    // At most 32.
    Ok(Sound { channels: u8::try_from(count).unwrap_or(u8::MAX), sampling_rate })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modes_are_speakers() {
        let five_one = Ac3Config::parse(&[0x0c, 0x3d, 0xc0]).unwrap();
        assert_eq!(five_one.sound, Sound { channels: 6, sampling_rate: 48_000 });
        assert_eq!(five_one.speakers, 0xf801);
        let stereo = Ac3Config::parse(&[0x10, 0x10, 0xc0]).unwrap();
        assert_eq!((stereo.sound.channels, stereo.speakers), (2, 0xa000));
        let counts: Vec<u8> = MODES.iter().map(|mode| sound(0, *mode).unwrap().channels).collect();
        assert_eq!(counts, [2, 1, 2, 3, 3, 4, 4, 5]);
        assert!(Ac3Config::parse(&[0xc0, 0, 0]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(data: Vec<u8>) {
            let _ = Ac3Config::parse(&data);
        }
    }
}
