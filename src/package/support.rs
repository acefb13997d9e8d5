//! The support matrix: which codec which kind of segments carries, and which samples Common
//! Encryption understands (ams.md section 5; spec-notes/codecs.md says where and why it differs).

use super::format::{Container, Format};
use super::smooth;
use crate::cenc::Scheme;
use crate::codec::adts::Adts;
use crate::codec::{Codec, Family};
use crate::media::Track;
use crate::protection::Protection;

/// One row of the matrix.
#[derive(Debug)]
pub struct Row {
    /// The codec.
    pub family: Family,
    /// Whether CMAF and CSF fragments carry it: DASH and HLS.
    pub fragments: bool,
    /// Whether Smooth Streaming has a name for it.
    pub smooth: bool,
    /// Whether MPEG-2 transport streams carry it.
    pub transport: bool,
    /// Whether its samples can be protected: of pictures the clear and the protected bytes have to
    /// be told apart, sound is protected as a whole.
    pub common_encryption: bool,
}

const fn row(family: Family, [fragments, smooth, transport, common_encryption]: [bool; 4]) -> Row {
    Row { family, fragments, smooth, transport, common_encryption }
}

/// Every codec.
pub const TABLE: &[Row] = &[
    // fragments, smooth, transport, common encryption
    row(Family::Avc, [true, true, true, true]),
    row(Family::Hevc, [true, true, true, false]),
    row(Family::Av1, [true, false, false, false]),
    row(Family::Vp9, [true, false, false, false]),
    row(Family::Aac, [true, true, true, true]),
    row(Family::Ac3, [true, false, true, true]),
    row(Family::Eac3, [true, true, true, true]),
    row(Family::Atmos, [true, false, true, true]),
    row(Family::Dts, [true, false, true, true]),
    row(Family::Opus, [true, false, false, true]),
    row(Family::Flac, [true, false, false, true]),
];

/// Why a track is left out of a presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsupported {
    /// The format cannot carry the codec.
    Codec,
    /// Samples of the codec cannot be protected.
    Protection,
}

/// Whether a track can be part of a presentation.
///
/// # Errors
/// The format cannot carry the codec, or the protection does not understand it.
pub fn check(track: &Track, format: Format, protection: Protection) -> Result<(), Unsupported> {
    let family = track.codec.family();
    let row = TABLE.iter().find(|row| row.family == family).ok_or(Unsupported::Codec)?;
    let carried = match format.row().container {
        Container::Cmaf | Container::Csf => row.fragments,
        Container::Smooth => row.smooth && smooth::carries(track),
        Container::Transport { .. } => row.transport && has_transport_form(&track.codec),
    };
    if !carried {
        return Err(Unsupported::Codec);
    }
    match Scheme::of(protection) {
        Some(_) if !row.common_encryption => Err(Unsupported::Protection),
        _ => Ok(()),
    }
}

/// Some AAC cannot be said in ADTS, and DTS-UHD has a stream type that few demultiplexers know.
fn has_transport_form(codec: &Codec) -> bool {
    match codec {
        Codec::Aac(config) => Adts::of(config).is_some(),
        Codec::Dts(config) => config.channel_mask.is_none(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mpegts::psi;

    #[test]
    fn transport_streams_have_a_stream_type_for_what_they_carry() {
        for row in TABLE {
            assert_eq!(psi::row(row.family).is_some(), row.transport, "{:?}", row.family);
        }
    }

    #[test]
    fn every_family_has_one_row() {
        assert!(TABLE.is_sorted_by(|a, b| a.family < b.family));
        assert_eq!(TABLE.len(), Family::Flac as usize + 1);
    }
}
