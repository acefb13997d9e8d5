//! Encrypted files of other packagers that are not passed through: what would encrypt them twice, what
//! has no form for them, and files that lie.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis::media::{Encrypted, FileIndex};
use proptest::prelude::*;

use super::passed::{
    FILM, PASS, SOUND, SYSTEMS, by_our_packager, by_packager, changed, demand_source, manifest,
    passed, shelf, some_key,
};
use crate::support::http::client;
use crate::support::oracle::HexKey;
use crate::support::origin::{CLIP, Shelf, demo, get};
use crate::support::presentation::dash;
use crate::support::server::portcullis;

/// Runs `add`, which refuses; gives what it says.
fn refused(shelf: &Shelf, path: &Path, flags: &[&str]) -> String {
    let mut add = portcullis();
    add.args(["add", "--policy", "open", "--data"]).arg(&shelf.server.data).args(flags).arg(path);
    let output = add.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn what_would_encrypt_twice_or_has_no_form_is_refused_by_name() {
    let shelf = shelf();
    let film = by_packager(FILM, "video", "cbcs", &[]);
    let base = passed(&shelf, "film", &[("film.mp4", film)]);
    let clear = ["--streaming-policy", "clear"];
    let path = shelf.path("film");
    let said = refused(&shelf, &path, &clear);
    assert!(said.contains("already-encrypted") && said.contains("--encrypted pass"), "{said}");
    for policy in ["cenc", "cbcs", "aes", "drm"] {
        let flags = [PASS, &["--streaming-policy", policy]].concat();
        let said = refused(&shelf, &path, &flags);
        assert!(said.contains("enabledProtocols") && said.contains("already-encrypted"), "{said}");
    }
    // A refusal changes nothing of what is there.
    for format in ["m3u8-aapl", "m3u8-aapl-v3", "m3u8-aapl-packed", "fmp4", "fmp4-v20"] {
        let answer = get(&manifest(&base, format)).await;
        let (status, code, detail) = answer.refusal();
        assert_eq!((status, code), (415, "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED"), "{format}");
        assert!(detail.contains("already-encrypted"), "{detail}");
    }
    let twice = get(&format!("{base}/manifest(format=mpd-time-cmaf,encryption=cenc)")).await;
    assert_eq!(twice.refusal().1, "MPE_ENC_ENCRYPTION_NOT_SET_IN_DELIVERY_POLICY");
}

/// Publishes files that cannot be passed through; gives what `add` says.
fn refused_files(shelf: &Shelf, files: &[(&str, Vec<u8>)]) -> String {
    let folder = shelf.path("refused");
    fs::create_dir(&folder).unwrap();
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let flags = [PASS, &["--streaming-policy", "clear"]].concat();
    let said = refused(shelf, &folder, &flags);
    fs::remove_dir_all(folder).unwrap();
    said
}

#[test]
fn keys_and_schemes_that_differ_within_an_asset_or_a_track_are_refused_by_name() {
    let shelf = shelf();
    let film = by_packager(FILM, "video", "cenc", &[]);
    let sound = by_packager(SOUND, "audio", "cbcs", &[]);
    let said = refused_files(&shelf, &[("film.mp4", film), ("sound.mp4", sound)]);
    assert!(said.contains("cannot-pass-through: the tracks are encrypted under several"), "{said}");
    let other = HexKey { kid: "cd".repeat(16), key: "20".repeat(16) };
    let rotating = ["--crypto_period_duration", "6"];
    let film = by_our_packager(&shelf, &rotating, &[some_key(), other]);
    let said = refused_files(&shelf, &[("film.mp4", film)]);
    assert!(said.contains("in groups with keys of their own (`seig`)"), "{said}");
    // The lead is encrypted, what is behind it clear.
    let lead = ["--clear_lead", "6", "--protection_scheme", "cbcs"];
    let film = by_our_packager(&shelf, &lead, &[some_key()]);
    let film = changed(&film, |file| {
        for (kind, number) in [(b"trex", 2), (b"tfhd", 1)] {
            let at = body_of(file, kind) + 8;
            file[at..at + 4].copy_from_slice(&[0, 0, 0, number]);
        }
    });
    let said = refused_files(&shelf, &[("film.mp4", film)]);
    assert!(said.contains("clear samples follow encrypted ones"), "{said}");
}

/// Locators that were made for clear files do not encrypt what is passed through.
#[tokio::test]
async fn locators_that_are_there_encrypt_nothing_twice() {
    let shelf = shelf();
    let clear = shelf.stream("one", "clear").manifest("dash").url.clone();
    let kept = ["cenc", "cbcs", "aes"].map(|form| shelf.stream("one", form).manifests.clone());
    shelf.replace_all("one", &demo(SOUND));
    let file = shelf.path("one").join(SOUND);
    fs::write(file, by_packager(SOUND, "audio", "cenc", &[])).unwrap();
    shelf.published("one", "clear", PASS);
    // The server looks for changes of others every moment.
    for _ in 0..100 {
        if get(&clear).await.status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    demand_source(&dash(&client(), &clear).await[0], SOUND, "clear");
    for manifest in kept.iter().flatten() {
        let answer = get(&manifest.url).await;
        let (status, code, detail) = answer.refusal();
        assert_eq!((status, code), (415, "MPE_ENCRYPTION_NOT_SUPPORTED"), "{}", manifest.url);
        assert!(detail.contains("already-encrypted"), "{detail}");
    }
}

/// Where the body of the first box of that type begins.
fn body_of(file: &[u8], kind: &[u8; 4]) -> usize {
    file.windows(4).position(|window| window == kind).unwrap() + 4
}

type Change = Box<dyn Fn(&mut Vec<u8>)>;

#[test]
fn auxiliary_data_that_lie_are_refused_by_name() {
    let shelf = shelf();
    let film = by_packager(FILM, "video", "cenc", &[]);
    let hide = |kind: &'static [u8; 4]| -> Change {
        Box::new(move |file| {
            let at = body_of(file, kind);
            file[at - 4..at].copy_from_slice(b"free");
        })
    };
    let put = |kind: &'static [u8; 4], at: usize, bytes: &'static [u8]| -> Change {
        Box::new(move |file| {
            let start = body_of(file, kind) + at;
            file[start..start + bytes.len()].copy_from_slice(bytes);
        })
    };
    let both = |first: Change, second: Change| -> Change {
        Box::new(move |file| {
            first(file);
            second(file);
        })
    };
    let cases: Vec<(Change, &str)> = vec![
        (put(b"senc", 4, &[0, 0, 0, 1]), "`senc` ends before"),
        (put(b"senc", 16, &[0xff, 0xff]), "`senc` ends before"),
        (put(b"senc", 18, &[0x7f, 0xff]), "subsamples of a sample are not as large"),
        (both(hide(b"senc"), put(b"saiz", 5, &[0xff; 4])), "saiz"),
        (both(hide(b"senc"), put(b"saiz", 5, &[0, 0, 0, 1])), "as many samples"),
        (both(hide(b"senc"), put(b"saio", 4, &[0, 0, 0, 2])), "several places"),
        (both(hide(b"senc"), put(b"saio", 8, &[0x7f, 0, 0, 0])), "outside of the file"),
        (both(hide(b"senc"), hide(b"saiz")), "without `saio`, or the reverse"),
        (both(hide(b"senc"), both(hide(b"saiz"), hide(b"saio"))), "nothing says the IVs"),
        (put(b"schm", 4, b"mine"), "the protection scheme 'mine' is not known"),
        (put(b"tenc", 7, &[9]), "8 or 16 bytes"),
    ];
    let path: PathBuf = shelf.path("broken.mp4");
    for (n, (change, named)) in cases.iter().enumerate() {
        fs::write(&path, changed(&film, change)).unwrap();
        let flags = [PASS, &["--streaming-policy", "clear", "--name", "broken"]].concat();
        let said = refused(&shelf, &path, &flags);
        assert!(said.contains(named) && !said.contains("panicked"), "case {n}: {said}");
    }
}

/// Boxes that speak of another key than that of the samples: what would be served is read before there
/// is a locator.
#[test]
fn systems_that_are_told_of_another_key_are_named_before_anything_is_published() {
    let shelf = shelf();
    let film = by_packager(FILM, "video", "cenc", SYSTEMS);
    let film = changed(&film, |file| {
        let kid = body_of(file, b"tenc") + 8;
        file[kid..kid + 16].fill(0xcd);
    });
    let said = refused_files(&shelf, &[("film.mp4", film)]);
    assert!(said.contains("noEncryption.enabledProtocols.dash"), "{said}");
    for part in ["pssh", "but", "tenc of track 1: KID cdcdcdcd-"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

fn encrypted_once() -> &'static Vec<u8> {
    static FILE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    FILE.get_or_init(|| by_packager(CLIP, "video", "cenc", SYSTEMS))
}

/// Reads what opens every sample of a file that was opened before, from the bytes that are there now.
fn read_all(index: &FileIndex, now: &[u8]) -> Vec<bool> {
    let tracks = index.tracks.iter().filter_map(|track| Some((track, track.sealed.as_ref()?)));
    tracks
        .map(|(track, sealed)| {
            sealed.auxiliary(&track.index, 0..track.index.len(), now).is_ok_and(|read| {
                read.is_some_and(|read| read.samples.len() == track.index.len() as usize)
            })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_files_never_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let whole = encrypted_once();
        // Headers: the first fragment is not far behind the movie header.
        let places = 0..body_of(whole, b"mdat");
        let damaged = changed(whole, |file| {
            for (at, byte) in &damage {
                file[at.index(places.len())] = *byte;
            }
        });
        if let Ok(index) = FileIndex::read_as(damaged.as_slice(), Encrypted::Pass) {
            prop_assert!(read_all(&index, &damaged).into_iter().all(|read| read));
            read_all(&index, &damaged[..places.end]);
        }
        let index = FileIndex::read_as(whole.as_slice(), Encrypted::Pass).unwrap();
        read_all(&index, &damaged);
        prop_assert_eq!(read_all(&index, whole), [true]);
    }
}
