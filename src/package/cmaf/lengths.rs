//! How long fragments are, without looking into their samples: arithmetic over the boxes that are
//! written.

use crate::cenc::Scheme;
use crate::codec::MediaType;
use crate::isobmff::cenc::{Pssh, Tenc};
use crate::media::{Rendition, Track};
use crate::protection::Protection;

/// Bytes of `moof` and the header of `mdat` without samples: moof 8, mfhd 16, traf 8, tfhd 16,
/// tfdt 20, trun 20, mdat 8.
const FIXED_HEAD: u64 = 96;

/// Bytes of `saiz` (17), `saio` (20) and `senc` (16) without samples.
const AUXILIARY_BOXES: u64 = 53;

/// Length of the answer with fragment `n`, without looking into its samples: exact, but for video
/// samples with more or fewer protected ranges than one.
pub fn length(rendition: &Rendition, n: usize, protection: Protection) -> u64 {
    let auxiliary = match (Scheme::of(protection), rendition.track.media_type) {
        (None, _) => 0,
        (Some(scheme), MediaType::Audio) => u64::from(scheme.row().per_sample_iv_size),
        // saiz lists the sizes; senc has a count and one entry.
        (Some(scheme), MediaType::Video) => u64::from(scheme.row().per_sample_iv_size) + 1 + 2 + 6,
    };
    let payload = rendition.fragment_bytes.get(n).copied().unwrap_or(0);
    let samples = rendition.cuts.samples(n).len();
    if let Some(sealed) = &rendition.track.sealed {
        // `saiz` may list their sizes.
        let own = sealed.auxiliary_bytes(rendition.cuts.samples(n)) + samples as u64;
        return head_length(&rendition.track, samples, 0) + AUXILIARY_BOXES + own + payload;
    }
    padded(head_length(&rendition.track, samples, auxiliary) + payload, protection)
}

/// Bytes by which a fragment is longer that names its key, and announces it in these boxes.
pub(in crate::package) fn in_band_length<'a>(
    scheme: Scheme,
    announced: impl Iterator<Item = &'a Pssh>,
) -> u64 {
    let group = Tenc::group_length(scheme.row().per_sample_iv_size == 0);
    group + announced.map(Pssh::length).sum::<u64>()
}

/// Bytes in front of the payload of a fragment whose samples have `auxiliary` bytes each in `saiz`
/// and `senc`.
pub(in crate::package) fn head_length(track: &Track, samples: usize, auxiliary: u64) -> u64 {
    let composition = if track.index.has_composition_offsets() { 4 } else { 0 };
    let boxes = if auxiliary > 0 { AUXILIARY_BOXES } else { 0 };
    let description = if track.changes.is_empty() { 0 } else { 4 };
    // In `tfhd`, or in `trun` of each sample.
    let (flags_once, flags) = if track.index.all_sync() { (4, 0) } else { (0, 4) };
    let each = 8 + flags + composition + auxiliary;
    FIXED_HEAD + description + flags_once + boxes + samples as u64 * each
}

/// Bytes in front of the payload of a fragment of the clear lead.
pub(in crate::package) fn lead_head_length(track: &Track, samples: usize) -> u64 {
    // The number of its sample description stands in it.
    head_length(track, samples, 0) + if track.changes.is_empty() { 4 } else { 0 }
}

/// Bytes that are sent of a segment of `length` bytes.
pub(in crate::package) fn padded(length: u64, protection: Protection) -> u64 {
    match protection {
        Protection::Cbc => (length / 16 + 1) * 16,
        _ => length,
    }
}
