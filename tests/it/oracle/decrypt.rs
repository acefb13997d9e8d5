//! `portcullis decrypt`: what others and we encrypted comes back, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use aes::Aes128;
use cipher::BlockModeEncrypt;
use cipher::KeyIvInit;
use cipher::block_padding::Pkcs7;
use portcullis::cenc::decrypt::{Decryptor, Keyring};
use proptest::prelude::*;
use reqwest::{Client, Url};
use tempfile::TempDir;

use super::titles::{CLIP, CODECS};
use crate::support::oracle::{HexKey, encrypted_by_packager, samples_of_file};
use crate::support::presentation::fetch;
use crate::support::server::{DevServer, Key, Stream, portcullis};

/// A folder with a key file, and what is in it.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new(keys: &[HexKey]) -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        let lines: Vec<String> =
            keys.iter().map(|HexKey { kid, key }| format!("{kid}:{key}\n")).collect();
        bench.put("keys", lines.concat().as_bytes());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Decrypts into the file `out`.
    fn decrypt(&self, inputs: &[impl AsRef<Path>]) -> Output {
        let mut command = portcullis();
        command.arg("decrypt").args(inputs.iter().map(AsRef::as_ref)).arg(self.path("out"));
        command.arg("--json").arg("--key-file").arg(self.path("keys")).output().unwrap()
    }

    fn decrypted(&self, inputs: &[impl AsRef<Path>]) -> serde_json::Value {
        let output = self.decrypt(inputs);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The one line that says why not.
    fn refused(&self, inputs: &[impl AsRef<Path>]) -> String {
        let output = self.decrypt(inputs);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!self.path("out").exists(), "a refused input leaves no file");
        String::from_utf8(output.stderr).unwrap()
    }
}

fn some_key() -> HexKey {
    let digits = |from: u8| (0..16).map(|n| format!("{:02x}", from + n)).collect();
    HexKey { kid: digits(0xa0), key: digits(0x10) }
}

#[test]
fn every_scheme_of_another_packager_comes_back() {
    let key = some_key();
    let sources = CODECS.sources();
    let wanted = |name: &str| ["_h264_", "_hevc_", "_aac_"].iter().any(|part| name.contains(part));
    for source in sources.iter().filter(|source| wanted(&source.name)) {
        let kind = if source.stream.starts_with('v') { "video" } else { "audio" };
        for scheme in ["cenc", "cens", "cbc1", "cbcs"] {
            let bench = Bench::new(std::slice::from_ref(&key));
            let encrypted = encrypted_by_packager(&source.path, &key, kind, scheme);
            let file = bench.put("in.mp4", &encrypted);
            let what = format!("{} under {scheme}", source.name);
            assert_ne!(samples_of_file(&file, "0").contents(), source.samples.contents(), "{what}");
            let report = bench.decrypted(&[&file]);
            let samples = samples_of_file(&bench.path("out"), "0");
            assert_eq!(samples.contents(), source.samples.contents(), "{what}");
            assert_eq!(report["samples"]["1"], source.samples.list.len(), "{what}");
            assert_eq!(report["bytes"], encrypted.len(), "{what}: no byte moves");
            let boxes = fs::read(bench.path("out")).unwrap();
            for gone in [&b"encv"[..], b"enca", b"sinf", b"senc", b"pssh"] {
                assert!(!boxes.windows(4).any(|window| window == gone), "{what}: {gone:?} is left");
            }
        }
    }
}

fn keys_of(stream: &Stream) -> Vec<HexKey> {
    let key = |key: &Key| HexKey { kid: key.kid.clone(), key: key.key.clone() };
    stream.keys.iter().map(key).collect()
}

#[tokio::test]
async fn init_and_segments_and_playlists_of_ours_come_back() {
    let ready = DevServer::shared();
    let http = Client::new();
    let sources = CLIP.sources();
    for (name, format) in [
        ("cenc-open", "format=m3u8-cmaf,encryption=cenc"),
        ("cbcs-open", "format=m3u8-cmaf,encryption=cbcs-aapl"),
        ("aes-open", "format=m3u8-cmaf,encryption=cbc"),
    ] {
        let stream = ready.stream(name);
        let bench = Bench::new(&keys_of(stream));
        let master = format!("{}/{}/gate.ism/manifest({format})", ready.origin, stream.locator_id);
        let master = Url::parse(&master).unwrap();
        let text = String::from_utf8(fetch(&http, &master).await).unwrap();
        let playlist = text.lines().find(|line| line.starts_with("QualityLevels")).unwrap();
        let playlist = master.join(playlist).unwrap();
        let report = bench.decrypted(&[playlist.as_str()]);
        let samples = samples_of_file(&bench.path("out"), "0");
        let found = sources.iter().any(|source| source.samples.contents() == samples.contents());
        assert!(found, "{name}: {report}");
    }
}

#[test]
fn a_playlist_of_files_comes_back_in_one() {
    let key = some_key();
    let bench = Bench::new(std::slice::from_ref(&key));
    // The IV is the number of the segment unless the playlist names one.
    let padded = |text: &str, iv: u128| {
        let key = data_encoding::HEXLOWER.decode(key.key.as_bytes()).unwrap();
        let chain = cbc::Encryptor::<Aes128>::new_from_slices(&key, &iv.to_be_bytes()).unwrap();
        let mut block = [0; 16];
        block[..text.len()].copy_from_slice(text.as_bytes());
        chain.encrypt_padded::<Pkcs7>(&mut block, text.len()).unwrap().to_vec()
    };
    bench.put("one two.ts", &padded("first ", 7));
    bench.put("both", &[padded("second ", 0xff), b"clear".to_vec()].concat());
    let list = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n\
        #EXTINF:1,\none%20two.ts?token=x\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0xFF\n#EXTINF:1,\n\
        #EXT-X-BYTERANGE:16@0\nboth\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-BYTERANGE:5\nboth\n";
    let list = bench.put("list.m3u8", list.as_bytes());
    let report = bench.decrypted(&[&list]);
    assert_eq!(fs::read(bench.path("out")).unwrap(), b"first second clear");
    assert_eq!(report["segments"], 2);
}

#[test]
fn refusals_say_what_to_do() {
    let key = some_key();
    let other = HexKey { kid: "0".repeat(32), ..key.clone() };
    let encrypted = encrypted_once();
    let bench = Bench::new(&[other]);
    let file = bench.put("in.mp4", encrypted);
    assert!(bench.refused(&[&file]).contains("a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf"));
    let moof = encrypted.windows(4).position(|window| window == b"moof").unwrap();
    let segment = bench.put("segment.m4s", &encrypted[moof - 4..]);
    assert!(bench.refused(&[&segment]).contains("init segment"));
    let cut = bench.put("cut.mp4", &encrypted[..encrypted.len() - 1]);
    let bench = Bench::new(&[key]);
    assert!(bench.refused(&[&cut]).contains("past the end of the file"));
    let text = bench.put("text", b"this is no media file");
    assert!(bench.refused(&[&text]).contains("neither an MP4 nor an HLS playlist"));
    let segment = bench.put("one.ts", &[1; 32]);
    let list = "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\none.ts\n";
    let list = bench.put("list.m3u8", list.as_bytes());
    assert!(segment.exists() && bench.refused(&[&list]).contains("the key or the IV"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_files_never_panic(damage in prop::collection::vec((0_usize..4000, any::<u8>()), 1..6)) {
        let mut media = encrypted_once().clone();
        for (at, byte) in damage {
            let at = at % media.len();
            media[at] = byte;
        }
        let mut keys = Keyring::default();
        let key = some_key();
        keys.add(&format!("{}:{}", key.kid, key.key)).unwrap();
        let mut sink = Vec::new();
        let _ = Decryptor::new(&keys).decrypt(media.as_slice(), &mut sink, |_| {});
        prop_assert!(sink.len() <= media.len());
    }
}

fn encrypted_once() -> &'static Vec<u8> {
    static FILE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    FILE.get_or_init(|| {
        let source = CODECS.sources().into_iter().find(|source| source.name.contains("_h264_"));
        encrypted_by_packager(&source.unwrap().path, &some_key(), "video", "cbcs")
    })
}
