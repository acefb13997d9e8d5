//! Object stores: what lies in one is packaged into one, as files are into files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::runs::{HIGH, LOW, SOUND, keys, ladder};
use crate::support::objects::{ACCOUNT, BUCKET, ObjectServer};
use crate::support::server::portcullis;
use crate::support::upstream::{Server, reply};

const CUES: &str = "WEBVTT\n\n00:01.000 --> 00:03.000\nFirst\n\n00:05.500 --> 00:07.000\nSecond\n";

/// A film of some 15 megabytes: what is made of it is sent in several parts.
fn long_film(dir: &Path) -> PathBuf {
    let film = dir.join("film.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-stream_loop", "7", "-i"]).arg(ladder(HIGH));
    assert!(ffmpeg.args(["-c", "copy"]).arg(&film).status().unwrap().success());
    film
}

fn package(arguments: &[String], variables: &[(&str, String)]) -> Output {
    let mut command = portcullis();
    command.arg("package").args(arguments).arg("--json");
    command.envs(variables.iter().map(|(name, value)| (name, value))).output().unwrap()
}

/// What the command has to know of a store that is played here.
fn own_store(server: &Server) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL", format!("http://{}", server.address())),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_ACCESS_KEY_ID", "a".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "b".to_owned()),
    ]
}

/// The arguments, with `{}` for where inputs and outputs lie.
fn at(root: &str, arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| argument.replace("{}", root)).collect()
}

fn files(dir: &Path, below: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}/{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => names.extend(files(dir, &name)),
            false => names.push(name),
        }
    }
    names.sort();
    names
}

#[test]
fn from_a_store_into_it_is_as_from_files_into_files() {
    let (server, folder) = (ObjectServer::start(), TempDir::new().unwrap());
    let inputs = folder.path().join("in");
    fs::create_dir(&inputs).unwrap();
    let film = long_film(&inputs);
    fs::copy(ladder(SOUND), inputs.join("sound.mp4")).unwrap();
    fs::write(inputs.join("cues.vtt"), CUES).unwrap();
    for name in ["film.mp4", "sound.mp4", "cues.vtt"] {
        server.put(&format!("in/{name}"), &fs::read(inputs.join(name)).unwrap());
    }
    let keys = keys(&["HD", "AUDIO", "TEXT"]);
    let protect = |scheme: &'static str| {
        ["--enable_raw_key_encryption", "--keys", &keys, "--protection_scheme", scheme]
    };
    let whole = [
        "in={}/in/film.mp4,stream=video,output={}/whole/v.mp4",
        "in={}/in/sound.mp4,stream=audio,output={}/whole/a/a.mp4",
        "in={}/in/cues.vtt,stream=text,language=de,output={}/whole/t.mp4",
        "--mpd_output",
        "{}/whole/film.mpd",
        "--hls_master_playlist_output",
        "{}/whole/hls/film.m3u8",
        "--hls_key_uri",
        "https://keys.test/{ContentKeyId}",
    ];
    let each = [
        "in={}/in/film.mp4,stream=video,segment_template={}/each/v/$Number$.ts",
        "in={}/in/sound.mp4,stream=audio,output={}/each/a.ts,playlist_name=a/a.m3u8",
        "in={}/in/cues.vtt,stream=text,language=de,segment_template={}/each/t/$Number$.vtt",
        "--hls_master_playlist_output",
        "{}/each/film.m3u8",
        "--hls_key_uri",
        "https://keys.test/{ContentKeyId}",
    ];
    let (local, stored) = (folder.path().to_str().unwrap(), format!("s3://{BUCKET}"));
    for (below, arguments, scheme) in [("whole", &whole[..], "cenc"), ("each", &each, "AES-128")] {
        let arguments = [arguments, &protect(scheme)].concat();
        let told = |root: &str| {
            let output = package(&at(root, &arguments), &server.variables());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{below} in {root}: {said}");
            String::from_utf8(output.stdout).unwrap().replace(root, "")
        };
        assert_eq!(told(local), told(&stored), "the summary");
        let expected = files(folder.path(), below);
        let made = server.keys(below);
        let made: Vec<String> = made.iter().map(|key| format!("{below}/{key}")).collect();
        assert_eq!(made, expected);
        for name in expected {
            let (file, object) = (fs::read(folder.path().join(&name)).unwrap(), server.get(&name));
            assert!(file == object, "{name}: {} and {} bytes", file.len(), object.len());
        }
    }
    assert!(fs::metadata(&film).unwrap().len() > 11 << 20, "it takes three parts");
    let parts = server.log().iter().filter(|line| line.contains("partNumber=3")).count();
    assert!(parts > 0, "whole/v.mp4 was sent in parts");
    for (key, media_type) in [
        ("whole/film.mpd", "application/dash+xml"),
        ("whole/hls/film.m3u8", "application/vnd.apple.mpegurl"),
        ("whole/v.mp4", "video/mp4"),
        ("each/v/1.ts", "video/mp2t"),
        ("each/t/1.vtt", "text/vtt"),
    ] {
        assert_eq!(server.content_type(key), media_type, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn playlists_are_sent_eight_at_a_time_and_what_lists_them_when_they_are_there() {
    /// How long the store takes for a playlist: more than the beginning of eight requests does.
    const TAKES: Duration = Duration::from_secs(2);
    let begun = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&begun);
    let server = Server::start(move |seen| {
        let is_list = seen.uri.contains(".m3u8") || seen.uri.contains(".mpd");
        let mut answer = reply(200, "text/plain", "");
        answer.answer.headers_mut().insert("etag", "\"one\"".parse().unwrap());
        if is_list {
            notes.lock().unwrap().push((seen.uri.clone(), Instant::now()));
            answer.after = TAKES;
        }
        answer
    })
    .await;
    let variables = own_store(&server);
    let folder = TempDir::new().unwrap();
    let stream = |n: usize| {
        let copy = folder.path().join(format!("{n}.mp4"));
        fs::copy(ladder(LOW), &copy).unwrap();
        format!("in={},stream=video,output=s3://b/{n}.mp4", copy.display())
    };
    let manifests = ["--mpd_output", "{}/film.mpd", "--hls_master_playlist_output", "{}/film.m3u8"];
    let arguments: Vec<String> = (1..=9).map(stream).chain(at("s3://b", &manifests)).collect();
    let output = tokio::task::spawn_blocking(move || package(&arguments, &variables)).await;
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let begun = begun.lock().unwrap().clone();
    let (master, others) = begun.split_last().unwrap();
    assert_eq!((&*master.0, others.len()), ("/b/film.m3u8", 10), "{begun:?}");
    let behind = |n: usize| others[n].1.duration_since(others[0].1);
    assert!(behind(7) < TAKES && behind(8) >= TAKES, "{begun:?}");
    assert!(master.1.duration_since(others[9].1) >= TAKES, "{begun:?}");
}

#[test]
fn what_fails_leaves_names_as_they_were_and_takes_parts_back() {
    let (server, folder) = (ObjectServer::start(), TempDir::new().unwrap());
    server.put("film.mp4", &fs::read(long_film(folder.path())).unwrap());
    server.put("v.mp4", b"before");
    let output = package(
        &[
            format!("in=s3://{BUCKET}/film.mp4,stream=video,output=s3://{BUCKET}/v.mp4"),
            format!("in=s3://{BUCKET}/film.mp4,stream=video,output=s3://nowhere/w.mp4"),
        ],
        &server.variables(),
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    let expected = "s3://nowhere/w.mp4: there is no such object or bucket (404 NoSuchBucket)";
    assert!(said.contains(expected), "{said}");
    assert_eq!(server.get("v.mp4"), b"before");
    // The server cannot take parts back, and says so (405); what it logs of requests has no methods.
    let taken_back = |line: &String| line.contains("/v.mp4?uploadId=") && line.contains(" 405 ");
    assert!(server.log().iter().any(taken_back), "{:#?}", server.log());
}

#[test]
fn errors_name_the_object_and_never_the_account() {
    let server = ObjectServer::start();
    server.put("film.mp4", &fs::read(ladder(LOW)).unwrap());
    let film =
        |key: &str| format!("in=s3://{BUCKET}/{key},stream=video,output=s3://{BUCKET}/v.mp4");
    let with = |name: &'static str, value: &str| {
        let variables = server.variables().into_iter().filter(|(known, _)| *known != name);
        variables.chain([(name, value.to_owned())]).collect::<Vec<_>>()
    };
    for (key, variables, code, said) in [
        ("none.mp4", server.variables().to_vec(), 1, "no such object or bucket (404"),
        ("film.mp4", with("AWS_ACCESS_KEY_ID", "another-secret"), 1, "denies access (403"),
        ("film.mp4", with("AWS_ALLOW_HTTP", "false"), 1, "ALLOW_HTTP=true"),
        ("film.mp4", with("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), 1, "cannot be reached"),
        ("film.mp4", with("AWS_PROXY_URL", "http://me:secret@b"), 1, "AWS_... variables"),
    ] {
        let output = package(&[film(key)], &variables);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        let place = format!("s3://{BUCKET}/{key}: ");
        assert!(stderr.contains(&place) && stderr.contains(said), "{said:?}: {stderr}");
        for secret in [ACCOUNT, "secret", "Signature", "http://127"] {
            assert!(!stderr.contains(secret), "{stderr}");
        }
    }
    assert_eq!(server.keys(""), ["film.mp4"]);
}

/// A store that knows no conditions tells what it sends by its tag.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_changes_is_not_read_on() {
    let film = fs::read(ladder(HIGH)).unwrap();
    let server = Server::start(move |seen| {
        let first = seen.header("range").starts_with("bytes=0-");
        let range = seen.header("range").strip_prefix("bytes=").and_then(|r| r.split_once('-'));
        let (mut answer, length) = match range {
            None => (reply(200, "video/mp4", ""), film.len()),
            Some((start, end)) => {
                let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
                let mut answer = reply(206, "video/mp4", film[start..=end].to_vec());
                let range = format!("bytes {start}-{end}/{}", film.len());
                answer.answer.headers_mut().insert("content-range", range.parse().unwrap());
                (answer, end + 1 - start)
            }
        };
        let headers = answer.answer.headers_mut();
        headers.insert("content-length", length.into());
        headers.insert("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT".parse().unwrap());
        let tag = if first || range.is_none() { "\"one\"" } else { "\"two\"" };
        headers.insert("etag", tag.parse().unwrap());
        answer
    })
    .await;
    let variables = own_store(&server);
    let folder = TempDir::new().unwrap();
    let output =
        format!("in=s3://b/film.mp4,stream=video,output={}/v.mp4", folder.path().display());
    let output = tokio::task::spawn_blocking(move || package(&[output], &variables)).await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("s3://b/film.mp4: reading failed: the object changed while it was read"),
        "{stderr}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let mut gets = server.seen().into_iter().filter(|seen| seen.method == "GET");
    assert!(gets.all(|seen| seen.header("if-match") == "\"one\""));
}

#[test]
fn what_no_relative_url_leads_to_is_refused() {
    let film = ladder(LOW).display().to_string();
    let (other, here) = ("s3://other/film", "film");
    for (output, lister) in [(other, "s3://films/film"), (here, other), (other, here)] {
        let descriptor = format!("in={film},stream=video,output={output}.mp4");
        for (flag, extension) in [("--mpd_output", "mpd"), ("--hls_master_playlist_output", "m3u8")]
        {
            let lister = format!("{lister}.{extension}");
            let arguments = [descriptor.clone(), flag.to_owned(), lister.clone()];
            let refused = package(&arguments, &[]);
            let stderr = String::from_utf8(refused.stderr).unwrap();
            assert_eq!(refused.status.code(), Some(1), "{stderr}");
            assert!(stderr.contains(&format!("than what lists it, {lister}")), "{stderr}");
        }
    }
}
