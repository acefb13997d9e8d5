//! Long titles made in memory: no drift, aligned levels, audio cut with the pictures.

use std::sync::Arc;

use super::*;
use crate::media::FileIndex;
use crate::media::fixture::{TrackSpec, USAC_ESDS, movie};
use crate::time::to_wire;

const SECOND: i64 = WIRE_TIMESCALE as i64;
const CUTTING: Cutting = Cutting { fragment_ms: 6000, packed: 1 };

fn track(spec: TrackSpec) -> Arc<Track> {
    let file = movie(&[spec], 1000);
    FileIndex::read(file.as_slice()).unwrap().tracks.remove(0)
}

/// Pictures of one byte, with a key frame every `distance`.
fn pictures(timescale: u32, delta: u32, count: usize, distance: usize) -> TrackSpec {
    TrackSpec::video(timescale, delta, vec![1; count]).key_frames_every(distance)
}

fn build(video: &[&Arc<Track>], audio: &[&Arc<Track>]) -> Result<Timeline, MediaRule> {
    let video: Vec<&Track> = video.iter().map(|track| &***track).collect();
    let audio: Vec<&Track> = audio.iter().map(|track| &***track).collect();
    Timeline::build(&video, &audio, CUTTING)
}

/// Every fragment starts at the exact time of its sample, and the fragments hold all samples.
fn demand_exact(track: &Track, cuts: &Cuts) {
    for (n, cut) in cuts.starts.iter().enumerate() {
        let time = track.presentation_time(cut.sample).cast_unsigned();
        assert_eq!(cut.start, time, "fragment {n}");
        assert_eq!(cuts.find(cut.start), Some(n));
    }
    let samples: u32 = (0..cuts.len()).map(|n| cuts.samples(n).len() as u32).sum();
    assert_eq!(samples, track.index.len() - cuts.starts[0].sample);
    let total = to_wire(track.index.dts(track.index.len()), track.timescale).cast_unsigned();
    assert_eq!(cuts.durations().sum::<u64>(), total - cuts.starts[0].start);
    assert_eq!(cuts.end, total);
}

#[test]
fn two_hours_of_ntsc_and_compact_disc_sound_do_not_drift() {
    let frames = 7200 * 30_000 / 1001;
    let levels = [
        track(pictures(30_000, 1001, frames, 60)),
        track(pictures(90_000, 3003, frames, 30)),
        track(pictures(60_000, 2002, frames, 60)),
    ];
    let sound = track(TrackSpec::audio(44_100, vec![1; 7200 * 44_100 / 1024]));
    let timeline = build(&levels.each_ref(), &[&sound]).unwrap();
    for (level, cuts) in levels.iter().zip(&timeline.video) {
        demand_exact(level, cuts);
        assert_eq!(cuts.starts, timeline.video[0].starts);
    }
    // 180 pictures each: 6.006 s.
    assert_eq!(timeline.video[0].len(), frames.div_ceil(180));
    let audio = timeline.audio[0].as_ref().unwrap();
    demand_exact(&sound, audio);
    assert_eq!(audio.len(), timeline.video[0].len());
    let half_a_frame = to_wire(512, 44_100).cast_unsigned() + 1;
    for (sound, picture) in audio.starts.iter().zip(&timeline.video[0].starts) {
        assert!(sound.start.abs_diff(picture.start) <= half_a_frame);
    }
}

/// 29.97 pictures a second in milliseconds: single times are off by up to half a millisecond.
#[test]
fn levels_with_rough_timescales_are_aligned() {
    let fine = track(pictures(30_000, 1001, 1800, 60));
    let mut spec = pictures(1000, 33, 1800, 60);
    let at = |n: u32| (f64::from(n) * 1001.0 / 30.0).round() as u32;
    spec.durations = (0..1800).map(|n| (1, at(n + 1) - at(n))).collect();
    let rough = track(spec);
    let timeline = build(&[&fine, &rough], &[]).unwrap();
    let samples = |cuts: &Cuts| cuts.starts.iter().map(|cut| cut.sample).collect::<Vec<_>>();
    assert_eq!(samples(&timeline.video[0]), samples(&timeline.video[1]));
    assert_eq!(timeline.video[0].len(), 10);
    assert_eq!(timeline.video[0].starts, timeline.video[1].starts, "one time in URLs");
}

#[test]
fn fragments_start_where_all_levels_have_a_key_frame() {
    let two = track(pictures(25, 1, 600, 50));
    let three = track(pictures(25, 1, 600, 75));
    let timeline = build(&[&two, &three], &[]).unwrap();
    let starts: Vec<u64> = timeline.video[1].starts.iter().map(|cut| cut.start).collect();
    assert_eq!(starts, [0, 6, 12, 18].map(|second| second * SECOND as u64));
}

#[test]
fn levels_without_common_key_frames_are_refused() {
    let level = track(pictures(25, 1, 100, 25));
    let mut late = pictures(25, 1, 100, 25);
    late.edits = vec![(500, -1), (0, 0)];
    let mut none = pictures(25, 1, 100, 25);
    none.sync = Some(Vec::new());
    for (other, reason) in [(late, "share no key frame"), (none, "has no key frame")] {
        let refused = build(&[&level, &track(other)], &[]).unwrap_err();
        assert!(matches!(refused, MediaRule::NotAligned(_)));
        let text = refused.to_string();
        assert!(text.starts_with("levels-not-aligned: ") && text.contains(reason), "{text}");
    }
}

#[test]
fn key_frames_too_far_apart_are_refused() {
    for (distance, refused) in [(20 * 25, false), (20 * 25 + 1, true)] {
        let built = build(&[&track(pictures(25, 1, 2000, distance))], &[]);
        let named =
            matches!(built, Err(MediaRule::KeyFrameInterval { seconds: 21, limit: 20, open: 0 }));
        assert_eq!(named, refused, "{distance}: {built:?}");
    }
}

#[test]
fn sound_that_outlasts_the_pictures_is_cut_at_the_target() {
    let picture = track(pictures(25, 1, 250, 25));
    let sound = track(TrackSpec::audio(48_000, vec![1; 48_000 * 31 / 1024]));
    let timeline = build(&[&picture], &[&sound]).unwrap();
    let audio = timeline.audio[0].as_ref().unwrap();
    demand_exact(&sound, audio);
    let seconds: Vec<i64> =
        audio.starts.iter().map(|cut| (cut.start.cast_signed() + SECOND / 2) / SECOND).collect();
    assert_eq!(seconds, [0, 6, 10, 16, 22]);
}

#[test]
fn sound_alone_is_cut_at_the_target() {
    let sound = track(TrackSpec::audio(44_100, vec![1; 44_100 * 20 / 1024]));
    let timeline = build(&[], &[&sound]).unwrap();
    let audio = timeline.audio[0].as_ref().unwrap();
    demand_exact(&sound, audio);
    assert_eq!(audio.len(), 3);
}

/// A trim inside a group of pictures moves the start back to the key frame, for sound as well.
#[test]
fn a_trim_inside_a_group_shifts_pictures_and_sound_alike() {
    let mut pictures = pictures(25, 1, 500, 50);
    pictures.edits = vec![(0, 70)];
    let mut sound = TrackSpec::audio(48_000, vec![1; 48_000 * 20 / 1024]);
    sound.edits = vec![(0, 48_000 * 70 / 25)];
    let (pictures, sound) = (track(pictures), track(sound));
    let timeline = build(&[&pictures], &[&sound]).unwrap();
    // The key frame before 2.8 s is at 2.0 s.
    assert_eq!(timeline.origin, 8 * SECOND / 10);
    let video = timeline.video[0].starts[0];
    assert_eq!((video.sample, video.start), (50, 0));
    let audio = timeline.audio[0].as_ref().unwrap().starts[0];
    assert_eq!(audio.start, 0, "pictures without sound");
    let moved = sound.presentation_time(audio.sample) + timeline.origin;
    let warm_up = -i64::from(AUDIO_PREROLL) * to_wire(1024, 48_000);
    assert!((warm_up..=0).contains(&moved), "{moved}");
}

/// What an edit leaves out is not shown: neither behind its end nor during a delay in front of it.
#[test]
fn edits_end_and_start_where_they_say() {
    for (edits, sample, start, end) in [
        (vec![(10_000, 0)], 0, 0, 100),
        (vec![(9_960, 2)], 0, 0, 100),
        (vec![(500, -1), (3000, 100)], 100, 5, 35),
        (vec![(5000, -1), (10_000, 110)], 100, 46, 150),
    ] {
        let mut pictures = pictures(25, 1, 60 * 25, 50);
        pictures.edits.clone_from(&edits);
        let timeline = build(&[&track(pictures)], &[]).unwrap();
        let cuts = &timeline.video[0];
        let tenths = |time: u64| time * 10 / SECOND as u64;
        let found = (cuts.starts[0].sample, tenths(cuts.starts[0].start), tenths(cuts.end));
        assert_eq!(found, (sample, start, end), "{edits:?}");
    }
}

/// xHE-AAC starts at its sync samples only; with other AAC the table of a muxer means nothing.
#[test]
fn sound_is_cut_where_its_codec_can_start() {
    let video = track(pictures(25, 1, 30 * 25, 50));
    let sound = |esds| {
        let spec = TrackSpec::audio(48_000, vec![1; 30 * 48_000 / 1024]).key_frames_every(40);
        track(TrackSpec { esds, ..spec })
    };
    let cuts = |esds| {
        let timeline = build(&[&video], &[&sound(esds)]).unwrap();
        let starts = &timeline.audio[0].as_ref().unwrap().starts;
        starts.iter().map(|cut| cut.sample).collect::<Vec<_>>()
    };
    assert_eq!(cuts(USAC_ESDS), [0, 280, 560, 840, 1120]);
    assert_eq!(cuts(TrackSpec::audio(48_000, Vec::new()).esds), [0, 281, 562, 844, 1125]);
}
