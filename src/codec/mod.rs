//! Codecs: configuration records, codec strings, and what packaging and Common Encryption need to
//! know.
//!
//! [`TABLE`] is where a codec joins: its sample entry types, the box that holds its configuration
//! and the function that reads it. Which container carries it says `package::support`.

pub mod aac;
pub mod ac3;
pub mod adts;
pub mod av1;
pub mod avc;
pub mod captions;
mod colour;
pub mod dolby_vision;
pub mod dts;
pub mod eac3;
pub mod esds;
mod family;
pub mod flac;
pub mod hevc;
pub mod image;
pub mod nal;
pub mod opus;
mod parameter_sets;
mod sound;
pub mod syncframe;
pub mod vp9;

pub use colour::{Colour, VideoRange};
pub use family::{Family, MediaType};
pub use parameter_sets::ParameterSets;
pub use sound::Sound;

use crate::bytes::Truncated;

/// A codec configuration that breaks a rule of its codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// A record or header ends too early.
    #[error("{0} ends too early")]
    Truncated(&'static str),
    /// The record belongs to a codec that is not packaged: the track is left out.
    #[error("{0}")]
    Foreign(&'static str),
    /// A value that the standard does not allow, or that is not supported; the text says which.
    #[error("{0}")]
    BadValue(&'static str),
}

impl CodecError {
    /// Names the record whose end came too early.
    pub fn truncated(record: &'static str) -> impl Fn(Truncated) -> Self {
        move |Truncated| Self::Truncated(record)
    }
}

/// The configuration of one track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codec {
    /// ISO/IEC 14496-10 video.
    Avc(avc::AvcConfig),
    /// ISO/IEC 23008-2 video.
    Hevc(hevc::HevcConfig),
    /// AV1 video.
    Av1(av1::Av1Config),
    /// VP9 video.
    Vp9(vp9::Vp9Config),
    /// ISO/IEC 14496-3 audio.
    Aac(aac::AacConfig),
    /// Dolby Digital.
    Ac3(ac3::Ac3Config),
    /// Dolby Digital Plus, with or without Atmos.
    Eac3(eac3::Eac3Config),
    /// DTS and DTS-UHD.
    Dts(dts::DtsConfig),
    /// Opus.
    Opus(opus::OpusConfig),
    /// FLAC.
    Flac(flac::FlacConfig),
}

/// One row of the codec table.
#[derive(Debug)]
pub struct Row {
    /// Types of the sample entries.
    pub sample_entries: &'static [&'static [u8; 4]],
    /// The child box of the sample entry that holds the configuration.
    pub config_box: &'static [u8; 4],
    /// Pictures or sound.
    pub media_type: MediaType,
    /// Reads the body of the configuration box.
    pub parse: fn(&[u8]) -> Result<Codec, CodecError>,
}

/// Every codec that is packaged.
pub const TABLE: &[Row] = &[
    Row {
        sample_entries: &[b"avc1", b"avc3"],
        config_box: b"avcC",
        media_type: MediaType::Video,
        parse: |record| avc::AvcConfig::parse(record).map(Codec::Avc),
    },
    Row {
        sample_entries: &[b"hvc1", b"hev1", b"dvh1", b"dvhe"],
        config_box: b"hvcC",
        media_type: MediaType::Video,
        parse: |record| hevc::HevcConfig::parse(record).map(Codec::Hevc),
    },
    Row {
        sample_entries: &[b"av01", b"dav1"],
        config_box: b"av1C",
        media_type: MediaType::Video,
        parse: |record| av1::Av1Config::parse(record).map(Codec::Av1),
    },
    Row {
        sample_entries: &[b"vp09"],
        config_box: b"vpcC",
        media_type: MediaType::Video,
        parse: |record| vp9::Vp9Config::parse(record).map(Codec::Vp9),
    },
    Row {
        sample_entries: &[b"mp4a"],
        config_box: b"esds",
        media_type: MediaType::Audio,
        parse: |esds| aac::AacConfig::parse_esds(esds).map(Codec::Aac),
    },
    Row {
        sample_entries: &[b"ac-3"],
        config_box: b"dac3",
        media_type: MediaType::Audio,
        parse: |record| ac3::Ac3Config::parse(record).map(Codec::Ac3),
    },
    Row {
        sample_entries: &[b"ec-3"],
        config_box: b"dec3",
        media_type: MediaType::Audio,
        parse: |record| eac3::Eac3Config::parse(record).map(Codec::Eac3),
    },
    Row {
        sample_entries: &[b"dtsc", b"dtsh", b"dtse", b"dtsl"],
        config_box: b"ddts",
        media_type: MediaType::Audio,
        parse: |record| dts::DtsConfig::parse(record).map(Codec::Dts),
    },
    Row {
        sample_entries: &[b"dtsx"],
        config_box: b"udts",
        media_type: MediaType::Audio,
        parse: |record| dts::DtsConfig::parse_uhd(record).map(Codec::Dts),
    },
    Row {
        sample_entries: &[b"Opus"],
        config_box: b"dOps",
        media_type: MediaType::Audio,
        parse: |record| opus::OpusConfig::parse(record).map(Codec::Opus),
    },
    Row {
        sample_entries: &[b"fLaC"],
        config_box: b"dfLa",
        media_type: MediaType::Audio,
        parse: |record| flac::FlacConfig::parse(record).map(Codec::Flac),
    },
];

/// The row of a sample entry type.
pub fn row(sample_entry: [u8; 4]) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.sample_entries.contains(&&sample_entry))
}

impl Codec {
    /// The RFC 6381 codec string; `sample_entry` is the original type, never `encv` or `enca`, and
    /// `colour` what a `colr` box beside the configuration says.
    pub fn string(&self, sample_entry: [u8; 4], colour: Option<Colour>) -> String {
        let entry = sample_entry.escape_ascii();
        match self {
            Self::Avc(config) => {
                let [profile, compatibility, level] = config.profile_level;
                format!("{entry}.{profile:02x}{compatibility:02x}{level:02x}")
            }
            Self::Hevc(config) => config.string(&entry.to_string()),
            Self::Av1(config) => config.string(colour),
            Self::Vp9(config) => config.string(),
            Self::Aac(config) => config.string(),
            // Players ask for the name in this spelling (packaging.md section 12).
            Self::Opus(_) => "opus".to_owned(),
            Self::Ac3(_) | Self::Eac3(_) | Self::Dts(_) | Self::Flac(_) => entry.to_string(),
        }
    }

    /// Memory of parsed parameter sets in bytes, where it may be far more than their length.
    pub fn heap_size(&self) -> usize {
        match self {
            Self::Hevc(config) => config.parameter_sets.heap_size(),
            _ => 0,
        }
    }

    /// The family, by which the support matrix and track names call the codec.
    pub fn family(&self) -> Family {
        match self {
            Self::Avc(_) => Family::Avc,
            Self::Hevc(_) => Family::Hevc,
            Self::Av1(_) => Family::Av1,
            Self::Vp9(_) => Family::Vp9,
            Self::Aac(_) => Family::Aac,
            Self::Ac3(_) => Family::Ac3,
            Self::Eac3(config) if config.objects.is_some() => Family::Atmos,
            Self::Eac3(_) => Family::Eac3,
            Self::Dts(_) => Family::Dts,
            Self::Opus(_) => Family::Opus,
            Self::Flac(_) => Family::Flac,
        }
    }

    /// Channels and rate; `None` for pictures.
    pub fn sound(&self) -> Option<Sound> {
        match self {
            Self::Avc(_) | Self::Hevc(_) | Self::Av1(_) | Self::Vp9(_) => None,
            Self::Aac(config) => Some(config.sound()),
            Self::Ac3(config) => Some(config.sound),
            Self::Eac3(config) => Some(config.sound),
            Self::Dts(config) => Some(config.sound),
            Self::Opus(config) => Some(config.sound),
            Self::Flac(config) => Some(config.sound),
        }
    }

    /// The colour that the configuration tells.
    pub fn colour(&self) -> Option<Colour> {
        match self {
            Self::Hevc(config) => config.colour,
            Self::Av1(config) => config.colour(),
            Self::Vp9(config) => Some(config.colour),
            _ => None,
        }
    }
}
