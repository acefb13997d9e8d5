//! Bit rates that manifests announce, against those of the segments that are sent.

use std::path::{Path, PathBuf};
use std::process::Command;

use m3u8_rs::{MasterPlaylist, VariantStream};
use reqwest::Url;
use tempfile::TempDir;

use super::titles::made;
use crate::support::http::client;
use crate::support::origin::{Shelf, get};
use crate::support::presentation::{self, Segment, Track, fetch};
use crate::support::server::media_dir;

#[allow(clippy::cast_precision_loss)]
fn rate(segments: &[Segment]) -> f64 {
    let bytes: usize = segments.iter().map(|segment| segment.bytes.len()).sum();
    bytes as f64 * 8.0 / seconds(segments)
}

fn seconds(segments: &[Segment]) -> f64 {
    segments.iter().map(|segment| segment.seconds).sum()
}

/// The highest rate of neighbours that last between 0.5 and 1.5 target durations (RFC 8216 section
/// 4.1).
fn peak(segments: &[Segment], target: f64) -> f64 {
    let starts = 0..segments.len();
    let runs = starts.flat_map(|from| (from + 1..=segments.len()).map(move |to| from..to));
    let counts = |run: &&[Segment]| (0.5 * target..=1.5 * target).contains(&seconds(run));
    let runs = runs.map(|run| &segments[run]);
    runs.filter(counts).map(rate).fold(0.0, f64::max)
}

/// Peak and mean of a track, as its own playlist demands them.
async fn rates(track: &Track) -> (f64, f64) {
    let text = fetch(&client(), track.playlist.as_ref().unwrap()).await;
    let list = m3u8_rs::parse_media_playlist_res(&text).unwrap();
    (peak(&track.segments, list.target_duration as f64), rate(&track.segments))
}

async fn master(url: &str) -> MasterPlaylist {
    let text = get(url).await;
    m3u8_rs::parse_master_playlist_res(&text.body).expect("a multivariant playlist")
}

/// BANDWIDTH of all variants is not below the peak, and near it; AVERAGE-BANDWIDTH is the mean.
async fn demand_rates(url: &str) {
    let base = Url::parse(url).unwrap();
    let tracks = presentation::hls(&client(), url).await;
    let of = |uri: &str| {
        let place = base.join(uri).unwrap();
        tracks.iter().find(|track| track.playlist.as_ref() == Some(&place)).unwrap()
    };
    let master = master(url).await;
    for variant in master.variants.iter().filter(|variant| !variant.is_i_frame) {
        let (mut peak, mut mean) = rates(of(&variant.uri)).await;
        let (mut highest, mut heard) = (0.0, 0.0);
        let group = |id: &str| variant.audio.as_deref() == Some(id);
        for sound in master.alternatives.iter().filter(|it| group(&it.group_id)) {
            let own = rates(of(sound.uri.as_ref().unwrap())).await;
            (highest, heard) = (own.0.max(highest), own.1.max(heard));
        }
        (peak, mean) = (peak + highest, mean + heard);
        demand(url, variant, peak, mean);
    }
}

fn demand(url: &str, variant: &VariantStream, peak: f64, mean: f64) {
    let uri = &variant.uri;
    let said = variant.bandwidth as f64;
    println!("{url} {uri}: {said} for {peak:.0}");
    assert!(said >= peak && said < 1.15 * peak, "{url} {uri}: {said} for a peak of {peak}");
    let said = variant.average_bandwidth.expect("AVERAGE-BANDWIDTH") as f64;
    assert!(said >= 0.99 * mean && said < 1.1 * mean, "{url} {uri}: {said} for {mean}");
}

/// The beginning of a level of the ladder: of its last group only the first picture is left.
fn ending_early(folder: &Path) -> PathBuf {
    beginning(folder, 601)
}

fn beginning(folder: &Path, pictures: u32) -> PathBuf {
    let source = media_dir().join("ladder/tidewater_h264_320x180_120.mp4");
    let file = folder.join("early_h264_320x180.mp4");
    let cut = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(source)
        .args(["-frames:v", &pictures.to_string(), "-c", "copy"])
        .arg(&file)
        .status();
    assert!(cut.expect("ffmpeg").success());
    file
}

#[tokio::test]
async fn a_short_segment_at_the_end_does_not_raise_the_bandwidth() {
    let folder = TempDir::new().unwrap();
    let whole = media_dir().join("ladder/tidewater_h264_320x180_120.mp4");
    let early = ending_early(folder.path());
    let shelf = Shelf::start([("early", vec![early]), ("whole", vec![whole])]);
    for format in ["m3u8-cmaf", "m3u8-aapl"] {
        let url = shelf.stream("early", "clear").url(&format!("manifest(format={format})"));
        demand_rates(&url).await;
        let said = master(&url).await;
        let rates = |key_frames: bool| {
            let of = said.variants.iter().filter(move |variant| variant.is_i_frame == key_frames);
            of.map(|variant| variant.bandwidth).max().unwrap()
        };
        assert!(rates(true) < rates(false), "{url}: {} of key frames", rates(true));
    }
}

/// The last segment has all sound that is left.
#[tokio::test]
async fn sound_behind_the_pictures_counts_in_the_segments_that_have_it() {
    let folder = TempDir::new().unwrap();
    let sound = media_dir().join("ladder/tidewater_aac_eng_ch2_96.mp4");
    let short = beginning(folder.path(), 251);
    let whole = media_dir().join("ladder/tidewater_h264_320x180_120.mp4");
    let shelf =
        Shelf::start([("short", vec![short, sound.clone()]), ("whole", vec![whole, sound])]);
    for folder in ["short", "whole"] {
        let url = shelf.stream(folder, "clear").url("manifest(format=m3u8-aapl-v3)");
        demand_rates(&url).await;
    }
}

/// Pictures of a few hundred bytes, with parameter sets and a message of a kilobyte in front of each
/// key frame.
#[tokio::test]
async fn bandwidths_of_low_levels_in_transport_streams_are_those_of_the_segments() {
    let file = |name: &str| made("codecs").join(format!("drift_{name}.mp4"));
    let shelf = Shelf::start([
        ("hevc", vec![file("hevc_160x90"), file("hevc_320x180"), file("aac_eng")]),
        ("avc", vec![file("h264_160x90"), file("aac_eng")]),
    ]);
    for (folder, protection, selectors) in [
        ("hevc", "clear", ""),
        ("avc", "clear", ""),
        ("avc", "aes", ",encryption=cbc"),
        ("avc", "cbcs", ",encryption=cbcs-aapl"),
    ] {
        let manifest = format!("manifest(format=m3u8-aapl{selectors})");
        demand_rates(&shelf.stream(folder, protection).url(&manifest)).await;
    }
}

/// A client that has waited for `minBufferTime` at the announced rate never waits again, whichever
/// segment it starts with (ISO/IEC 23009-1 section 5.3.5.2).
#[tokio::test]
#[allow(clippy::cast_precision_loss)]
async fn a_dash_client_with_the_announced_bandwidth_never_waits() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| made("codecs").join(format!("drift_{name}.mp4"));
    let shelf = Shelf::start([
        ("early", vec![ending_early(folder.path())]),
        ("codecs", vec![file("hevc_160x90"), file("h264_320x180"), file("aac_eng")]),
    ]);
    for (stream, manifest) in [
        ("early-clear", "manifest(format=mpd-time-cmaf)"),
        ("codecs-clear", "manifest(format=mpd-time-csf)"),
        ("codecs-cenc", "manifest(format=mpd-time-cmaf,encryption=cenc)"),
        ("codecs-cenc", "manifest(format=mpd-ondemand,encryption=cenc)"),
    ] {
        let (folder, protection) = stream.split_once('-').unwrap();
        let url = shelf.stream(folder, protection).url(manifest);
        let text = get(&url).await;
        let mpd = dash_mpd_core::parse(text.text()).unwrap();
        let wait = mpd.minBufferTime.expect("minBufferTime").as_secs_f64();
        let sets = mpd.periods.iter().flat_map(|period| &period.adaptations);
        let sets = sets.filter(|set| set.essential_property.is_empty());
        let levels: Vec<_> = sets.flat_map(|set| &set.representations).collect();
        let tracks = presentation::dash(&client(), &url).await;
        assert_eq!(levels.len(), tracks.len());
        for (level, track) in levels.iter().zip(&tracks) {
            let said = level.bandwidth.unwrap() as f64;
            let needed = needed(&track.segments, wait);
            println!("{url} {:?}: {said} for {needed:.0}", level.id);
            assert!(said >= needed && said < 1.2 * needed, "{url}: {said} for {needed}");
        }
    }
}

/// The rate at which every segment is there whole when it is due.
#[allow(clippy::cast_precision_loss)]
fn needed(segments: &[Segment], wait: f64) -> f64 {
    let mut needed: f64 = 0.0;
    for from in 0..segments.len() {
        let (mut bits, mut due) = (0.0, wait);
        for segment in &segments[from..] {
            bits += segment.bytes.len() as f64 * 8.0;
            needed = needed.max(bits / due);
            due += segment.seconds;
        }
    }
    needed
}
