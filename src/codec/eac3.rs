//! E-AC-3: the `dec3` box (ETSI TS 102 366 annex F.6) with the extension of Dolby Atmos (ETSI TS
//! 103 420 annex C.3).

use super::ac3::{mode, sound};
use super::{CodecError, Sound};
use crate::bytes::{PlainBits, Truncated};

/// Bits of the channel map (table E.1.4) by bit of chan_loc (table F.6.1), lowest bit first: Lc/Rc,
/// Lrs/Rrs, Cs, Ts, Lsd/Rsd, Lw/Rw, Lvh/Rvh, Cvh, LFE2.
const LOCATIONS: [u16; 9] = [0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10, 0x08, 0x02];

/// What packaging needs of a `dec3` box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eac3Config {
    /// Channels and rate of the first independent substream with what depends on it: what a
    /// decoder without Atmos gives out.
    pub sound: Sound,
    /// The speakers as a custom channel map (table E.1.4).
    pub speakers: u16,
    /// complexity_index_type_a: objects that are coded jointly (JOC); `None` without Atmos.
    pub objects: Option<u8>,
    /// data_rate in kbit/s, that of all substreams together.
    pub data_rate: u32,
    /// The body of the `dec3` box.
    pub record: Box<[u8]>,
}

impl Eac3Config {
    /// Reads the body of a `dec3` box.
    ///
    /// # Errors
    /// A record that ends too early, or a reserved sampling rate.
    pub fn parse(record: &[u8]) -> Result<Self, CodecError> {
        let truncated = CodecError::truncated("dec3");
        let mut bits = PlainBits::new(record);
        let data_rate = bits.take(13).map_err(&truncated)?;
        let (speakers, rate) = programs(&mut bits).map_err(truncated)?;
        let (sound, objects) = (sound(rate, speakers)?, objects(&mut bits));
        Ok(Self { sound, speakers, objects, data_rate, record: record.into() })
    }
}

/// Speakers and rate of the first independent substream; the others are other programmes.
fn programs(bits: &mut PlainBits<'_>) -> Result<(u16, u32), Truncated> {
    let count = bits.take(3)? + 1;
    let mut first = None;
    for _ in 0..count {
        let program = program(bits)?;
        first = first.or(Some(program));
    }
    first.ok_or(Truncated)
}

fn program(bits: &mut PlainBits<'_>) -> Result<(u16, u32), Truncated> {
    let rate = bits.take(2)?;
    bits.skip(5 + 1 + 1 + 3)?; // bsid, reserved, asvc, bsmod
    let mut speakers = mode(bits)?;
    bits.skip(3)?;
    if bits.take(4)? == 0 {
        bits.skip(1)?;
        return Ok((speakers, rate));
    }
    let locations = bits.take(9)?;
    for (n, speaker) in LOCATIONS.iter().enumerate() {
        speakers |= if locations >> n & 1 == 1 { *speaker } else { 0 };
    }
    Ok((speakers, rate))
}

/// flag_ec3_extension_type_a and its index, behind the substreams where a record goes on.
fn objects(bits: &mut PlainBits<'_>) -> Option<u8> {
    bits.skip(7).ok()?;
    bits.flag().ok().filter(|present| *present)?;
    bits.small(8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn substreams_and_the_extension_are_read() {
        let plain = Eac3Config::parse(&[0x06, 0x00, 0x20, 0x0f, 0x00]).unwrap();
        assert_eq!(plain.sound, Sound { channels: 6, sampling_rate: 48_000 });
        assert_eq!((plain.speakers, plain.objects, plain.data_rate), (0xf801, None, 192));
        let atmos = Eac3Config::parse(&[0x14, 0, 0x20, 0x0f, 0, 1, 0x10]).unwrap();
        assert_eq!((atmos.sound.channels, atmos.objects), (6, Some(16)));
        // 7.1: a dependent substream with the pair of rear speakers.
        let seven = Eac3Config::parse(&[0x14, 0, 0x20, 0x0f, 0x02, 0x02]).unwrap();
        assert_eq!((seven.sound.channels, seven.speakers), (8, 0xfa01));
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(data: Vec<u8>) {
            let _ = Eac3Config::parse(&data);
        }
    }
}
