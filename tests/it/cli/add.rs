//! `portcullis add`: publishing own content, also beside a running server.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::http::client;
use crate::support::server::{DevServer, media_dir, portcullis};

const CLIP: &str = "/assets/demo/gate_h264_180p.mp4";

pub(super) fn add(data: &Path, arguments: &[&str]) -> Output {
    portcullis().arg("add").arg("--data").arg(data).args(arguments).output().unwrap()
}

pub(super) fn json(data: &Path, arguments: &[&str]) -> Value {
    let output = add(data, &[arguments, &["--json"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn adding_the_same_again_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let ladder = media_dir().join("ladder");
    let ladder = ladder.to_str().unwrap();
    let first = json(data.path(), &[ladder]);
    assert_eq!(first, json(data.path(), &[ladder]));
    let stream = &first["streams"][0];
    assert_eq!(stream["name"], "ladder-cenc-token");
    assert_eq!(stream["policy"], "token");
    assert!(stream.get("token").is_none() && stream["keys"][0].get("key").is_none());
}

#[test]
fn files_become_one_asset_under_a_name_of_choice() {
    let data = tempfile::tempdir().unwrap();
    let ladder = media_dir().join("ladder");
    let mut files: Vec<_> = std::fs::read_dir(&ladder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "mp4"))
        .collect();
    files.sort();
    let files: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
    let flags = ["--name", "film", "--policy", "open", "--streaming-policy", "aes"];
    let arguments = [&files[..], &flags].concat();
    let streams = json(data.path(), &arguments);
    assert_eq!(streams["streams"][0]["name"], "film-aes-open");
    let url = streams["streams"][0]["manifests"][0]["url"].as_str().unwrap();
    assert!(url.ends_with("/film.ism/manifest(format=mpd-time-cmaf,encryption=cbc)"), "{url}");
    for file in &files {
        let copy = data.path().join("assets/film").join(Path::new(file).file_name().unwrap());
        assert!(std::fs::read(copy).unwrap() == std::fs::read(file).unwrap(), "{file}");
    }
    assert_eq!(streams, json(data.path(), &arguments));
}

#[test]
fn refusals_name_what_was_wrong() {
    let data = tempfile::tempdir().unwrap();
    let ladder = media_dir().join("ladder");
    let ladder = ladder.to_str().unwrap();
    let toml = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (arguments, code, expected) in [
        (&["/nowhere/x.mp4"][..], 1, "/nowhere/x.mp4"),
        (&[toml], 1, "not an MP4 file, nor subtitles"),
        (&[env!("CARGO_MANIFEST_DIR")], 1, "no MP4 files"),
        (&[ladder, "--streaming-policy", "Predefined_Nothing"], 1, "Predefined_Nothing"),
        (&[ladder, media_dir().join("muxed").to_str().unwrap(), "--name", "x"], 2, "--name"),
    ] {
        let output = add(data.path(), arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn broken_media_is_refused_with_the_file_and_the_rule_and_not_published() {
    let data = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(env!("CARGO_MANIFEST_DIR").to_owned() + CLIP).unwrap();
    for (content, name) in [(&b"no film"[..], "text.mp4"), (&whole[..whole.len() / 2], "half.mp4")]
    {
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let output = add(data.path(), &[folder.path().to_str().unwrap()]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), stderr.contains(name)), (Some(1), true), "{stderr}");
        std::fs::remove_file(file).unwrap();
    }
    let server = DevServer::builder().data(data.path()).start();
    assert_eq!(server.ready.streams.len(), 9, "only those of the built-in clip");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_serves_what_is_added_meanwhile() {
    let server = DevServer::builder().start();
    let muxed = media_dir().join("muxed");
    let added = json(&server.data, &[muxed.to_str().unwrap(), "--policy", "open"]);
    let kid = added["streams"][0]["keys"][0]["kid"].as_str().unwrap();
    let get = |url: String| async { client().get(url).send().await.unwrap() };
    let key = get(format!("{}/?kid={kid}", server.ready.key_delivery)).await;
    assert_eq!((key.status().as_u16(), key.bytes().await.unwrap().len()), (200, 16));
    let list = get(format!("{}/streams.json", server.ready.origin)).await.text().await.unwrap();
    assert!(list.contains("\"muxed-cenc-open\""), "{list}");
}

/// Text is taken beside media, and beside what an asset has.
#[test]
fn subtitles_become_tracks_of_the_asset() {
    let data = tempfile::tempdir().unwrap();
    let texts = tempfile::tempdir().unwrap();
    let text = |name: &str| {
        let file = texts.path().join(name);
        std::fs::write(&file, "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello\n").unwrap();
        file.to_str().unwrap().to_owned()
    };
    let film = env!("CARGO_MANIFEST_DIR").to_owned() + CLIP;
    let (english, german) = (text("film_eng.vtt"), text("film_deu.vtt"));
    json(data.path(), &[&film, &english, "--name", "film"]);
    json(data.path(), &[&german, "--name", "film"]);
    for name in ["film_eng.vtt", "film_deu.vtt", "gate_h264_180p.mp4"] {
        assert!(data.path().join("assets/film").join(name).is_file(), "{name}");
    }
}

/// A folder of many that has nothing to play is named, and costs the others nothing.
#[test]
fn folders_without_media_are_told() {
    let data = tempfile::tempdir().unwrap();
    let shelf = tempfile::tempdir().unwrap();
    for folder in ["film", "segments"] {
        std::fs::create_dir(shelf.path().join(folder)).unwrap();
    }
    let film = env!("CARGO_MANIFEST_DIR").to_owned() + CLIP;
    std::fs::copy(film, shelf.path().join("film/film.mp4")).unwrap();
    std::fs::write(shelf.path().join("segments/1.ts"), [0x47; 188]).unwrap();
    let output = add(data.path(), &[shelf.path().to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines = said.lines().filter(|line| line.contains("left out")).collect::<Vec<_>>();
    assert!(
        matches!(&lines[..], [line] if line.contains("/segments: left out: no MP4 files here")),
        "{said}"
    );
}
