//! What Smooth Streaming says of a codec ([MS-SSTR] section 2.2.2.5; packaging.md section 10).

use data_encoding::HEXUPPER;

use super::dolby;
use crate::codec::Codec;
use crate::codec::aac::{AOT_USAC, AacConfig};
use crate::codec::hevc::nal_type;
use crate::media::{Rendition, Track};

/// Audio object type of an AudioSpecificConfig that signals SBR.
const HE_AAC: u32 = 5;

/// Whether a client can be told how to decode a track: it has no init segment, so parameter sets
/// must not live in the samples alone, nor change.
pub fn carries(track: &Track) -> bool {
    track.changes.is_empty()
        && match &track.codec {
            Codec::Avc(config) => !config.sps.is_empty(),
            Codec::Hevc(config) => !config.sets.is_empty(),
            Codec::Aac(config) => config.object_type != AOT_USAC,
            Codec::Eac3(_) => true,
            _ => false,
        }
}

/// The attributes of a `QualityLevel`.
pub(super) fn level(index: usize, rendition: &Rendition) -> Vec<(&'static str, String)> {
    let mut attributes =
        vec![("Index", index.to_string()), ("Bitrate", rendition.bitrate.to_string())];
    match &rendition.track.codec {
        Codec::Avc(config) => {
            attributes.extend(video(rendition, "H264", config.sps.iter().chain(&config.pps)));
        }
        Codec::Hevc(config) => {
            // HVC1 or HEV1 (ams.md section 3.5).
            let fourcc = rendition.track.entry.kind.to_string().to_uppercase();
            attributes.extend(video(
                rendition,
                &fourcc,
                config.sets.iter().filter(|set| is_parameter_set(set)),
            ));
        }
        Codec::Aac(config) => attributes.extend(aac(config)),
        Codec::Eac3(config) => attributes.extend(dolby::attributes(config)),
        // The support matrix lets no other codec through.
        _ => {}
    }
    attributes
}

/// Records may hold SEI messages too, which have no place here.
fn is_parameter_set(nal: &[u8]) -> bool {
    let kind = nal.first().map_or(0, |header| header >> 1 & 0x3f);
    matches!(kind, nal_type::VPS | nal_type::SPS | nal_type::PPS)
}

fn video<'a>(
    rendition: &Rendition,
    fourcc: &str,
    sets: impl Iterator<Item = &'a Box<[u8]>>,
) -> [(&'static str, String); 4] {
    let (width, height) = rendition.track.size;
    [
        ("FourCC", fourcc.to_owned()),
        ("MaxWidth", width.to_string()),
        ("MaxHeight", height.to_string()),
        ("CodecPrivateData", annex_b(sets)),
    ]
}

/// Parameter sets as a byte stream, in hexadecimal.
fn annex_b<'a>(sets: impl Iterator<Item = &'a Box<[u8]>>) -> String {
    sets.map(|set| format!("00000001{}", HEXUPPER.encode(set))).collect()
}

fn aac(config: &AacConfig) -> [(&'static str, String); 7] {
    let fourcc = if config.object_type >= HE_AAC { "AACH" } else { "AACL" };
    let channels = config.channels.max(1);
    [
        ("FourCC", fourcc.to_owned()),
        // WAVE_FORMAT_RAW_AAC1.
        ("AudioTag", "255".to_owned()),
        ("CodecPrivateData", HEXUPPER.encode(&config.specific)),
        ("Channels", channels.to_string()),
        ("BitsPerSample", "16".to_owned()),
        ("PacketSize", (2 * u32::from(channels)).to_string()),
        ("SamplingRate", config.sampling_rate.to_string()),
    ]
}
