//! Text beside pictures: WebVTT for playlists, fragments for MPDs.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use tempfile::NamedTempFile;

use super::runs::{LOW, Run, key, keys, ladder, refused};
use crate::support::oracle::{decrypted_segment, mpd_complaint};

const CUES: &str = "WEBVTT\n\n00:01.000 --> 00:03.000\nFirst\n\n00:05.500 --> 00:07.000\nSecond\n";

fn cues(text: &str) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".vtt").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn text(file: &NamedTempFile, rest: &str) -> String {
    format!("in={},stream=text,language=de,{rest}", file.path().display())
}

fn pictures(rest: &str) -> String {
    format!("in={},stream=video,{rest}", ladder(LOW).display())
}

#[test]
fn playlists_list_segments_of_webvtt() {
    let file = cues(CUES);
    for (pictures, clock) in [
        (pictures("init_segment=i.mp4,segment_template=v_$Number$.m4s"), 0),
        (pictures("segment_template=v_$Number$.ts"), 900_000),
    ] {
        let text =
            text(&file, "segment_template=t/$Number$.vtt,hls_name=Deutsch,playlist_name=t/t.m3u8");
        let master = ["--hls_master_playlist_output", "film.m3u8", "--segment_duration", "2"];
        let run = Run::of(&[&[pictures.as_str(), &text][..], &master].concat());
        let master = run.text("film.m3u8");
        for part in ["TYPE=SUBTITLES", "NAME=\"Deutsch\"", "LANGUAGE=\"de\"", "URI=\"t/t.m3u8\""] {
            assert!(master.contains(part), "{part} is not in {master}");
        }
        let playlist = run.text("t/t.m3u8");
        let listed: Vec<&str> = playlist.lines().filter(|line| line.ends_with(".vtt")).collect();
        assert_eq!(listed[..2], ["1.vtt", "2.vtt"], "{playlist}");
        assert_eq!(listed.len(), 10, "{playlist}");
        let segment = |n: usize| run.text(&format!("t/{n}.vtt"));
        // The first cue is shown in two segments, the second in the third and the fourth.
        let shown = |cue: &str| (1..=10).filter(|n| segment(*n).contains(cue)).collect::<Vec<_>>();
        assert_eq!((shown("First"), shown("Second")), (vec![1, 2], vec![3, 4]));
        let map = format!("X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{clock}\n");
        assert!(segment(1).contains(&map), "{}", segment(1));
        let summary = &run.summary["streams"][1];
        assert_eq!((&summary["codec"], &summary["segments"]), (&"wvtt".into(), &10.into()));
    }
}

#[test]
fn webvtt_is_encrypted_where_segments_are_as_wholes() {
    let (file, keys) = (cues(CUES), keys(&["SD", "TEXT"]));
    let aes = ["--enable_raw_key_encryption", "--keys", &keys, "--protection_scheme", "AES-128"];
    let master = ["--hls_master_playlist_output", "film.m3u8", "--segment_duration", "2"];
    for pictures in [
        pictures("init_segment=i.mp4,segment_template=v_$Number$.m4s"),
        pictures("segment_template=v_$Number$.ts"),
    ] {
        let text = |more: &str| {
            let names = "segment_template=t/$Number$.vtt,playlist_name=t/t.m3u8";
            text(&file, &format!("{names}{more}"))
        };
        let run = |text: &str, flags: &[&str]| {
            Run::of(&[&[&*pictures, text][..], &master, flags].concat())
        };
        let uri = ["--hls_key_uri", "https://keys.test/{ContentKeyId}"];
        let clear = run(&text(""), &[]).segments("t/$Number$.vtt");
        let encrypted = run(&text(""), &[&aes[..], &uri].concat());
        let playlist = encrypted.text("t/t.m3u8");
        let lines: Vec<&str> =
            playlist.lines().filter(|line| line.starts_with("#EXT-X-KEY:")).collect();
        let segments = encrypted.segments("t/$Number$.vtt");
        assert_eq!((lines.len(), segments.len()), (10, 10), "{playlist}");
        for ((line, segment), clear) in lines.iter().zip(segments).zip(&clear) {
            assert!(line.contains("METHOD=AES-128,URI=\"https://keys.test/"), "{line}");
            let (_, iv) = line.split_once(",IV=0x").unwrap();
            assert!(decrypted_segment(segment, &key("TEXT").key, &iv[..32]) == *clear, "{line}");
        }
        assert_eq!(encrypted.summary["streams"][1]["keys"][0]["label"], "TEXT");
        let skipped = run(&text(",skip_encryption=1"), &[&aes[..], &uri].concat());
        assert!(skipped.segments("t/$Number$.vtt") == clear);
        let named = run(&text(",drm_label=SD"), &[&aes[..], &uri].concat());
        assert_eq!(named.summary["streams"][1]["keys"][0]["label"], "SD");
        let unlabelled = text(",drm_label=OTHER");
        let arguments = [&[&*pictures, &*unlabelled][..], &master, &aes, &uri].concat();
        let (exit, stderr) = refused(&arguments);
        assert_eq!(exit, Some(1), "{stderr}");
        assert!(stderr.contains("no key has the label OTHER"), "{stderr}");
    }
}

#[test]
fn mpds_list_text_in_fragments() {
    let file = cues(CUES);
    for (output, of_text, listed) in [
        ("output=v.mp4", "output=t.mp4", "<BaseURL>t.mp4</BaseURL>"),
        (
            "init_segment=i.mp4,segment_template=$Number$.m4s",
            "init_segment=t/i.mp4,segment_template=t/$Number$.m4s,dash_roles=caption",
            "media=\"t/$Number$.m4s\" initialization=\"t/i.mp4\" startNumber=\"1\"",
        ),
    ] {
        let (pictures, text) = (pictures(output), text(&file, of_text));
        let run = Run::of(&[&pictures, &text, "--mpd_output", "film.mpd"]);
        let mpd = run.text("film.mpd");
        assert_eq!(mpd_complaint(&mpd), None, "{mpd}");
        let role = if of_text.contains("caption") { "caption" } else { "subtitle" };
        let role = format!("value=\"{role}\"");
        for part in [listed, "contentType=\"text\"", "codecs=\"wvtt\"", "lang=\"de\"", &role] {
            assert!(mpd.contains(part), "{part} is not in {mpd}");
        }
        let media = match output {
            "output=v.mp4" => run.bytes("t.mp4"),
            _ => run.joined(Some("t/i.mp4"), "t/$Number$.m4s"),
        };
        let holds = |part: &[u8]| media.windows(part.len()).any(|window| window == part);
        assert!(holds(b"First") && holds(b"Second") && holds(b"vttC"));
    }
}

/// The cues of a file as ffmpeg reads them.
fn cues_by_ffmpeg(file: &Path) -> String {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(file).args(["-f", "srt", "-"]);
    String::from_utf8(ffmpeg.output().unwrap().stdout).unwrap()
}

#[test]
fn mpds_list_a_file_of_webvtt() {
    let file = cues(CUES);
    let expected = cues_by_ffmpeg(file.path());
    assert!(expected.contains("Second"), "{expected}");
    for output in ["output=v.mp4", "init_segment=i.mp4,segment_template=$Number$.m4s"] {
        let (pictures, text) = (pictures(output), text(&file, "output=t/de.vtt"));
        let master = ["--mpd_output", "film.mpd", "--hls_master_playlist_output", "film.m3u8"];
        let run = Run::of(&[&[&*pictures, &text][..], &master].concat());
        assert_eq!(cues_by_ffmpeg(&run.path("t/de.vtt")), expected);
        assert!(!run.text("t/de.vtt").contains("X-TIMESTAMP-MAP"));
        let mpd = run.text("film.mpd");
        assert_eq!(mpd_complaint(&mpd), None, "{mpd}");
        for part in ["mimeType=\"text/vtt\" lang=\"de\"", "<BaseURL>t/de.vtt</BaseURL>"] {
            assert!(mpd.contains(part), "{part} is not in {mpd}");
        }
        assert!(!run.text("film.m3u8").contains("SUBTITLES"));
        assert_eq!(run.summary["streams"][1]["segments"], 1);
    }
}

#[test]
fn text_that_cannot_be_is_refused_by_name() {
    let (file, broken) = (cues(CUES), cues("no text"));
    let (pictures, good) = (pictures("output=v.mp4"), text(&file, "output=t.mp4"));
    let each = text(&file, "init_segment=i.mp4,segment_template=$Number$.m4s");
    let whole = text(&file, "output=t.vtt");
    let (segments, two) = (
        self::pictures("init_segment=i.mp4,segment_template=$Number$.m4s"),
        format!("{},{}", keys(&["SD"]), keys(&["HD"]).replace("label=HD", "label=SD")),
    );
    let rotating = ["--enable_raw_key_encryption", "--crypto_period_duration", "6", "--keys", &two];
    let none = format!("in={},stream=text,output=t.mp4", ladder(LOW).display());
    let hls = text(&broken, "segment_template=$Number$.vtt");
    for (arguments, code, said) in [
        (&[&*good][..], 2, "text is cut with pictures or sound"),
        (&[&pictures, &none], 1, "no track of text"),
        (&[&pictures, &hls], 1, ".vtt: "),
        (&[&pictures, &each, "--mpd_output", "a.mpd"], 1, "not both"),
        (&[&pictures, &good, &whole, "--mpd_output", "a.mpd"], 1, "list a track twice"),
        (
            &[&[&*segments, &whole, "--mpd_output", "a.mpd"][..], &rotating].concat(),
            1,
            "divided into",
        ),
    ] {
        let (exit, stderr) = refused(arguments);
        assert_eq!(exit, Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{said:?} is not in {stderr:?}");
    }
}
