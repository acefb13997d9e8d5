//! Every sample of the source arrives unchanged, whatever the form and the protection.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::titles::{CLIP, CODECS, LADDER, MUXED, Source, Title, key_of, open_streams};
use crate::support::http::client;
use crate::support::oracle::{
    Samples, samples_decrypted_by_ffmpeg, samples_decrypted_by_packager, samples_of_bytes,
    samples_played_by_ffmpeg,
};
use crate::support::policies::{published, published_under};
use crate::support::presentation::{self, Track};
use crate::support::results::keep;
use crate::support::server::{DevServer, Manifest, Stream};

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
        Some("cbc") => match &track.playlist {
            Some(playlist) => vec![samples_played_by_ffmpeg(playlist.as_str(), specifier)],
            // Opened when it was fetched, with the key and the IV that the manifest names.
            None => vec![samples_of_bytes(&track.media(), specifier)],
        },
        Some(scheme) => {
            // `piff` is `cenc` in other boxes.
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

/// Demands the samples of a title of each stream; gives what was seen, for the table of schemes.
async fn every_sample_arrives(title: &Title, streams: &[Stream]) -> Vec<Value> {
    let (http, sources) = (client(), title.sources());
    let mut seen = Vec::new();
    for stream in streams {
        // Transport streams store samples in another form: see `transport.rs`.
        let stored = |manifest: &&Manifest| !manifest.format.starts_with("m3u8-aapl");
        for manifest in stream.manifests.iter().filter(stored) {
            let tracks = match manifest.protocol.as_str() {
                "dash" => presentation::dash(&http, &manifest.url).await,
                "smooth" => presentation::smooth(&http, &manifest.url).await,
                _ => presentation::hls(&http, &manifest.url).await,
            };
            let codecs = demand_all(title, &sources, stream, manifest, &tracks);
            let (format, encryption) = (&manifest.format, &manifest.encryption);
            seen.push(json!({ "format": format, "encryption": encryption, "codecs": codecs }));
        }
    }
    assert!(seen.len() >= 11, "only {} presentations of {}", seen.len(), title.name);
    seen
}

async fn every_sample_of(title: &Title) {
    let server = title.serve();
    let streams: Vec<Stream> = open_streams(&server).cloned().collect();
    every_sample_arrives(title, &streams).await;
}

/// Gives the codecs of the sources, by the second part of their names.
fn demand_all(
    title: &Title,
    sources: &[Source],
    stream: &Stream,
    manifest: &Manifest,
    tracks: &[Track],
) -> BTreeSet<String> {
    let carried = |source: &&Source| title.carries(source, manifest);
    let mut missing: Vec<&Source> = sources.iter().filter(carried).collect();
    let mut codecs = BTreeSet::new();
    let tracks = tracks.iter().filter(|track| track.kind != "text");
    for (number, track) in tracks.enumerate() {
        let what = format!("{} {} track {number}", stream.name, manifest.format);
        for samples in judged(stream, manifest, track) {
            let source = demand_source(&samples, sources, &manifest.protocol, &what);
            assert!(carried(&source), "{what} is {}, which cannot be", source.name);
            let drift = (samples.span() - source.span_from(samples.list.len())).abs();
            // The packager guesses where a fragment without `tfdt` starts. Times do not depend on
            // protection: those of clear fragments are looked at.
            let guessed = manifest.protocol == "smooth"
                && matches!(manifest.encryption.as_deref(), Some("cenc" | "piff"));
            assert!(
                guessed || drift < DRIFT_SECONDS,
                "{what}: {drift} s longer or shorter than its source"
            );
            codecs.extend(source.name.split('_').nth(1).map(str::to_owned));
            missing.retain(|source| !matches(&samples, source, &manifest.protocol));
        }
    }
    let names: Vec<&str> = missing.iter().map(|source| source.name.as_str()).collect();
    assert!(names.is_empty(), "{} {} lacks {names:?}", stream.name, manifest.format);
    codecs
}

#[tokio::test]
async fn every_sample_of_the_built_in_clip_arrives() {
    every_sample_of(&CLIP).await;
}

#[tokio::test]
async fn every_sample_of_the_ladder_arrives() {
    every_sample_of(&LADDER).await;
}

#[tokio::test]
async fn every_sample_of_the_muxed_set_arrives() {
    every_sample_of(&MUXED).await;
}

/// Also by the schemes that only DASH can name, and that no predefined policy offers.
#[tokio::test]
async fn every_sample_of_every_codec_arrives() {
    let server = CODECS.serve();
    let mut streams: Vec<Stream> = open_streams(&server).cloned().collect();
    let rare = CODECS.folder_for_rare_schemes();
    for block in ["commonEncryptionCens", "commonEncryptionCbc1"] {
        let stream = published(&server, rare.path(), block).await;
        let formats: Vec<&str> = stream.manifests.iter().map(|m| m.format.as_str()).collect();
        assert_eq!(formats, ["mpd-time-cmaf", "mpd-ondemand"], "{block}");
        streams.push(stream);
    }
    let mut smooth = protected_smooth(&server, &CODECS.folder()).await;
    // The other form is looked at below.
    smooth.manifests.retain(|manifest| manifest.encryption.as_deref() == Some("cenc"));
    streams.push(smooth);
    keep("schemes", &every_sample_arrives(&CODECS, &streams).await);
}

/// A policy of `cenc` in DASH and Smooth Streaming, and the streams of Smooth Streaming under it: in
/// both forms of boxes.
async fn protected_smooth(server: &DevServer, folder: &Path) -> Stream {
    let block = json!({ "enabledProtocols": { "dash": true, "smoothStreaming": true },
        "drm": { "playReady": {} } });
    let policy = json!({ "commonEncryptionCenc": block });
    let mut stream = published_under(server, folder, "smooth", &policy).await;
    stream.manifests.retain(|manifest| manifest.protocol == "smooth");
    let piff = stream.manifests.iter().map(|manifest| Manifest {
        encryption: Some("piff".to_owned()),
        url: manifest.url.replace("encryption=cenc", "encryption=piff"),
        ..manifest.clone()
    });
    let piff: Vec<Manifest> = piff.collect();
    assert!(piff.iter().all(|manifest| manifest.url.contains("encryption=piff")));
    stream.manifests.extend(piff);
    stream
}

#[tokio::test]
async fn every_sample_of_protected_smooth_streaming_arrives() {
    let (title, http) = (&CODECS, client());
    let (server, sources) = (title.serve(), title.sources());
    let stream = protected_smooth(&server, &title.folder()).await;
    let formats: Vec<_> =
        stream.manifests.iter().map(|m| (&*m.format, m.encryption.as_deref())).collect();
    let of = |encryption| [("fmp4", Some(encryption)), ("fmp4-v20", Some(encryption))];
    assert_eq!(formats, [of("cenc"), of("piff")].concat());
    for manifest in &stream.manifests {
        let tracks = presentation::smooth(&http, &manifest.url).await;
        // One key: the manifest has it.
        assert!(tracks.iter().flat_map(|track| &track.segments).all(|s| s.own_key.is_none()));
        demand_all(title, &sources, &stream, manifest, &tracks);
    }
}

/// The payload of a fragment; all of it where it is encrypted as a whole.
fn payload(fragment: &[u8]) -> &[u8] {
    let mdat = fragment.windows(4).position(|kind| kind == b"mdat");
    mdat.map_or(fragment, |at| &fragment[at + 4..])
}

/// Fragments that start in the first seconds are clear, in a description of their own.
#[tokio::test]
async fn every_sample_in_and_behind_a_clear_lead_arrives() {
    let (title, http) = (&CLIP, client());
    let (server, sources) = (title.serve(), title.sources());
    let block = |protocols: Value| json!({ "enabledProtocols": protocols, "clearLeadSeconds": 7 });
    let policy = json!({
        "commonEncryptionCenc": block(json!({ "dash": true, "hls": true })),
        "commonEncryptionCbcs": block(json!({ "dash": true, "hls": true })),
        "envelopeEncryption": block(json!({ "hls": true })) });
    let clear = server.ready.stream("clear-open").manifest("hls").url.clone();
    let clear = presentation::hls(&http, &clear).await;
    let mut seen = Vec::new();
    for encryption in ["cenc", "cbcs", "cbc"] {
        let name = format!("{encryption}-behind-a-lead");
        let mut stream = published_under(&server, &title.folder(), &name, &policy).await;
        let keys = stream.keys.iter().filter(|key| key.scheme == encryption).cloned().collect();
        stream.keys = keys;
        let url_value = encryption.replace("cbcs", "cbcs-aapl");
        let manifests = stream.manifests.iter();
        let manifests = manifests.filter(|m| m.encryption.as_deref() == Some(&url_value));
        for manifest in manifests.filter(|manifest| !manifest.format.starts_with("m3u8-aapl")) {
            let tracks = match manifest.protocol.as_str() {
                "dash" => presentation::dash(&http, &manifest.url).await,
                _ => presentation::hls(&http, &manifest.url).await,
            };
            demand_all(title, &sources, &stream, manifest, &tracks);
            for track in &tracks {
                let same = |other: &&Track| {
                    other.segments.len() == track.segments.len()
                        && payload(&other.segments[0].bytes) == payload(&track.segments[0].bytes)
                };
                let plain = clear.iter().find(same).expect("the first fragment is clear");
                let is_clear = |n: usize| {
                    payload(&plain.segments[n].bytes) == payload(&track.segments[n].bytes)
                };
                let leading: Vec<bool> = (0..track.segments.len()).map(is_clear).collect();
                assert_eq!(leading, [true, true, false, false], "{}", manifest.url);
            }
            seen.push(format!("{} {encryption}", manifest.format));
        }
    }
    let served = [
        "mpd-time-cmaf cenc",
        "mpd-time-csf cenc",
        "mpd-ondemand cenc",
        "m3u8-cmaf cenc",
        "mpd-time-cmaf cbcs",
        "mpd-ondemand cbcs",
        "m3u8-cmaf cbcs",
        "m3u8-cmaf cbc",
    ];
    assert_eq!(seen, served);
}
