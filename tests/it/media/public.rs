//! Everything of the corpora through every format: it plays, or it is refused with a reason; the
//! server never fails, and never takes long.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::origin::{Answer, copy, get, hls_children};
use crate::support::server::{DevServer, Stream, media_dir, public_media};

/// Of other makers, with pictures or sound that every format of CMAF carries: these play.
const PLAYS: &[&str] = &[
    "bbb5s_aac.isma",
    "bbb_800x640_768kbps_30fps_avc_pyramid_3b.mp4",
    "bbb_prog_10s.mp4",
    "bear-640x360-aac_he-silent_right.mp4",
    "bear-640x360-non_square_pixel-with_pasp.mp4",
    "bear-640x360-trailing-moov-additional-mdat.mp4",
    "BigBuckBunny_10s.ismv",
    "edit_list_positive_shift.mp4",
    "fragmented_captions.mp4",
    "long_edit_list_audioonly.mp4",
    "sample.mp4",
    "sample_2_byte_NAL_length.mp4",
    "sample_audio_only.mp4",
    "sample_edit_list_only_preroll_sync_sample.mp4",
    "sample_fragmented.mp4",
    "sample_fragmented_seekable_multiple_sidx.mp4",
    "sample_partially_fragmented.mp4",
    "sample_rotate_and_reflect.mp4",
    "sample_shorter_audio.mp4",
    "sample_with_chapters.mp4",
];

/// Longer than any answer here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every media file below a folder, by name.
fn media_below(dir: &Path, found: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if path.is_dir() {
            media_below(&path, found);
        } else if ["mp4", "mov", "ismv", "isma"].iter().any(|known| extension == *known) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            found.insert(name, path);
        }
    }
}

/// An answer in time: whole, or a refusal with its reason.
async fn ask(url: &str) -> Answer {
    let began = Instant::now();
    let answer = get(url).await;
    assert!(began.elapsed() < PATIENCE, "{url}: {:?}", began.elapsed());
    if !answer.status.is_success() {
        let (status, code, message) = answer.refusal();
        assert!((400..500).contains(&status), "{url}: {status} {code} {message}");
        assert!(code.starts_with("MPE_") && !message.is_empty(), "{url}: {code} {message}");
    }
    answer
}

/// Fetches everything that a stream offers; gives the addresses that were refused.
async fn walk(stream: &Stream) -> Vec<String> {
    let mut refused = Vec::new();
    for manifest in &stream.manifests {
        if !ask(&manifest.url).await.status.is_success() {
            refused.push(manifest.url.clone());
            continue;
        }
        if manifest.protocol != "hls" {
            continue;
        }
        for playlist in hls_children(&manifest.url).await {
            let answer = ask(&playlist).await;
            let (folder, _) = playlist.rsplit_once('/').unwrap();
            let lines = if answer.status.is_success() { answer.text() } else { "" };
            for line in lines.lines().filter(|line| line.starts_with("Fragments(")) {
                let url = format!("{folder}/{line}");
                if !ask(&url).await.status.is_success() {
                    refused.push(url);
                }
            }
        }
    }
    refused
}

/// Serves each file as an asset of its own. Those that are left out are named in the log.
async fn every_file_plays_or_is_refused(files: &BTreeMap<String, PathBuf>, plays: &[&str]) {
    assert!(plays.iter().all(|name| files.contains_key(*name)), "{:?}", files.keys());
    let media = tempfile::tempdir().unwrap();
    for (name, path) in files {
        let folder = media.path().join(name);
        fs::create_dir(&folder).unwrap();
        copy(path, &folder.join(name));
    }
    let server = DevServer::builder().media(media.path()).start();
    let log = server.log();
    for name in files.keys() {
        let named = |form: &str| format!("{name}-{form}-open");
        let streams = ["clear", "aes", "cenc", "cbcs"]
            .map(|form| server.ready.streams.iter().find(|stream| stream.name == named(form)));
        let must_play = plays.contains(&name.as_str());
        if streams[0].is_none() {
            assert!(!must_play, "{name} is left out");
            assert!(log.contains(&format!("{name}: ")), "no reason why {name} is left out");
        }
        for stream in streams.into_iter().flatten() {
            let refused = walk(stream).await;
            let cmaf = refused.iter().filter(|url| url.contains("cmaf")).count();
            assert!(!must_play || cmaf == 0, "{name}: {refused:?}");
        }
    }
    get(&format!("{}/healthz", server.ready.origin)).await.ok();
}

#[tokio::test]
async fn media_of_other_makers_plays_or_is_refused_in_every_format() {
    let Some(dir) = public_media() else { return };
    let mut files = BTreeMap::new();
    media_below(&dir.join("androidx-media/mp4"), &mut files);
    media_below(&dir.join("androidx-media/text"), &mut files);
    media_below(&dir.join("shaka-packager"), &mut files);
    media_below(&dir.join("mp4ff"), &mut files);
    assert!(files.len() > 45, "{}", files.len());
    every_file_plays_or_is_refused(&files, PLAYS).await;
}

#[tokio::test]
async fn every_trap_plays_or_is_refused_in_every_format() {
    let mut files = BTreeMap::new();
    media_below(&media_dir().join("traps"), &mut files);
    let plays: Vec<String> = fs::read_dir(media_dir().join("traps"))
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.ends_with(".mp4").then_some(name)
        })
        .collect();
    let plays: Vec<&str> = plays.iter().map(String::as_str).collect();
    every_file_plays_or_is_refused(&files, &plays).await;
}
