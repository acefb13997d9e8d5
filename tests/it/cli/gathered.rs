//! Files that `portcullis add` copies into one asset: all of them, or the asset stays as it was.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::add::{add, json};
use crate::support::origin::{CLIP, demo, get};
use crate::support::server::{DevServer, media_dir, portcullis};

/// As a stream that anybody may watch.
const OPEN: [&str; 4] = ["--policy", "open", "--streaming-policy", "clear"];

/// A film of another length than that of the clip.
fn other_film() -> String {
    text(&media_dir().join("ladder/tidewater_h264_320x180_120.mp4"))
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// What lies in a folder, hidden or not, with the times of change that a server looks at.
fn listing(dir: &Path) -> BTreeMap<PathBuf, (Vec<u8>, i64, i64)> {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let file = |path: PathBuf| {
        let found = fs::metadata(&path).unwrap();
        let content = fs::read(&path).unwrap_or_default();
        (path, (content, found.ctime(), found.ctime_nsec()))
    };
    entries.map(file).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_file_leaves_the_asset_that_is_there_as_it_was() {
    let server = DevServer::builder().start();
    let clip = text(&demo(CLIP));
    let arguments = [&[clip.as_str(), "--name", "film"], &OPEN[..]].concat();
    let added = json(&server.data, &arguments);
    let url = added["streams"][0]["manifests"][0]["url"].as_str().unwrap();
    // Where a server listens that nobody has told otherwise.
    let url = &url.replace("http://127.0.0.1:8080", &server.ready.origin);
    let manifest = get(url).await.ok();
    let assets = server.data.join("assets");
    let (before, folders) = (listing(&assets.join("film")), names(&assets));
    for (name, left) in [("film", "the asset"), ("new", "nothing")] {
        let output = add(&server.data, &[&clip, &other_film(), "--name", name]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("key-frame-interval"), "{stderr}");
        assert!(stderr.contains(&format!("assets/{name}:")), "{stderr}");
        assert!(listing(&assets.join("film")) == before, "{left} is there");
        assert_eq!(names(&assets), folders, "{left} is there");
        assert!(get(url).await.ok() == manifest);
    }
    // What cannot be published is no better, whatever the media are.
    let sound = text(&demo("gate_aac_eng.mp4"));
    let with = |more: &[&'static str]| {
        let name = if more.contains(&"--name") { &[][..] } else { &["--name", "film"] };
        [&[sound.as_str()], name, more].concat()
    };
    let other_profile = [&OPEN[..], &["--compat", "ams"]].concat();
    for (wrong, expected) in [
        (&["--streaming-policy", "Predefined_Nothing"][..], "Predefined_Nothing"),
        (&["--filter", "none"], "filter none"),
        (&other_profile, "film-clear-open already exists"),
        (&["--rotate", "1s", "--rotate-keys", "5000"], "keyCount"),
        (&["--rotate", "6s", "--rotate-hierarchy", "root-leaf"], "keyRotation.hierarchy"),
        (&["--name", "new", "--rotate", "1s", "--rotate-keys", "5000"], "keyCount"),
    ] {
        let output = add(&server.data, &with(wrong));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert!(listing(&assets.join("film")) == before, "{wrong:?}");
        assert_eq!(names(&assets), folders, "{wrong:?}");
    }
    // What is right comes to what is there.
    json(&server.data, &with(&OPEN));
    assert_eq!(names(&assets.join("film")), ["gate_aac_eng.mp4", CLIP]);
    assert!(get(url).await.ok() != manifest, "the sound is listed");
    assert_eq!(names(&assets), folders);
}

#[test]
fn a_run_that_is_cut_off_leaves_the_asset_as_it_was_and_the_next_cleans_up() {
    let (data, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (clip, other) = (text(&demo(CLIP)), other_film());
    json(data.path(), &[&clip, "--name", "film"]);
    let assets = data.path().join("assets");
    let before = listing(&assets.join("film"));
    // Nobody ever writes into it, so that the run waits behind the first copy.
    let pipe = source.path().join("pipe.mp4");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut command = portcullis();
    command.args(["add", &other]).arg(&pipe).args(["--name", "film", "--data"]).arg(data.path());
    let mut run = command.spawn().unwrap();
    let file = Path::new(&other).file_name().unwrap();
    let copied = || {
        let folders = fs::read_dir(&assets).unwrap().map(|entry| entry.unwrap().path());
        folders.into_iter().any(|folder| folder.join(file).exists())
    };
    let began = Instant::now();
    while !copied() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(50));
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(listing(&assets.join("film")) == before);
    // What is left is nobody's asset.
    let server = DevServer::builder().media(&assets).start();
    assert_eq!(server.ready.streams.len(), 9, "{:?}", server.ready.names());
    json(data.path(), &[&clip, "--name", "film"]);
    assert_eq!(names(&assets), ["film"]);
    assert!(listing(&assets.join("film")) == before, "the same again changes nothing");
}

#[test]
fn two_files_of_one_name_are_refused_by_both_paths() {
    let (data, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut files = vec![text(&demo(CLIP))];
    for (folder, clip) in [("eng", "gate_aac_eng.mp4"), ("deu", "gate_aac_deu.mp4")] {
        let file = source.path().join(folder).join("sound.m4a");
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::copy(demo(clip), &file).unwrap();
        files.push(text(&file));
    }
    let arguments: Vec<&str> = files.iter().map(String::as_str).chain(["--name", "two"]).collect();
    let output = add(data.path(), &arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("eng/sound.m4a") && stderr.contains("deu/sound.m4a"), "{stderr}");
    assert!(!data.path().join("assets/two").exists());
}

#[test]
fn copies_go_through_no_name_that_somebody_could_foresee() {
    let (data, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [picture, sound] = ["film.mp4", "film.m4a"].map(|name| source.path().join(name));
    fs::copy(demo(CLIP), &picture).unwrap();
    fs::copy(demo("gate_aac_eng.mp4"), &sound).unwrap();
    let victim = source.path().join("victim");
    fs::write(&victim, "kept").unwrap();
    json(data.path(), &[&text(&picture), "--name", "film"]);
    let film = data.path().join("assets/film");
    symlink(&victim, film.join("film.part")).unwrap();
    json(data.path(), &[&text(&sound), "--name", "film"]);
    assert_eq!(fs::read(&victim).unwrap(), b"kept");
    for (copy, original) in [("film.mp4", picture), ("film.m4a", sound)] {
        assert!(fs::read(film.join(copy)).unwrap() == fs::read(original).unwrap(), "{copy}");
    }
}
