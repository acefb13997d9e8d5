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
use reqwest::Url;
use tempfile::TempDir;

use super::titles::{CLIP, CODECS};
use crate::support::http::client;
use crate::support::oracle::{
    HexKey, encrypted_by_ffmpeg, encrypted_by_packager, encrypted_by_packager_with,
    presentation_by_packager, samples_of_file, transport_by_packager,
};
use crate::support::presentation::fetch;
use crate::support::server::{DevServer, Key, Stream, portcullis};
use crate::support::transport::read;

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

    /// Decrypts into the file `out`, also where there is one of before.
    fn decrypt(&self, inputs: &[impl AsRef<Path>]) -> Output {
        let mut command = portcullis();
        command.arg("decrypt").args(inputs.iter().map(AsRef::as_ref)).arg(self.path("out"));
        command.args(["--json", "--force", "--key-file"]).arg(self.path("keys")).output().unwrap()
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

/// The boxes of a file, with their types.
fn boxes(mut file: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let mut boxes = Vec::new();
    while let Some((size, _)) = file.split_first_chunk() {
        let (found, rest) = file.split_at(u32::from_be_bytes(*size) as usize);
        boxes.push((found[4..8].try_into().unwrap(), found.to_vec()));
        file = rest;
    }
    boxes
}

/// A fragment header whose data lie `by` bytes further on.
fn moved(mut moof: Vec<u8>, by: i32) -> Vec<u8> {
    let trun = moof.windows(4).position(|kind| kind == b"trun").unwrap();
    let offset = moof[trun + 12..].first_chunk_mut().unwrap();
    *offset = (i32::from_be_bytes(*offset) + by).to_be_bytes();
    moof
}

/// An encrypted file whose fragments the given closure puts in order, as header and data.
fn reordered(key: &HexKey, order: impl Fn(&[[Vec<u8>; 2]]) -> Vec<u8>) -> Vec<u8> {
    let sources = CODECS.sources();
    let source = sources.iter().find(|source| source.name.contains("_h264_")).unwrap();
    let parts = boxes(&encrypted_by_packager(&source.path, key, "video", "cenc"));
    let of = |wanted: &'static [&[u8; 4]]| {
        let found = parts.iter().filter(|(kind, _)| wanted.contains(&kind));
        found.map(|(_, bytes)| bytes.clone())
    };
    let fragments: Vec<_> =
        of(&[b"moof"]).zip(of(&[b"mdat"])).map(|(moof, mdat)| [moof, mdat]).collect();
    assert!(fragments.len() > 1);
    of(&[b"ftyp", b"moov"]).chain([order(&fragments)]).flatten().collect()
}

#[test]
fn fragments_whose_headers_stand_together_come_back() {
    let key = some_key();
    let file = reordered(&key, |fragments| {
        let pair = |pair: &[[Vec<u8>; 2]]| match pair {
            [[one, first], [two, second]] => {
                let (by_header, by_data) = (two.len() as i32, first.len() as i32);
                let headers = [moved(one.clone(), by_header), moved(two.clone(), by_data)];
                [&headers[0][..], &headers[1], first, second].concat()
            }
            rest => rest.concat().concat(),
        };
        fragments.chunks(2).flat_map(pair).collect()
    });
    let bench = Bench::new(std::slice::from_ref(&key));
    let data_of = |file: Vec<u8>| {
        bench.decrypted(&[bench.put("in.mp4", &file)]);
        let mut boxes = boxes(&fs::read(bench.path("out")).unwrap());
        boxes.retain(|(kind, _)| kind == b"mdat");
        boxes
    };
    let as_made = reordered(&key, |fragments| fragments.concat().concat());
    assert!(data_of(file) == data_of(as_made));
}

#[test]
fn samples_that_are_not_reached_are_no_success() {
    let key = some_key();
    let bench = Bench::new(std::slice::from_ref(&key));
    let before = |[moof, mdat]: &[Vec<u8>; 2]| {
        let back = (moof.len() + mdat.len()) as i32;
        [&mdat[..], &moved(moof.clone(), -back)].concat()
    };
    let file = reordered(&key, |fragments| fragments.iter().flat_map(before).collect());
    let message = bench.refused(&[bench.put("in.mp4", &file)]);
    assert!(message.contains("a sample lies before its header"), "{message}");
    let file = reordered(&key, |fragments| fragments[0][0].clone());
    let message = bench.refused(&[bench.put("in.mp4", &file)]);
    assert!(message.contains("a sample lies where no box has data"), "{message}");
}

fn keys_of(stream: &Stream) -> Vec<HexKey> {
    let key = |key: &Key| HexKey { kid: key.kid.clone(), key: key.key.clone() };
    stream.keys.iter().map(key).collect()
}

#[tokio::test]
async fn init_and_segments_and_playlists_of_ours_come_back() {
    let ready = DevServer::shared();
    let http = client();
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

/// The sources with these codecs, and how the packager calls their kind.
fn sources(parts: &[&str]) -> Vec<(super::titles::Source, &'static str)> {
    let wanted = |name: &str| parts.iter().any(|part| name.contains(part));
    let sources = CODECS.sources().into_iter().filter(|source| wanted(&source.name));
    let kind = |source: super::titles::Source| {
        let kind = if source.stream.starts_with('v') { "video" } else { "audio" };
        (source, kind)
    };
    sources.map(kind).collect()
}

#[test]
fn transport_streams_of_another_packager_come_back() {
    let key = some_key();
    for (source, kind) in sources(&["_h264_", "_aac_eng", "_ac3_", "_ec3_"]) {
        let bench = Bench::new(std::slice::from_ref(&key));
        let [clear, locked] = ["clear", "locked"].map(|name| bench.path(name));
        fs::create_dir(&clear).unwrap();
        fs::create_dir(&locked).unwrap();
        transport_by_packager(&clear, &source.path, kind, None);
        transport_by_packager(&locked, &source.path, kind, Some((&key, &"c3".repeat(16))));
        let expected = read(&segments(&clear, kind));
        let report = bench.decrypted(&[&locked.join("film.m3u8")]);
        let found = read(&fs::read(bench.path("out")).unwrap());
        assert!(found.units.len() > 5, "{}: {report}", source.name);
        assert!(found.units == expected.units, "{}: other units", source.name);
        assert_eq!(found.clock, expected.clock, "{}", source.name);
        assert_eq!(found.continuity_errors, expected.continuity_errors, "{}", source.name);
        // Another key opens nothing.
        let other = HexKey { kid: key.kid.clone(), key: "42".repeat(16) };
        let bench = Bench::new(&[other]);
        let output = bench.decrypt(&[&locked.join("film.m3u8")]);
        if output.status.success() {
            let garbage = read(&fs::read(bench.path("out")).unwrap());
            assert!(garbage.units != expected.units, "{}: under another key", source.name);
        }
    }
}

/// The segments of the packager in their order, joined.
fn segments(dir: &Path, kind: &str) -> Vec<u8> {
    let names = (1..).map(|n| dir.join(format!("{kind}-{n}.ts")));
    names.take_while(|name| name.exists()).flat_map(|name| fs::read(name).unwrap()).collect()
}

#[tokio::test]
async fn transport_streams_of_ours_come_back() {
    let ready = DevServer::shared();
    let http = client();
    let base = |name: &str| format!("{}/{}/gate.ism/", ready.origin, ready.stream(name).locator_id);
    let clear = Url::parse(&base("clear-open")).unwrap();
    let master = clear.join("manifest(format=m3u8-aapl)").unwrap();
    let text = String::from_utf8(fetch(&http, &master).await).unwrap();
    let lists = text.lines().filter(|line| line.starts_with("QualityLevels"));
    for list in lists {
        let stream = ready.stream("cbcs-open");
        let bench = Bench::new(&keys_of(stream));
        let expected = bench.decrypted(&[clear.join(list).unwrap().as_str()]);
        assert_eq!(expected["segments"], 0, "{list}");
        fs::rename(bench.path("out"), bench.path("clear.ts")).unwrap();
        let locked = list.replace("format=m3u8-aapl", "format=m3u8-aapl,encryption=cbcs-aapl");
        let report = bench.decrypted(&[base("cbcs-open") + &locked]);
        assert_ne!(report["segments"], 0, "{list}");
        let [found, expected] =
            ["out", "clear.ts"].map(|name| read(&fs::read(bench.path(name)).unwrap()));
        assert!(!found.units.is_empty() && found.units == expected.units, "{list}");
        assert_eq!(found.clock, expected.clock, "{list}");
    }
}

#[test]
fn files_without_fragments_come_back() {
    let key = some_key();
    for (source, _) in sources(&["_h264_", "_aac_"]) {
        // The movie header lies behind the samples, or in front.
        for flags in [&[][..], &["-movflags", "+faststart"]] {
            let bench = Bench::new(std::slice::from_ref(&key));
            let encrypted = encrypted_by_ffmpeg(&source.path, &key, flags);
            let file = bench.put("in.mp4", &encrypted);
            let what = format!("{} {flags:?}", source.name);
            assert_ne!(samples_of_file(&file, "0").contents(), source.samples.contents(), "{what}");
            let report = bench.decrypted(&[&file]);
            let samples = samples_of_file(&bench.path("out"), "0");
            assert_eq!(samples.contents(), source.samples.contents(), "{what}");
            assert_eq!(report["samples"]["1"], source.samples.list.len(), "{what}: {report}");
            // Without senc, saiz and saio say the same.
            let mut hidden = encrypted.clone();
            let at = hidden.windows(4).position(|window| window == b"senc").unwrap();
            hidden[at..at + 4].copy_from_slice(b"skip");
            let file = bench.put("hidden.mp4", &hidden);
            bench.decrypted(&[&file]);
            let samples = samples_of_file(&bench.path("out"), "0");
            assert_eq!(samples.contents(), source.samples.contents(), "{what} without senc");
        }
    }
}

#[test]
fn fragments_of_piff_with_a_key_of_their_own_come_back() {
    let key = some_key();
    let (source, kind) = sources(&["_h264_160"]).remove(0);
    let media = with_overrides(encrypted_by_packager(&source.path, &key, kind, "cenc"), &key.kid);
    let bench = Bench::new(std::slice::from_ref(&key));
    let file = bench.put("in.mp4", &media);
    bench.decrypted(&[&file]);
    let samples = samples_of_file(&bench.path("out"), "0");
    assert_eq!(samples.contents(), source.samples.contents());
}

/// Each `senc` becomes a box of PIFF that overrides a `tenc` of no key.
fn with_overrides(mut media: Vec<u8>, kid: &str) -> Vec<u8> {
    const TYPE: &str = "a2394f525a9b4f14a2446c427c648df4";
    let find = |media: &[u8], kind: &[u8; 4], from: usize| {
        media[from..].windows(4).position(|window| window == kind).map(|at| from + at - 4)
    };
    let tenc = find(&media, b"tenc", 0).unwrap();
    media[tenc + 16..tenc + 32].fill(0);
    let mut at = 0;
    while let Some(moof) = find(&media, b"moof", at) {
        let more = |media: &mut Vec<u8>, at: usize, by: u32| {
            let size = u32::from_be_bytes(media[at..at + 4].try_into().unwrap());
            media[at..at + 4].copy_from_slice(&(size + by).to_be_bytes());
        };
        let senc = find(&media, b"senc", moof).unwrap();
        let [traf, trun] = [b"traf", b"trun"].map(|kind| find(&media, kind, moof).unwrap());
        for place in [moof, traf, senc, trun + 16] {
            more(&mut media, place, 36);
        }
        media[senc + 4..senc + 8].copy_from_slice(b"uuid");
        media[senc + 11] |= 1;
        let own = format!("000001{:02x}{kid}", 8);
        let own = data_encoding::HEXLOWER.decode(own.as_bytes()).unwrap();
        media.splice(senc + 12..senc + 12, own);
        let kind = data_encoding::HEXLOWER.decode(TYPE.as_bytes()).unwrap();
        media.splice(senc + 8..senc + 8, kind);
        at = senc + 44;
    }
    media
}

#[test]
fn whole_presentations_come_back() {
    let key = some_key();
    let (source, _) = sources(&["_h264_160"]).remove(0);
    let (sound, _) = sources(&["_aac_eng"]).remove(0);
    let dir = tempfile::tempdir().unwrap();
    for (file, kind) in [(&source.path, "video"), (&sound.path, "audio")] {
        let dir = dir.path().join(kind);
        fs::create_dir(&dir).unwrap();
        presentation_by_packager(&dir, file, &[kind], &key, &["--protection_scheme", "cbcs"]);
        let source = if kind == "video" { &source } else { &sound };
        for manifest in ["film.mpd", "film.m3u8"] {
            let bench = Bench::new(std::slice::from_ref(&key));
            let report = bench.decrypted(&[&dir.join(manifest)]);
            let tracks = report["tracks"].as_array().unwrap();
            let file = PathBuf::from(tracks[0]["output"].as_str().unwrap());
            assert_eq!(file.parent(), Some(&*bench.path("out")), "{report}");
            assert_eq!(file.extension().unwrap(), "mp4");
            let samples = samples_of_file(&file, "0");
            assert_eq!(samples.contents(), source.samples.contents(), "{kind} {manifest}");
        }
    }
}

#[tokio::test]
async fn whole_presentations_of_ours_come_back() {
    let ready = DevServer::shared();
    let sources = CLIP.sources();
    for (name, selectors) in [
        ("cenc-open", "format=mpd-time-cmaf,encryption=cenc"),
        ("aes-open", "format=mpd-time-cmaf,encryption=cbc"),
        ("cbcs-open", "format=m3u8-cmaf,encryption=cbcs-aapl"),
        ("cbcs-open", "format=mpd-ondemand,encryption=cbcs-aapl"),
    ] {
        let stream = ready.stream(name);
        let bench = Bench::new(&keys_of(stream));
        let url = format!("{}/{}/gate.ism/manifest({selectors})", ready.origin, stream.locator_id);
        let report = bench.decrypted(&[url]);
        let tracks = report["tracks"].as_array().unwrap();
        assert!(tracks.len() >= sources.len(), "{selectors}: {report}");
        let whole = tracks.iter().filter(|track| {
            let samples = samples_of_file(Path::new(track["output"].as_str().unwrap()), "0");
            sources.iter().any(|source| source.samples.contents() == samples.contents())
        });
        assert_eq!(whole.count(), sources.len(), "{selectors}: {report}");
    }
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
    assert!(bench.refused(&[&text]).contains("neither an MP4, an MPD nor an HLS playlist"));
    let segment = bench.put("one.ts", &[1; 32]);
    let list = "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\none.ts\n";
    let list = bench.put("list.m3u8", list.as_bytes());
    assert!(segment.exists() && bench.refused(&[&list]).contains("the key or the IV"));
}

/// A constant IV has 8 or 16 bytes, in `tenc` and in a group of samples alike.
#[test]
fn constant_ivs_of_another_length_are_refused_by_name() {
    let source = CODECS.sources().into_iter().find(|source| source.name.contains("_h264_"));
    let flags = ["--protection_scheme", "cbcs", "--crypto_period_duration", "4"];
    let rotating = encrypted_by_packager_with(&source.unwrap().path, &some_key(), "video", &flags);
    let bench = Bench::new(&[some_key()]);
    // Where the length stands behind the type of the box.
    for (media, kind, at) in [(encrypted_once(), b"tenc", 28), (&rotating, b"sgpd", 40)] {
        let at = media.windows(4).position(|window| window == kind).unwrap() + at;
        assert_eq!(media[at], 16);
        for length in [0, 7, 9, 15, 17, 255] {
            let mut media = media.clone();
            media[at] = length;
            let file = bench.put("in.mp4", &media);
            let rule = format!(
                "box '{}': a constant IV has 8 or 16 bytes",
                std::str::from_utf8(kind).unwrap()
            );
            let said = bench.refused(&[&file]);
            assert!(said.contains(&rule), "{length}: {said}");
            let told = portcullis().arg("inspect").arg(&file).output().unwrap();
            let said = String::from_utf8(told.stdout).unwrap();
            assert!(!told.status.success() && said.contains(&rule), "{length}: {said}");
        }
    }
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
