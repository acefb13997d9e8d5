//! The support matrix: which codec which kind of segments carries, and which samples Common
//! Encryption understands (ams.md section 5; spec-notes/codecs.md says where and why it differs).

use super::format::{Container, Format};
use super::smooth;
use crate::cenc::Scheme;
use crate::codec::adts::Adts;
use crate::codec::{Codec, Family};
use crate::media::Track;
use crate::mpegts::psi;
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
    /// The schemes by which its samples can be protected in fragments.
    pub schemes: &'static [Scheme],
}

impl Row {
    /// Whether samples can be protected in a container: SAMPLE-AES in transport streams has forms of
    /// its own.
    fn protects(&self, container: Container, scheme: Scheme) -> bool {
        match container {
            Container::Transport { .. } => {
                psi::row(self.family).is_some_and(|row| row.protected.is_some())
            }
            Container::Cmaf | Container::Csf | Container::Smooth => self.schemes.contains(&scheme),
        }
    }
}

/// Pictures in NAL units, and all sound.
const EVERY: &[Scheme] = &[Scheme::Cenc, Scheme::Cbcs, Scheme::Cens, Scheme::Cbc1];

/// The schemes that the binding of AV1 defines. That of VP9 knows `cenc` alone; `cbcs` is what
/// packagers and players make of it.
const USUAL: &[Scheme] = &[Scheme::Cenc, Scheme::Cbcs];

const fn row(
    family: Family,
    [fragments, smooth, transport]: [bool; 3],
    schemes: &'static [Scheme],
) -> Row {
    Row { family, fragments, smooth, transport, schemes }
}

/// Every codec.
pub const TABLE: &[Row] = &[
    // fragments, smooth, transport; schemes of common encryption
    row(Family::Avc, [true, true, true], EVERY),
    row(Family::Hevc, [true, true, true], EVERY),
    row(Family::Av1, [true, false, false], USUAL),
    row(Family::Vp9, [true, false, false], USUAL),
    row(Family::Aac, [true, true, true], EVERY),
    row(Family::Ac3, [true, false, true], EVERY),
    row(Family::Eac3, [true, true, true], EVERY),
    row(Family::Atmos, [true, false, true], EVERY),
    row(Family::Dts, [true, false, true], EVERY),
    row(Family::Opus, [true, false, false], EVERY),
    row(Family::Flac, [true, false, false], EVERY),
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
    let container = format.row().container;
    let carried = match container {
        Container::Cmaf | Container::Csf => row.fragments,
        Container::Smooth => row.smooth && smooth::carries(track),
        Container::Transport { .. } => row.transport && has_transport_form(&track.codec),
    };
    if !carried {
        return Err(Unsupported::Codec);
    }
    match Scheme::of(protection) {
        Some(scheme) if !row.protects(container, scheme) => Err(Unsupported::Protection),
        _ => Ok(()),
    }
}

/// Whether a format can carry media as another packager has encrypted them under a scheme: behind init
/// segments that say so, in manifests that have a word for it.
pub fn passes(format: Format, scheme: Scheme) -> bool {
    let has_init = matches!(format.row().container, Container::Cmaf | Container::Csf);
    has_init && format.supports(scheme.row().protection)
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
