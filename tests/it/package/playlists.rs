//! HLS over files: ranges of one file, segments, transport streams; played from the disk by ffmpeg.

use m3u8_rs::Playlist;

use super::runs::{HIGH, LOW, Run, SOUND, key, keys, ladder};
use crate::support::oracle::{
    decrypted_segment, elementary_stream, elementary_stream_of_bytes,
    elementary_stream_of_playlist, samples_of_file, samples_played_by_ffmpeg,
};
use crate::support::transport::essential_nals;

fn video(rest: &str) -> String {
    format!("in={},stream=video,{rest}", ladder(HIGH).display())
}

fn sound(rest: &str) -> String {
    format!("in={},stream=audio,{rest}", ladder(SOUND).display())
}

fn media_playlist(text: &str) -> m3u8_rs::MediaPlaylist {
    match m3u8_rs::parse_playlist_res(text.as_bytes()).expect("a playlist") {
        Playlist::MediaPlaylist(playlist) => playlist,
        Playlist::MasterPlaylist(_) => panic!("a multivariant playlist"),
    }
}

/// The pictures without what transport streams may add.
fn pictures(stream: &[u8]) -> Vec<Vec<u8>> {
    essential_nals("h264", stream).into_iter().map(<[u8]>::to_vec).collect()
}

#[test]
fn ranges_of_one_file_play() {
    let (video, sound) = (
        video("output=v/v.mp4,playlist_name=v/main.m3u8,iframe_playlist_name=v/keys.m3u8"),
        sound("output=a.mp4,hls_name=Stereo,hls_group_id=stereo,dash_roles=main"),
    );
    let run = Run::of(&[&video, &sound, "--hls_master_playlist_output", "film.m3u8"]);
    let master = run.text("film.m3u8");
    let Ok(Playlist::MasterPlaylist(parsed)) = m3u8_rs::parse_playlist_res(master.as_bytes())
    else {
        panic!("{master}")
    };
    assert_eq!(parsed.alternatives[0].group_id, "stereo");
    assert_eq!(parsed.alternatives[0].name, "Stereo");
    assert_eq!(parsed.variants[0].uri, "v/main.m3u8");
    let path = run.path("film.m3u8");
    let path = path.to_str().unwrap();
    let played = samples_played_by_ffmpeg(path, "v");
    assert_eq!(played.contents(), samples_of_file(&ladder(HIGH), "v").contents());
    let played = samples_played_by_ffmpeg(path, "a");
    assert_eq!(played.contents(), samples_of_file(&ladder(SOUND), "a").contents());
    // Ranges follow each other to the end of the file, behind the index.
    let main = media_playlist(&run.text("v/main.m3u8"));
    let file = run.bytes("v/v.mp4");
    let ranges: Vec<(u64, u64)> = main
        .segments
        .iter()
        .map(|segment| {
            assert_eq!(segment.uri, "v.mp4");
            let range = segment.byte_range.clone().expect("a range");
            (range.offset.expect("an offset"), range.length)
        })
        .collect();
    assert!(ranges.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0), "{ranges:?}");
    let (start, length) = *ranges.last().expect("ranges");
    assert_eq!(start + length, file.len() as u64);
    let keys = media_playlist(&run.text("v/keys.m3u8"));
    assert!(keys.i_frames_only);
    for (segment, (start, length)) in keys.segments.iter().zip(ranges) {
        let range = segment.byte_range.clone().expect("a range");
        assert_eq!(range.offset, Some(start));
        assert!(range.length < length);
        assert_eq!(&file[start as usize + 4..start as usize + 8], b"moof");
    }
}

/// What stands before a colon in front of a relative URL would be its scheme.
#[test]
fn names_with_colons_stay_relative() {
    let video = video("output=a:b.mp4,iframe_playlist_name=if:x.m3u8");
    let sound = sound("init_segment=i:a.mp4,segment_template=s:$Number$.m4s,hls_only=1");
    let manifests = ["--hls_master_playlist_output", "film.m3u8", "--mpd_output", "film.mpd"];
    let run = Run::of(&[&[&*video, &*sound][..], &manifests].concat());
    for (file, name) in [
        ("film.mpd", "<BaseURL>./a:b.mp4</BaseURL>"),
        ("film.m3u8", "URI=\"./if:x.m3u8\""),
        ("stream_0.m3u8", "\n./a:b.mp4\n"),
        ("stream_1.m3u8", "URI=\"./i:a.mp4\""),
        ("stream_1.m3u8", "\n./s:1.m4s\n"),
    ] {
        let text = run.text(file);
        assert!(text.contains(name), "{name} is not in {text}");
    }
}

#[test]
fn transport_streams_play_from_segments_and_from_one_file() {
    for (names, each) in [
        (["segment_template=v_$Number$.ts", "segment_template=a_$Number$.ts"], true),
        (["output=v.ts", "output=a.ts"], false),
    ] {
        let (video, sound) = (video(names[0]), sound(names[1]));
        let run = Run::of(&[&video, &sound, "--hls_master_playlist_output", "film.m3u8"]);
        let path = run.path("film.m3u8");
        let played = elementary_stream_of_playlist(path.to_str().unwrap(), "v:0");
        let source = elementary_stream(&ladder(HIGH), "v:0");
        assert_eq!(pictures(&played), pictures(&source));
        let played = elementary_stream_of_playlist(path.to_str().unwrap(), "a:0");
        assert_eq!(played, elementary_stream(&ladder(SOUND), "a:0"));
        let playlist = run.text("stream_0.m3u8");
        assert_eq!(playlist.contains("BYTERANGE"), !each, "{playlist}");
    }
}

#[test]
fn segments_under_aes_128_open_with_the_key_and_the_iv_of_their_line() {
    let (low, sound) = (
        format!("in={},stream=video,segment_template=v_$Number$.ts", ladder(LOW).display()),
        sound("segment_template=a_$Number$.ts,skip_encryption=1"),
    );
    let clear = Run::of(&[&low, &sound, "--segment_duration", "2"]);
    let run = Run::of(&[
        &low,
        &sound,
        "--segment_duration",
        "2",
        "--enable_raw_key_encryption",
        "--keys",
        &keys(&["SD"]),
        "--protection_scheme",
        "AES-128",
        "--hls_master_playlist_output",
        "film.m3u8",
        "--hls_key_uri",
        "https://keys/{ContentKeyId}",
    ]);
    let playlist = media_playlist(&run.text("stream_0.m3u8"));
    let kid = key("SD").kid;
    let segments = run.segments("v_$Number$.ts");
    assert_eq!(segments.len(), 10);
    let mut ivs = Vec::new();
    for ((segment, listed), clear) in
        segments.iter().zip(&playlist.segments).zip(clear.segments("v_$Number$.ts"))
    {
        let line = listed.key.as_ref().expect("a key");
        let (uri, iv) = (line.uri.as_ref().expect("a URI"), line.iv.as_ref().expect("an IV"));
        assert_eq!(uri.replace('-', ""), format!("https://keys/{kid}"));
        assert!(*segment != clear);
        assert!(decrypted_segment(segment.clone(), &key("SD").key, iv) == clear);
        ivs.push(iv.clone());
    }
    ivs.dedup();
    assert_eq!(ivs.len(), 10, "each has its own IV");
    assert!(!run.text("stream_1.m3u8").contains("EXT-X-KEY"));
    assert_eq!(run.segments("a_$Number$.ts"), clear.segments("a_$Number$.ts"));
}

#[test]
fn the_chosen_iv_is_that_of_all_samples_and_the_base_url_stands_in_front() {
    let iv = "000102030405060708090a0b0c0d0e0f";
    let video = video("output=v.mp4");
    let run = Run::of(&[
        &video,
        "--enable_raw_key_encryption",
        "--keys",
        &keys(&["HD"]),
        "--protection_scheme",
        "cbcs",
        "--iv",
        iv,
        "--hls_master_playlist_output",
        "film.m3u8",
        "--hls_key_uri",
        "https://keys/k",
        "--hls_base_url",
        "https://cdn/x/",
    ]);
    let media = run.text("stream_0.m3u8");
    assert!(media.contains(&format!("IV=0x{iv}")), "{media}");
    assert!(media.contains("\nhttps://cdn/x/v.mp4\n"), "{media}");
    assert!(run.text("film.m3u8").contains("\nhttps://cdn/x/stream_0.m3u8\n"));
    let file = run.bytes("v.mp4");
    let tenc = data_encoding::HEXLOWER.decode(iv.as_bytes()).unwrap();
    assert!(file.windows(16).any(|window| window == tenc));
}

/// Behind a base, files are named from the multivariant playlist on, wherever those that list them lie.
#[test]
fn the_base_url_stands_in_front_of_paths_from_the_multivariant_playlist_on() {
    let video = video("output=v.mp4,playlist_name=sub/v.m3u8,iframe_playlist_name=sub/k.m3u8");
    let base = ["--hls_base_url", "https://cdn/x/"];
    let run =
        Run::of(&[&[&*video, "--hls_master_playlist_output", "film.m3u8"][..], &base].concat());
    assert!(run.text("film.m3u8").contains("\nhttps://cdn/x/sub/v.m3u8\n"));
    for playlist in ["sub/v.m3u8", "sub/k.m3u8"] {
        let text = run.text(playlist);
        assert!(text.contains("URI=\"https://cdn/x/v.mp4\""), "{text}");
        assert!(text.contains("\nhttps://cdn/x/v.mp4\n"), "{text}");
    }
}

#[test]
fn segments_that_nothing_lists_hold_the_pictures_of_the_source() {
    let video = video("segment_template=v_$Number$.ts");
    let run = Run::of(&[&video]);
    let segments = run.joined(None, "v_$Number$.ts");
    let found = elementary_stream_of_bytes(&segments, "v:0");
    assert_eq!(pictures(&found), pictures(&elementary_stream(&ladder(HIGH), "v:0")));
}
