//! No counter block is used twice under one key, and nothing is drawn: another request and another
//! instance give the same bytes.

use std::collections::HashMap;

use reqwest::Url;

use crate::support::boxes::{Protected, payload, protection, samples};
use crate::support::http::client;
use crate::support::origin::{Shelf, copy, demo, get, hls_children};
use crate::support::policies::published;
use crate::support::presentation::{self, Track, fetch};
use crate::support::server::{DevServer, Stream, media_dir};

/// IVs of `cenc` and `cens` fill half of the counter block.
const HALF_A_BLOCK: usize = 8;

fn ladder() -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(media_dir().join("ladder")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "mp4" || e == "ism" || e == "vtt"))
        .collect()
}

/// The protection of all samples of a track, checked against their sizes.
fn protections(track: &Track, iv_size: usize) -> Vec<Protected> {
    let mut all = Vec::new();
    for segment in &track.segments {
        let (listed, protected) = (samples(&segment.bytes), protection(&segment.bytes, iv_size));
        assert_eq!(listed.len(), protected.len(), "one entry for each sample");
        for (sample, protected) in listed.iter().zip(&protected) {
            let sum: usize =
                protected.subsamples.iter().map(|(clear, hidden)| clear + hidden).sum();
            let whole = track.kind == "audio" && protected.subsamples.is_empty();
            assert!(whole || sum == sample.size, "{protected:?} of {}", sample.size);
            assert!(protected.subsamples.iter().all(|(_, hidden)| hidden % 16 == 0));
        }
        let bytes: usize = listed.iter().map(|sample| sample.size).sum();
        assert_eq!(bytes, payload(&segment.bytes).len());
        all.extend(protected);
    }
    all
}

fn demand_distinct<'a>(ivs: impl Iterator<Item = (&'a [u8], String)>) -> usize {
    let mut seen: HashMap<&[u8], String> = HashMap::new();
    for (iv, place) in ivs {
        if let Some(other) = seen.insert(iv, place.clone()) {
            panic!("{iv:02x?} protects {other} and {place}");
        }
    }
    seen.len()
}

/// The tracks of a stream, but for text, which stays clear. No two samples share an IV.
async fn with_distinct_ivs(stream: &Stream, iv_size: usize) -> Vec<Track> {
    let mut tracks = presentation::dash(&client(), &stream.manifest("dash").url).await;
    tracks.retain(|track| track.kind != "text");
    assert_eq!(tracks.len(), 5, "three levels and two languages");
    let of_track = |track| protections(track, iv_size);
    let all: Vec<Vec<Protected>> = tracks.iter().map(of_track).collect();
    let ivs = all.iter().enumerate().flat_map(|(track, samples)| {
        let place = move |n| format!("sample {n} of track {track}");
        samples.iter().enumerate().map(move |(n, sample)| (sample.iv.as_slice(), place(n)))
    });
    assert!(demand_distinct(ivs) > 2000);
    tracks
}

/// A key stream starts with the IV, and is as long as half a counter block can count.
#[tokio::test]
async fn no_sample_of_a_locator_shares_its_iv() {
    let shelf = Shelf::start([("ladder", ladder()), ("other", vec![demo("gate_aac_eng.mp4")])]);
    for (block, iv_size) in [("commonEncryptionCens", HALF_A_BLOCK), ("commonEncryptionCbc1", 16)] {
        let stream = published(&shelf.server, &shelf.path("ladder"), block).await;
        with_distinct_ivs(&stream, iv_size).await;
    }
    let stream = shelf.stream("ladder", "cenc");
    let tracks = with_distinct_ivs(stream, HALF_A_BLOCK).await;
    // HLS is the same media.
    let hls = presentation::hls(&client(), &stream.manifest("hls").url).await;
    let total = |tracks: &[Track]| tracks.iter().map(|t| t.segments.len()).sum::<usize>();
    assert_eq!(total(&hls), total(&tracks));
    for track in &hls {
        let same = tracks.iter().any(|other| other.media() == track.media());
        assert!(same, "{:?} differs from DASH", track.playlist);
    }
}

/// Every IV of every playlist of an AES-128 stream, with the URL that it stands for.
async fn segment_ivs(stream: &Stream) -> Vec<(Vec<u8>, String)> {
    let http = client();
    let mut ivs = Vec::new();
    for playlist in hls_children(&stream.manifest("hls").url).await {
        let playlist: Url = playlist.parse().unwrap();
        let text = String::from_utf8(fetch(&http, &playlist).await).unwrap();
        let mut iv = None;
        for line in text.lines() {
            if let Some((_, value)) = line.split_once("IV=0x") {
                iv = Some(
                    data_encoding::HEXLOWER_PERMISSIVE.decode(&value.as_bytes()[..32]).unwrap(),
                );
            } else if line.starts_with("Fragments(") || line.starts_with("KeyFrames(") {
                let iv = iv.take().expect("a key line of its own for each segment");
                ivs.push((iv, playlist.join(line).unwrap().path().to_owned()));
            }
        }
    }
    ivs
}

#[tokio::test]
async fn no_segment_of_an_aes_128_stream_shares_its_iv() {
    let shelf = Shelf::start([("ladder", ladder()), ("other", vec![demo("gate_aac_eng.mp4")])]);
    let ivs = segment_ivs(shelf.stream("ladder", "aes")).await;
    let segments = demand_distinct(ivs.iter().map(|(iv, place)| (iv.as_slice(), place.clone())));
    assert!(segments >= 20, "{segments}");
}

/// Two servers over one data folder, one after the other: players may have been told of the first.
#[tokio::test]
async fn requests_and_instances_agree_to_the_byte() {
    let media = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        std::fs::create_dir(media.path().join(name)).unwrap();
    }
    for clip in ["gate_h264_180p.mp4", "gate_aac_eng.mp4"] {
        copy(&demo(clip), &media.path().join("a").join(clip));
    }
    copy(&demo("gate_aac_deu.mp4"), &media.path().join("b/gate_aac_deu.mp4"));
    let data = tempfile::tempdir().unwrap();
    let start = || DevServer::builder().media(media.path()).data(data.path()).start();
    let (first, second) = (start(), start());
    for form in ["clear", "aes", "cenc", "cbcs"] {
        let name = format!("a-{form}-open");
        let (one, two) = (first.ready.stream(&name), second.ready.stream(&name));
        assert_eq!(one.keys, two.keys);
        let http = client();
        let of =
            async |stream: &Stream| presentation::hls(&http, &stream.manifest("hls").url).await;
        let (tracks, again, other) = (of(one).await, of(one).await, of(two).await);
        for ((track, again), other) in tracks.iter().zip(&again).zip(&other) {
            assert!(track.media() == again.media() && track.media() == other.media(), "{name}");
        }
        let fragment = one.fragment(1).await;
        let moved = fragment.replace(&first.ready.origin, &second.ready.origin);
        assert_ne!(fragment, moved);
        let tags = (get(&fragment).await, get(&moved).await);
        assert!(tags.0.header("etag").len() > 20);
        assert_eq!(tags.0.header("etag"), tags.1.header("etag"));
    }
}
