//! Files that another packager has encrypted, passed through: what is served opens with the other's key
//! and is, sample by sample, the clear source.

use std::fs;

use crate::support::boxes::{encryption, find};
use crate::support::http::client;
use crate::support::oracle::{
    HexKey, Samples, encrypted_by_ffmpeg, encrypted_by_packager_with, presentation_by_packager,
    samples_decrypted_by_ffmpeg, samples_decrypted_by_packager, samples_of_bytes, samples_of_file,
};
use crate::support::origin::{CLIP, Shelf, demo, get};
use crate::support::presentation::{Track, dash, dash_key_frames, fetch_text, hls};
use crate::support::server::portcullis;

pub(super) const FILM: &str = "gate_h264_540p.mp4";
pub(super) const SOUND: &str = "gate_aac_eng.mp4";
pub(super) const PASS: &[&str] = &["--encrypted", "pass"];
pub(super) const SYSTEMS: &[&str] = &["--protection_systems", "Widevine,PlayReady,CommonSystem"];

pub(super) fn some_key() -> HexKey {
    HexKey { kid: "ab".repeat(16), key: "10".repeat(16) }
}

/// A server beside which encrypted files are published.
pub(super) fn shelf() -> Shelf {
    Shelf::start([("one", vec![demo(CLIP)]), ("two", vec![demo(CLIP)])])
}

/// Publishes these files as one asset that is passed through; gives the address of its presentation.
pub(super) fn passed(shelf: &Shelf, folder: &str, files: &[(&str, Vec<u8>)]) -> String {
    fs::create_dir(shelf.path(folder)).unwrap();
    for (name, bytes) in files {
        fs::write(shelf.path(folder).join(name), bytes).unwrap();
    }
    format!("{}/{folder}.ism", shelf.published(folder, "clear", PASS))
}

pub(super) fn manifest(base: &str, format: &str) -> String {
    format!("{base}/manifest(format={format})")
}

pub(super) fn by_packager(file: &str, kind: &str, scheme: &str, flags: &[&str]) -> Vec<u8> {
    let flags = [&["--protection_scheme", scheme, "--segment_duration", "2"], flags].concat();
    encrypted_by_packager_with(&demo(file), &some_key(), kind, &flags)
}

pub(super) fn source(file: &str) -> Samples {
    samples_of_file(&demo(file), "0")
}

/// Fails unless the track is that of the source once it is decrypted, and not before.
pub(super) fn demand_source(track: &Track, file: &str, what: &str) {
    let media = track.media();
    // ffmpeg decrypts what is no whole block, which `cens` leaves clear.
    let opened = match what.contains("cens") {
        true => samples_decrypted_by_packager(&media, &some_key(), track.kind),
        false => samples_decrypted_by_ffmpeg(&media, &some_key(), "0"),
    };
    assert_eq!(opened.list.len(), source(file).list.len(), "{what}: number of samples");
    assert!(opened.contents() == source(file).contents(), "{what}: the samples are others");
    let kid = encryption(&track.init)[8..24].to_vec();
    assert_eq!(kid, [0xab; 16], "{what}: the key id");
}

/// The tracks of a manifest, which is that of the format.
async fn tracks_of(base: &str, format: &str) -> Vec<Track> {
    let (http, url) = (client(), manifest(base, format));
    match format {
        "m3u8-cmaf" => hls(&http, &url).await,
        _ => dash(&http, &url).await,
    }
}

/// Fails unless a manifest lists pictures and sound of the source and no more, and its init segments say the
/// same of the key.
async fn demand_film(base: &str, format: &str, what: &str) {
    let tracks = tracks_of(base, format).await;
    assert_eq!(tracks.len(), 2, "{what}");
    for track in &tracks {
        let file = if track.kind == "video" { FILM } else { SOUND };
        demand_source(track, file, &format!("{what} {}", track.kind));
    }
    demand_agreement(&manifest(base, format));
}

/// The manifest and its init segments say the same of the key.
fn demand_agreement(url: &str) {
    let output = portcullis().args(["inspect", url]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{url}: {said}{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn every_scheme_is_passed_through_in_every_form_that_has_it() {
    let shelf = shelf();
    for scheme in ["cenc", "cbcs", "cens", "cbc1"] {
        let film = by_packager(FILM, "video", scheme, SYSTEMS);
        let sound = by_packager(SOUND, "audio", scheme, SYSTEMS);
        let base = passed(&shelf, scheme, &[("film.mp4", film), ("sound.mp4", sound)]);
        for format in ["mpd-time-cmaf", "mpd-time-csf", "mpd-ondemand", "m3u8-cmaf"] {
            let (url, what) = (manifest(&base, format), format!("{scheme} {format}"));
            let carried = match format {
                "mpd-time-csf" => scheme == "cenc",
                "m3u8-cmaf" => ["cenc", "cbcs"].contains(&scheme),
                _ => true,
            };
            if !carried {
                let refusal = get(&url).await;
                let (status, code, detail) = refusal.refusal();
                assert_eq!((status, code), (415, "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED"));
                assert!(detail.contains("already-encrypted"), "{what}: {detail}");
                continue;
            }
            demand_film(&base, format, &what).await;
        }
    }
}

#[tokio::test]
async fn manifests_tell_of_the_systems_that_the_file_speaks_to() {
    let shelf = shelf();
    let film = by_packager(FILM, "video", "cenc", SYSTEMS);
    let base = passed(&shelf, "film", &[("film.mp4", film.clone())]);
    let mpd = fetch_text(&client(), &manifest(&base, "mpd-time-cmaf")).await;
    let kid = "abababab-abab-abab-abab-abababababab";
    for part in [
        format!(r#"value="cenc" cenc:default_KID="{kid}""#),
        "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed".to_owned(),
        "urn:uuid:9a04f079-9840-4286-ab92-e65be0885f95".to_owned(),
        "urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b".to_owned(),
    ] {
        assert!(mpd.contains(&part), "{part}: {mpd}");
    }
    // One set of pictures, one of key frames.
    assert_eq!(mpd.matches("<cenc:pssh>").count(), 2 * 3, "{mpd}");
    let master = manifest(&base, "m3u8-cmaf");
    let playlist = &crate::support::origin::hls_children(&master).await[0];
    let text = fetch_text(&client(), playlist).await;
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("#EXT-X-KEY")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, format) in
        lines.iter().zip(["com.microsoft.playready", "edef8ba9", "org.w3.clearkey"])
    {
        assert!(line.starts_with("#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,"), "{line}");
        assert!(lines.iter().any(|line| line.contains(format)), "{format}: {text}");
    }
    // Init segments have the boxes of the source as they are.
    let tracks = dash(&client(), &manifest(&base, "mpd-time-cmaf")).await;
    let boxes = |file: &[u8]| -> Vec<Vec<u8>> {
        let moov = find(file, &[b"moov"]).unwrap();
        let starts = moov.windows(4).enumerate().filter(|(_, kind)| *kind == b"pssh");
        let whole = starts.map(|(at, _)| {
            let size = u32::from_be_bytes(moov[at - 4..at].try_into().unwrap()) as usize;
            moov[at - 4..at - 4 + size].to_vec()
        });
        whole.collect()
    };
    assert_eq!(boxes(&tracks[0].init), boxes(&film));
    assert_eq!(boxes(&film).len(), 3);
}

/// The profile of Azure Media Services has manifests of its own, and cuts every two seconds.
#[tokio::test]
async fn the_profile_of_azure_media_services_passes_files_through_too() {
    let shelf = shelf();
    fs::create_dir(shelf.path("film")).unwrap();
    let film = by_packager(FILM, "video", "cenc", SYSTEMS);
    fs::write(shelf.path("film").join("film.mp4"), film).unwrap();
    let flags = [PASS, &["--compat", "ams"]].concat();
    let base = format!("{}/film.ism", shelf.published("film", "clear", &flags));
    for format in ["mpd-time-csf", "m3u8-cmaf"] {
        let tracks = tracks_of(&base, format).await;
        assert!(tracks[0].segments.len() >= 12, "{format}");
        demand_source(&tracks[0], FILM, format);
        demand_agreement(&manifest(&base, format));
    }
}

/// By ffmpeg, without anything for protection systems.
#[tokio::test]
async fn files_without_fragments_are_passed_through() {
    let (shelf, key) = (shelf(), some_key());
    for (name, flags) in [("behind", &[][..]), ("before", &["-movflags", "faststart"])] {
        let file = |file| encrypted_by_ffmpeg(&demo(file), &key, flags);
        let files = [("film.mp4", file(FILM)), ("sound.mp4", file(SOUND))];
        let base = passed(&shelf, name, &files);
        for format in ["mpd-time-cmaf", "m3u8-cmaf"] {
            demand_film(&base, format, &format!("{name} {format}")).await;
        }
    }
}

/// Without `senc` the data are where `saiz` and `saio` say.
#[tokio::test]
async fn data_that_only_saiz_and_saio_point_to_are_found() {
    let (shelf, http) = (shelf(), client());
    for scheme in ["cenc", "cbcs"] {
        let film = by_packager(FILM, "video", scheme, &[]);
        let film = changed(&film, |file| {
            let places: Vec<usize> =
                (0..file.len() - 4).filter(|at| &file[*at..at + 4] == b"senc").collect();
            assert!(places.len() > 2);
            places.into_iter().for_each(|at| file[at..at + 4].copy_from_slice(b"free"));
        });
        let base = passed(&shelf, scheme, &[("film.mp4", film)]);
        let tracks = dash(&http, &manifest(&base, "mpd-time-cmaf")).await;
        demand_source(&tracks[0], FILM, scheme);
    }
}

/// The `uuid` box of PIFF stands for `senc`, and nothing points at it.
#[tokio::test]
async fn data_in_the_box_of_piff_are_found() {
    const SAMPLES: [u8; 16] = 0xa239_4f52_5a9b_4f14_a244_6c42_7c64_8df4_u128.to_be_bytes();
    let (shelf, http) = (shelf(), client());
    let film = changed(&by_packager(FILM, "video", "cenc", &[]), |file| {
        let size = |file: &[u8], at: usize| {
            u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize
        };
        let places: Vec<usize> =
            (0..file.len() - 8).filter(|at| &file[at + 4..at + 8] == b"saiz").collect();
        assert!(places.len() > 2);
        for saiz in places {
            let saio = saiz + size(file, saiz);
            let senc = saio + size(file, saio);
            assert_eq!([&file[saio + 4..saio + 8], &file[senc + 4..senc + 8]], [b"saio", b"senc"]);
            // What stood in front makes room.
            let uuid = senc - SAMPLES.len();
            let mut front = u32::try_from(uuid - saiz).unwrap().to_be_bytes().to_vec();
            front.extend(b"free");
            let length = u32::try_from(size(file, senc) + SAMPLES.len()).unwrap();
            file[saiz..saiz + 8].copy_from_slice(&front);
            file[uuid..uuid + 4].copy_from_slice(&length.to_be_bytes());
            file[uuid + 4..uuid + 8].copy_from_slice(b"uuid");
            file[uuid + 8..uuid + 24].copy_from_slice(&SAMPLES);
        }
    });
    let base = passed(&shelf, "film", &[("film.mp4", film)]);
    let tracks = dash(&http, &manifest(&base, "mpd-time-cmaf")).await;
    demand_source(&tracks[0], FILM, "the box of PIFF");
}

#[tokio::test]
async fn segments_of_another_packager_are_passed_through() {
    let (shelf, http, key) = (shelf(), client(), some_key());
    let dir = shelf.path("film");
    fs::create_dir(&dir).unwrap();
    let flags = ["--protection_scheme", "cbcs", "--segment_duration", "2"];
    presentation_by_packager(&dir, &demo(FILM), &["video"], &key, &flags);
    let base = format!("{}/film.ism", shelf.published("film", "clear", PASS));
    let tracks = dash(&http, &manifest(&base, "mpd-time-cmaf")).await;
    assert_eq!(tracks.len(), 1);
    demand_source(&tracks[0], FILM, "segments");
}

/// A file that our own packager encrypts.
pub(super) fn by_our_packager(shelf: &Shelf, flags: &[&str], keys: &[HexKey]) -> Vec<u8> {
    let file = shelf.path("packaged.mp4");
    let descriptor =
        format!("in={},stream=video,output={},drm_label=all", demo(FILM).display(), file.display());
    let key = |HexKey { kid, key }: &HexKey| format!("label=all:key_id={kid}:key={key}");
    let keys: Vec<String> = keys.iter().map(key).collect();
    let mut package = portcullis();
    package.args(["package", &descriptor, "--enable_raw_key_encryption", "--keys"]);
    package.arg(keys.join(",")).args(flags).args(SYSTEMS);
    let output = package.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(&file).unwrap()
}

/// Our own packager, with systems and a clear lead: fragments of two sample descriptions.
#[tokio::test]
async fn what_our_own_packager_encrypts_is_passed_through_with_its_clear_lead() {
    let (shelf, http, key) = (shelf(), client(), some_key());
    for (name, lead, scheme) in [("whole", "0", "cbcs"), ("lead", "6", "cenc")] {
        let flags = ["--clear_lead", lead, "--protection_scheme", scheme];
        let file = by_our_packager(&shelf, &flags, std::slice::from_ref(&key));
        let base = passed(&shelf, name, &[("film.mp4", file)]);
        for format in ["mpd-time-cmaf", "m3u8-cmaf"] {
            let url = manifest(&base, format);
            let tracks = match format {
                "m3u8-cmaf" => hls(&http, &url).await,
                _ => dash(&http, &url).await,
            };
            demand_source(&tracks[0], FILM, &format!("{name} {format}"));
            let clear = |n: usize| {
                find(&tracks[0].segments[n].bytes, &[b"moof", b"traf", b"senc"]).is_none()
            };
            assert_eq!(clear(0), name == "lead", "{name}");
            assert!(!clear(1), "{name}");
            demand_agreement(&url);
        }
    }
}

/// Clear sound beside encrypted pictures, and the key frames of these by themselves.
#[tokio::test]
async fn clear_tracks_and_key_frames_stand_beside_encrypted_ones() {
    let (shelf, http) = (shelf(), client());
    let film = by_packager(FILM, "video", "cbcs", SYSTEMS);
    let sound = fs::read(demo(SOUND)).unwrap();
    let base = passed(&shelf, "film", &[("film.mp4", film), ("sound.mp4", sound)]);
    let url = manifest(&base, "mpd-time-cmaf");
    for track in &dash(&http, &url).await {
        match track.kind {
            "video" => demand_source(track, FILM, "pictures"),
            _ => {
                let served = samples_of_bytes(&track.media(), "0");
                assert!(served.contents() == source(SOUND).contents(), "the sound");
            }
        }
    }
    demand_agreement(&url);
    demand_agreement(&manifest(&base, "m3u8-cmaf"));
    let key_frames = &dash_key_frames(&http, &url).await[0];
    let opened = samples_decrypted_by_ffmpeg(&key_frames.media(), &some_key(), "0");
    assert_eq!(opened.list.len(), key_frames.segments.len());
    let source = source(FILM);
    for frame in opened.contents() {
        assert!(source.contents().contains(&frame), "a key frame is not of the source");
    }
}

/// A copy of a file with one change.
pub(super) fn changed(file: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut file = file.to_vec();
    change(&mut file);
    file
}
