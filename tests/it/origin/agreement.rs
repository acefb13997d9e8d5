//! What manifests say and what is served agree, whatever else lies in the folder of the asset.

use std::fs;

use crate::support::boxes::{find, timescale};
use crate::support::http::client;
use crate::support::origin::{CLIP, Shelf, demo, get, settled};
use crate::support::presentation::{Track, dash};
use crate::support::server::Stream;

const ENGLISH: &str = "gate_aac_eng.mp4";
const GERMAN: &str = "gate_aac_deu.mp4";

/// The only track of an asset of one file.
async fn only_track(stream: &Stream) -> Track {
    let mut tracks = dash(&client(), &stream.manifest("dash").url).await;
    assert_eq!(tracks.len(), 1);
    tracks.remove(0)
}

/// A fragmented file of some of the fragments of a track.
fn file(track: &Track, fragments: std::ops::Range<usize>) -> Vec<u8> {
    let fragments = track.segments[fragments].iter().map(|segment| segment.bytes.as_slice());
    std::iter::once(track.init.as_slice()).chain(fragments).collect::<Vec<_>>().concat()
}

/// When the first fragment of the German track starts, in tenths of a second, as it says itself.
async fn german_start(stream: &Stream) -> usize {
    let tracks = dash(&client(), &stream.manifest("dash").url).await;
    let track = tracks.iter().find(|track| track.language.as_deref() == Some("de")).unwrap();
    let tfdt = find(&track.segments[0].bytes, &[b"moof", b"traf", b"tfdt"]).unwrap();
    let time = u64::from_be_bytes(tfdt[4..12].try_into().unwrap());
    usize::try_from(time).unwrap() * 10 / timescale(&track.init)
}

/// Files that were recorded by one clock: when the first of them begins later, all others move.
#[tokio::test]
async fn a_fragment_moves_when_another_file_begins_later() {
    let folders = [("film", GERMAN), ("english", ENGLISH), ("german", GERMAN)];
    let shelf = Shelf::start(folders.map(|(folder, file)| (folder, vec![demo(file)])));
    let english = only_track(shelf.stream("english", "clear")).await;
    let german = only_track(shelf.stream("german", "clear")).await;
    let film = |name: &str| shelf.path("film").join(name);
    fs::remove_file(film(GERMAN)).unwrap();
    fs::write(film("b.mp4"), file(&german, 3..4)).unwrap();
    let stream = shelf.stream("film", "clear");
    for (first, start) in [(0, 180), (1, 120), (2, 60)] {
        fs::write(film("a.mp4"), file(&english, first..4)).unwrap();
        settled().await;
        let found = german_start(stream).await;
        assert!(found.abs_diff(start) <= 2, "{found} instead of {start}");
    }
}

const HIDDEN: &str = r#"<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>
<video src="gate_h264_540p.mp4" systemBitrate="900000"><param name="outputFlag" value="2"/></video>
<video src="gate_h264_180p.mp4" systemBitrate="400000"/>
<audio src="gate_aac_deu.mp4" systemBitrate="64000" systemLanguage="deu">
 <param name="trackName" value="secret"/><param name="outputFlag" value="2"/></audio>
<audio src="gate_aac_eng.mp4" systemBitrate="64000" systemLanguage="eng">
 <param name="trackName" value="shown"/></audio>
</switch></body></smil>"#;

fn with_hidden_tracks() -> Shelf {
    let film = [CLIP, "gate_h264_540p.mp4", ENGLISH, GERMAN].map(demo).to_vec();
    let shelf = Shelf::start([("film", film), ("other", vec![demo(CLIP)])]);
    fs::write(shelf.path("film/film.ism"), HIDDEN).unwrap();
    shelf
}

#[tokio::test]
async fn byte_ranges_are_those_of_the_file_beside_hidden_tracks() {
    let shelf = with_hidden_tracks();
    let (http, stream) = (client(), shelf.stream("film", "cenc"));
    let manifest = |format| stream.url(&format!("manifest(format={format},encryption=cenc)"));
    let files = dash(&http, &manifest("mpd-ondemand")).await;
    let live = dash(&http, &manifest("mpd-time-cmaf")).await;
    assert_eq!((files.len(), live.len()), (2, 2));
    for (file, live) in files.iter().zip(&live) {
        assert!(file.init == live.init);
        assert!(file.media() == live.media());
    }
}

#[tokio::test]
async fn a_hidden_track_is_muxed_when_it_is_named() {
    let shelf = with_hidden_tracks();
    let stream = shelf.stream("film", "clear");
    let master = get(&stream.url("manifest(format=m3u8-aapl-v3)")).await;
    assert!(master.text().contains("audiotrack=shown") && !master.text().contains("secret"));
    let level = master.text().lines().find(|line| line.contains("Manifest(video")).unwrap();
    let level = level.replace("Manifest(", "Fragments(").replace(",format", "=0,format");
    let segment =
        async |track: &str| get(&stream.url(&level.replace(",audiotrack=shown", track))).await.ok();
    let unnamed = segment("").await;
    assert!(unnamed == segment(",audiotrack=shown").await);
    assert!(unnamed != segment(",audiotrack=secret").await);
}

/// Segments with the key lines in front of them.
async fn keyed_segments(playlist: &str) -> Vec<(String, String)> {
    let text = String::from_utf8(get(playlist).await.ok()).unwrap();
    let (mut key, mut segments) = (String::new(), Vec::new());
    for line in text.lines() {
        if line.starts_with("#EXT-X-KEY") {
            line.clone_into(&mut key);
        } else if line.starts_with("Fragments(") {
            segments.push((key.clone(), line.to_owned()));
        }
    }
    segments
}

/// The IV depends on what is muxed in, and segments do not know the query.
#[tokio::test]
async fn a_query_does_not_change_what_is_muxed_in() {
    let folders = [("film", CLIP), ("english", ENGLISH)];
    let shelf = Shelf::start(folders.map(|(folder, file)| (folder, vec![demo(file)])));
    let english = only_track(shelf.stream("english", "clear")).await;
    fs::write(shelf.path("film/short.mp4"), file(&english, 0..2)).unwrap();
    let stream = shelf.stream("film", "aes");
    let master = get(&stream.url("manifest(format=m3u8-aapl-v3,encryption=cbc)")).await;
    let level = master.text().lines().find(|line| line.contains("Manifest(video")).unwrap();
    let whole = keyed_segments(&stream.url(level)).await;
    for (query, segments) in [("start=18", 1), ("start=6", 3), ("end=6", 1)] {
        let some = keyed_segments(&stream.url(&format!("{level}?{query}"))).await;
        assert_eq!(some.len(), segments, "{query}");
        let known =
            |segment: &(String, String)| segment.0.contains("IV=") && whole.contains(segment);
        assert!(some.iter().all(known), "{query}: {some:?}\n{whole:?}");
    }
}
