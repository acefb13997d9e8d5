//! `portcullis inspect` on what another packager encrypted: consistent files pass, damage is named.

use std::fs;

use super::titles::CODECS;
use crate::support::oracle::{HexKey, encrypted_by_packager, packaged_by_packager};
use crate::support::server::portcullis;

fn key() -> HexKey {
    HexKey { kid: "ab".repeat(16), key: "10".repeat(16) }
}

fn encrypted(part: &str, kind: &str, scheme: &str) -> Vec<u8> {
    let sources = CODECS.sources();
    let source = sources.iter().find(|source| source.name.contains(part)).unwrap();
    encrypted_by_packager(&source.path, &key(), kind, scheme)
}

/// Whether it passes, and what it says.
fn inspect(media: &[u8]) -> (bool, serde_json::Value) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), media).unwrap();
    let output = portcullis().args(["inspect", "--json"]).arg(file.path()).output().unwrap();
    (output.status.success(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn what_others_encrypt_is_consistent() {
    for scheme in ["cenc", "cens", "cbc1", "cbcs"] {
        for (part, kind) in [("_h264_", "video"), ("_aac_", "audio")] {
            let (passes, report) = inspect(&encrypted(part, kind, scheme));
            assert!(passes, "{part} {scheme}: {:?}", report["contradictions"]);
            let told = report["protection"].as_array().unwrap().last().unwrap().to_string();
            assert!(told.contains(&format!("samples under {scheme}, KID abababab-")), "{told}");
        }
    }
}

/// Init segments of keys that change name none, and playlists all.
#[test]
fn keys_that_change_are_those_of_fragments() {
    let sources = CODECS.sources();
    let source = sources.iter().find(|source| source.name.contains("_h264_")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let stream = format!(
        "in={},stream=video,init_segment=i.mp4,segment_template=$Number$.m4s,playlist_name=v.m3u8",
        source.path.display()
    );
    let key = "label=:key_id=00112233445566778899aabbccddeeff:key=44444444444444444444444444444444";
    let rotate = ["--crypto_period_duration", "1", "--segment_duration", "1", "--clear_lead", "0"];
    let manifests = ["--mpd_output", "f.mpd", "--hls_master_playlist_output", "f.m3u8"];
    for scheme in ["cenc", "cbcs"] {
        let encrypt = ["--enable_raw_key_encryption", "--keys", key, "--protection_scheme", scheme];
        let systems = ["--protection_systems", "Widevine,PlayReady", "--hls_playlist_type", "VOD"];
        let arguments = [&[&*stream][..], &encrypt, &systems, &rotate, &manifests].concat();
        packaged_by_packager(dir.path(), &arguments);
        let list = fs::read_to_string(dir.path().join("v.m3u8")).unwrap();
        assert!(list.matches("KEYID=0x").count() > 1, "{list}");
        for manifest in ["f.mpd", "f.m3u8", "v.m3u8"] {
            let file = dir.path().join(manifest);
            let output = portcullis().arg("inspect").arg(file).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{scheme} {manifest}: {said}");
        }
    }
}

/// The body of the first box of a type.
fn body<'a>(media: &'a mut [u8], kind: &[u8; 4]) -> &'a mut [u8] {
    let at = media.windows(4).position(|window| window == kind).expect("the box is there");
    &mut media[at + 4..]
}

#[test]
fn contradictions_are_named() {
    let clean = encrypted("_h264_", "video", "cenc");
    // Version and flags, count, IV, number of subsamples, clear bytes, protected bytes.
    let first_iv = 8;
    let clear_low = first_iv + 8 + 2 + 1;
    type Damage = (&'static str, fn(&mut [u8], usize), &'static str);
    let table: [Damage; 5] = [
        ("saio", |body, _| body[11] ^= 1, "saio points at"),
        ("saiz", |body, _| body[8] ^= 1, "saiz"),
        ("senc", |body, clear| body[clear] ^= 1, "the subsamples of sample 0"),
        ("senc", |body, _| body[4..8].fill(0xff), "senc has more samples than the fragment"),
        ("tfhd", |body, _| body[7] ^= 8, "the movie header does not have it"),
    ];
    for (kind, damage, expected) in table {
        let mut media = clean.clone();
        damage(body(&mut media, kind.as_bytes().first_chunk().unwrap()), clear_low);
        let (passes, report) = inspect(&media);
        let said = report["contradictions"].to_string();
        assert!(!passes && said.contains(expected), "{kind}: {said}");
    }
    let mut media = clean;
    let senc = body(&mut media, b"senc");
    let subsamples = usize::from(u16::from_be_bytes([senc[16], senc[17]]));
    let second = 8 + 8 + 2 + 6 * subsamples;
    senc.copy_within(8..16, second);
    let (passes, report) = inspect(&media);
    assert!(
        !passes && report["contradictions"].to_string().contains("an IV that another sample has")
    );
}
