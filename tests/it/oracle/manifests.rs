//! Manifests by the schema, and by the segments that they promise.

use reqwest::Client;

use super::titles::{TITLES, Title};
use crate::support::oracle::mpd_complaint;
use crate::support::presentation::{self, Track};

/// An AAC frame at 44.1 kHz lasts 23.2 ms: sound cannot be cut nearer to a picture than that.
const AUDIO_CUT_SECONDS: f64 = 0.023_3;
/// Levels are cut at the same instant; manifests round to 100 ns or print six decimals.
const VIDEO_CUT_SECONDS: f64 = 0.000_01;

fn manifests(title: &Title, protocol: &'static str) -> impl Iterator<Item = &'static str> {
    let all = title.open_streams().flat_map(|stream| &stream.manifests);
    all.filter(move |manifest| manifest.protocol == protocol)
        .map(|manifest| manifest.url.as_str())
}

#[tokio::test]
async fn every_mpd_validates_against_the_schema() {
    let http = Client::new();
    for url in TITLES.iter().flat_map(|title| manifests(title, "dash")) {
        let mpd = presentation::fetch_text(&http, url).await;
        if let Some(complaint) = mpd_complaint(&mpd) {
            panic!("{url}: {complaint}\n{mpd}");
        }
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
fn demand_alignment(url: &str, tracks: &[Track]) {
    let video: Vec<Vec<f64>> = ends_of(tracks, "video");
    let levels = &video[1..];
    for other in levels.iter().map(|ends| (ends, VIDEO_CUT_SECONDS)).chain(
        ends_of(tracks, "audio")
            .iter()
            .map(|ends| (ends, AUDIO_CUT_SECONDS)),
    ) {
        let (ends, tolerance) = other;
        // The last cut is the end of the track, which belongs to the source.
        let cuts = video[0].iter().zip(ends).take(video[0].len() - 1);
        assert_eq!(ends.len(), video[0].len(), "{url}: segments in two tracks");
        for (first, second) in cuts {
            assert!(
                (first - second).abs() < tolerance,
                "{url}: cut at {first} and at {second}"
            );
        }
    }
}

fn ends_of(tracks: &[Track], kind: &str) -> Vec<Vec<f64>> {
    tracks
        .iter()
        .filter(|track| track.kind == kind)
        .map(Track::ends)
        .collect()
}

#[tokio::test]
async fn all_tracks_are_cut_at_the_same_times() {
    let http = Client::new();
    for title in TITLES {
        for url in manifests(title, "dash") {
            demand_alignment(url, &presentation::dash(&http, url).await);
        }
        for url in manifests(title, "hls") {
            demand_alignment(url, &presentation::hls(&http, url).await);
        }
    }
}

#[tokio::test]
async fn both_protocols_name_the_languages() {
    let http = Client::new();
    for title in &TITLES[..2] {
        let dash = manifests(title, "dash").next().expect("a DASH manifest");
        let hls = manifests(title, "hls").next().expect("an HLS manifest");
        for tracks in [
            presentation::dash(&http, dash).await,
            presentation::hls(&http, hls).await,
        ] {
            let audio = tracks.iter().filter(|track| track.kind == "audio");
            let mut languages: Vec<&str> = audio
                .map(|track| track.language.as_deref().expect("a language"))
                .collect();
            languages.sort_unstable();
            assert_eq!(languages, ["de", "en"], "{dash} {hls}");
        }
    }
}
