//! What `add` says of the media it is given, and media that are stored encrypted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use aes::Aes256;
use cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;
use data_encoding::BASE64;
use portcullis::keys::StorageEncryption;
use portcullis::media::timeline::Cutting;
use portcullis::service::origin::AssetCache;
use portcullis::store::Asset;
use serde_json::Value;

use crate::support::http::client;
use crate::support::images as thumbnails;
use crate::support::origin::{copy, demo};
use crate::support::server::{DevServer, portcullis};

fn add(data: &Path, arguments: &[&str]) -> Output {
    portcullis().arg("add").arg("--data").arg(data).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn media(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/out").join(name)
}

#[test]
fn levels_that_do_not_align_are_named_with_the_first_time() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["four_slices.mp4", "irregular_keyframes.mp4"] {
        copy(&media(&format!("traps/{name}")), &folder.path().join(name));
    }
    let path = folder.path().to_str().unwrap();
    let flags = [path, "--name", "film", "--policy", "open"];
    let added = json(&add(data.path(), &[&flags[..], &["--json"]].concat()));
    let [warning] = added["warnings"].as_array().unwrap().as_slice() else { panic!("{added}") };
    let warning = warning.as_str().unwrap();
    let said = warning.strip_prefix("film: levels-not-aligned: four_slices.mp4 has no key frame");
    assert_eq!(said, Some(" at 1.2 s, where irregular_keyframes.mp4 has one"), "{warning}");
    let text = String::from_utf8(add(data.path(), &flags).stdout).unwrap();
    assert!(text.contains(&format!("warning: {warning}\n")), "{text}");
}

#[test]
fn hevc_that_apple_does_not_play_is_named() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hvc1 = fs::read(media("codecs/drift_hevc_160x90.mp4")).unwrap();
    let at = hvc1.windows(4).position(|four| four == b"hvc1").unwrap();
    let hev1 = [&hvc1[..at], b"hev1", &hvc1[at + 4..]].concat();
    for (name, bytes, expected) in [("a.mp4", &hvc1, 0), ("b.mp4", &hev1, 1)] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let added =
            json(&add(data.path(), &[path.to_str().unwrap(), "--policy", "open", "--json"]));
        let warnings = added["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), expected, "{added}");
        let named = |warning: &Value| warning.as_str().unwrap().contains("b.mp4: hevc-parameter-");
        assert!(warnings.iter().all(named), "{added}");
    }
}

#[test]
fn open_groups_of_pictures_are_told() {
    let data = tempfile::tempdir().unwrap();
    let film = media("traps/open_gop.mp4");
    let film = film.to_str().unwrap();
    let added = json(&add(data.path(), &[film, "--policy", "open", "--json"]));
    let [warning] = added["warnings"].as_array().unwrap().as_slice() else { panic!("{added}") };
    let warning = warning.as_str().unwrap();
    assert!(warning.contains("open_gop.mp4: open-groups: segments start at the"), "{warning}");
    assert!(warning.contains("; 2 key frames have") && warning.contains("open-gop=0"), "{warning}");
}

#[test]
fn sound_that_does_not_go_with_the_pictures_is_told() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(&demo("gate_h264_180p.mp4"), &folder.path().join("film.mp4"));
    copy(&media("traps/fragmented_audio_sidx.mp4"), &folder.path().join("sound.mp4"));
    let late = media("traps/elst_empty_edit_audio.mp4");
    for (path, expected) in [
        (&*late, "elst_empty_edit_audio.mp4: tracks-start-apart: its sound starts 0.480 s behind"),
        (folder.path(), "sound.mp4: tracks-end-apart: its sound ends 15.920 s before"),
    ] {
        let path = path.to_str().unwrap();
        let added = json(&add(data.path(), &[path, "--name", "film", "--replace", "--json"]));
        let [warning] = added["warnings"].as_array().unwrap().as_slice() else { panic!("{added}") };
        assert!(warning.as_str().unwrap().contains(expected), "{warning}");
    }
}

#[test]
fn thumbnails_are_named_with_their_grid() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(&demo("gate_h264_180p.mp4"), &folder.path().join("film.mp4"));
    copy(&thumbnails::source(thumbnails::SHEETS), &folder.path().join("thumbs_4x2.mp4"));
    let flags = [folder.path().to_str().unwrap(), "--name", "film", "--policy", "open"];
    let found = "film: thumbs_4x2.mp4: 3 jpeg images of 4x2 thumbnails, 160x90 each";
    let added = json(&add(data.path(), &[&flags[..], &["--json"]].concat()));
    assert_eq!(added["images"], serde_json::json!([found]));
    assert_eq!(added["warnings"], serde_json::json!([]));
    let text = String::from_utf8(add(data.path(), &flags).stdout).unwrap();
    assert!(text.contains(&format!("found: {found}\n")), "{text}");
}

const KEY: [u8; 32] = [0x5a; 32];

/// Encrypts a file in the way of AMS v2; 2^64 blocks are more than any file has, so a counter of 128
/// bits gives the same.
fn encrypt(path: &Path, iv: u64) {
    let mut data = fs::read(path).unwrap();
    let mut counter = [0; 16];
    counter[..8].copy_from_slice(&iv.to_be_bytes());
    Ctr128BE::<Aes256>::new(&KEY.into(), &counter.into()).apply_keystream(&mut data);
    fs::write(path, data).unwrap();
}

const SERVER_MANIFEST: &str = r#"<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>
<video src="gate_h264_180p.mp4" systemBitrate="400000"/></switch></body></smil>"#;

#[tokio::test(flavor = "multi_thread")]
async fn stored_encryption_is_taken_off_while_reading() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [plain, encrypted] = ["plain", "encrypted"].map(|name| folder.path().join(name));
    for dir in [&plain, &encrypted] {
        fs::create_dir(dir).unwrap();
        copy(&demo("gate_h264_180p.mp4"), &dir.join("gate_h264_180p.mp4"));
        fs::write(dir.join("film.ism"), SERVER_MANIFEST).unwrap();
    }
    let files = [("gate_h264_180p.mp4", 0x8070_6050_4030_2010_u64), ("film.ism", 7)];
    files.iter().for_each(|(name, iv)| encrypt(&encrypted.join(name), *iv));
    let metadata = files.map(|(name, iv)| {
        serde_json::json!({"assetFileName": name, "initializationVector": iv.to_string(),
            "assetFileId": "nb:cid:UUID:00000000-0000-0000-0000-000000000000"})
    });
    let document =
        serde_json::json!({"key": BASE64.encode(&KEY), "assetFileEncryptionMetadata": metadata});
    let key_file = folder.path().join("key.json");
    fs::write(&key_file, document.to_string()).unwrap();

    let encrypted = encrypted.to_str().unwrap();
    let refused = add(data.path(), &[encrypted]);
    assert_eq!(refused.status.code(), Some(1), "nobody can read it without the key");
    let form = ["--policy", "open", "--json", "--streaming-policy"];
    let with_key = ["--storage-encryption", key_file.to_str().unwrap()];
    let mut urls = Vec::new();
    for policy in ["Predefined_DownloadAndClearStreaming", "cbcs"] {
        for arguments in [&[plain.to_str().unwrap()][..], &[encrypted, with_key[0], with_key[1]]] {
            let added = json(&add(data.path(), &[&form[..], &[policy], arguments].concat()));
            urls.push(added["streams"][0]["locatorId"].as_str().unwrap().to_owned());
        }
    }
    let server = DevServer::builder().data(data.path()).start();
    let get = |path: String| {
        let url = format!("{}/{path}", server.ready.origin);
        async move {
            client()
                .get(url)
                .send()
                .await
                .unwrap()
                .error_for_status()
                .unwrap()
                .bytes()
                .await
                .unwrap()
        }
    };
    for part in [
        "film.ism/manifest(format=mpd-time-cmaf)",
        "film.ism/QualityLevels(400000)/Fragments(video=i,format=mpd-time-cmaf)",
        "film.ism/QualityLevels(400000)/Fragments(video=60000000,format=mpd-time-cmaf)",
        "film.ism/QualityLevels(400000)/Fragments(video=60000000,format=m3u8-aapl)",
        "gate_h264_180p.mp4",
    ] {
        let [clear, stored] = [0, 1].map(|n| get(format!("{}/{part}", urls[n])));
        assert!(clear.await == stored.await, "{part}");
    }
    // Protected anew: what is sent is encrypted for the player, and of the same length.
    let fragment = "film.ism/QualityLevels(400000)/Fragments(video=0,format=mpd-time-cmaf,encryption=cbcs-aapl)";
    let [clear, stored] = [2, 3].map(|n| get(format!("{}/{fragment}", urls[n])));
    assert_eq!(clear.await.len(), stored.await.len());
    let database = fs::read(data.path().join("portcullis.db")).unwrap();
    let secrets = [KEY.to_vec(), BASE64.encode(&KEY).into_bytes()];
    for secret in &secrets {
        assert!(!database.windows(secret.len()).any(|window| window == secret.as_slice()));
        assert!(
            !server
                .log()
                .as_bytes()
                .windows(secret.len())
                .any(|window| window == secret.as_slice())
        );
    }
}

/// What was read with the right key is no answer to who has another one.
#[tokio::test(flavor = "multi_thread")]
async fn another_key_is_another_asset() {
    let folder = tempfile::tempdir().unwrap();
    let name = "gate_h264_180p.mp4";
    copy(&demo(name), &folder.path().join(name));
    encrypt(&folder.path().join(name), 5);
    let stored = |key: [u8; 32]| {
        let document = serde_json::json!({"key": BASE64.encode(&key),
            "assetFileEncryptionMetadata": [{"assetFileName": name, "initializationVector": "5"}]});
        let encryption = StorageEncryption::parse(document.to_string().as_bytes()).unwrap();
        Asset {
            name: "film".to_owned(),
            dir: folder.path().to_owned(),
            segment_ms: 6000,
            created: jiff::Timestamp::UNIX_EPOCH,
            storage_encryption: Some(Arc::new(encryption)),
            encrypted: Default::default(),
        }
    };
    let cache = AssetCache::new(1 << 20);
    let cutting = Cutting { fragment_ms: 6000, packed: 1 };
    let (right, wrong) = (stored(KEY), stored([1; 32]));
    for _ in 0..2 {
        let loaded = cache.get(&right, cutting).await.unwrap();
        assert_eq!(loaded.asset.renditions().count(), 1);
        cache.get(&wrong, cutting).await.unwrap_err();
    }
    // First requests at the same time load what each of them asks for.
    let cache = AssetCache::new(1 << 20);
    let (right, wrong) = tokio::join!(cache.get(&right, cutting), cache.get(&wrong, cutting));
    assert!(right.is_ok() && wrong.is_err());
}

#[test]
fn a_document_that_is_none_is_refused_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    fs::write(&file, r#"{"key": "c2VjcmV0"}"#).unwrap();
    let demo = demo("");
    let data = folder.path().join("data");
    let output =
        add(&data, &[demo.to_str().unwrap(), "--storage-encryption", file.to_str().unwrap()]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("storage encryption") && !stderr.contains("c2VjcmV0"), "{stderr}");
}
