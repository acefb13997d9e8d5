//! Codecs: configuration records, codec strings, and what Common Encryption needs to know.
//!
//! [`TABLE`] is where a codec joins: its sample entry types, the box that holds its configuration
//! and the function that reads it.

pub mod aac;
pub mod adts;
pub mod avc;
pub mod nal;

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
    /// ISO/IEC 14496-3 audio.
    Aac(aac::AacConfig),
}

/// Whether a codec is for pictures or for sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaType {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// One row of the codec table.
#[derive(Debug)]
pub struct Row {
    /// Type of the sample entry.
    pub sample_entry: &'static [u8; 4],
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
        sample_entry: b"avc1",
        config_box: b"avcC",
        media_type: MediaType::Video,
        parse: |record| avc::AvcConfig::parse(record).map(Codec::Avc),
    },
    Row {
        sample_entry: b"avc3",
        config_box: b"avcC",
        media_type: MediaType::Video,
        parse: |record| avc::AvcConfig::parse(record).map(Codec::Avc),
    },
    Row {
        sample_entry: b"mp4a",
        config_box: b"esds",
        media_type: MediaType::Audio,
        parse: |esds| aac::AacConfig::parse_esds(esds).map(Codec::Aac),
    },
];

/// The row of a sample entry type.
pub fn row(sample_entry: [u8; 4]) -> Option<&'static Row> {
    TABLE.iter().find(|row| *row.sample_entry == sample_entry)
}

impl Codec {
    /// The RFC 6381 codec string; `sample_entry` is the original type, never `encv` or `enca`.
    pub fn string(&self, sample_entry: [u8; 4]) -> String {
        match self {
            Self::Avc(config) => {
                let [profile, compatibility, level] = config.profile_level;
                let entry = sample_entry.escape_ascii();
                format!("{entry}.{profile:02x}{compatibility:02x}{level:02x}")
            }
            Self::Aac(config) => config.string(),
        }
    }
}
