//! The containers in which media come: whatever the form, the samples and times that ffmpeg finds
//! in the source are those that are served.

use std::path::{Path, PathBuf};

use reqwest::Client;

use crate::support::boxes::{hidden, samples, timescale};
use crate::support::oracle::{
    HexKey, Samples, samples_decrypted_by_ffmpeg, samples_of_bytes, samples_of_file, shown_first,
};
use crate::support::origin::Shelf;
use crate::support::presentation::{Track, dash};
use crate::support::server::{media_dir, public_media};

/// Fragmented files, all made by ffmpeg.
const FRAGMENTED: &[&str] = &[
    "fragmented_muxed_no_sidx.mp4",
    "fragmented_video_sidx.mp4",
    "fragmented_audio_sidx.mp4",
    "fragmented_base_data_offset.mp4",
    "fragmented_partially.mp4",
    "fragmented_smooth.ismv",
];

/// Fragmented files of other makers.
const PUBLIC: &[&str] = &[
    "androidx-media/mp4/sample_fragmented.mp4",
    "androidx-media/mp4/sample_fragmented_seekable_multiple_sidx.mp4",
    "androidx-media/mp4/sample_partially_fragmented.mp4",
    "androidx-media/mp4/fragmented_captions.mp4",
    SMOOTH,
    "mp4ff/bbb5s_aac.isma",
];

/// Its sound starts 21.3 ms before its pictures, by the times of Smooth Streaming. ffmpeg does not
/// read them, and moves pictures with negative composition offsets.
const SMOOTH: &str = "shaka-packager/BigBuckBunny_10s.ismv";

/// Fails unless both hold the same samples at the same distances from the first.
fn demand_equal(served: &Samples, source: &Samples, what: &str) {
    assert_eq!(served.list.len(), source.list.len(), "{what}: number of samples");
    assert!(
        served.contents() == source.contents(),
        "{what}: the samples are not those of the source"
    );
    let seconds = |samples: &Samples, n: usize| {
        let (first, sample) = (&samples.list[0], &samples.list[n]);
        (sample.pts - first.pts) as f64 / samples.timescale as f64
    };
    let tick = 1.0 / source.timescale as f64 + 1e-6;
    for n in 0..source.list.len() {
        let apart = (seconds(served, n) - seconds(source, n)).abs();
        assert!(apart <= tick, "{what}: sample {n} is {apart} s off");
    }
}

/// When the first sample of a track is shown, in seconds. ffmpeg moves tracks with negative
/// composition offsets.
fn served_first(track: &Track) -> f64 {
    let shown = samples(&track.segments[0].bytes).into_iter().map(|sample| sample.shown);
    (shown.min().unwrap() - hidden(&track.init)) as f64 / timescale(&track.init) as f64
}

/// What is served of each kind of track, clear and decrypted.
struct Served {
    clear: Vec<Track>,
    encrypted: Vec<Track>,
    key: HexKey,
}

impl Served {
    async fn of(shelf: &Shelf, folder: &str) -> Self {
        let http = Client::new();
        let stream = shelf.stream(folder, "cenc");
        let key = &stream.keys[0];
        Self {
            clear: dash(&http, &shelf.stream(folder, "clear").manifest("dash").url).await,
            encrypted: dash(&http, &stream.manifest("dash").url).await,
            key: HexKey { kid: key.kid.replace('-', ""), key: key.key.clone() },
        }
    }

    /// Compares the only track of each kind with that of the source.
    fn demand_source(&self, file: &Path) {
        let mut starts = Vec::new();
        for (track, encrypted) in self.clear.iter().zip(&self.encrypted) {
            let what = format!("{} {}", file.display(), track.kind);
            let specifier = format!("{}:0", &track.kind[..1]);
            let source = samples_of_file(file, &specifier);
            demand_equal(&samples_of_bytes(&track.media(), &specifier), &source, &what);
            let clear = samples_decrypted_by_ffmpeg(&encrypted.media(), &self.key, &specifier);
            demand_equal(&clear, &source, &what);
            let expected = match (file.ends_with(SMOOTH), track.kind) {
                (true, "audio") => -1024.0 / 48_000.0,
                (true, _) => 0.0,
                (false, _) => shown_first(file, &specifier),
            };
            starts.push(served_first(track) - expected);
        }
        // The presentation may start elsewhere than the source, but all of it together.
        let apart =
            starts.iter().fold(0.0_f64, |apart, start| apart.max((start - starts[0]).abs()));
        assert!(apart < 0.001, "{}: tracks moved by {starts:?}", file.display());
    }
}

/// Serves each file as an asset of its own and compares what comes out.
async fn demand_sources(files: &[PathBuf]) {
    let names: Vec<String> = (0..files.len()).map(|n| format!("input{n}")).collect();
    let folders = names.iter().zip(files).map(|(name, file)| (name.as_str(), vec![file.clone()]));
    let shelf = Shelf::start(folders);
    for (name, file) in names.iter().zip(files) {
        let served = Served::of(&shelf, name).await;
        assert!(!served.clear.is_empty());
        served.demand_source(file);
    }
}

fn there(dir: &Path, names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| dir.join(name)).filter(|path| path.exists()).collect()
}

#[tokio::test]
async fn fragmented_files_are_served_as_they_are() {
    let files = there(&media_dir().join("traps"), FRAGMENTED);
    assert!(files.len() >= 4, "{files:?}");
    demand_sources(&files).await;
}

#[tokio::test]
async fn fragmented_files_of_the_repository_are_served_as_they_are() {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/out/traps");
    let files = there(&made, FRAGMENTED);
    assert_eq!(files.len(), FRAGMENTED.len(), "run tests/media/make.sh");
    demand_sources(&files).await;
}

#[tokio::test]
async fn fragmented_files_of_other_makers_are_served_as_they_are() {
    let Some(dir) = public_media() else { return };
    let files = there(&dir, PUBLIC);
    assert_eq!(files.len(), PUBLIC.len());
    demand_sources(&files).await;
}
