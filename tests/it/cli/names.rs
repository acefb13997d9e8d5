//! Names of assets that `portcullis add` makes: each is of one folder, until told otherwise.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::add::{add, json};
use crate::support::origin::{demo, get};
use crate::support::server::DevServer;

/// Folders with one clip each.
fn folders(clips: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (folder, clip) in clips {
        let dir = root.path().join(folder);
        fs::create_dir_all(&dir).unwrap();
        fs::copy(demo(clip), dir.join(clip)).unwrap();
    }
    root
}

fn at(root: &TempDir, folder: &str) -> String {
    root.path().join(folder).to_str().unwrap().to_owned()
}

fn streams(data: &Path, arguments: &[&str]) -> Vec<String> {
    let added = json(data, arguments);
    let streams = added["streams"].as_array().unwrap();
    streams.iter().map(|stream| stream["name"].as_str().unwrap().to_owned()).collect()
}

fn with<'a>(flags: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [flags, more].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_folder_of_the_same_name_gets_no_streams_of_the_first() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let (first, second) = ("gate_h264_180p.mp4", "gate_h264_360p.mp4");
    let root = folders(&[("one/trailer", first), ("two/trailer", second)]);
    let [one, two] = ["one/trailer", "two/trailer"].map(|folder| at(&root, folder));
    let flags = ["--policy", "open", "--streaming-policy", "Predefined_DownloadAndClearStreaming"];
    let id = |added: &Value| added["streams"][0]["locatorId"].as_str().unwrap().to_owned();
    let added = json(data, &with(&flags, &[&one]));
    // A server may know for some seconds what was: each question is to one of its own.
    let download = async |name: &str| {
        let server = DevServer::builder().data(data).start();
        let url = format!("{}/{}/{name}", server.ready.origin, id(&added));
        assert!(server.ready.streams.iter().any(|stream| stream.downloads.contains(&url)));
        get(&url).await.ok()
    };
    let output = add(data, &with(&flags, &[&two]));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for part in ["trailer", &one, "--name", "--replace"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    assert!(download(first).await == fs::read(demo(first)).unwrap());
    assert_eq!(json(data, &with(&flags, &[&one])), added);
    let other = json(data, &with(&flags, &[&two, "--name", "other"]));
    assert_ne!(id(&other), id(&added));
    let files = add(data, &with(&flags, &[&format!("{two}/{second}"), "--name", "trailer"]));
    assert_eq!(files.status.code(), Some(1));
    assert!(!data.join("assets/trailer").exists());
    // Only whoever says so.
    assert_eq!(id(&json(data, &with(&flags, &[&two, "--replace"]))), id(&added));
    assert!(download(second).await == fs::read(demo(second)).unwrap());
}

#[test]
fn assets_of_one_run_have_names_of_their_own() {
    let data = tempfile::tempdir().unwrap();
    let clip = "gate_h264_180p.mp4";
    let root = folders(&[("one/trailer", clip), ("two/trailer", clip)]);
    let [one, two] = ["one/trailer", "two/trailer"].map(|folder| at(&root, folder));
    let expected = ["trailer-cenc-token", "trailer-2-cenc-token"];
    for _ in 0..2 {
        assert_eq!(streams(data.path(), &[&one, &two]), expected);
    }
    assert_eq!(streams(data.path(), &[&one, &one]), expected[..1], "a folder is one asset");
}

#[test]
fn folders_in_other_scripts_keep_a_name_each() {
    let data = tempfile::tempdir().unwrap();
    let clip = "gate_h264_180p.mp4";
    let root = folders(&[("m/映画", clip), ("m/音楽", clip)]);
    let both = streams(data.path(), &[&at(&root, "m")]);
    assert!(both.len() == 2 && both[0] != both[1], "{both:?}");
    assert_eq!(streams(data.path(), &[&at(&root, "m/音楽")]), both[1..]);
    // Also in another place, and before anything else was added.
    let fresh = tempfile::tempdir().unwrap();
    assert_eq!(streams(fresh.path(), &[&at(&root, "m/音楽")]), both[1..]);
}
