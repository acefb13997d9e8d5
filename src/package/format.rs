//! The table of output formats: what `format=` may say (ams.md section 2.3).

use crate::protection::Protection;

/// A family of players, as streaming policies switch them on and off (ams.md section 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Files as they lie in the asset.
    Download,
    /// MPEG-DASH.
    Dash,
    /// HTTP Live Streaming.
    Hls,
    /// Smooth Streaming.
    Smooth,
}

/// An output format that this version produces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `mpd-time-cmaf`: DASH live profile, SegmentTimeline, CMAF fragments.
    DashCmaf,
    /// `m3u8-cmaf`: HLS version 7 with CMAF fragments.
    HlsCmaf,
}

/// One row of the format table.
#[derive(Debug)]
pub struct Row {
    /// The format that this row describes.
    pub format: Format,
    /// The value of `format=` in URLs.
    pub selector: &'static str,
    /// The protocol whose switch in the streaming policy governs the format.
    pub protocol: Protocol,
    /// The protections that the format can carry (ams.md section 6.1), most usual first.
    pub protections: &'static [Protection],
}

/// Every format that is served.
pub const TABLE: &[Row] = &[
    Row {
        format: Format::DashCmaf,
        selector: "mpd-time-cmaf",
        protocol: Protocol::Dash,
        protections: &[Protection::Clear, Protection::Cenc, Protection::Cbcs],
    },
    Row {
        format: Format::HlsCmaf,
        selector: "m3u8-cmaf",
        protocol: Protocol::Hls,
        protections: &[
            Protection::Clear,
            Protection::Cbc,
            Protection::Cenc,
            Protection::Cbcs,
        ],
    },
];

impl Format {
    /// The table row of this format.
    pub fn row(self) -> &'static Row {
        match self {
            Self::DashCmaf => &TABLE[0],
            Self::HlsCmaf => &TABLE[1],
        }
    }

    /// Whether the format can carry a protection.
    pub fn supports(self, protection: Protection) -> bool {
        self.row().protections.contains(&protection)
    }

    /// Reads the value of `format=`, in any case.
    pub fn from_selector(selector: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.selector.eq_ignore_ascii_case(selector))
            .map(|row| row.format)
    }
}
