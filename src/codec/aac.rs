//! AAC: the AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2) in an `esds`.

use std::ops::RangeInclusive;

use super::esds::DecoderConfig;
use super::{CodecError, Sound};
use crate::bytes::{PlainBits, Truncated};

/// Object type indications that carry an AudioSpecificConfig: MPEG-4 audio and MPEG-2 AAC.
const AAC_OBJECT_TYPES: [u8; 4] = [MPEG4_AUDIO, 0x66, 0x67, 0x68];

const MPEG4_AUDIO: u8 = 0x40;

/// Sampling rates by index (ISO/IEC 14496-3 table 1.18).
pub(super) const SAMPLING_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// Channels by channel configuration (table 1.19); 0 is defined in the stream.
const CHANNELS: [u8; 15] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8];

/// What else lies in `mp4a` entries, by object type indication, and why it is left out.
const FOREIGN: &[(RangeInclusive<u8>, &str)] = &[
    (0x69..=0x69, "MP3 (MPEG-2 layer III) in an mp4a entry is not packaged"),
    (0x6b..=0x6b, "MP3 in an mp4a entry is not packaged"),
    (0xa5..=0xa6, "AC-3 in an mp4a entry is not packaged: remux it to ac-3 or ec-3"),
    (0xa9..=0xac, "DTS in an mp4a entry is not packaged: it lacks the ddts box, remux it to dtsc"),
];

/// Object type of HE-AAC.
pub const AOT_SBR: u32 = 5;
/// Object type of HE-AAC version 2.
pub const AOT_PS: u32 = 29;
const AOT_ESCAPE: u32 = 31;
/// Object type of unified speech and audio coding: xHE-AAC.
pub const AOT_USAC: u32 = 42;

/// What packaging needs to know of an AAC track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AacConfig {
    /// Audio object type for codec strings: 2 LC, 5 HE, 29 HE v2, 42 xHE. Explicit signalling of
    /// SBR and PS decides, not the core codec.
    pub object_type: u32,
    /// Output sampling rate in Hz.
    pub sampling_rate: u32,
    /// Number of channels; 0 when only the stream tells.
    pub channels: u8,
    /// Object type indication of the `esds`: MPEG-4 audio, or one of the profiles of MPEG-2 AAC.
    pub object_type_indication: u8,
    /// The AudioSpecificConfig as it stands in the `esds`.
    pub specific: Box<[u8]>,
    /// What a decoder without SBR and PS would see: all that ADTS can signal.
    pub core: Core,
}

/// The core layer of an AAC track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Core {
    /// Audio object type.
    pub object_type: u32,
    /// Sampling rate in Hz.
    pub sampling_rate: u32,
    /// Channel configuration as coded (table 1.19).
    pub channel_configuration: u8,
}

impl AacConfig {
    /// Reads the body of an `esds` box (version and flags included).
    pub fn parse_esds(esds: &[u8]) -> Result<Self, CodecError> {
        let truncated = CodecError::truncated("esds");
        let decoder = DecoderConfig::parse(esds).map_err(&truncated)?;
        let object_type = decoder.object_type;
        if !AAC_OBJECT_TYPES.contains(&object_type) {
            return Err(CodecError::Foreign(foreign(object_type)));
        }
        let config = decoder.specific().map_err(&truncated)?;
        let config = Self::parse_audio_specific_config(config)?;
        Ok(Self { object_type_indication: object_type, ..config })
    }

    /// Channels and rate as a decoder gives them out.
    pub fn sound(&self) -> Sound {
        Sound { channels: self.channels, sampling_rate: self.sampling_rate }
    }

    /// The codec string: `mp4a.40.` and the object type, or `mp4a.67` and the like for MPEG-2 AAC.
    pub fn string(&self) -> String {
        match self.object_type_indication {
            MPEG4_AUDIO => format!("mp4a.40.{}", self.object_type),
            other => format!("mp4a.{other:02x}"),
        }
    }

    fn parse_audio_specific_config(data: &[u8]) -> Result<Self, CodecError> {
        let config =
            audio_specific_config(data).map_err(CodecError::truncated("AudioSpecificConfig"))?;
        if config.sampling_rate == 0 {
            return Err(CodecError::BadValue("the AAC sampling rate is reserved or 0"));
        }
        Ok(config)
    }
}

/// Why a track of another object type is left out.
fn foreign(object_type: u8) -> &'static str {
    let known = FOREIGN.iter().find(|(types, _)| types.contains(&object_type));
    known.map_or("the esds names no AAC (object type indication)", |(_, reason)| reason)
}

fn audio_specific_config(data: &[u8]) -> Result<AacConfig, Truncated> {
    let mut bits = PlainBits::new(data);
    let mut object_type = object_type(&mut bits)?;
    let mut sampling_rate = sampling_rate(&mut bits)?;
    let mut channel_configuration = bits.small(4)?;
    let mut core = Core { object_type, sampling_rate, channel_configuration };
    if object_type == AOT_SBR || object_type == AOT_PS {
        sampling_rate = self::sampling_rate(&mut bits)?;
        core.object_type = self::object_type(&mut bits)?;
    } else if object_type == AOT_USAC {
        if channel_configuration == 0 {
            channel_configuration = usac_channel_configuration(bits)?;
        }
    } else if let Some((extension, rate)) = sync_extension(bits) {
        object_type = extension;
        sampling_rate = rate;
    }
    let channels = CHANNELS.get(usize::from(channel_configuration)).copied();
    let channels = if object_type == AOT_PS { 2 } else { channels.unwrap_or(0) };
    let object_type_indication = MPEG4_AUDIO;
    let specific = data.into();
    Ok(AacConfig { object_type, sampling_rate, channels, object_type_indication, specific, core })
}

fn object_type(bits: &mut PlainBits<'_>) -> Result<u32, Truncated> {
    match bits.take(5)? {
        AOT_ESCAPE => Ok(32 + bits.take(6)?),
        object_type => Ok(object_type),
    }
}

fn sampling_rate(bits: &mut PlainBits<'_>) -> Result<u32, Truncated> {
    match bits.take(4)? {
        15 => bits.take(24),
        index => Ok(SAMPLING_RATES.get(index as usize).copied().unwrap_or(0)),
    }
}

/// The channelConfigurationIndex of a UsacConfig (ISO/IEC 23003-3 section 5.2), which follows.
fn usac_channel_configuration(mut bits: PlainBits<'_>) -> Result<u8, Truncated> {
    if bits.take(5)? == 0x1f {
        bits.skip(24)?; // usacSamplingFrequency
    }
    bits.skip(3)?; // coreSbrFrameLengthIndex
    bits.small(5)
}

/// Backward compatible signalling of SBR (sync 0x2b7) and PS (sync 0x548) behind the
/// GASpecificConfig of the core (section 4.4.1), which is read over.
fn sync_extension(mut bits: PlainBits<'_>) -> Option<(u32, u32)> {
    bits.take(1).ok()?; // frameLengthFlag
    if bits.take(1).ok()? == 1 {
        bits.take(14).ok()?; // coreCoderDelay
    }
    bits.take(1).ok()?; // extensionFlag
    if bits.take(11).ok()? != 0x2b7 || bits.take(5).ok()? != AOT_SBR || bits.take(1).ok()? != 1 {
        return None;
    }
    let rate = sampling_rate(&mut bits).ok()?;
    let has_ps = bits.take(11).is_ok_and(|sync| sync == 0x548) && bits.take(1) == Ok(1);
    Some((if has_ps { AOT_PS } else { AOT_SBR }, rate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn config(data: &[u8]) -> (u32, u32, u8) {
        let config = AacConfig::parse_audio_specific_config(data).unwrap();
        (config.object_type, config.sampling_rate, config.channels)
    }

    #[test]
    fn explicit_signalling_decides_the_object_type() {
        assert_eq!(config(&[0x11, 0x90]), (2, 48_000, 2));
        // AAC-LC 24 kHz with backward compatible SBR at 48 kHz.
        assert_eq!(config(&[0x13, 0x10, 0x56, 0xe5, 0x98]), (5, 48_000, 2));
        // Sync extension that says "no SBR".
        assert_eq!(config(&[0x11, 0x90, 0x56, 0xe5, 0x00]), (2, 48_000, 2));
        // Explicit hierarchical HE-AAC: AOT 5, core 22.05 kHz, output 44.1 kHz.
        assert_eq!(config(&[0x2b, 0x92, 0x08, 0x00]), (5, 44_100, 2));
    }

    #[test]
    fn unified_speech_and_audio_coding_has_its_own_record() {
        // AOT 42 by escape, 48 kHz, channels by the UsacConfig: 48 kHz, frame length 1, stereo.
        let data = [0xf9, 0x46, 0x03, 0x22, 0x00];
        assert_eq!(config(&data), (42, 48_000, 2));
        let config = AacConfig::parse_audio_specific_config(&data).unwrap();
        assert_eq!(config.string(), "mp4a.40.42");
    }

    #[test]
    fn what_else_lies_in_such_entries_is_left_out_by_name() {
        for (object_type, name) in [(0xa9, "DTS"), (0x6b, "MP3"), (0xa6, "AC-3"), (0xdd, "no AAC")]
        {
            let mut esds = vec![0, 0, 0, 0, 3, 18, 0, 0, 0, 4, 13, object_type];
            esds.resize(30, 0);
            let Err(CodecError::Foreign(reason)) = AacConfig::parse_esds(&esds) else {
                panic!("{object_type}")
            };
            assert!(reason.contains(name), "{reason}");
        }
    }

    #[test]
    fn the_core_of_he_aac_is_what_adts_signals() {
        for data in [&[0x2b, 0x92, 0x08, 0x00][..], &[0x13, 0x90, 0x56, 0xe5, 0xa0]] {
            let core = AacConfig::parse_audio_specific_config(data).unwrap().core;
            assert_eq!(core.object_type, 2);
            assert_eq!(core.sampling_rate, 22_050);
            assert_eq!(core.channel_configuration, 2);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_descriptors_never_panic(data: Vec<u8>) {
            let _ = AacConfig::parse_esds(&data);
        }
    }
}
