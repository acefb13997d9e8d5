//! Whose manifests are written: a profile that belongs to the locator.

use std::fmt;
use std::str::FromStr;

/// The profile of a locator.
///
/// | | `modern` | `ams` |
/// |---|---|---|
/// | manifests | what today's players and validators want | text as Azure Media Services wrote it (ams.md section 3) |
/// | fragments | near the length that the asset was added with | at most two seconds, as AMS cut MP4 files |
/// | a transport stream segment | one fragment | three (`fragmentsPerHLSSegment` of the server manifest) |
/// | query of a manifest | chooses times, sizes, bitrates, codecs | not read |
/// | thumbnails | listed | none, as AMS had none |
/// | AES-128 | a key line and an IV for each segment | one key line and one IV for each playlist |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compat {
    /// For clients of today.
    #[default]
    Modern,
    /// For clients and tests that were made for Azure Media Services.
    Ams,
}

/// The text is no profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a compatibility profile: modern and ams are")]
pub struct NoSuchProfile;

impl Compat {
    /// Every profile, with its name.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Modern, "modern"), (Self::Ams, "ams")];
}

/// AMS cut MP4 files at every key frame, which encoders put every two seconds.
const AMS_FRAGMENT_MS: u32 = 2000;

/// Fragments in a segment of a transport stream (ams.md section 3.2).
const AMS_PACKED: usize = 3;

impl Compat {
    /// Wanted duration of fragments in milliseconds; `stored` is that of the asset.
    pub fn fragment_ms(self, stored: u32) -> u32 {
        match self {
            Self::Modern => stored,
            Self::Ams => stored.min(AMS_FRAGMENT_MS),
        }
    }

    /// Whether the query of a manifest chooses what it shows; the origin of AMS left it to others.
    pub fn reads_queries(self) -> bool {
        self == Self::Modern
    }

    /// How many fragments make a segment of a transport stream when nobody says.
    pub fn packed(self) -> usize {
        match self {
            Self::Modern => 1,
            Self::Ams => AMS_PACKED,
        }
    }
}

impl FromStr for Compat {
    type Err = NoSuchProfile;

    fn from_str(text: &str) -> Result<Self, NoSuchProfile> {
        let named = Self::ALL.iter().find(|(_, name)| *name == text);
        named.map(|(profile, _)| *profile).ok_or(NoSuchProfile)
    }
}

impl fmt::Display for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::ALL.iter().find(|(profile, _)| profile == self);
        f.write_str(named.map_or("modern", |(_, name)| name))
    }
}
