//! `portcullis inspect` of manifests: those of our server and of shaka-packager agree with their init
//! segments and keys, and each difference is named.

use std::fs;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use portcullis::cenc::Scheme;
use portcullis::drm::widevine::PsshData;
use portcullis::ids::KeyId;
use tempfile::TempDir;

use crate::support::oracle::{HexKey, presentation_by_packager};
use crate::support::origin::demo;
use crate::support::server::{DevServer, portcullis};

/// Exit code, and all that is printed.
fn inspect(arguments: &[&str]) -> (Option<i32>, String) {
    let output = portcullis().arg("inspect").args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].map(|part| String::from_utf8(part).unwrap());
    (output.status.code(), text.concat())
}

#[test]
fn every_manifest_that_is_served_agrees_with_init_segments_and_key_records() {
    let data = TempDir::new().unwrap();
    let clip = demo("gate_h264_540p.mp4");
    let add = ["add", clip.to_str().unwrap(), "--name", "gate", "--policy", "open"];
    for policy in ["Predefined_MultiDrmStreaming", "Predefined_ClearKey"] {
        let mut command = portcullis();
        command.args(add).args(["--streaming-policy", policy, "--data"]).arg(data.path());
        assert!(command.output().unwrap().status.success());
    }
    let server = DevServer::builder().data(data.path()).start();
    let folder = data.path().to_str().unwrap();
    let mut protected = 0;
    for stream in &server.ready.streams {
        for manifest in &stream.manifests {
            let (code, said) = inspect(&["--data", folder, &manifest.url]);
            assert_eq!(code, Some(0), "{}: {said}", manifest.url);
            assert!(!said.contains("kid=") && !said.contains('?'), "a query: {said}");
            for key in &stream.keys {
                let hex = HEXLOWER.encode(&BASE64.decode(key.key.as_bytes()).unwrap_or_default());
                assert!(!said.contains(&key.key) && (hex.is_empty() || !said.contains(&hex)));
            }
            // Of SAMPLE-AES and AES-128 with addresses that name no key nothing is to be compared.
            protected += usize::from(stream.keys.iter().any(|key| said.contains(&key.kid)));
        }
    }
    assert!(protected >= 8, "{protected} manifests name their keys");
}

#[test]
fn keys_that_are_given_are_compared() {
    let data = TempDir::new().unwrap();
    let clip = demo("gate_h264_540p.mp4");
    let mut command = portcullis();
    command.args(["add", clip.to_str().unwrap(), "--name", "gate", "--policy", "open"]);
    command.args(["--streaming-policy", "Predefined_MultiDrmCencStreaming", "--data"]);
    assert!(command.arg(data.path()).output().unwrap().status.success());
    let server = DevServer::builder().data(data.path()).start();
    let stream = server.ready.stream("gate-Predefined_MultiDrmCencStreaming-open");
    let (url, kid) = (&stream.manifest("dash").url, &stream.keys[0].kid);
    let (other, wrong) = ("00000000-0000-4000-8000-000000000001", "5a".repeat(16));
    let (code, said) = inspect(&[url, "--keys", &format!("{other}:{wrong}")]);
    assert_eq!(code, Some(1));
    let expected = format!("KID {kid}, but the key record: there is none of this KID");
    assert!(said.contains(&expected), "{said}");
    let (code, said) = inspect(&[url, "--keys", &format!("{kid}:{wrong}")]);
    assert_eq!(code, Some(1));
    let expected = format!("checksum of KID {kid}, but the key record");
    assert!(said.contains(&expected) && said.contains("PlayReady/pro"), "{said}");
    assert!(!said.contains(&wrong), "a key: {said}");
    // A folder without the locator is no match.
    let empty = TempDir::new().unwrap();
    let (code, _) = inspect(&["--data", empty.path().to_str().unwrap(), url]);
    assert_eq!(code, Some(2));
}

fn key() -> HexKey {
    HexKey { kid: "ab".repeat(16), key: "10".repeat(16) }
}

/// Video and sound by shaka-packager for two systems.
fn packaged(scheme: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let clip = demo("gate_h264_540p.mp4");
    let flags = ["--protection_scheme", scheme, "--protection_systems", "Widevine,PlayReady"];
    presentation_by_packager(dir.path(), &clip, &["video"], &key(), &flags);
    dir
}

#[test]
fn manifests_of_another_packager_agree() {
    for scheme in ["cenc", "cbcs"] {
        let dir = packaged(scheme);
        for manifest in ["film.mpd", "film.m3u8", "video.m3u8"] {
            let file = dir.path().join(manifest);
            let keys = format!("{}:{}", key().kid, key().key);
            let (code, said) = inspect(&[file.to_str().unwrap(), "--keys", &keys]);
            assert_eq!(code, Some(0), "{scheme} {manifest}: {said}");
            let kid: KeyId = key().kid.parse().unwrap();
            assert!(said.contains(&format!("tenc of track 1: scheme: {scheme}, KID: {kid}")));
            assert!(said.contains("Widevine") && said.contains(&format!("data kids: {kid}")));
            assert!(said.contains("header: 4."), "{manifest}: {said}");
        }
    }
}

/// Writes something else in the place of a text that has to be there.
fn change(dir: &Path, file: &str, from: &[u8], to: &[u8]) {
    let path = dir.join(file);
    let mut data = fs::read(&path).unwrap();
    let mut places = 0;
    while let Some(at) = data.windows(from.len()).position(|window| window == from) {
        data.splice(at..at + from.len(), to.iter().copied());
        places += 1;
        if places > 16 {
            break;
        }
    }
    assert!(places > 0, "{file} has no {}", String::from_utf8_lossy(from));
    fs::write(path, data).unwrap();
}

/// The base64 of Widevine's box for a key as the packager writes it.
fn base64_between<'t>(text: &'t str, front: &str, back: &str) -> &'t str {
    let (_, rest) = text.split_once(front).expect(front);
    rest.split_once(back).expect(back).0
}

#[test]
fn each_difference_is_named_by_file_element_and_value() {
    let (kid, other) = ([0xab; 16], [0xcd; 16]);
    let widevine =
        BASE64.encode(&PsshData::new(&[KeyId::from_bytes(other)], Scheme::Cenc).pssh().to_vec());
    let [kid_text, other_text] = [kid, other].map(|kid| KeyId::from_bytes(kid).to_string());
    type Change<'a> = &'a dyn Fn(&Path);
    let mpd_kid: Change<'_> = &|dir| {
        let [from, to] = [&kid_text, &other_text].map(|kid| format!("default_KID=\"{kid}\""));
        change(dir, "film.mpd", from.as_bytes(), to.as_bytes());
    };
    let mpd_scheme: Change<'_> =
        &|dir| change(dir, "film.mpd", b"value=\"cenc\"", b"value=\"cbcs\"");
    let mpd_pssh = |dir: &Path, front: &str| {
        let text = fs::read_to_string(dir.join("film.mpd")).unwrap();
        let (_, descriptor) = text.split_once(front).unwrap();
        let pssh = base64_between(descriptor, "<cenc:pssh>", "</cenc:pssh>").to_owned();
        change(dir, "film.mpd", pssh.as_bytes(), widevine.as_bytes());
    };
    let mpd_widevine: Change<'_> = &|dir| mpd_pssh(dir, "urn:uuid:edef8ba9");
    let mpd_play_ready: Change<'_> = &|dir| mpd_pssh(dir, "urn:uuid:9a04f079");
    let mpd_pro: Change<'_> = &|dir| {
        let text = fs::read_to_string(dir.join("film.mpd")).unwrap();
        let pro = base64_between(&text, "<mspr:pro>", "</mspr:pro>").to_owned();
        let mut data = BASE64.decode(pro.as_bytes()).unwrap();
        data[0] ^= 1;
        change(dir, "film.mpd", pro.as_bytes(), BASE64.encode(&data).as_bytes());
    };
    let hls_key_id: Change<'_> = &|dir| {
        let [from, to] = [kid, other].map(|kid| format!("KEYID=0x{}", HEXLOWER.encode(&kid)));
        let text = fs::read_to_string(dir.join("video.m3u8")).unwrap();
        let from =
            if text.contains(&from) { from } else { from.to_uppercase().replace("0X", "0x") };
        change(dir, "video.m3u8", from.as_bytes(), to.as_bytes());
    };
    let tenc: Change<'_> = &|dir| {
        let path = dir.join("video-init.mp4");
        let mut data = fs::read(&path).unwrap();
        let at = data.windows(4).position(|window| window == b"tenc").unwrap();
        data[at + 12..at + 28].copy_from_slice(&other);
        fs::write(path, data).unwrap();
    };
    let says = |value: &str, by: &str, expected: &str| format!("{value}, but {by}: {expected}");
    let (ours, theirs) = (format!("KID {kid_text}"), format!("KID {other_text}"));
    let cases: [(&str, &str, Change<'_>, String); 8] = [
        (
            "film.mpd",
            "film.mpd: ContentProtection urn:mpeg:dash:mp4protection:2011: ",
            mpd_kid,
            says(&theirs, "", &ours),
        ),
        (
            "film.mpd",
            "film.mpd: ContentProtection urn:mpeg:dash:mp4protection:2011: ",
            mpd_scheme,
            says("scheme cbcs", "", "scheme cenc"),
        ),
        (
            "film.mpd",
            "film.mpd: ContentProtection Widevine/pssh: ",
            mpd_widevine,
            says(&theirs, "", &ours),
        ),
        (
            "film.mpd",
            "film.mpd: ContentProtection PlayReady/pro: ",
            mpd_pro,
            "the length field is not the length of the data".to_owned(),
        ),
        (
            "film.mpd",
            "film.mpd: ContentProtection PlayReady/pssh: ",
            mpd_play_ready,
            "the box is of Widevine, the descriptor of PlayReady".to_owned(),
        ),
        ("video.m3u8", "(Widevine) KEYID: ", hls_key_id, says(&theirs, "", &ours)),
        ("film.m3u8", "video-init.mp4: pssh: ", tenc, says(&ours, "", &theirs)),
        ("film.mpd", "film.mpd: ContentProtection Widevine/pssh: ", tenc, says(&ours, "", &theirs)),
    ];
    for (target, element, change, said) in cases {
        let dir = packaged("cenc");
        let file = dir.path().join(target);
        assert_eq!(inspect(&[file.to_str().unwrap()]).0, Some(0), "{target}");
        change(dir.path());
        let (code, printed) = inspect(&[file.to_str().unwrap()]);
        assert_eq!(code, Some(1), "{element}: {printed}");
        let by_place = |line: &str| match said.split_once(", but : ") {
            Some((value, expected)) => {
                line.contains(&format!("{element}{value}, but ")) && line.ends_with(expected)
            }
            None => line.contains(element) && line.contains(&said),
        };
        assert!(printed.lines().any(by_place), "{element}{said}: {printed}");
    }
}

#[test]
fn what_is_named_and_is_not_there_is_told() {
    let dir = packaged("cenc");
    fs::remove_file(dir.path().join("video-init.mp4")).unwrap();
    let file = dir.path().join("film.mpd");
    let (code, said) = inspect(&[file.to_str().unwrap(), "--json"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("\"unread\"") && said.contains("video-init.mp4: No such file"), "{said}");
    fs::write(&file, "<MPD><Period>").unwrap();
    assert_eq!(inspect(&[file.to_str().unwrap()]).0, Some(1));
    fs::write(&file, "<html/>").unwrap();
    assert!(inspect(&[file.to_str().unwrap()]).1.contains("neither an MPD nor"));
}
