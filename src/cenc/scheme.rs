//! The table of Common Encryption schemes (ISO/IEC 23001-7 section 10; packaging.md section 1.1).

use super::IvContext;
use crate::codec::MediaType;
use crate::crypto::chains::Pattern;
use crate::crypto::{BLOCK, ContentKey, Expanded};
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
    /// AES-CTR; the key stream runs over the encrypted blocks of a sample, video has a pattern.
    Cens,
    /// AES-CBC; one chain over all protected blocks of a sample.
    Cbc1,
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
    /// Bytes of each sample's own IV: 8 or 16; 0 = all samples use the constant IV of `tenc`.
    pub per_sample_iv_size: u8,
    /// Whether protected ranges in video are whole blocks (ISO/IEC 23001-7 sections 10.2 and 10.3;
    /// ISO/IEC 23000-19 section 8.2 for `cenc`); the remainder goes into the clear bytes in front.
    pub whole_blocks: bool,
    /// Whether the last bytes of sound that fill no block are protected (section 9.7).
    pub partial_blocks: bool,
    /// Pattern of video tracks.
    pub video_pattern: Pattern,
    /// Whether `tenc` has pattern fields.
    pub has_pattern_fields: bool,
}

/// Every scheme that is written, in the order of [`Scheme`].
pub const TABLE: &[Row] = &[
    Row {
        scheme: Scheme::Cenc,
        protection: Protection::Cenc,
        fourcc: FourCc(*b"cenc"),
        per_sample_iv_size: 8,
        whole_blocks: true,
        partial_blocks: true,
        video_pattern: Pattern::FULL,
        has_pattern_fields: false,
    },
    Row {
        scheme: Scheme::Cbcs,
        protection: Protection::Cbcs,
        fourcc: FourCc(*b"cbcs"),
        per_sample_iv_size: 0,
        whole_blocks: false,
        partial_blocks: false,
        video_pattern: Pattern::ONE_IN_TEN,
        has_pattern_fields: true,
    },
    Row {
        scheme: Scheme::Cens,
        protection: Protection::Cens,
        fourcc: FourCc(*b"cens"),
        per_sample_iv_size: 8,
        whole_blocks: true,
        partial_blocks: false,
        video_pattern: Pattern::ONE_IN_TEN,
        has_pattern_fields: true,
    },
    Row {
        scheme: Scheme::Cbc1,
        protection: Protection::Cbc1,
        fourcc: FourCc(*b"cbc1"),
        per_sample_iv_size: 16,
        whole_blocks: true,
        partial_blocks: false,
        video_pattern: Pattern::FULL,
        has_pattern_fields: false,
    },
];

impl Scheme {
    /// The scheme that a protection stands for; `None` when samples stay as they are.
    pub fn of(protection: Protection) -> Option<Self> {
        TABLE.iter().find(|row| row.protection == protection).map(|row| row.scheme)
    }

    /// The scheme of that `scheme_type`.
    pub fn of_fourcc(fourcc: FourCc) -> Option<Self> {
        TABLE.iter().find(|row| row.fourcc == fourcc).map(|row| row.scheme)
    }

    /// The table row of this scheme.
    pub fn row(self) -> &'static Row {
        // A test holds the order.
        &TABLE[self as usize]
    }

    /// How many bytes of key stream, or of a chain, a range of `length` protected bytes takes.
    pub fn ciphered(self, pattern: Pattern, length: u32) -> u32 {
        if self.row().partial_blocks {
            return length;
        }
        // Not more than `length`.
        u32::try_from(pattern.encrypted_blocks(length as usize) * BLOCK).unwrap_or(length)
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

    /// The IV of one sample. Of the block, as many bytes as the scheme has for a sample's IV are
    /// written; the rest is zero then.
    pub fn sample_iv(&self, scheme: Scheme, number: u32) -> [u8; 16] {
        match scheme {
            Scheme::Cenc | Scheme::Cens => {
                let mut block = [0; 16];
                block[..8].copy_from_slice(&self.counter_iv(scheme, number));
                block
            }
            Scheme::Cbc1 => self.ivs.chain(number),
            Scheme::Cbcs => self.ivs.constant(),
        }
    }

    /// The IV of one sample under a scheme that counts blocks.
    pub fn counter_iv(&self, scheme: Scheme, number: u32) -> [u8; 8] {
        match scheme {
            Scheme::Cens => self.ivs.patterned_sample(number),
            _ => self.ivs.sample(number),
        }
    }

    /// The protection information for the sample entry of the track.
    pub fn sinf(&self, scheme: Scheme, original: FourCc, media_type: MediaType) -> Sinf {
        let tenc = self.tenc(scheme, media_type);
        Sinf { original_format: original, scheme: scheme.row().fourcc, tenc }
    }

    /// How samples are protected that have the key.
    pub fn tenc(&self, scheme: Scheme, media_type: MediaType) -> Tenc {
        let row = scheme.row();
        let pattern = match media_type {
            MediaType::Video => row.video_pattern.tenc(),
            MediaType::Audio => (0, 0),
        };
        Tenc {
            pattern: row.has_pattern_fields.then_some(pattern),
            per_sample_iv_size: row.per_sample_iv_size,
            constant_iv: (row.per_sample_iv_size == 0).then(|| self.ivs.constant()),
            kid: self.kid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_has_its_row_and_is_found_by_its_protection() {
        for row in TABLE {
            assert_eq!(row.scheme.row().fourcc, row.fourcc);
            assert_eq!(Scheme::of(row.protection), Some(row.scheme));
        }
        assert_eq!(TABLE.len(), Scheme::Cbc1 as usize + 1);
    }
}
