//! The containers in which media come: whatever the form, the samples and times that ffmpeg finds
//! in the source are those that are served.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::boxes::{hidden, samples, timescale};
use crate::support::http::client;
use crate::support::oracle::{
    HexKey, Samples, samples_decrypted_by_ffmpeg, samples_of_bytes, samples_of_file, shown_first,
};
use crate::support::origin::{Shelf, get, settled};
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
        let http = client();
        let stream = shelf.stream(folder, "cenc");
        let key = &stream.keys[0];
        Self {
            clear: dash(&http, &shelf.stream(folder, "clear").manifest("dash").url).await,
            encrypted: dash(&http, &stream.manifest("dash").url).await,
            key: HexKey { kid: key.kid.replace('-', ""), key: key.key.clone() },
        }
    }

    /// Compares the only track of each kind with that of its source.
    fn demand_source<'p>(&self, source_of: impl Fn(&str) -> &'p Path) {
        let mut starts = Vec::new();
        for (track, encrypted) in self.clear.iter().zip(&self.encrypted) {
            let file = source_of(track.kind);
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
        assert!(apart < 0.001, "{}: tracks moved by {starts:?}", source_of("video").display());
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
        served.demand_source(|_| file);
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

/// One server has plans for both, and they have the same boxes.
#[tokio::test]
async fn fragments_that_lie_elsewhere_in_a_copy_are_read_where_they_lie() {
    let film = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/media/out/traps/fragmented_muxed_no_sidx.mp4");
    let film = fs::read(film).expect("run tests/media/make.sh");
    let front = film.windows(4).position(|kind| kind == b"moof").unwrap() - 4;
    let free: Vec<u8> = [&1008_u32.to_be_bytes()[..], b"free", &[0; 1000]].concat();
    let folder = tempfile::tempdir().unwrap();
    let (before, behind) = (folder.path().join("before.mp4"), folder.path().join("behind.mp4"));
    fs::write(&before, [&film[..front], &free, &film[front..]].concat()).unwrap();
    fs::write(&behind, [&film[..], &free].concat()).unwrap();
    demand_sources(&[before, behind]).await;
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

/// A folder of segments: its path below the corpus, and of pictures and sound what stands in front
/// of the names of segments. The init segments have `init` in their names.
struct Segments {
    folder: &'static str,
    pictures: &'static str,
    sound: &'static str,
}

const MADE: &[Segments] = &[
    Segments { folder: "dash", pictures: "stream0", sound: "stream1" },
    Segments { folder: "hls", pictures: "v/", sound: "a/" },
    Segments { folder: "bare", pictures: "v/", sound: "a/" },
];

const OF_OTHERS: &[Segments] = &[
    Segments { folder: "androidx-media/cmaf", pictures: "video_", sound: "audio_" },
    Segments { folder: "livesim2/testpic_2s", pictures: "V300/", sound: "A48/" },
];

impl Segments {
    /// All files of a rendition joined, as ffmpeg can read them.
    fn joined(&self, root: &Path, part: &str) -> tempfile::NamedTempFile {
        let mut files: Vec<String> = files_below(&root.join(self.folder), "");
        files.retain(|name| {
            name.contains(part) && (name.ends_with(".m4s") || name.ends_with(".mp4"))
        });
        let number = |name: &String| {
            let stem = name.rsplit_once('.').unwrap().0;
            let digits = stem.chars().rev().take_while(char::is_ascii_digit).collect::<String>();
            digits.chars().rev().collect::<String>().parse::<u64>().ok()
        };
        // The init segment first: `false` goes before `true`.
        files.sort_by_key(|name| (!name.contains("init"), number(name)));
        assert!(files.len() > 3, "{files:?}");
        let joined = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
        let bytes: Vec<u8> = files
            .iter()
            .flat_map(|name| fs::read(root.join(self.folder).join(name)).unwrap())
            .collect();
        fs::write(joined.path(), bytes).unwrap();
        joined
    }
}

fn files_below(dir: &Path, prefix: &str) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            files.extend(files_below(&path, &format!("{name}/")))
        } else {
            files.push(name)
        }
    }
    files
}

async fn demand_segments(root: &Path, folders: &[Segments]) {
    let names: Vec<String> = (0..folders.len()).map(|n| format!("segments{n}")).collect();
    let named = names.iter().zip(folders);
    let shelf = Shelf::of_folders(
        named.clone().map(|(name, from)| (name.as_str(), root.join(from.folder))),
    );
    for (name, from) in named {
        let served = Served::of(&shelf, name).await;
        assert_eq!(served.clear.len(), 2, "{}", from.folder);
        let (pictures, sound) = (from.joined(root, from.pictures), from.joined(root, from.sound));
        served.demand_source(|kind| if kind == "video" { pictures.path() } else { sound.path() });
    }
}

#[tokio::test]
async fn segments_of_ffmpeg_are_served_as_they_are() {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/out/segments");
    assert!(made.exists(), "run tests/media/make.sh");
    demand_segments(&made, MADE).await;
}

#[tokio::test]
async fn segments_of_other_packagers_are_served_as_they_are() {
    let Some(dir) = public_media() else { return };
    demand_segments(&dir, OF_OTHERS).await;
}

/// Segments may come, go and change while the server runs.
#[tokio::test]
async fn changed_segments_are_noticed() {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/out/segments/bare");
    let shelf = Shelf::of_folders(["one", "two"].map(|name| (name, made.clone())));
    let http = client();
    let url = &shelf.stream("one", "clear").manifest("dash").url;
    let before = dash(&http, url).await;
    let last = shelf.path("one/v/4.m4s");
    let gone = fs::read(&last).unwrap();
    fs::remove_file(&last).unwrap();
    // The server may have looked a moment ago.
    settled().await;
    let shorter = dash(&http, url).await;
    let samples_of = |tracks: &[Track]| {
        let video = tracks.iter().find(|track| track.kind == "video").unwrap();
        video.segments.iter().map(|segment| samples(&segment.bytes).len()).sum::<usize>()
    };
    assert!(samples_of(&shorter) < samples_of(&before));
    fs::write(&last, &gone).unwrap();
    settled().await;
    assert_eq!(samples_of(&dash(&http, url).await), samples_of(&before));
    // Written over in place: noticed within a second, and never mixed with the old index.
    fs::write(&last, fs::read(shelf.path("one/v/3.m4s")).unwrap()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let answer = get(url).await;
    let (status, code, message) = answer.refusal();
    assert_eq!((status, code), (415, "MPE_INPUT_FORMAT_NOT_SUPPORTED"), "{message}");
    assert!(message.contains("v/init.mp4: ") && message.contains("starts too early"), "{message}");
}
