//! What `portcullis inspect` tells of protection systems.

use std::fs;
use std::path::Path;

use portcullis::cenc::Scheme;
use portcullis::drm::playready::{Header, HeaderKey, Object};
use portcullis::drm::widevine::PsshData;
use portcullis::ids::KeyId;

use crate::support::server::portcullis;

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
