//! How pictures are announced in playlists: how many a second there are, and how large they are shown.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::oracle::made_by_ffmpeg;
use crate::support::origin::{CLIP, Shelf, demo, get};

/// Fifty pictures a second at first, then ten.
fn slowing_down(folder: &Path) -> PathBuf {
    let file = folder.join("slowing_down.mp4");
    let filter = "testsrc=s=160x90:r=50:d=8,select='lt(t,4)+not(mod(n,5))'";
    let coded = ["-c:v", "libx264", "-g", "50", "-pix_fmt", "yuv420p"];
    made_by_ffmpeg(&[&["-f", "lavfi", "-i", filter][..], &coded].concat(), &file);
    file
}

/// The clip, with the matrix of a quarter turn in its track header.
fn turned(folder: &Path) -> PathBuf {
    let mut film = fs::read(demo(CLIP)).unwrap();
    let header = film.windows(4).position(|kind| kind == b"tkhd").unwrap() + 4;
    let (one, width) = (1 << 16, 180 << 16);
    let matrix: [i32; 9] = [0, one, 0, -one, 0, 0, width, 0, 1 << 30];
    let matrix: Vec<u8> = matrix.iter().flat_map(|number| number.to_be_bytes()).collect();
    film[header + 40..header + 76].copy_from_slice(&matrix);
    let file = folder.join("turned.mp4");
    fs::write(&file, film).unwrap();
    file
}

#[tokio::test]
async fn rate_and_size_are_those_that_players_show() {
    let made = tempfile::tempdir().unwrap();
    let folders = [("slow", slowing_down(made.path())), ("turned", turned(made.path()))];
    let shelf = Shelf::start(folders.map(|(name, file)| (name, vec![file])));
    for (folder, format, said) in [
        ("slow", "m3u8-cmaf", "RESOLUTION=160x90,FRAME-RATE=50.000,"),
        ("turned", "m3u8-cmaf", "RESOLUTION=180x320,"),
        // Nothing in a transport stream could say that the pictures are turned.
        ("turned", "m3u8-aapl", "RESOLUTION=320x180,"),
    ] {
        let url = shelf.stream(folder, "clear").url(&format!("manifest(format={format})"));
        let playlist = get(&url).await;
        let mut sizes = playlist.text().lines().filter(|line| line.contains("RESOLUTION="));
        let first = sizes.clone().next().unwrap_or_else(|| panic!("{}", playlist.text()));
        assert!(first.contains(said), "{folder} {format}: {first}");
        let size = said.split_inclusive(',').next().unwrap();
        assert!(sizes.all(|line| line.contains(size)), "{}", playlist.text());
    }
}
