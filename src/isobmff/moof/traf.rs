//! `moof` with one `traf`: `mfhd`, `tfhd`, `tfdt`, `trun` and, in protected fragments, `saiz`,
//! `saio`, `senc` (ISO/IEC 14496-12 sections 8.8.4 to 8.8.12; ISO/IEC 23000-19 section 7.5). Smooth
//! fragments name their time in a `uuid` box behind `trun` instead ([MS-SSTR] section 2.2.4.4).

use super::flags::tfhd::{DEFAULT_BASE_IS_MOOF, DESCRIPTION, FLAGS as DEFAULT_FLAGS};
use super::flags::trun::{
    COMPOSITION_OFFSET, DATA_OFFSET, DURATION as SAMPLE_DURATION, FLAGS as SAMPLE_FLAGS,
    SIZE as SAMPLE_SIZE,
};
use super::tfdt::TFXD;
use crate::bytes::Writer;
use crate::isobmff::cenc::{Pssh, SampleAuxiliary, Tenc};
use crate::isobmff::{boxed, full_box};

/// sample_depends_on 2: an I picture, sync.
const SYNC_FLAGS: u32 = 0x0200_0000;
/// sample_depends_on 1, sample_is_non_sync_sample.
const NON_SYNC_FLAGS: u32 = 0x0101_0000;

/// A sample as `trun` lists it; times in wire ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrunSample {
    /// Duration.
    pub duration: u32,
    /// Size in bytes.
    pub size: u32,
    /// Composition offset, signed (`trun` version 1).
    pub composition_offset: i32,
    /// Whether decoding can start here.
    pub sync: bool,
}

/// How a fragment says when it is; all in wire ticks.
#[derive(Debug, Clone, Copy)]
pub enum FragmentTiming {
    /// `tfdt`: the decoding time of its first sample.
    Decode(u64),
    /// `tfxd` of Smooth Streaming: when it is shown, and for how long.
    Smooth {
        /// Presentation time.
        start: u64,
        /// Duration.
        duration: u64,
    },
}

/// What a fragment header says besides its samples.
#[derive(Debug, Clone, Copy)]
pub struct FragmentHeader<'a> {
    /// Number of the fragment, from 1.
    pub sequence_number: u32,
    /// Number of the sample description of its samples, counted from 1; the first when absent.
    pub description: Option<u32>,
    /// When it is.
    pub timing: FragmentTiming,
    /// Whether `trun` carries composition offsets.
    pub has_composition_offsets: bool,
    /// Whether decoding can start at every sample: `tfhd` says it once for all.
    pub all_sync: bool,
    /// Encryption data of the samples, in protected fragments.
    pub auxiliary: Option<&'a SampleAuxiliary>,
    /// How its samples are protected, where the fragment says so itself.
    pub group: Option<&'a Tenc>,
    /// What it announces to protection systems.
    pub announced: &'a [Pssh],
}

/// Writes `moof`; media data are expected to follow behind an 8-byte `mdat` header.
pub fn write(
    w: &mut Writer,
    header: &FragmentHeader<'_>,
    samples: impl ExactSizeIterator<Item = TrunSample>,
) {
    let moof_start = w.position();
    let mut data_offset_at = 0;
    let count = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    boxed(w, b"moof", |w| {
        full_box(w, b"mfhd", 0, 0, |w| w.u32(header.sequence_number));
        boxed(w, b"traf", |w| {
            write_tfhd(w, header);
            if let FragmentTiming::Decode(time) = header.timing {
                full_box(w, b"tfdt", 1, 0, |w| w.u64(time));
            }
            data_offset_at = write_trun(w, header, samples);
            if let FragmentTiming::Smooth { start, duration } = header.timing {
                boxed(w, b"uuid", |w| {
                    w.bytes(&TFXD);
                    // Version 1: 64-bit fields.
                    w.u32(0x0100_0000);
                    w.u64(start);
                    w.u64(duration);
                });
            }
            if let Some(group) = header.group {
                group.write_group(w, count);
            }
            if let Some(auxiliary) = header.auxiliary {
                auxiliary.write(w, moof_start);
            }
        });
        header.announced.iter().for_each(|pssh| pssh.write(w));
    });
    // Fragment headers are far below 4 GiB: 28 bytes and some subsamples for each sample.
    let data_offset = u32::try_from(w.position() - moof_start + 8).unwrap_or(u32::MAX);
    w.patch_u32(data_offset_at, data_offset);
}

/// The default of `trex` is the first sample description.
fn write_tfhd(w: &mut Writer, header: &FragmentHeader<'_>) {
    let description = header.description.map_or(0, |_| DESCRIPTION);
    let all_sync = if header.all_sync { DEFAULT_FLAGS } else { 0 };
    full_box(w, b"tfhd", 0, DEFAULT_BASE_IS_MOOF | description | all_sync, |w| {
        w.u32(1);
        if let Some(description) = header.description {
            w.u32(description);
        }
        if header.all_sync {
            w.u32(SYNC_FLAGS);
        }
    });
}

/// Gives the position of the data offset, which is known only when `moof` is complete.
fn write_trun(
    w: &mut Writer,
    header: &FragmentHeader<'_>,
    samples: impl ExactSizeIterator<Item = TrunSample>,
) -> usize {
    let composition = if header.has_composition_offsets { COMPOSITION_OFFSET } else { 0 };
    let sync = if header.all_sync { 0 } else { SAMPLE_FLAGS };
    let flags = DATA_OFFSET | SAMPLE_DURATION | SAMPLE_SIZE | sync | composition;
    let mut data_offset_at = 0;
    full_box(w, b"trun", 1, flags, |w| {
        w.u32(u32::try_from(samples.len()).unwrap_or(u32::MAX));
        data_offset_at = w.position();
        w.u32(0);
        for sample in samples {
            w.u32(sample.duration);
            w.u32(sample.size);
            if !header.all_sync {
                w.u32(if sample.sync { SYNC_FLAGS } else { NON_SYNC_FLAGS });
            }
            if header.has_composition_offsets {
                w.i32(sample.composition_offset);
            }
        }
    });
    data_offset_at
}
