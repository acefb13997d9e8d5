//! Families of codecs: the rows of the support matrix (ams.md section 5).

/// Whether a codec is for pictures or for sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaType {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// Codecs that containers and players treat alike. In this order their tracks are listed: what most
/// players understand comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// H.264.
    Avc,
    /// H.265.
    Hevc,
    /// AV1.
    Av1,
    /// VP9.
    Vp9,
    /// AAC-LC, HE-AAC v1 and v2, xHE-AAC.
    Aac,
    /// Dolby Digital.
    Ac3,
    /// Dolby Digital Plus.
    Eac3,
    /// Dolby Digital Plus with Atmos (JOC).
    Atmos,
    /// DTS, DTS-HD, DTS Express, DTS:X.
    Dts,
    /// Opus.
    Opus,
    /// FLAC.
    Flac,
}

impl Family {
    /// The name in track names and group ids.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avc => "avc",
            Self::Hevc => "hevc",
            Self::Av1 => "av1",
            Self::Vp9 => "vp9",
            Self::Aac => "aac",
            Self::Ac3 => "ac3",
            Self::Eac3 => "ec3",
            Self::Atmos => "atmos",
            Self::Dts => "dts",
            Self::Opus => "opus",
            Self::Flac => "flac",
        }
    }
}
