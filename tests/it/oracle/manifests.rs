//! Manifests by the schema, and by the segments that they promise.

use super::titles::{CLIP, CODECS, LADDER, MUXED, Title, open_streams};
use crate::support::http::client;
use crate::support::oracle::mpd_complaint;
use crate::support::presentation::{self, Track};
use crate::support::server::DevServer;

/// An AAC frame at 44.1 kHz lasts 23.2 ms: sound cannot be cut nearer to a picture than that.
const AUDIO_CUT_SECONDS: f64 = 0.023_3;
/// The first segment of HLS has what the edit list of its track hides: here at most a frame.
const PRIMING_SECONDS: f64 = AUDIO_CUT_SECONDS;
/// Levels are cut at the same instant; manifests round to 100 ns or print six decimals.
const VIDEO_CUT_SECONDS: f64 = 0.000_01;

fn manifests<'a>(server: &'a DevServer, protocol: &'a str) -> impl Iterator<Item = &'a str> {
    let all = open_streams(server).flat_map(|stream| &stream.manifests);
    let wanted = all.filter(move |manifest| manifest.protocol == protocol);
    wanted.map(|manifest| manifest.url.as_str())
}

async fn every_mpd_validates(title: &Title) {
    let (http, server) = (client(), title.serve());
    let mut validated = 0;
    for url in manifests(&server, "dash") {
        let mpd = presentation::fetch_text(&http, url).await;
        if let Some(complaint) = mpd_complaint(&mpd) {
            panic!("{url}: {complaint}\n{mpd}");
        }
        validated += 1;
    }
    assert!(validated >= 3, "only {validated} MPDs of {}", title.name);
}

#[tokio::test]
async fn every_mpd_validates_against_the_schema() {
    for title in [CLIP, LADDER, MUXED, CODECS] {
        every_mpd_validates(&title).await;
    }
}

#[test]
fn the_schema_notices_a_missing_period() {
    let mpd = r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="x" minBufferTime="PT2S"/>"#;
    if let Some(complaint) = mpd_complaint(mpd) {
        assert!(complaint.contains("Period"), "{complaint}");
    }
}

/// All levels are cut at the same times, and sound as near to them as its frames allow.
fn demand_alignment(url: &str, tracks: &[Track], audio_cut: f64) {
    let video: Vec<Vec<f64>> = ends_of(tracks, "video");
    let levels = &video[1..];
    for other in levels
        .iter()
        .map(|ends| (ends, VIDEO_CUT_SECONDS))
        .chain(ends_of(tracks, "audio").iter().map(|ends| (ends, audio_cut)))
    {
        let (ends, tolerance) = other;
        // The last cut is the end of the track, which belongs to the source.
        let cuts = video[0].iter().zip(ends).take(video[0].len() - 1);
        assert_eq!(ends.len(), video[0].len(), "{url}: segments in two tracks");
        for (first, second) in cuts {
            assert!((first - second).abs() < tolerance, "{url}: cut at {first} and at {second}");
        }
    }
}

fn ends_of(tracks: &[Track], kind: &str) -> Vec<Vec<f64>> {
    tracks.iter().filter(|track| track.kind == kind).map(Track::ends).collect()
}

#[tokio::test]
async fn all_tracks_are_cut_at_the_same_times() {
    let http = client();
    for title in [CLIP, LADDER, MUXED] {
        let server = title.serve();
        for url in manifests(&server, "dash") {
            demand_alignment(url, &presentation::dash(&http, url).await, AUDIO_CUT_SECONDS);
        }
        for url in manifests(&server, "hls") {
            let tracks = presentation::hls(&http, url).await;
            demand_alignment(url, &tracks, AUDIO_CUT_SECONDS + PRIMING_SECONDS);
        }
    }
}

fn languages(tracks: &[Track]) -> Vec<&str> {
    let audio = tracks.iter().filter(|track| track.kind == "audio");
    let mut found: Vec<&str> =
        audio.map(|track| track.language.as_deref().expect("a language")).collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn both_protocols_name_the_languages() {
    let (http, server) = (client(), LADDER.serve());
    for url in manifests(&server, "dash") {
        assert_eq!(languages(&presentation::dash(&http, url).await), ["de", "en"], "{url}");
    }
    // Version 3 muxes one track.
    for url in manifests(&server, "hls").filter(|url| !url.contains("aapl-v3")) {
        assert_eq!(languages(&presentation::hls(&http, url).await), ["de", "en"], "{url}");
    }
}
