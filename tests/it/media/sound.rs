//! Which sound of a folder is the same, and which only looks so: codecs of a constant bitrate have one
//! size for everything.

use std::path::{Path, PathBuf};

use crate::support::oracle::made_by_ffmpeg;
use crate::support::origin::{CLIP, Shelf, copy, demo, get};

/// Twelve seconds of AC-3 that differ in what is heard alone.
fn tone(folder: &Path, pitch: u32) -> PathBuf {
    let file = folder.join(format!("tone{pitch}.mp4"));
    let sine = format!("sine=f={pitch}:r=48000:d=12");
    let coded = ["-c:a", "ac3", "-b:a", "192k", "-ac", "2"];
    made_by_ffmpeg(&[&["-f", "lavfi", "-i", &sine][..], &coded].concat(), &file);
    file
}

/// Pictures with sound behind them in one file, nothing coded anew.
fn muxed(name: &str, pictures: &str, sound: &[&Path], folder: &Path) -> PathBuf {
    let pictures = demo(pictures);
    let inputs: Vec<&str> = std::iter::once(&*pictures)
        .chain(sound.iter().copied())
        .flat_map(|file| ["-i", file.to_str().unwrap()])
        .collect();
    let maps: Vec<String> = (0..=sound.len()).map(|n| n.to_string()).collect();
    let maps: Vec<&str> = maps.iter().flat_map(|n| ["-map", n.as_str()]).collect();
    let file = folder.join(name);
    made_by_ffmpeg(&[&inputs[..], &maps, &["-c", "copy"]].concat(), &file);
    file
}

/// How many audio tracks the manifests list; both must agree.
async fn tracks_of(shelf: &Shelf, folder: &str) -> usize {
    let stream = shelf.stream(folder, "clear");
    let mpd = get(&stream.manifest("dash").url).await;
    let playlist = get(&stream.manifest("hls").url).await;
    let sets = mpd.text().matches("contentType=\"audio\"").count();
    assert_eq!(playlist.text().matches("TYPE=AUDIO").count(), sets, "{}", playlist.text());
    sets
}

#[tokio::test]
async fn sound_is_left_out_only_where_it_is_the_same() {
    let made = tempfile::tempdir().unwrap();
    let (low, high) = (tone(made.path(), 400), tone(made.path(), 900));
    let both = muxed("both.mp4", CLIP, &[&low, &high], made.path());
    let again = muxed("again.mp4", CLIP, &[&low, &low], made.path());
    let small = muxed("small.mp4", CLIP, &[&low], made.path());
    let large = muxed("large.mp4", "gate_h264_360p.mp4", &[&low], made.path());
    let other = made.path().join("other.mp4");
    copy(&high, &other);
    let shelf = Shelf::start([
        ("both", vec![both]),
        ("again", vec![again]),
        ("files", vec![demo(CLIP), low, high]),
        ("ladder", vec![small, large.clone()]),
        ("commented", vec![large, other]),
    ]);
    for (folder, count) in
        [("both", 2), ("again", 2), ("files", 2), ("ladder", 1), ("commented", 2)]
    {
        assert_eq!(tracks_of(&shelf, folder).await, count, "{folder}");
    }
}
