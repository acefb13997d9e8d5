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
    /// `mpd-time-csf`: the same in the older Common Streaming Format.
    DashCsf,
    /// `mpd-ondemand`: DASH on-demand profile, one file with an index for each rendition.
    DashOnDemand,
    /// `m3u8-cmaf`: HLS version 7 with CMAF fragments.
    HlsCmaf,
    /// `m3u8-aapl`: HLS version 4, transport streams, audio apart, key frame playlists.
    HlsTs4,
    /// `m3u8-aapl-v3`: HLS version 3, transport streams, one audio track muxed into the video.
    HlsTs3,
    /// `m3u8-aapl-v8`: as version 4 with another number.
    HlsTs8,
    /// `m3u8-aapl-packed`: as version 4, with sound as packed audio, without a container.
    HlsPacked,
    /// No `format=`, or `fmp4`: Smooth Streaming 2.2, equal chunks counted.
    Smooth,
    /// `fmp4-v20`: Smooth Streaming 2.0, every chunk written out.
    SmoothV20,
}

/// What the manifest is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manifest {
    /// A DASH media presentation description.
    Mpd {
        /// Whether a rendition is one file with an index, and not many segments.
        files: bool,
    },
    /// HLS playlists. CMAF needs version 6 for its EXT-X-MAP; AMS and most packagers write 7
    /// (ams.md section 3.3).
    Playlists {
        /// EXT-X-VERSION.
        version: u8,
    },
    /// A Smooth Streaming client manifest.
    Smooth {
        /// Whether one `c` element counts equal chunks (version 2.2).
        repeats: bool,
    },
}

/// What segments are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// CMAF fragments behind an init segment.
    Cmaf,
    /// The same fragments behind an init segment of the Common File Format.
    Csf,
    /// Smooth fragments: no init segment, times in the manifest.
    Smooth,
    /// MPEG-2 transport streams.
    Transport {
        /// Where the sound is.
        sound: Sound,
    },
}

/// Where the sound is when pictures are in transport streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sound {
    /// In transport streams of its own.
    Apart,
    /// One audio track is muxed into the video segments.
    Muxed,
    /// In segments without a container (RFC 8216 section 3.4), as far as there is a form for the codec.
    Packed,
}

/// One row of the format table.
#[derive(Debug)]
pub struct Row {
    /// The format that this row describes.
    pub format: Format,
    /// The value of `format=` in URLs.
    pub selector: &'static str,
    /// Other values that mean the same.
    pub aliases: &'static [&'static str],
    /// What the segments are made of.
    pub container: Container,
    /// What lists them.
    pub manifest: Manifest,
    /// The protocol whose switch in the streaming policy governs the format.
    pub protocol: Protocol,
    /// The protections that the format can carry (ams.md section 6.1), most usual first. HLS
    /// has no name for `cens` and `cbc1`.
    pub protections: &'static [Protection],
}

/// Clear, and every scheme of Common Encryption.
const COMMON: &[Protection] =
    &[Protection::Clear, Protection::Cenc, Protection::Cbcs, Protection::Cens, Protection::Cbc1];

/// Every format that is served, in the order of [`Format`].
pub const TABLE: &[Row] = &[
    Row {
        format: Format::DashCmaf,
        selector: "mpd-time-cmaf",
        aliases: &[],
        container: Container::Cmaf,
        manifest: Manifest::Mpd { files: false },
        protocol: Protocol::Dash,
        protections: &[
            Protection::Clear,
            Protection::Cbc,
            Protection::Cenc,
            Protection::Cbcs,
            Protection::Cens,
            Protection::Cbc1,
        ],
    },
    Row {
        format: Format::DashCsf,
        selector: "mpd-time-csf",
        aliases: &[],
        container: Container::Csf,
        manifest: Manifest::Mpd { files: false },
        protocol: Protocol::Dash,
        protections: &[Protection::Clear, Protection::Cbc, Protection::Cenc],
    },
    Row {
        format: Format::DashOnDemand,
        selector: "mpd-ondemand",
        aliases: &[],
        container: Container::Cmaf,
        manifest: Manifest::Mpd { files: true },
        protocol: Protocol::Dash,
        protections: COMMON,
    },
    Row {
        format: Format::HlsCmaf,
        selector: "m3u8-cmaf",
        aliases: &[],
        container: Container::Cmaf,
        manifest: Manifest::Playlists { version: 7 },
        protocol: Protocol::Hls,
        protections: &[Protection::Clear, Protection::Cbc, Protection::Cenc, Protection::Cbcs],
    },
    Row {
        format: Format::HlsTs4,
        selector: "m3u8-aapl",
        aliases: &["m3u8-aapl-v4"],
        container: Container::Transport { sound: Sound::Apart },
        manifest: Manifest::Playlists { version: 4 },
        protocol: Protocol::Hls,
        protections: &[Protection::Clear, Protection::Cbc, Protection::Cbcs],
    },
    Row {
        format: Format::HlsTs3,
        selector: "m3u8-aapl-v3",
        aliases: &[],
        container: Container::Transport { sound: Sound::Muxed },
        manifest: Manifest::Playlists { version: 3 },
        protocol: Protocol::Hls,
        protections: &[Protection::Clear, Protection::Cbc],
    },
    Row {
        format: Format::HlsTs8,
        selector: "m3u8-aapl-v8",
        aliases: &[],
        container: Container::Transport { sound: Sound::Apart },
        manifest: Manifest::Playlists { version: 8 },
        protocol: Protocol::Hls,
        protections: &[Protection::Clear, Protection::Cbc, Protection::Cbcs],
    },
    Row {
        format: Format::HlsPacked,
        selector: "m3u8-aapl-packed",
        aliases: &[],
        container: Container::Transport { sound: Sound::Packed },
        manifest: Manifest::Playlists { version: 4 },
        protocol: Protocol::Hls,
        protections: &[Protection::Clear, Protection::Cbc, Protection::Cbcs],
    },
    Row {
        format: Format::Smooth,
        selector: "fmp4",
        aliases: &[],
        container: Container::Smooth,
        manifest: Manifest::Smooth { repeats: true },
        protocol: Protocol::Smooth,
        protections: &[Protection::Clear, Protection::Cbc, Protection::Cenc],
    },
    Row {
        format: Format::SmoothV20,
        selector: "fmp4-v20",
        aliases: &[],
        container: Container::Smooth,
        manifest: Manifest::Smooth { repeats: false },
        protocol: Protocol::Smooth,
        protections: &[Protection::Clear, Protection::Cbc, Protection::Cenc],
    },
];

impl Format {
    /// What a URL without `format=` asks for (ams.md section 2.2); URLs of it leave the word out.
    pub const DEFAULT: Self = Self::Smooth;

    /// The table row of this format.
    pub fn row(self) -> &'static Row {
        // A test holds the order.
        &TABLE[self as usize]
    }

    /// Whether the format can carry a protection.
    pub fn supports(self, protection: Protection) -> bool {
        self.row().protections.contains(&protection)
    }

    /// Reads the value of `format=`, in any case.
    pub fn from_selector(selector: &str) -> Option<Self> {
        let names = |row: &&Row| {
            let mut names = row.aliases.iter().chain([&row.selector]);
            names.any(|name| name.eq_ignore_ascii_case(selector))
        };
        TABLE.iter().find(names).map(|row| row.format)
    }

    /// Whether one audio track is muxed into the video segments.
    pub fn muxes_audio(self) -> bool {
        self.row().container == Container::Transport { sound: Sound::Muxed }
    }

    /// Whether sound is packed audio where its codec can be.
    pub fn packs_audio(self) -> bool {
        self.row().container == Container::Transport { sound: Sound::Packed }
    }

    /// Whether the segments are transport streams.
    pub fn is_transport(self) -> bool {
        matches!(self.row().container, Container::Transport { .. })
    }

    /// EXT-X-VERSION; `None` where there are no playlists.
    pub fn playlist_version(self) -> Option<u8> {
        match self.row().manifest {
            Manifest::Playlists { version } => Some(version),
            Manifest::Mpd { .. } | Manifest::Smooth { .. } => None,
        }
    }

    /// Whether key frames are served by themselves, and listed for trick play.
    pub fn has_key_frames(self) -> bool {
        matches!(
            self.row().container,
            Container::Cmaf | Container::Transport { sound: Sound::Apart | Sound::Packed }
        )
    }

    /// Whether key frames are listed as byte ranges of their segments. Not in DASH, which has no
    /// ranges in templates, and not of segments that are encrypted as a whole: a part of such a chain
    /// cannot be decrypted (packaging.md section 4). Nor under SAMPLE-AES in transport streams, where
    /// lengths are known only once all key frames were encrypted. There they are resources of their
    /// own.
    pub fn has_key_frame_ranges(self, protection: Protection) -> bool {
        let whole = match protection {
            Protection::Clear => false,
            Protection::Cbc => true,
            _ => self.is_transport(),
        };
        self.playlist_version().is_some() && !whole
    }

    /// Whether a rendition is one file with an index.
    pub fn has_files(self) -> bool {
        self.row().manifest == Manifest::Mpd { files: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_format_and_its_names() {
        for row in TABLE {
            assert_eq!(row.format.row().format, row.format);
            for name in row.aliases.iter().chain([&row.selector]) {
                assert_eq!(Format::from_selector(&name.to_uppercase()), Some(row.format));
            }
        }
    }
}
