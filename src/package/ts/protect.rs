//! SAMPLE-AES: how a rendition is protected, and what the program map says of it.

use super::{TransportError, Wanted, row_of};
use crate::bytes::ReadAt;
use crate::cenc::{Scheme, TrackKey};
use crate::codec::avc::nal_type;
use crate::codec::{Codec, MediaType, aac};
use crate::media::Rendition;
use crate::mpegts::psi;
use crate::mpegts::sample_aes::{self, Rule, SampleAes, Setup};

/// Bytes of a frame of AC-3 that stand in the program map.
const AC3_SETUP: usize = 10;

/// Whether a NAL unit of AVC is protected. Partitions of slices are not.
pub(super) fn is_slice(kind: u8) -> bool {
    matches!(kind, nal_type::SLICE | nal_type::IDR_SLICE)
}

/// The key of the samples. IVs are those of `cbcs` in fragments: FairPlay delivers one with the key.
pub(super) fn sample_aes(
    main: &Rendition,
    scheme: Scheme,
    key: TrackKey,
) -> Result<SampleAes, TransportError> {
    if scheme != Scheme::Cbcs {
        return Err(not_protected(main));
    }
    let rule = match main.track.media_type {
        MediaType::Video => Rule::SLICE,
        MediaType::Audio => Rule::FRAME,
    };
    Ok(SampleAes { iv: key.ivs.constant(), key: key.key, rule })
}

/// The stream in the program map. Only streams of their own are protected: the playlists of muxed
/// segments are of a version that does not know SAMPLE-AES.
pub(super) fn stream<S: ReadAt + ?Sized>(
    wanted: &Wanted<'_>,
    source: &S,
) -> Result<psi::Stream, TransportError> {
    let setup = setup(wanted, source)?;
    let stream = sample_aes::stream(row_of(wanted.main)?, setup.as_ref());
    stream.filter(|_| wanted.muxed.is_none()).ok_or_else(|| not_protected(wanted.main))
}

/// The audio setup information.
pub(super) fn setup<S: ReadAt + ?Sized>(
    wanted: &Wanted<'_>,
    source: &S,
) -> Result<Option<Setup>, TransportError> {
    Ok(match &wanted.main.track.codec {
        Codec::Aac(config) => {
            let audio_type = match config.object_type {
                aac::AOT_SBR => *b"zach",
                aac::AOT_PS => *b"zacp",
                _ => *b"zaac",
            };
            Some(Setup { audio_type, data: config.specific.to_vec() })
        }
        Codec::Ac3(_) => {
            Some(Setup { audio_type: *b"zac3", data: front_of_frame(wanted, source)? })
        }
        Codec::Eac3(config) => Some(Setup { audio_type: *b"zec3", data: config.record.to_vec() }),
        _ => None,
    })
}

/// The first bytes of the segment's first frame.
fn front_of_frame<S: ReadAt + ?Sized>(
    wanted: &Wanted<'_>,
    source: &S,
) -> Result<Vec<u8>, TransportError> {
    let samples = wanted.main.cuts.samples(wanted.n);
    let first = wanted.main.track.index.samples(samples).next();
    let first = first.filter(|sample| sample.size as usize >= AC3_SETUP);
    let first = first.ok_or(TransportError::NoFrames { sample: 0 })?;
    let mut front = vec![0; AC3_SETUP];
    source.read_exact_at(first.offset, &mut front)?;
    Ok(front)
}

pub(super) fn not_protected(rendition: &Rendition) -> TransportError {
    TransportError::NotProtected(rendition.track.codec_string())
}
