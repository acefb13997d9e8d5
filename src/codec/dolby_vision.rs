//! The Dolby Vision configuration record, `dvcC`, `dvvC` or `dvwC` beside the configuration of the
//! base layer ("Dolby Vision Streams Within the ISO Base Media File Format", version 2.6).

use crate::bytes::{PlainBits, Truncated};

/// Brands of base layers that players without Dolby Vision can show, by
/// dv_bl_signal_compatibility_id: HDR10, SDR, HLG.
const COMPATIBLE: &[(u8, &str)] = &[(1, "db1p"), (2, "db2g"), (4, "db4h")];

/// Codec names by the sample entry type of the base layer: an entry that says which parameter sets
/// may lie in the samples has a counterpart.
const NAMES: &[(&[u8; 4], &str)] = &[
    (b"hvc1", "dvh1"),
    (b"dvh1", "dvh1"),
    (b"hev1", "dvhe"),
    (b"dvhe", "dvhe"),
    (b"avc1", "dva1"),
    (b"avc3", "dvav"),
    (b"av01", "dav1"),
    (b"dav1", "dav1"),
];

/// What manifests say of Dolby Vision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DolbyVision {
    /// dv_profile.
    pub profile: u8,
    /// dv_level.
    pub level: u8,
    /// dv_bl_signal_compatibility_id: what the base layer is by itself; 0 = nothing to show.
    pub compatibility: u8,
}

impl DolbyVision {
    /// Reads the body of the box.
    ///
    /// # Errors
    /// The record ends too early.
    pub fn parse(record: &[u8]) -> Result<Self, Truncated> {
        let mut bits = PlainBits::new(record);
        bits.skip(16)?; // version
        let (profile, level) = (bits.small(7)?, bits.small(6)?);
        bits.skip(3)?; // which layers are present
        let compatibility = bits.small(4)?;
        Ok(Self { profile, level, compatibility })
    }

    /// The codec string, for a base layer in a sample entry of that type.
    pub fn string(&self, sample_entry: [u8; 4]) -> Option<String> {
        let (_, name) = NAMES.iter().find(|(entry, _)| **entry == sample_entry)?;
        Some(format!("{name}.{:02}.{:02}", self.profile, self.level))
    }

    /// The brand of a base layer that can be shown without Dolby Vision.
    pub fn compatibility_brand(&self) -> Option<&'static str> {
        let known = COMPATIBLE.iter().find(|(id, _)| *id == self.compatibility);
        known.map(|(_, brand)| *brand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_level_and_base_layer_are_read() {
        // From a phone's recording: profile 8, level 2, base layer HLG.
        let vision = DolbyVision::parse(&[1, 0, 0x10, 0x15, 0x40]).unwrap();
        assert_eq!(vision, DolbyVision { profile: 8, level: 2, compatibility: 4 });
        assert_eq!(vision.string(*b"hvc1").as_deref(), Some("dvh1.08.02"));
        assert_eq!(vision.compatibility_brand(), Some("db4h"));
        assert_eq!(DolbyVision::parse(&[1, 0, 0x10, 0x15]), Err(Truncated));
    }
}
