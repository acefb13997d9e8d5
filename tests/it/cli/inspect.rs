//! What `portcullis inspect` tells of protection systems.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use portcullis::cenc::Scheme;
use portcullis::drm::playready::{Header, HeaderKey, Object};
use portcullis::drm::widevine::PsshData;
use portcullis::ids::KeyId;

use crate::support::oracle::{HexKey, encrypted_by_ffmpeg};
use crate::support::origin::{demo, get, hls_children};
use crate::support::rotation::{rotating, runs};
use crate::support::server::{DevServer, portcullis};

fn inspect(file: &Path) -> (Option<i32>, String) {
    let output = portcullis().arg("inspect").arg(file).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn boxes_of_systems_are_told_with_what_their_data_say() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("init.mp4");
    let kid = KeyId::from_bytes([0x11; 16]);
    let header = Header {
        la_url: Some("https://pr.example/PlayReady/".to_owned()),
        ..Header::new(vec![HeaderKey::new(kid, Scheme::Cenc, [9; 8])])
    };
    let play_ready = Object::new(&header).pssh().unwrap();
    let widevine = PsshData::new(&[kid], Scheme::Cbcs).pssh();
    fs::write(&file, [widevine.to_vec(), play_ready.to_vec()].concat()).unwrap();
    let (code, said) = inspect(&file);
    assert_eq!(code, Some(0), "{said}");
    for expected in [
        format!("name: Widevine, data bytes: 24, data kids: {kid}, scheme: cbcs\n"),
        format!("header: 4.0.0.0, data kids: {kid}, algorithm: AESCTR"),
        "licence URL: https://pr.example/PlayReady/".to_owned(),
    ] {
        assert!(said.contains(&expected), "{expected:?} is not in {said}");
    }
}

/// Files without fragments are looked into as those with fragments are.
#[test]
fn whole_files_that_contradict_themselves_are_told() {
    let key = HexKey { kid: "11".repeat(16), key: "22".repeat(16) };
    let good = encrypted_by_ffmpeg(&demo("gate_h264_180p.mp4"), &key, &[]);
    let senc = good.windows(4).position(|four| four == b"senc").unwrap();
    let saio = good.windows(4).position(|four| four == b"saio").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("film.mp4");
    // Of `senc`: the count of samples, and of the first its IV and its subsamples.
    for (at, value, expected) in [
        (0, good[0], "samples under cenc, KID 11111111-1111"),
        (senc + 12 + 8 + 3, 0xff, "the subsamples of sample 0 have"),
        (saio + 15, !good[saio + 15], "saio points at"),
    ] {
        let mut data = good.clone();
        data[at] = value;
        fs::write(&file, data).unwrap();
        let (code, said) = inspect(&file);
        assert_eq!(code, Some(i32::from(at != 0)), "{said}");
        assert!(said.contains(expected), "{expected:?} is not in {said}");
    }
}

#[test]
fn what_is_neither_media_nor_manifest_is_refused_as_that() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content, expected) in [
        ("empty.mp4", &b""[..], "there is nothing in it"),
        ("cues.vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\nx\n", "this is no MP4, MPD"),
        ("segment.ts", &[0x47, 0x40, 0, 0x10, 0, 0, 0xb0, 0x0d, 0, 1], "this is no MP4, MPD"),
    ] {
        let file = dir.path().join(name);
        fs::write(&file, content).unwrap();
        let output = portcullis().arg("inspect").arg(&file).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(name) && said.contains(expected), "{said}");
    }
}

#[test]
fn data_that_lie_about_their_size_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("init.mp4");
    let mut lying = Object::new(&Header::new(vec![])).pssh().unwrap();
    lying.data[0] ^= 1;
    fs::write(&file, lying.to_vec()).unwrap();
    let (code, said) = inspect(&file);
    assert_eq!(code, Some(1), "{said}");
    let rule = "box 'pssh': PlayReady Object: the length field is not the length of the data";
    assert!(said.contains(rule), "{said}");
}

/// Whoever reads only the beginning has seen enough.
#[test]
fn a_pipe_that_nobody_reads_is_no_failure() {
    let clip = demo("gate_h264_180p.mp4");
    for arguments in [
        &["inspect", clip.to_str().unwrap()][..],
        &["inspect", clip.to_str().unwrap(), "--json"],
        &["drm", "init", "--json"],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = portcullis();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        if arguments[0] == "drm" {
            command.arg(dir.path());
        }
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}");
    }
}

/// Keys that rotate are named in fragments: a `pssh` beside them that knows another key leads nowhere.
#[tokio::test]
async fn fragments_whose_boxes_name_another_key_are_told() {
    let server = DevServer::builder().start();
    let rotation = serde_json::json!({ "keyRotation": { "period": "PT7S" } });
    let root = rotating(&server, ("gate", "gate"), "Portcullis_CencClearKey", &rotation);
    let master = format!("{root}manifest(format=m3u8-cmaf,encryption=cenc)");
    let playlist = hls_children(&master).await.pop().unwrap();
    let run = runs(&playlist).await.swap_remove(1);
    let (init, fragment) =
        (get(run.map.as_ref().unwrap()).await.ok(), get(&run.segments[0]).await.ok());
    let kid = data_encoding::HEXLOWER.decode(run.key().await.kid.as_bytes()).unwrap();
    let mut wrong = fragment.clone();
    let group = wrong.windows(4).position(|kind| kind == b"sgpd").unwrap();
    let at = group + wrong[group..].windows(16).position(|window| window == kid).unwrap();
    wrong[at] ^= 1;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("fragment.mp4");
    for front in [&init[..], &[]] {
        fs::write(&file, [front, &fragment].concat()).unwrap();
        let (code, said) = inspect(&file);
        assert_eq!(code, Some(0), "{said}");
        fs::write(&file, [front, &wrong].concat()).unwrap();
        let (code, said) = inspect(&file);
        let named = format!("pssh of the fragment at {}: KID", front.len());
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("mismatch: ") && said.contains(&named), "{said}");
    }
}

/// A fragment of Smooth Streaming says how it is protected in a box of its own.
#[tokio::test]
async fn fragments_of_piff_say_how_they_are_protected() {
    let server = DevServer::shared();
    let stream = server.stream("drm-open");
    let smooth = stream.manifests.iter().find(|m| m.protocol == "smooth").unwrap();
    let manifest = smooth.url.replace("encryption=cenc", "encryption=piff");
    let text = String::from_utf8(get(&manifest).await.ok()).unwrap();
    let (_, pictures) = text.split_once("Type=\"video\"").unwrap();
    let (_, level) = pictures.split_once("<QualityLevel").unwrap();
    let (_, rest) = level.split_once("Bitrate=\"").unwrap();
    let bitrate = rest.split_once('"').unwrap().0;
    let leaf = format!("QualityLevels({bitrate})/Fragments(video=0,encryption=piff)");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("fragment.ismv");
    fs::write(&file, get(&stream.url(&leaf)).await.ok()).unwrap();
    let (code, said) = inspect(&file);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("uuid: PIFF: sample encryption") && !said.contains("protection: none"),
        "{said}"
    );
}
