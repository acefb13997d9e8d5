//! Legal files with properties that break readers: what comes out starts, lasts and sounds as the
//! source says.

use std::path::Path;

use crate::support::boxes::{FragmentSample, hidden, samples, timescale};
use crate::support::http::client;
use crate::support::origin::{Shelf, get};
use crate::support::presentation::{Track, dash};
use crate::support::server::media_dir;

/// What is expected of a trap; times in milliseconds.
struct Trap {
    file: &'static str,
    codec: &'static str,
    /// Where the fragments of the pictures start.
    cuts: &'static [i64],
    /// When the last picture ends.
    end: i64,
    /// When sound is first heard and when it ends, if there is any; other languages alike.
    sound: Option<(i64, i64)>,
}

/// Eight seconds of pictures in groups of two, cut at six.
const SILENT: Trap = Trap { file: "", codec: "avc1.", cuts: &[0, 6000], end: 8000, sound: None };

const SOUNDING: Trap = Trap { sound: Some((0, 8000)), ..SILENT };

const TRAPS: &[Trap] = &[
    Trap { file: "aud_in_samples.mp4", ..SILENT },
    Trap { file: "avc3_inband_sps_pps.mp4", codec: "avc3.", ..SILENT },
    Trap { file: "baseline_cavlc_no_ctts.mp4", ..SILENT },
    Trap { file: "co64.mp4", ..SILENT },
    Trap { file: "ctts_v1_negative.mp4", ..SOUNDING },
    Trap { file: "elst_empty_edit_audio.mp4", sound: Some((480, 8480)), ..SILENT },
    // The trim falls inside a group: the second before it is shown, with its sound.
    Trap { file: "elst_trim_1s.mp4", ..SOUNDING },
    Trap { file: "four_slices.mp4", ..SILENT },
    Trap { file: "irregular_keyframes.mp4", cuts: &[0, 6400], ..SILENT },
    Trap { file: "mdat_largesize.mp4", ..SILENT },
    Trap { file: "mdat_size_zero.mp4", ..SILENT },
    Trap { file: "moov_at_end.mp4", ..SOUNDING },
    // The muxer stretched the last frame of sound to the end of the pictures.
    Trap {
        file: "no_edit_list.mp4",
        cuts: &[80, 6080],
        end: 8080,
        sound: Some((0, 8080)),
        ..SILENT
    },
    Trap { file: "ntsc_2997_aac_44100.mp4", cuts: &[0, 6006], end: 8008, ..SOUNDING },
    // Nowhere but at the start can decoding begin.
    Trap { file: "open_gop.mp4", cuts: &[0], ..SILENT },
    Trap { file: "stz2_16bit.mp4", ..SOUNDING },
    Trap { file: "two_audio_tracks.mp4", ..SOUNDING },
    Trap { file: "unknown_boxes.mp4", ..SILENT },
];

/// A frame of AAC at 44.1 kHz: sound starts and ends that near to what is asked for.
const FRAME: i64 = 24;

fn milliseconds(ticks: i64, timescale: usize) -> i64 {
    let scale = timescale as i64;
    (ticks * 1000 + scale / 2).div_euclid(scale)
}

/// All samples of a track, one fragment after the other.
fn fragments_of(track: &Track) -> Vec<Vec<FragmentSample>> {
    track.segments.iter().map(|segment| samples(&segment.bytes)).collect()
}

/// The samples of each fragment go on where those before ended, and pictures start at a key frame.
fn demand_continuity(track: &Track, fragments: &[Vec<FragmentSample>]) {
    let mut expected = None;
    for fragment in fragments {
        let first = &fragment[0];
        assert_eq!(expected.unwrap_or(first.decoded), first.decoded, "a gap or overlap");
        assert!(first.sync);
        if track.kind == "video" {
            assert!(fragment.iter().all(|sample| sample.shown >= first.shown));
        }
        expected = fragment.last().map(|last| last.decoded + last.duration);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Times {
    starts: Vec<i64>,
    end: i64,
}

fn times_of(track: &Track) -> Times {
    let fragments = fragments_of(track);
    demand_continuity(track, &fragments);
    let (hidden, scale) = (hidden(&track.init), timescale(&track.init));
    let at = |ticks: i64| milliseconds(ticks - hidden, scale);
    let start = |fragment: &Vec<FragmentSample>| at(fragment[0].shown).max(0);
    let ends = fragments.iter().flatten().map(|sample| sample.shown + sample.duration);
    Times { starts: fragments.iter().map(start).collect(), end: at(ends.max().unwrap()) }
}

/// What is expected of the tracks of one trap, in whichever order they come.
fn demand(trap: &Trap, tracks: &[Track]) {
    let (video, audio): (Vec<&Track>, Vec<&Track>) =
        tracks.iter().partition(|track| track.kind == "video");
    let [video] = video.as_slice() else { panic!("{} levels of {}", video.len(), trap.file) };
    let pictures = times_of(video);
    assert_eq!((pictures.starts.as_slice(), pictures.end), (trap.cuts, trap.end), "{}", trap.file);
    assert_eq!(audio.is_empty(), trap.sound.is_none(), "{}", trap.file);
    for track in audio {
        let sound = times_of(track);
        let (start, end) = trap.sound.unwrap();
        assert!(sound.starts[0].abs_diff(start) < 2, "{}: {sound:?}", trap.file);
        assert!(sound.end.abs_diff(end) <= FRAME as u64, "{}: {sound:?}", trap.file);
        assert_eq!(sound.starts.len(), trap.cuts.len(), "{}", trap.file);
        for (heard, seen) in sound.starts.iter().zip(trap.cuts).skip(1) {
            assert!(heard.abs_diff(*seen) <= FRAME as u64 / 2, "{}: {sound:?}", trap.file);
        }
    }
}

async fn every_trap_plays(dir: &Path) {
    let there: Vec<&Trap> = TRAPS.iter().filter(|trap| dir.join(trap.file).exists()).collect();
    assert!(there.len() >= 17, "{} traps in {}", there.len(), dir.display());
    let folder = |trap: &&'static Trap| trap.file.strip_suffix(".mp4").unwrap();
    let folders = there.iter().map(|trap| (folder(trap), vec![dir.join(trap.file)]));
    let shelf = Shelf::start(folders);
    for trap in &there {
        let stream = shelf.stream(folder(trap), "cenc");
        let url = &stream.manifest("dash").url;
        let mpd = get(url).await;
        let codecs = format!("codecs=\"{}", trap.codec);
        assert!(mpd.text().contains(&codecs), "{}", trap.file);
        demand(trap, &dash(&client(), url).await);
    }
}

#[tokio::test]
async fn every_trap_of_the_corpus_plays_at_its_times() {
    every_trap_plays(&media_dir().join("traps")).await;
}

#[tokio::test]
async fn every_trap_of_the_repository_plays_at_its_times() {
    every_trap_plays(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/out/traps")).await;
}
