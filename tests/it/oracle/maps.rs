//! Which bytes are protected: our `cbcs` maps and `tenc` are those of shaka-packager for the same
//! input, key and IV; both decryptors undo them.

use std::path::PathBuf;

use super::titles::{key_of, made};
use crate::support::boxes::{encryption, fragments, protection};
use crate::support::http::client;
use crate::support::oracle::{
    HexKey, encrypted_by_packager_with, samples_decrypted_by_ffmpeg, samples_decrypted_by_packager,
    samples_of_file,
};
use crate::support::origin::Shelf;
use crate::support::presentation;
use crate::support::server::media_dir;

/// Where the constant IV stands in `tenc`, behind its length.
const IV: usize = 25;

/// Clear and protected bytes of each sample.
fn maps(media: &[u8]) -> Vec<Vec<(usize, usize)>> {
    let of_fragment = |fragment: &&[u8]| protection(fragment, 0);
    let all = fragments(media).iter().flat_map(of_fragment).collect::<Vec<_>>();
    all.into_iter().map(|sample| sample.subsamples).collect()
}

/// Compares each of the files, in a folder of its own, and gives how many subsamples there are.
async fn demand_same_maps(files: &[(&str, PathBuf)]) -> Vec<usize> {
    let shelf = Shelf::start(files.iter().map(|(name, file)| (*name, vec![file.clone()])));
    let mut counts = Vec::new();
    for (name, file) in files {
        let stream = shelf.stream(name, "cbcs");
        let (key, url) = (key_of(stream), &stream.manifest("dash").url);
        let tracks = presentation::dash(&client(), url).await;
        let pictures = tracks.iter().find(|track| track.kind == "video");
        let track = pictures.or(tracks.first()).expect("a track");
        let (media, ours) = (track.media(), encryption(&track.init));
        let iv = data_encoding::HEXLOWER.encode(&ours[IV..]);
        let flags = ["--protection_scheme", "cbcs", "--iv", &iv];
        let theirs = encrypted_by_packager_with(file, &key, track.kind, &flags);
        assert_eq!(ours, encryption(&theirs), "tenc of {name}");
        let (our_maps, their_maps) = (maps(&media), maps(&theirs));
        // Sound has no maps; shaka-packager lists its samples all the same.
        let listed = track.kind == "video";
        assert_eq!(our_maps.len(), if listed { their_maps.len() } else { 0 }, "{name}");
        for (n, (ours, theirs)) in our_maps.iter().zip(&their_maps).enumerate() {
            assert_eq!(ours, theirs, "sample {n} of {name}");
        }
        assert!(listed || their_maps.iter().all(Vec::is_empty), "{name}");
        let source = samples_of_file(file, &track.kind[..1]);
        let by_ffmpeg = samples_decrypted_by_ffmpeg(&media, &key, &track.kind[..1]);
        let by_packager = samples_decrypted_by_packager(&media, &key, track.kind);
        assert_eq!(by_ffmpeg.contents(), source.contents(), "{name}");
        assert_eq!(by_packager.contents(), source.contents(), "{name}");
        let wrong = HexKey { key: "00".repeat(16), ..key };
        let garbled = samples_decrypted_by_ffmpeg(&media, &wrong, &track.kind[..1]);
        assert_ne!(garbled.contents(), source.contents(), "{name}");
        counts.push(our_maps.iter().map(Vec::len).max().unwrap_or(0));
    }
    counts
}

#[tokio::test]
async fn every_codec_is_protected_where_shaka_packager_protects_it() {
    let names = ["h264_320x180", "hevc_320x180", "av1_320x180", "vp9_320x180"];
    let names = names.into_iter().chain(["aac_eng", "ac3_eng", "ec3_eng", "opus_eng", "flac_eng"]);
    let file = |name| (name, made("codecs").join(format!("drift_{name}.mp4")));
    demand_same_maps(&names.map(file).collect::<Vec<_>>()).await;
}

/// Several slices and tiles, with parameter sets, delimiters, messages and hidden frames in band.
#[tokio::test]
async fn each_slice_and_each_tile_is_a_subsample() {
    let names = ["avc", "hevc", "av1", "vp9"];
    let file = |name| (name, made("slices").join(format!("{name}.mp4")));
    let counts = demand_same_maps(&names.map(file)).await;
    assert!(counts.iter().zip([4, 3, 4, 2]).all(|(count, least)| *count >= least), "{counts:?}");
}

/// Files of other encoders, as far as the shared corpus is there.
#[tokio::test]
async fn pictures_of_other_encoders_are_protected_alike() {
    let files = [
        "mp4ff/ed_hevc.mp4",
        "androidx-media/mp4/h265_bframes.mp4",
        "androidx-media/mp4/sample_unrecognized_hevc_sei.mp4",
        "androidx-media/mp4/sample_av1.mp4",
        "androidx-media/mp4/sample_with_colr_mdcv_and_clli.mp4",
        "androidx-media/mp4/bbb_800x640_768kbps_30fps_vp9.mp4",
    ];
    let corpus = media_dir().join("../public");
    let found = files.map(|file| corpus.join(file)).into_iter().filter(|file| file.is_file());
    let names: Vec<String> = (0..files.len()).map(|n| format!("file{n}")).collect();
    let files: Vec<_> = names.iter().map(String::as_str).zip(found).collect();
    match files.as_slice() {
        [] | [_] => eprintln!("skipped: no files in {}", corpus.display()),
        files => assert_eq!(demand_same_maps(files).await.len(), files.len()),
    }
}
