//! What is clear in front, and keys that take turns.

use std::fs;

use super::runs::{LOW, Run, key, ladder};
use crate::support::oracle::{
    HexKey, decrypted_segment, mpd_complaint, samples_decrypted_by_ffmpeg,
    samples_decrypted_by_packager, samples_of_bytes, samples_of_file,
};
use crate::support::server::portcullis;

/// Segments of two seconds: the clip has ten.
const SEGMENT: [&str; 2] = ["--segment_duration", "2"];

const PERIOD: [&str; 2] = ["--crypto_period_duration", "6"];

fn pictures(names: &str) -> String {
    format!("in={},stream=video,{names}", ladder(LOW).display())
}

fn fragments() -> String {
    pictures("init_segment=i.mp4,segment_template=$Number$.m4s")
}

/// A run with these keys of the label SD, in playlists.
fn protected(stream: &str, scheme: &str, turns: &[HexKey], more: &[&str]) -> Run {
    let key = |HexKey { kid, key }: &HexKey| format!("label=SD:key_id={kid}:key={key}");
    let keys: Vec<String> = turns.iter().map(key).collect();
    let keys = keys.join(",");
    let flags = ["--enable_raw_key_encryption", "--keys", &keys, "--protection_scheme", scheme];
    let hls = ["--hls_master_playlist_output", "film.m3u8", "--hls_key_uri", "{ContentKeyId}"];
    Run::of(&[&[stream][..], &SEGMENT, &flags, &hls, more].concat())
}

/// Before which segments, counted from 0, key lines stand, and what is in them.
fn key_lines(playlist: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut segments = 0;
    for line in playlist.lines() {
        segments += usize::from(!line.starts_with('#'));
        found.extend(line.strip_prefix("#EXT-X-KEY:").map(|line| (segments, line.to_owned())));
    }
    found
}

#[test]
fn segments_that_start_in_the_lead_are_clear() {
    for scheme in ["cenc", "cbcs"] {
        let mpd = ["--clear_lead", "4", "--mpd_output", "film.mpd"];
        let run = protected(&fragments(), scheme, &[key("SD")], &mpd);
        let maps = |segment: &Vec<u8>| segment.windows(4).any(|four| four == b"senc");
        let mapped: Vec<bool> = run.segments("$Number$.m4s").iter().map(maps).collect();
        assert_eq!(mapped, [&[false; 2][..], &[true; 8]].concat(), "{scheme}");
        let media = run.joined(Some("i.mp4"), "$Number$.m4s");
        let source = samples_of_file(&ladder(LOW), "v");
        let decrypted = samples_decrypted_by_packager(&media, &key("SD"), "video");
        assert_eq!(decrypted.contents(), source.contents(), "{scheme}");
        let lead = [run.bytes("i.mp4"), run.segments("$Number$.m4s")[..2].concat()].concat();
        let lead = samples_of_bytes(&lead, "v");
        assert_eq!(lead.contents(), source.contents()[..lead.list.len()]);
        let lines = key_lines(&run.text("stream_0.m3u8"));
        let behind: Vec<usize> = lines[1..].iter().map(|(segment, _)| *segment).collect();
        assert_eq!((lines[0].0, &*lines[0].1), (0, "METHOD=NONE"));
        assert!(!behind.is_empty() && behind.iter().all(|segment| *segment == 2), "{lines:?}");
        let mpd = run.text("film.mpd");
        assert_eq!(mpd_complaint(&mpd), None, "{mpd}");
        assert_eq!(mpd.matches("<Period").count(), 1, "{mpd}");
    }
}

#[test]
fn the_lead_of_transport_streams_is_what_it_is_without_a_key() {
    let stream = pictures("segment_template=$Number$.ts");
    let clear = Run::of(&[&[stream.as_str()][..], &SEGMENT].concat()).segments("$Number$.ts");
    for scheme in ["AES-128", "SAMPLE-AES"] {
        let run = protected(&stream, scheme, &[key("SD")], &["--clear_lead", "3"]);
        let same: Vec<bool> = run
            .segments("$Number$.ts")
            .iter()
            .zip(&clear)
            .map(|(one, other)| one == other)
            .collect();
        assert_eq!(same, [&[true; 2][..], &[false; 8]].concat(), "{scheme}");
    }
}

#[test]
fn keys_of_a_label_take_turns_under_whole_segments() {
    let (stream, turns) = (pictures("segment_template=$Number$.ts"), [key("SD"), key("HD")]);
    let clear = Run::of(&[&[stream.as_str()][..], &SEGMENT].concat()).segments("$Number$.ts");
    let run = protected(&stream, "AES-128", &turns, &PERIOD);
    let lines = key_lines(&run.text("stream_0.m3u8"));
    assert_eq!(lines.len(), clear.len());
    for ((n, line), (segment, clear)) in
        lines.into_iter().zip(run.segments("$Number$.ts").into_iter().zip(clear))
    {
        let HexKey { kid, key } = &turns[n / 3 % 2];
        assert!(line.replace('-', "").contains(kid), "{n}: {line}");
        let iv = line.split_once("IV=").unwrap().1;
        assert!(decrypted_segment(segment, key, iv) == clear, "{n}");
    }
}

/// No key is passed over where periods end inside of segments.
#[test]
fn periods_shorter_than_segments_end_with_them() {
    let turns = [key("SD"), key("HD")];
    for period in ["1", "2", "1.5"] {
        let period = ["--crypto_period_duration", period, "--mpd_output", "film.mpd"];
        let mpd = protected(&fragments(), "cenc", &turns, &period).text("film.mpd");
        let kids = mpd.split("default_KID=\"").skip(1);
        let kids: Vec<String> = kids.map(|rest| rest[..36].replace('-', "")).collect();
        let expected: Vec<String> = (0..10).map(|n| turns[n % 2].kid.clone()).collect();
        assert_eq!(kids, expected, "{period:?}");
    }
}

#[test]
fn keys_of_a_label_take_turns_in_fragments_that_name_them() {
    let turns = [key("SD"), key("HD")];
    let more = [&PERIOD[..], &["--mpd_output", "film.mpd"]].concat();
    let run = protected(&fragments(), "cenc", &turns, &more);
    let source = samples_of_file(&ladder(LOW), "v");
    let source = source.contents();
    let (init, segments) = (run.bytes("i.mp4"), run.segments("$Number$.m4s"));
    let each = source.len() / segments.len();
    for (n, segment) in segments.iter().enumerate() {
        let turn = &turns[n / 3 % 2];
        let kid = data_encoding::HEXLOWER.decode(turn.kid.as_bytes()).unwrap();
        assert!(segment.windows(16).any(|window| window == kid), "{n}");
        let media = [&init[..], segment].concat();
        let decrypted = samples_decrypted_by_ffmpeg(&media, turn, "v");
        assert_eq!(decrypted.contents(), source[n * each..][..each], "{n}");
    }
    let mpd = run.text("film.mpd");
    assert_eq!(mpd_complaint(&mpd), None, "{mpd}");
    let kids: Vec<String> =
        mpd.split("default_KID=\"").skip(1).map(|rest| rest[..36].replace('-', "")).collect();
    assert_eq!(kids, [0, 1, 0, 1].map(|n: usize| turns[n].kid.clone()), "{mpd}");
    for first in ["1", "4", "7", "10"] {
        assert!(mpd.contains(&format!("startNumber=\"{first}\"")), "{mpd}");
    }
    let lines = key_lines(&run.text("stream_0.m3u8"));
    let mut changes: Vec<usize> = lines.into_iter().map(|(segment, _)| segment).collect();
    changes.dedup();
    assert_eq!(changes, [0, 3, 6, 9]);
}

/// What `inspect` says of a manifest: whether it agrees, and all of it.
fn inspected(run: &Run, manifest: &str) -> (bool, String) {
    let output = portcullis().arg("inspect").arg(run.path(manifest)).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// Init segments name the first key alone.
#[test]
fn manifests_over_keys_that_take_turns_agree_with_fragments() {
    let turns = [key("SD"), key("HD")];
    let more = [&PERIOD[..], &["--mpd_output", "film.mpd"]].concat();
    let file = pictures("output=v.mp4");
    for scheme in ["cenc", "cbcs"] {
        let (each, one) = (
            protected(&fragments(), scheme, &turns, &more),
            protected(&file, scheme, &turns, &PERIOD),
        );
        for (run, manifest) in [(&each, "film.mpd"), (&each, "film.m3u8"), (&one, "film.m3u8")] {
            let (agrees, said) = inspected(run, manifest);
            assert!(agrees, "{scheme} {manifest}: {said}");
        }
        // Of the second period, where the key is that of fragments and not of the init segment.
        let text = each.text("film.mpd");
        let second =
            text.match_indices("default_KID=\"").nth(1).unwrap().0 + "default_KID=\"".len();
        let other = "99999999-9999-9999-9999-999999999999";
        let wrong = [&text[..second], other, &text[second + other.len()..]].concat();
        fs::write(each.path("film.mpd"), wrong).unwrap();
        let (agrees, said) = inspected(&each, "film.mpd");
        let by = |line: &str| line.contains(other) && line.contains("keys of fragments: KID ");
        assert!(!agrees && said.lines().any(by), "{scheme}: {said}");
        // A constant IV is that of each key.
        if scheme == "cbcs" {
            let text = one.text("stream_0.m3u8");
            let second = text.match_indices("IV=0x").nth(1).unwrap().0 + "IV=0x".len();
            let wrong = [&text[..second], &"9".repeat(32), &text[second + 32..]].concat();
            fs::write(one.path("stream_0.m3u8"), wrong).unwrap();
            let (agrees, said) = inspected(&one, "film.m3u8");
            let by =
                |line: &str| line.contains("IV 9999") && line.contains("keys of fragments: IV ");
            assert!(!agrees && said.lines().any(by), "{said}");
        }
    }
}
