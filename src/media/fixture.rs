//! Small MP4 files for tests, made from plain lists.

pub(super) mod fragments;

use crate::bytes::Writer;
use crate::codec::MediaType;
use crate::isobmff::moov::mdhd::{Language, Mdhd};
use crate::isobmff::moov::tkhd::Tkhd;
use crate::isobmff::moov::{hdlr, mvhd};
use crate::isobmff::{FourCc, boxed, full_box};

/// Body of an `avcC`: High profile, level 1.2, 320x180; from x264.
const AVCC: &str = "0164000cffe1001e6764000cac56241419f9f016a02020280000030008000003019078a14c4c\
                    01000668e88ecb22c0fdf8f800";

/// Body of an `esds`: AAC-LC, 48 kHz, stereo; from ffmpeg.
const ESDS: &str = "000000000380808025000100048080801740150000000000bcc30000bcc30580808005119056\
                    e500068080800102";

/// The same with the AudioSpecificConfig of xHE-AAC.
pub(super) const USAC_ESDS: &str = "000000000380808025000100048080801740150000000000bcc30000bcc305808080\
                                    05f946032200068080800102";

/// A track as lists; [`Self::video`] and [`Self::audio`] give plain ones to change.
#[derive(Debug, Clone)]
pub(super) struct TrackSpec {
    pub(super) media_type: MediaType,
    pub(super) timescale: u32,
    /// Sizes of the samples in bytes.
    pub(super) sizes: Vec<u32>,
    /// `stts`: samples and their duration.
    pub(super) durations: Vec<(u32, u32)>,
    /// `ctts`: samples and their offset; no box when empty.
    pub(super) offsets: Vec<(u32, i32)>,
    pub(super) ctts_version: u8,
    /// `stss`, counted from 1; no box when `None`.
    pub(super) sync: Option<Vec<u32>>,
    /// Samples in each chunk, over and over.
    pub(super) chunks: Vec<u32>,
    /// Bytes of no track in front of every chunk.
    pub(super) gap: usize,
    /// `co64` instead of `stco`.
    pub(super) wide_offsets: bool,
    /// Field size of `stz2`; `stsz` when `None`.
    pub(super) compact: Option<u8>,
    /// `elst`: duration in movie ticks, media time.
    pub(super) edits: Vec<(u64, i64)>,
    pub(super) elst_version: u8,
    /// Body of the `esds` of sound.
    pub(super) esds: &'static str,
    /// Bytes of a parameter set behind those of `avcC`.
    pub(super) more_sets: u16,
}

impl TrackSpec {
    /// Pictures of equal duration, each sync unless changed.
    pub(super) fn video(timescale: u32, delta: u32, sizes: Vec<u32>) -> Self {
        Self {
            media_type: MediaType::Video,
            timescale,
            durations: vec![(u32::try_from(sizes.len()).unwrap(), delta)],
            sizes,
            offsets: Vec::new(),
            ctts_version: 0,
            sync: None,
            chunks: vec![10],
            gap: 0,
            wide_offsets: false,
            compact: None,
            edits: Vec::new(),
            elst_version: 0,
            esds: ESDS,
            more_sets: 0,
        }
    }

    /// Frames of 1024 ticks.
    pub(super) fn audio(timescale: u32, sizes: Vec<u32>) -> Self {
        Self { media_type: MediaType::Audio, ..Self::video(timescale, 1024, sizes) }
    }

    /// Makes every `distance`th picture a sync sample.
    pub(super) fn key_frames_every(mut self, distance: usize) -> Self {
        let count = u32::try_from(self.sizes.len()).unwrap();
        self.sync = Some((1..=count).step_by(distance).collect());
        self
    }

    /// Number of samples in each chunk of the file.
    pub(super) fn chunk_sizes(&self) -> Vec<u32> {
        let mut left = u32::try_from(self.sizes.len()).unwrap();
        let mut chunks = Vec::new();
        for samples in self.chunks.iter().cycle() {
            if left == 0 {
                break;
            }
            chunks.push(left.min(*samples));
            left -= left.min(*samples);
        }
        chunks
    }
}

/// A file with `mdat` in front and the movie header behind it. `movie_timescale` is the unit of
/// edits.
pub(super) fn movie(tracks: &[TrackSpec], movie_timescale: u32) -> Vec<u8> {
    let mut w = Writer::default();
    boxed(&mut w, b"ftyp", |w| w.bytes(b"isom\0\0\0\0isom"));
    let mut offsets = Vec::new();
    boxed(&mut w, b"mdat", |w| {
        for track in tracks {
            offsets.push(media_data(w, track));
        }
    });
    boxed(&mut w, b"moov", |w| {
        mvhd::write(w, movie_timescale);
        traks(w, tracks, &offsets);
    });
    w.into_vec()
}

/// The front of a fragmented file: a movie header whose tracks have no samples, with `mvex`.
fn empty_movie(w: &mut Writer, tracks: &[TrackSpec], mvex: impl FnOnce(&mut Writer)) {
    let without_samples = |track: &TrackSpec| TrackSpec {
        sizes: Vec::new(),
        durations: Vec::new(),
        offsets: Vec::new(),
        sync: None,
        ..track.clone()
    };
    let empty: Vec<TrackSpec> = tracks.iter().map(without_samples).collect();
    boxed(w, b"ftyp", |w| w.bytes(b"isom\0\0\0\0isom"));
    boxed(w, b"moov", |w| {
        mvhd::write(w, 1000);
        traks(w, &empty, &vec![Vec::new(); empty.len()]);
        boxed(w, b"mvex", mvex);
    });
}

fn traks(w: &mut Writer, tracks: &[TrackSpec], offsets: &[Vec<u64>]) {
    for (id, (track, offsets)) in (1..).zip(tracks.iter().zip(offsets)) {
        boxed(w, b"trak", |w| trak(w, id, track, offsets));
    }
}

/// Writes the chunks of a track and gives their offsets.
fn media_data(w: &mut Writer, track: &TrackSpec) -> Vec<u64> {
    let mut sizes = track.sizes.iter();
    let mut offsets = Vec::new();
    for samples in track.chunk_sizes() {
        w.zeros(track.gap);
        offsets.push(w.position() as u64);
        for size in sizes.by_ref().take(samples as usize) {
            (0..*size).for_each(|n| w.u8(n as u8));
        }
    }
    offsets
}

fn trak(w: &mut Writer, track_id: u32, track: &TrackSpec, offsets: &[u64]) {
    let header = Tkhd { track_id, volume: 0, matrix: [0; 9], width: 320 << 16, height: 180 << 16 };
    header.write(w);
    if !track.edits.is_empty() {
        boxed(w, b"edts", |w| {
            full_box(w, b"elst", track.elst_version, 0, |w| edits(w, track));
        });
    }
    boxed(w, b"mdia", |w| {
        let language = Language::from_text("eng").unwrap();
        let (timescale, handler) = (track.timescale, handler(track.media_type));
        Mdhd { timescale, language }.write(w);
        hdlr::write(w, handler);
        boxed(w, b"minf", |w| {
            boxed(w, b"stbl", |w| tables(w, track, offsets));
        });
    });
}

fn handler(media_type: MediaType) -> FourCc {
    FourCc(*match media_type {
        MediaType::Video => b"vide",
        MediaType::Audio => b"soun",
    })
}

fn edits(w: &mut Writer, track: &TrackSpec) {
    w.u32(u32::try_from(track.edits.len()).unwrap());
    for (duration, media_time) in &track.edits {
        if track.elst_version == 1 {
            w.u64(*duration);
            w.u64(media_time.cast_unsigned());
        } else {
            w.u32(u32::try_from(*duration).unwrap());
            w.i32(i32::try_from(*media_time).unwrap());
        }
        w.u32(0x1_0000);
    }
}

fn tables(w: &mut Writer, track: &TrackSpec, offsets: &[u64]) {
    full_box(w, b"stsd", 0, 0, |w| {
        w.u32(1);
        match track.media_type {
            MediaType::Video => boxed(w, b"avc1", |w| {
                w.zeros(7);
                w.u8(1);
                w.zeros(16);
                w.u16(320);
                w.u16(180);
                w.zeros(50);
                boxed(w, b"avcC", |w| avcc(w, track.more_sets));
            }),
            MediaType::Audio => boxed(w, b"mp4a", |w| {
                w.zeros(7);
                w.u8(1);
                w.zeros(20);
                boxed(w, b"esds", |w| w.bytes(&hex(track.esds)));
            }),
        }
    });
    table(w, b"stts", 0, &track.durations, |w, (count, delta)| {
        w.u32(*count);
        w.u32(*delta);
    });
    if !track.offsets.is_empty() {
        let version = track.ctts_version;
        table(w, b"ctts", version, &track.offsets, |w, (count, offset)| {
            w.u32(*count);
            w.i32(*offset);
        });
    }
    if let Some(sync) = &track.sync {
        table(w, b"stss", 0, sync, |w, number| w.u32(*number));
    }
    sizes(w, track);
    chunks(w, track, offsets);
}

/// With `more` bytes it has a second picture parameter set.
fn avcc(w: &mut Writer, more: u16) {
    const BEHIND_SPS: usize = 8 + 0x1e;
    let mut body = hex(AVCC);
    if more > 0 {
        // The count of the picture parameter sets; the extension fields of the profile go last.
        body[BEHIND_SPS] += 1;
        let extension = body.split_off(body.len() - 4);
        body.extend(more.to_be_bytes());
        body.extend(std::iter::repeat_n(0x68, more.into()));
        body.extend(extension);
    }
    w.bytes(&body);
}

fn sizes(w: &mut Writer, track: &TrackSpec) {
    let count = u32::try_from(track.sizes.len()).unwrap();
    let Some(bits) = track.compact else {
        return full_box(w, b"stsz", 0, 0, |w| {
            w.u32(0);
            w.u32(count);
            track.sizes.iter().for_each(|size| w.u32(*size));
        });
    };
    full_box(w, b"stz2", 0, 0, |w| {
        w.u32(u32::from(bits));
        w.u32(count);
        match bits {
            4 => track.sizes.chunks(2).for_each(|pair| {
                let low = pair.get(1).copied().unwrap_or(0);
                w.u8(u8::try_from(pair[0] << 4 | low).unwrap());
            }),
            8 => track.sizes.iter().for_each(|size| w.u8(u8::try_from(*size).unwrap())),
            _ => track.sizes.iter().for_each(|size| w.u16(u16::try_from(*size).unwrap())),
        }
    });
}

fn chunks(w: &mut Writer, track: &TrackSpec, offsets: &[u64]) {
    let runs: Vec<(u32, u32)> = (1..).zip(track.chunk_sizes()).collect();
    let starts: Vec<(u32, u32)> = runs
        .iter()
        .enumerate()
        .filter(|(n, run)| *n == 0 || runs[n - 1].1 != run.1)
        .map(|(_, run)| *run)
        .collect();
    table(w, b"stsc", 0, &starts, |w, (first, samples)| {
        w.u32(*first);
        w.u32(*samples);
        w.u32(1);
    });
    if track.wide_offsets {
        table(w, b"co64", 0, offsets, |w, offset| w.u64(*offset));
    } else {
        table(w, b"stco", 0, offsets, |w, offset| {
            w.u32(u32::try_from(*offset).unwrap());
        });
    }
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn table<T>(
    w: &mut Writer,
    kind: &[u8; 4],
    version: u8,
    entries: &[T],
    mut entry: impl FnMut(&mut Writer, &T),
) {
    full_box(w, kind, version, 0, |w| {
        w.u32(u32::try_from(entries.len()).unwrap());
        entries.iter().for_each(|item| entry(w, item));
    });
}
