//! The table of Common Encryption schemes (ISO/IEC 23001-7 section 10; packaging.md section 1.1).

use super::IvContext;
use crate::codec::MediaType;
use crate::crypto::chains::Pattern;
use crate::crypto::{ContentKey, Expanded};
use crate::ids::KeyId;
use crate::isobmff::FourCc;
use crate::isobmff::cenc::{Sinf, Tenc};
use crate::protection::Protection;

/// A scheme that samples are protected with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// AES-CTR; the key stream runs over all protected bytes of a sample.
    Cenc,
    /// AES-CBC; each subsample is a chain of its own, video has a pattern.
    Cbcs,
}

/// One row of the scheme table.
#[derive(Debug)]
pub struct Row {
    /// The scheme that this row describes.
    pub scheme: Scheme,
    /// The protection that URLs and policies call it by.
    pub protection: Protection,
    /// `scheme_type` of `schm`.
    pub fourcc: FourCc,
    /// Bytes of each sample's own IV; 0 = all samples use the constant IV of `tenc`.
    pub per_sample_iv_size: u8,
    /// Whether protected ranges in video are whole blocks (ISO/IEC 23000-19 section 8.2 for
    /// `cenc`); the remainder goes into the clear bytes in front.
    pub whole_blocks: bool,
    /// Pattern of video tracks.
    pub video_pattern: Pattern,
    /// Whether `tenc` has pattern fields.
    pub has_pattern_fields: bool,
}

/// Every scheme that is written.
pub const TABLE: &[Row] = &[
    Row {
        scheme: Scheme::Cenc,
        protection: Protection::Cenc,
        fourcc: FourCc(*b"cenc"),
        per_sample_iv_size: 8,
        whole_blocks: true,
        video_pattern: Pattern::FULL,
        has_pattern_fields: false,
    },
    Row {
        scheme: Scheme::Cbcs,
        protection: Protection::Cbcs,
        fourcc: FourCc(*b"cbcs"),
        per_sample_iv_size: 0,
        whole_blocks: false,
        video_pattern: Pattern::ONE_IN_TEN,
        has_pattern_fields: true,
    },
];

impl Scheme {
    /// The scheme that a protection stands for; `None` when samples stay as they are.
    pub fn of(protection: Protection) -> Option<Self> {
        TABLE.iter().find(|row| row.protection == protection).map(|row| row.scheme)
    }

    /// The table row of this scheme.
    pub fn row(self) -> &'static Row {
        match self {
            Self::Cenc => &TABLE[0],
            Self::Cbcs => &TABLE[1],
        }
    }

    /// The pattern for a kind of track; audio is encrypted in full.
    pub fn pattern(self, media_type: MediaType) -> Pattern {
        match media_type {
            MediaType::Video => self.row().video_pattern,
            MediaType::Audio => Pattern::FULL,
        }
    }
}

/// A content key as one track uses it.
#[derive(Debug, Clone)]
pub struct TrackKey {
    /// Its id.
    pub kid: KeyId,
    /// The key.
    pub key: Expanded,
    /// What IVs are derived from.
    pub ivs: IvContext,
}

impl TrackKey {
    /// Binds a key to a track: `track` names it uniquely among all that use the key.
    pub fn new(kid: KeyId, key: &ContentKey, track: &[u8]) -> Self {
        Self { kid, key: Expanded::new(key), ivs: IvContext::new(kid, track) }
    }

    /// The protection information for the sample entry of the track.
    pub fn sinf(&self, scheme: Scheme, original: FourCc, media_type: MediaType) -> Sinf {
        let row = scheme.row();
        let pattern = match media_type {
            MediaType::Video => row.video_pattern.tenc(),
            MediaType::Audio => (0, 0),
        };
        Sinf {
            original_format: original,
            scheme: row.fourcc,
            tenc: Tenc {
                pattern: row.has_pattern_fields.then_some(pattern),
                per_sample_iv_size: row.per_sample_iv_size,
                constant_iv: (row.per_sample_iv_size == 0).then(|| self.ivs.constant()),
                kid: self.kid,
            },
        }
    }
}
