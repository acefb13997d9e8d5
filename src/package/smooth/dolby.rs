//! Dolby Digital Plus in Smooth Streaming: CodecPrivateData is what a WAVEFORMATEXTENSIBLE structure
//! holds behind its WAVEFORMATEX, and the `dec3` box.

use data_encoding::HEXUPPER;

use crate::codec::eac3::Eac3Config;

/// WAVE_FORMAT_EXTENSIBLE.
const AUDIO_TAG: u16 = 0xfffe;

/// Samples of sound in one of the file: six blocks of 256 (ETSI TS 102 366 annex F.2).
const FRAME: u16 = 1536;

/// KSDATAFORMAT_SUBTYPE_IEC61937_DOLBY_DIGITAL_PLUS in the byte order of structures:
/// A7FB87AF-2D02-42FB-A4D4-05CD93843BDD.
const SUBFORMAT: [u8; 16] = [
    0xaf, 0x87, 0xfb, 0xa7, 0x02, 0x2d, 0xfb, 0x42, 0xa4, 0xd4, 0x05, 0xcd, 0x93, 0x84, 0x3b, 0xdd,
];

/// Bits of a custom channel map (ETSI TS 102 366 table E.1.4), and those of dwChannelMask for the
/// same speakers. Lsd/Rsd, Lw/Rw, Lts/Rts and LFE2 have none.
const SPEAKERS: [(u16, u32); 12] = [
    (0x8000, 0x1),    // front left
    (0x4000, 0x4),    // front centre
    (0x2000, 0x2),    // front right
    (0x1000, 0x10),   // back left
    (0x0800, 0x20),   // back right
    (0x0400, 0xc0),   // left and right of the centre
    (0x0200, 0x600),  // side left and right
    (0x0100, 0x100),  // back centre
    (0x0080, 0x800),  // top centre
    (0x0010, 0x5000), // top front left and right
    (0x0008, 0x2000), // top front centre
    (0x0001, 0x8),    // low frequencies
];

/// The attributes of a `QualityLevel` behind its bitrate.
pub(super) fn attributes(config: &Eac3Config) -> [(&'static str, String); 7] {
    let sound = config.sound;
    [
        ("FourCC", "EC-3".to_owned()),
        ("AudioTag", AUDIO_TAG.to_string()),
        ("CodecPrivateData", HEXUPPER.encode(&private_data(config))),
        ("Channels", sound.channels.to_string()),
        ("BitsPerSample", "16".to_owned()),
        ("PacketSize", frame_bytes(config).to_string()),
        ("SamplingRate", sound.sampling_rate.to_string()),
    ]
}

fn private_data(config: &Eac3Config) -> Vec<u8> {
    let named = SPEAKERS.iter().filter(|(speaker, _)| config.speakers & speaker != 0);
    let mask = named.fold(0, |mask, (_, bits)| mask | bits);
    [&FRAME.to_le_bytes()[..], &mask.to_le_bytes(), &SUBFORMAT, &config.record].concat()
}

/// The rate is constant; reading the record has made sure of a sampling rate.
fn frame_bytes(config: &Eac3Config) -> u32 {
    let bytes = config.data_rate * 1000 / 8;
    bytes * u32::from(FRAME) / config.sound.sampling_rate.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Microsoft's servers wrote it.
    #[test]
    fn private_data_is_the_tail_of_the_structure_and_the_record() {
        let config = Eac3Config::parse(&[0x06, 0x00, 0x20, 0x0f, 0x00]).unwrap();
        let expected = "00063F000000AF87FBA7022DFB42A4D405CD93843BDD0600200F00";
        assert_eq!(HEXUPPER.encode(&private_data(&config)), expected);
        assert_eq!(frame_bytes(&config), 768);
    }

    #[test]
    fn speakers_are_told_in_both_ways() {
        let seven = Eac3Config::parse(&[0x14, 0, 0x20, 0x0f, 0x02, 0x02]).unwrap();
        assert_eq!(private_data(&seven)[2..6], [0x3f, 0x06, 0, 0]);
    }
}
