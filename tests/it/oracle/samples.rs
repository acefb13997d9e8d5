//! Every sample of the source arrives unchanged, whatever the form and the protection.

use reqwest::Client;

use super::titles::{CLIP, CODECS, LADDER, MUXED, Source, Title, key_of, open_streams};
use crate::support::oracle::{
    Samples, samples_decrypted_by_ffmpeg, samples_decrypted_by_packager, samples_of_bytes,
    samples_played_by_ffmpeg,
};
use crate::support::policies::published;
use crate::support::presentation::{self, Track};
use crate::support::server::{Manifest, Stream};

/// How far the last sample may move against the first: ticks of 100 ns, or of 11 us where ffmpeg
/// plays HLS, rounded at both ends.
const DRIFT_SECONDS: f64 = 0.000_025;

/// Frames that an encoder puts before the sound proper, at most.
const PRIMING: usize = 3;

/// What each judge reads out of a track; several judges where several can read the form.
fn judged(stream: &Stream, manifest: &Manifest, track: &Track) -> Vec<Samples> {
    let specifier = &track.kind[..1];
    match manifest.encryption.as_deref() {
        None => vec![samples_of_bytes(&track.media(), specifier)],
        Some("cbc") => {
            let playlist = track.playlist.as_ref().expect("AES-128 is HLS");
            vec![samples_played_by_ffmpeg(playlist.as_str(), specifier)]
        }
        Some(scheme) => {
            let (media, key) = (track.media(), key_of(stream));
            let partial_blocks = scheme == "cens" && track.kind == "audio";
            let encrypted = samples_of_bytes(&media, specifier);
            let by_ffmpeg = samples_decrypted_by_ffmpeg(&media, &key, specifier);
            let by_packager = samples_decrypted_by_packager(&media, &key, track.kind);
            let bare = encrypted.contents() == by_ffmpeg.contents();
            assert!(!bare, "{} is not encrypted", manifest.url);
            // ffmpeg decrypts what is no whole block, which `cens` leaves clear.
            if partial_blocks { vec![by_packager] } else { vec![by_ffmpeg, by_packager] }
        }
    }
}

/// Smooth Streaming has no edit list that could hide the priming of sound: there a track may begin
/// a few frames later.
fn matches(samples: &Samples, source: &Source, protocol: &str) -> bool {
    let (ours, theirs) = (samples.contents(), source.samples.contents());
    let may_begin_later = protocol == "smooth" && source.stream.starts_with('a');
    let most = if may_begin_later { PRIMING } else { 0 };
    let primed = theirs.len().saturating_sub(ours.len()).min(most);
    ours == theirs[primed..]
}

/// Fails unless the samples are those of a source; says how they differ from the likeliest one.
fn demand_source<'a>(
    samples: &Samples,
    sources: &'a [Source],
    protocol: &str,
    what: &str,
) -> &'a Source {
    if let Some(source) = sources.iter().find(|source| matches(samples, source, protocol)) {
        return source;
    }
    let differences = |source: &&Source| {
        let pairs = samples.list.iter().zip(&source.samples.list);
        let differing = pairs.filter(|(ours, theirs)| ours.digest != theirs.digest).count();
        differing + samples.list.len().abs_diff(source.samples.list.len())
    };
    let likeliest = sources.iter().min_by_key(differences).expect("sources");
    panic!(
        "{what}: no source has these {} samples; {} of them differ from {} ({} samples)",
        samples.list.len(),
        differences(&likeliest),
        likeliest.name,
        likeliest.samples.list.len(),
    );
}

async fn every_sample_arrives(title: &Title) {
    let (http, server) = (Client::new(), title.serve());
    let sources = title.sources();
    let mut presentations = 0;
    for stream in open_streams(&server) {
        // Transport streams store samples in another form: see `transport.rs`.
        let stored = |manifest: &&Manifest| !manifest.format.starts_with("m3u8-aapl");
        for manifest in stream.manifests.iter().filter(stored) {
            let tracks = match manifest.protocol.as_str() {
                "dash" => presentation::dash(&http, &manifest.url).await,
                "smooth" => presentation::smooth(&http, &manifest.url).await,
                _ => presentation::hls(&http, &manifest.url).await,
            };
            presentations += 1;
            demand_all(title, &sources, stream, manifest, &tracks);
        }
    }
    assert!(presentations >= 11, "only {presentations} presentations of {}", title.name);
}

fn demand_all(
    title: &Title,
    sources: &[Source],
    stream: &Stream,
    manifest: &Manifest,
    tracks: &[Track],
) {
    let carried = |source: &&Source| title.carries(source, manifest);
    let mut missing: Vec<&Source> = sources.iter().filter(carried).collect();
    let tracks = tracks.iter().filter(|track| track.kind != "text");
    for (number, track) in tracks.enumerate() {
        let what = format!("{} {} track {number}", stream.name, manifest.format);
        for samples in judged(stream, manifest, track) {
            let source = demand_source(&samples, sources, &manifest.protocol, &what);
            assert!(carried(&source), "{what} is {}, which cannot be", source.name);
            let drift = (samples.span() - source.span_from(samples.list.len())).abs();
            assert!(drift < DRIFT_SECONDS, "{what}: {drift} s longer or shorter than its source");
            missing.retain(|source| !matches(&samples, source, &manifest.protocol));
        }
    }
    let names: Vec<&str> = missing.iter().map(|source| source.name.as_str()).collect();
    assert!(names.is_empty(), "{} {} lacks {names:?}", stream.name, manifest.format);
}

#[tokio::test]
async fn every_sample_of_the_built_in_clip_arrives() {
    every_sample_arrives(&CLIP).await;
}

#[tokio::test]
async fn every_sample_of_the_ladder_arrives() {
    every_sample_arrives(&LADDER).await;
}

#[tokio::test]
async fn every_sample_of_the_muxed_set_arrives() {
    every_sample_arrives(&MUXED).await;
}

#[tokio::test]
async fn every_sample_of_every_codec_arrives() {
    every_sample_arrives(&CODECS).await;
}

/// By the schemes that only DASH can name, and that no policy of ours offers.
#[tokio::test]
async fn every_sample_arrives_by_the_rare_schemes() {
    let (title, http, server) = (&CODECS, Client::new(), CODECS.serve());
    let sources = title.sources();
    for block in ["commonEncryptionCens", "commonEncryptionCbc1"] {
        let stream = published(&server, &title.folder(), block).await;
        let formats: Vec<&str> = stream.manifests.iter().map(|m| m.format.as_str()).collect();
        assert_eq!(formats, ["mpd-time-cmaf", "mpd-ondemand"], "{block}");
        for manifest in &stream.manifests {
            let tracks = presentation::dash(&http, &manifest.url).await;
            demand_all(title, &sources, &stream, manifest, &tracks);
        }
    }
}
