//! The index against a naive reading of the same lists.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::isobmff::moov::trak::Trak;
use crate::isobmff::{FourCc, children};
use crate::media::fixture::fragments::{Base, Fields, Form, Time, fragmented};
use crate::media::fixture::{TrackSpec, movie};
use crate::media::timeline::Cutting;
use crate::media::{Asset, FileIndex, SourceFile, Track};

const CUTTING: Cutting = Cutting { fragment_ms: 6000, packed: 1 };

fn tracks_of(file: &[u8]) -> Result<Vec<Arc<Track>>, MediaRule> {
    FileIndex::read(file).map(|index| index.tracks)
}

fn only(spec: &TrackSpec) -> Arc<Track> {
    let tracks = tracks_of(&movie(std::slice::from_ref(spec), 1000)).unwrap();
    let [track] = tracks.as_slice() else { panic!("{} tracks", tracks.len()) };
    Arc::clone(track)
}

fn each<T: Copy>(runs: &[(u32, T)]) -> Vec<T> {
    let repeat = |(count, value): &(u32, T)| std::iter::repeat_n(*value, *count as usize);
    runs.iter().flat_map(repeat).collect()
}

/// All samples, one after the other, as the lists of the fixture say. Sync samples are those of
/// the list: open groups are another test's matter.
fn naive(spec: &TrackSpec) -> Vec<Sample> {
    let (durations, offsets) = (each(&spec.durations), each(&spec.offsets));
    let mut chunks = spec.chunk_sizes().into_iter();
    // Behind `ftyp` and the header of `mdat`.
    let (mut offset, mut left, mut dts) = (20 + 8, 0, 0);
    let mut samples = Vec::new();
    for (number, size) in (0_u32..).zip(&spec.sizes) {
        if left == 0 {
            left = chunks.next().unwrap();
            offset += spec.gap as u64;
        }
        let n = number as usize;
        samples.push(Sample {
            number,
            offset,
            size: *size,
            dts,
            duration: durations[n],
            composition_offset: offsets.get(n).copied().unwrap_or(0),
            sync: spec.sync.as_ref().is_none_or(|sync| sync.contains(&(number + 1))),
        });
        left -= 1;
        offset += u64::from(*size);
        dts += i64::from(durations[n]);
    }
    samples
}

fn runs_of<T: std::fmt::Debug>(
    value: impl Strategy<Value = T>,
    count: usize,
) -> impl Strategy<Value = Vec<(u32, T)>> {
    // More runs than there are samples: the index has to take what it needs of them.
    prop::collection::vec((1_u32..6, value), count..=count)
}

fn specs() -> impl Strategy<Value = TrackSpec> {
    let compact = prop::sample::select(vec![None, Some(4), Some(8), Some(16)]);
    let shape = (1_usize..300, compact, 0_usize..40, any::<bool>());
    shape.prop_flat_map(|(count, compact, gap, wide)| {
        let largest = 1_u32 << compact.unwrap_or(10).min(10);
        let sizes = prop::collection::vec(0..largest, count..=count);
        let chunks = prop::collection::vec(1_u32..150, 1..5);
        let sync = prop::collection::btree_set(1..=u32::try_from(count).unwrap(), 0..20);
        let offsets = prop_oneof![Just(Vec::new()), runs_of(0_i32..90, count)];
        (sizes, runs_of(0_u32..50, count), offsets, sync, chunks).prop_map(
            move |(sizes, durations, offsets, sync, chunks)| TrackSpec {
                durations,
                offsets,
                sync: (!sync.is_empty()).then(|| sync.into_iter().collect()),
                chunks,
                gap,
                wide_offsets: wide,
                compact,
                ..TrackSpec::video(600, 1, sizes)
            },
        )
    })
}

proptest! {
    #[test]
    fn every_range_is_what_the_lists_say(
        spec in specs(), from: prop::sample::Index, to: prop::sample::Index,
    ) {
        let (track, naive) = (only(&spec), naive(&spec));
        let (from, to) = (from.index(naive.len() + 1), to.index(naive.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        let range = u32::try_from(from).unwrap()..u32::try_from(to).unwrap();
        let mut samples: Vec<Sample> = track.index.samples(range.clone()).collect();
        // Dropped open groups differ; nothing else may.
        for (sample, expected) in samples.iter_mut().zip(&naive[from..to]) {
            prop_assert!(expected.sync || !sample.sync);
            sample.sync = expected.sync;
        }
        prop_assert_eq!(samples.as_slice(), &naive[from..to]);
        let bytes: u64 = naive[from..to].iter().map(|sample| u64::from(sample.size)).sum();
        prop_assert_eq!(track.index.bytes(range), bytes);
    }

    #[test]
    fn decoding_never_starts_before_a_picture_that_is_shown_earlier(spec in specs()) {
        let (track, naive) = (only(&spec), naive(&spec));
        let shown = |sample: &Sample| sample.dts + i64::from(sample.composition_offset);
        let listed: Vec<usize> = (0..naive.len()).filter(|n| naive[*n].sync).collect();
        let ends = listed.iter().copied().skip(1).chain([naive.len()]);
        let closed = |(start, end): &(usize, usize)| {
            let leads = |sample: &Sample| shown(sample) < shown(&naive[*start]);
            !naive[*start..*end].iter().any(leads)
        };
        let expected: Vec<u32> = listed
            .iter()
            .copied()
            .zip(ends)
            .filter(closed)
            .map(|(start, _)| u32::try_from(start).unwrap())
            .collect();
        let actual: Vec<u32> = track.index.sync_samples().collect();
        prop_assert_eq!(actual, expected);
    }
}

/// The forms of movie fragments in which the same samples must read the same.
fn forms() -> impl Strategy<Value = Form> {
    let base = prop::sample::select(vec![Base::Moof, Base::Absolute, Base::Previous]);
    let time = prop::sample::select(vec![Time::Decoded, Time::Smooth, Time::Missing]);
    (1_usize..40, base, time, 0_i64..1000).prop_map(|(samples, base, time, start)| Form {
        samples,
        base,
        time,
        start: if time == Time::Missing { 0 } else { start },
        ..Form::PLAIN
    })
}

proptest! {
    #[test]
    fn fragments_say_the_same_as_tables(specs in prop::collection::vec(specs(), 1..3), form in forms()) {
        let (file, offsets) = fragmented(&specs, form);
        let tracks = tracks_of(&file).unwrap();
        for ((spec, track), offsets) in specs.iter().zip(&tracks).zip(&offsets) {
            let samples = track.index.samples(0..track.index.len());
            let expected = naive(spec).into_iter().zip(offsets);
            prop_assert_eq!(samples.len(), offsets.len());
            for (sample, (expected, offset)) in samples.zip(expected) {
                prop_assert!(expected.sync || !sample.sync);
                let sync = expected.sync;
                let expected = Sample { offset: *offset, ..expected };
                prop_assert_eq!(Sample { sync, ..sample }, expected);
            }
            prop_assert_eq!(track.index.start, form.start);
        }
    }
}

/// Runs may leave out what all samples share.
#[test]
fn shared_fields_come_from_the_fragment_or_the_track() {
    let spec = TrackSpec::video(600, 24, (20..120).collect());
    for fields in [Fields::Fragment, Fields::Track] {
        let (file, _) = fragmented(std::slice::from_ref(&spec), Form { fields, ..Form::PLAIN });
        let track = tracks_of(&file).unwrap().remove(0);
        assert_eq!(track.index.constant_duration(), Some(24), "{fields:?}");
        assert_eq!(track.index.sync_samples().count(), 100, "{fields:?}");
    }
}

/// A recording goes on counting from when the encoder was started.
#[test]
fn tracks_of_one_clock_start_together() {
    let pictures = TrackSpec::video(90_000, 3600, vec![1; 500]);
    let sound = TrackSpec::audio(48_000, vec![1; 900]);
    let files = [(pictures, 90_000 * 1_700_000_001), (sound, 48_000 * 1_700_000_000)];
    let files = files.map(|(spec, start)| {
        let (file, _) = fragmented(&[spec], Form { start, ..Form::PLAIN });
        let index = Arc::new(FileIndex::read(file.as_slice()).unwrap());
        SourceFile { name: start.to_string(), language: None, index }
    });
    let asset = Asset::assemble("folder", files.to_vec(), &[], None, CUTTING).unwrap();
    let start = |level: &crate::media::Rendition| level.track.presentation_time(0) + level.origin;
    let starts: Vec<i64> = asset.renditions().map(start).collect();
    assert_eq!(starts, [10_000_000, 0]);
}

/// I P B B | I b b P ...: the second group has pictures before its first one.
#[test]
fn an_open_group_is_no_place_to_start() {
    let mut spec = TrackSpec::video(25, 1, vec![9; 12]);
    spec.sync = Some(vec![1, 5, 9]);
    spec.offsets = [1, 3, 0, 1, 3, 0, 0, 1, 1, 2, 1, 1].map(|offset| (1, offset)).to_vec();
    assert_eq!(only(&spec).index.sync_samples().collect::<Vec<_>>(), [0, 8]);
}

#[test]
fn negative_composition_offsets_read_in_both_versions() {
    for version in [0, 1] {
        let mut spec = TrackSpec::video(25, 2, vec![5; 4]);
        spec.offsets = vec![(1, 0), (1, 4), (2, -2)];
        spec.ctts_version = version;
        let track = only(&spec);
        let shown: Vec<i64> = (0..4).map(|n| track.index.composition_time(n)).collect();
        assert_eq!(shown, [0, 6, 2, 4], "version {version}");
    }
}

#[test]
fn an_index_of_an_hour_is_small() {
    let sizes = (0..90_000).map(|n| 3000 + n % 500).collect();
    let mut spec = TrackSpec::video(25, 1, sizes).key_frames_every(50);
    spec.sizes.iter_mut().for_each(|size| *size %= 50);
    spec.offsets = [2, 5, 2, 0, 1].repeat(18_000).into_iter().map(|offset| (1, offset)).collect();
    let per_sample = only(&spec).index.heap_size() as f64 / 90_000.0;
    assert!(per_sample < 12.0, "{per_sample} bytes a sample");
}

/// The last of the tracks is not built when those before it have taken all.
#[test]
fn samples_of_all_tracks_are_counted_as_they_are_built() {
    let spec = TrackSpec::video(25, 1, vec![9; 30]);
    let file = movie(&[spec.clone(), spec], 1000);
    let scan = crate::isobmff::scan(file.as_slice()).unwrap();
    let moov = children(FourCc(*b"file"), &scan.moov).next().unwrap().unwrap();
    let tables: Vec<BoxRef<'_>> = moov
        .children()
        .map(Result::unwrap)
        .filter(|child| &child.kind.0 == b"trak")
        .map(|trak| Trak::parse(&trak).unwrap().stbl)
        .collect();
    let mut room = Room { file_len: file.len() as u64, samples: 59 };
    SampleIndex::build(&tables[0], None, &mut room).unwrap();
    assert_eq!(room.samples, 29);
    let refused = SampleIndex::build(&tables[1], None, &mut room).unwrap_err().to_string();
    assert_eq!(refused, "limit: a file has at most 16,777,216 samples");
    room.samples = 30;
    SampleIndex::build(&tables[1], None, &mut room).unwrap();
}

mod edits {
    use super::*;
    use crate::time::to_wire;

    fn start(edits: &[(u64, i64)], elst_version: u8) -> Result<i64, MediaRule> {
        let mut spec = TrackSpec::audio(48_000, vec![7; 400]);
        spec.edits = edits.to_vec();
        spec.elst_version = elst_version;
        let tracks = tracks_of(&movie(&[spec], 1000))?;
        Ok(tracks[0].presentation_time(0))
    }

    #[test]
    fn both_versions_delay_and_trim() {
        for version in [0, 1] {
            let at = |edits: &[(u64, i64)]| start(edits, version).unwrap();
            assert_eq!(at(&[]), 0);
            assert_eq!(at(&[(0, 1024)]), -to_wire(1024, 48_000));
            assert_eq!(at(&[(480, -1), (0, 0)]), 4_800_000);
            assert_eq!(at(&[(480, -1), (20, -1), (0, 480)]), 5_000_000 - 100_000);
        }
        // Beyond 32 bits: only version 1 can say so.
        assert_eq!(start(&[(0, 1 << 33)], 1).unwrap(), -to_wire(1 << 33, 48_000));
    }

    #[test]
    fn anything_else_is_refused_by_its_rule() {
        for edits in
            [&[(500, -1)][..], &[(500, 0), (500, 48_000)], &[(500, 0), (500, -1)], &[(500, -2)]]
        {
            let refused = start(edits, 1);
            assert!(matches!(refused, Err(MediaRule::EditList)), "{edits:?}: {refused:?}");
        }
    }
}

mod hostile {
    use std::time::{Duration, Instant};

    use super::*;

    /// Far more than a file of a few kilobytes takes, in a debug build on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(2);

    fn valid() -> Vec<u8> {
        let mut video = TrackSpec::video(600, 24, (20..120).collect()).key_frames_every(25);
        video.offsets = vec![(1, 48), (2, 0), (97, 24)];
        video.edits = vec![(0, 48)];
        let mut audio = TrackSpec::audio(48_000, vec![11; 150]);
        audio.wide_offsets = true;
        audio.compact = Some(8);
        audio.edits = vec![(100, -1), (3000, 1024)];
        audio.elst_version = 1;
        movie(&[video, audio], 1000)
    }

    /// Reads a file that may be anything. What is accepted must be consistent.
    fn judge(file: &[u8]) {
        let began = Instant::now();
        match FileIndex::read(file) {
            Err(rule) => assert!(!rule.to_string().is_empty()),
            Ok(index) => {
                index.tracks.iter().for_each(|track| walk(track, file));
                cut(Arc::new(index));
            }
        }
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    }

    fn walk(track: &Track, file: &[u8]) {
        let index = &track.index;
        let bound = 64 * file.len() + 64 * index.len() as usize;
        assert!(index.heap_size() <= bound, "{} bytes", index.heap_size());
        // A table of one size can name millions of samples of no bytes.
        let ends = [0..index.len().min(1000), index.len().saturating_sub(1000)..index.len()];
        for sample in ends.into_iter().flat_map(|range| index.samples(range)) {
            assert!(sample.offset + u64::from(sample.size) <= file.len() as u64);
        }
        for n in index.sync_samples().take(1000) {
            assert!(n < index.len());
            let _ = track.presentation_time(n);
        }
        let _ = (track.edited_len(), track.average_bitrate(), track.codec_string());
    }

    /// Cuts fragments, whose times must tile the presentation whatever the file says.
    fn cut(index: Arc<FileIndex>) {
        let name = "damaged.mp4".to_owned();
        let file = SourceFile { name, language: None, index };
        let Ok(asset) = Asset::assemble("folder", vec![file], &[], None, CUTTING) else {
            return;
        };
        for rendition in asset.renditions() {
            let cuts = &rendition.cuts;
            assert!(cuts.starts.is_sorted_by_key(|cut| cut.sample));
            let tiled: u64 = cuts.durations().sum();
            assert_eq!(cuts.end.max(cuts.starts[0].start), cuts.starts[0].start + tiled);
            let _ = (rendition.frame_rate_fraction(), rendition.cuts.durations().count());
            let _ = rendition.frame_rate_fraction();
        }
    }

    #[test]
    fn times_beyond_all_measure_are_contained() {
        let of = |change: fn(&mut TrackSpec)| {
            let mut spec = TrackSpec::video(1, 1, vec![1; 300]);
            change(&mut spec);
            judge(&movie(&[spec, TrackSpec::audio(48_000, vec![1; 300])], 1));
        };
        of(|spec| spec.durations = vec![(300, u32::MAX)]);
        of(|spec| spec.offsets = vec![(300, i32::MIN)]);
        of(|spec| spec.offsets = vec![(150, i32::MAX), (150, i32::MIN)]);
        for edits in [
            [(u64::MAX, -1), (0, 0)],
            [(i64::MAX as u64, -1), (u64::MAX, i64::MAX)],
            [(0, -1), (u64::MAX, i64::MAX)],
            [(1 << 62, -1), (1 << 62, 1 << 62)],
        ] {
            let mut spec = TrackSpec::video(1, u32::MAX, vec![1; 300]);
            spec.offsets = vec![(300, i32::MIN)];
            spec.edits = edits.to_vec();
            spec.elst_version = 1;
            judge(&movie(&[spec], 1000));
        }
    }

    #[test]
    fn the_file_that_is_damaged_below_is_good() {
        let tracks = tracks_of(&valid()).unwrap();
        assert_eq!(tracks.iter().map(|t| t.index.len()).collect::<Vec<_>>(), [100, 150]);
    }

    #[test]
    fn a_file_cut_off_anywhere_is_refused() {
        let file = valid();
        for length in 0..file.len() {
            judge(&file[..length]);
            assert!(FileIndex::read(&file[..length]).is_err(), "{length} bytes");
        }
    }

    fn valid_fragments() -> Vec<u8> {
        let mut video = TrackSpec::video(600, 24, (1..20).collect()).key_frames_every(5);
        video.offsets = vec![(1, 48), (2, 0), (16, 24)];
        let audio = TrackSpec::audio(48_000, vec![3; 25]);
        let form = Form { samples: 10, base: Base::Previous, ..Form::PLAIN };
        fragmented(&[video, audio], form).0
    }

    #[test]
    fn a_wrong_number_anywhere_in_fragments_is_contained() {
        lie_from(valid_fragments(), b"mvex");
    }

    /// Every four bytes of the movie header in turn become a number that lies.
    #[test]
    fn a_wrong_number_anywhere_is_contained() {
        lie_from(valid(), b"moov");
    }

    fn lie_from(file: Vec<u8>, first: &[u8; 4]) {
        let first = file.windows(4).position(|kind| kind == first).unwrap() - 4;
        for at in first..file.len() - 4 {
            for value in [0, 1, 7, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX] {
                let mut damaged = file.clone();
                damaged[at..at + 4].copy_from_slice(&value.to_be_bytes());
                judge(&damaged);
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_contained(bytes: Vec<u8>) {
            judge(&bytes);
            judge(&[b"\0\0\0\x08ftyp", bytes.as_slice()].concat());
            let size = u32::try_from(bytes.len() + 8).unwrap().to_be_bytes();
            judge(&[&size[..], b"moov", &bytes].concat());
        }

        #[test]
        fn several_damages_at_once_are_contained(
            damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
            shift in prop::option::of((any::<prop::sample::Index>(), 0_usize..9)),
            fragments: bool,
        ) {
            let mut file = if fragments { valid_fragments() } else { valid() };
            for (at, value) in damages {
                let at = at.index(file.len());
                file[at] = value;
            }
            if let Some((at, count)) = shift {
                let at = at.index(file.len());
                file.splice(at..at, std::iter::repeat_n(0, count));
            }
            judge(&file);
        }
    }
}
