//! Transport streams: every sample arrives, at its time, in segments that stand alone.

use reqwest::Url;

use super::titles::{CLIP, CODECS, LADDER, MUXED, Source, Title, key_of, open_streams};
use crate::support::http::client;
use crate::support::oracle::{
    decodes_alone, decodes_without_complaint, decrypted_segment, elementary_stream,
    elementary_stream_of_bytes, elementary_stream_of_playlist, elementary_stream_of_rendition,
    elementary_stream_of_text, muxed_by_ffmpeg,
};
use crate::support::presentation::{self, Track, fetch};
use crate::support::server::{DevServer, Manifest, Stream};
use crate::support::transport::{Found, essential_nals, frames, nals, read};

const CLOCK: f64 = 90_000.0;
const REFERENCE_CLOCK: f64 = 27_000_000.0;

/// A title with a server of its own.
pub(super) struct Served {
    pub(super) title: Title,
    pub(super) server: DevServer,
}

pub(super) fn serve(title: Title) -> Served {
    let server = title.serve();
    Served { title, server }
}

/// The streams of a title that carry transport streams under a protection, with the manifests.
fn manifests<'a>(
    served: &'a Served,
    encryption: Option<&'a str>,
) -> impl Iterator<Item = (&'a Stream, &'a Manifest)> {
    open_streams(&served.server).flat_map(move |stream| {
        let fits = move |manifest: &&Manifest| {
            manifest.format.starts_with("m3u8-aapl") && manifest.encryption.as_deref() == encryption
        };
        let fitting = stream.manifests.iter().filter(fits);
        fitting.map(move |manifest| (stream, manifest))
    })
}

pub(super) fn manifest<'a>(
    served: &'a Served,
    format: &str,
    encryption: Option<&'a str>,
) -> (&'a Stream, String) {
    let mut all = manifests(served, encryption);
    let (stream, manifest) = all.find(|(_, m)| m.format == format).expect(format);
    (stream, manifest.url.clone())
}

pub(super) async fn clear_tracks(title: &Served, format: &str) -> Vec<Track> {
    presentation::hls(&client(), &manifest(title, format, None).1).await
}

/// The address of a playlist without AVC: beside that HEVC is not listed.
fn hevc(title: &Served, encryption: Option<&str>) -> String {
    format!("{}?codec=hvc1", manifest(title, "m3u8-aapl", encryption).1)
}

async fn hevc_tracks(title: &Served, encryption: Option<&str>) -> Vec<Track> {
    let mut tracks = presentation::hls(&client(), &hevc(title, encryption)).await;
    tracks.retain(|track| track.kind == "video");
    tracks
}

/// The samples of one kind as one string of bytes, without what a transport stream may add.
fn normal(kind: &str, elementary: &[u8]) -> Vec<u8> {
    // Types of NAL units lie in other bits: a delimiter, or a parameter set, tells.
    let codec = match nals(elementary).first() {
        Some([0x40..=0x46, 1, ..]) => "hevc",
        _ => "h264",
    };
    match kind {
        "video" => essential_nals(codec, elementary).join(&[0, 0, 1][..]),
        _ => elementary.to_vec(),
    }
}

/// Source tracks of one kind, by what they hold.
fn sources_of(title: &Served, kind: &str) -> Vec<(String, Vec<u8>)> {
    let of_kind = |source: &Source| source.stream.starts_with(&kind[..1]);
    let sources = title.title.sources_in_transport();
    let found = sources.iter().filter(|source| of_kind(source));
    let read = |source: &Source| {
        let elementary = elementary_stream(&source.path, source.stream);
        (source.name.clone(), normal(kind, &elementary))
    };
    found.map(read).collect()
}

fn kinds(track: &Track, format: &str) -> Vec<&'static str> {
    match (track.kind, format) {
        ("video", "m3u8-aapl-v3") => vec!["video", "audio"],
        (kind, _) => vec![kind],
    }
}

/// A playlist under SAMPLE-AES with its first segment once more behind the last: ffmpeg leaves the
/// last packet of a playlist encrypted.
async fn with_more(playlist: &Url) -> String {
    let text = fetch(&client(), playlist).await;
    let text = String::from_utf8(text).expect("UTF-8");
    let absolute = |line: &str| match line.starts_with('#') {
        true => line.to_owned(),
        false => playlist.join(line).expect("an address").to_string(),
    };
    let mut lines: Vec<String> = text.lines().map(absolute).collect();
    let end = lines.pop();
    assert_eq!(end.as_deref(), Some("#EXT-X-ENDLIST"), "{playlist}");
    let first = lines.iter().position(|line| line.starts_with("#EXTINF")).expect("a segment");
    lines.push("#EXT-X-DISCONTINUITY".to_owned());
    lines.extend_from_within(first..first + 2);
    lines.extend(end);
    lines.join("\n")
}

/// Formats and what they are protected with.
const FORMS: &[(&str, Option<&str>)] = &[
    ("m3u8-aapl", None),
    ("m3u8-aapl-v3", None),
    ("m3u8-aapl", Some("cbc")),
    ("m3u8-aapl-v3", Some("cbc")),
    ("m3u8-aapl", Some("cbcs-aapl")),
    ("m3u8-aapl-packed", None),
    ("m3u8-aapl-packed", Some("cbc")),
    ("m3u8-aapl-packed", Some("cbcs-aapl")),
];

/// Fails unless every track is a source track, and every track of the sources is there that the form
/// can carry.
async fn every_sample_arrives(title: &Served) {
    let sources = [sources_of(title, "video"), sources_of(title, "audio")];
    for (format, encryption) in FORMS {
        let (_, url) = manifest(title, format, *encryption);
        let mut seen: Vec<&str> = Vec::new();
        let tracks = presentation::hls(&client(), &url).await;
        let level = tracks.iter().find(|track| track.kind == "video").expect("pictures");
        let level = level.playlist.as_ref().expect("HLS").as_str();
        for track in &tracks {
            for kind in kinds(track, format) {
                let playlist = track.playlist.as_ref().expect("HLS");
                let elementary = match encryption {
                    // Each segment has a tag, which the player of playlists takes out.
                    None if *format == "m3u8-aapl-packed" => {
                        elementary_stream_of_playlist(playlist.as_str(), &kind[..1])
                    }
                    None => elementary_stream_of_bytes(&track.media(), &kind[..1]),
                    Some("cbc") => elementary_stream_of_playlist(playlist.as_str(), &kind[..1]),
                    Some(_) if *format == "m3u8-aapl-packed" && kind == "audio" => {
                        elementary_stream_of_rendition(&with_more(playlist).await, level)
                    }
                    Some(_) => elementary_stream_of_text(&with_more(playlist).await, &kind[..1]),
                };
                let ours = normal(kind, &elementary);
                let more = *encryption == Some("cbcs-aapl");
                let same = |theirs: &[u8]| ours == theirs || more && ours.starts_with(theirs);
                // Files of a muxed set may hold the same sound.
                let of_kind = sources[usize::from(kind == "audio")].iter();
                let same = of_kind.filter(|(_, theirs)| same(theirs));
                let before = seen.len();
                seen.extend(same.map(|(name, _)| name.as_str()));
                assert!(seen.len() > before, "{url}: a {kind} track of no source");
            }
        }
        // One audio track is muxed in: it was found above.
        let demanded: Vec<_> = match *format {
            "m3u8-aapl" | "m3u8-aapl-packed" => sources.iter().flatten().collect(),
            _ => sources[0].iter().collect(),
        };
        for (name, _) in demanded {
            assert!(seen.contains(&name.as_str()), "{url}: {name}");
        }
    }
}

#[tokio::test]
async fn every_sample_of_the_clip_arrives_in_transport_streams() {
    every_sample_arrives(&serve(CLIP)).await;
}

#[tokio::test]
async fn every_sample_of_the_ladder_arrives_in_transport_streams() {
    every_sample_arrives(&serve(LADDER)).await;
}

#[tokio::test]
async fn every_sample_of_every_codec_arrives_in_transport_streams() {
    every_sample_arrives(&serve(CODECS)).await;
}

#[tokio::test]
async fn every_sample_of_hevc_alone_arrives_in_transport_streams() {
    let codecs = serve(CODECS);
    let mut sources = codecs.title.sources();
    sources.retain(|source| source.name.contains("_hevc_"));
    for encryption in [None, Some("cbc")] {
        let tracks = hevc_tracks(&codecs, encryption).await;
        assert_eq!(tracks.len(), sources.len());
        for track in tracks {
            let playlist = track.playlist.as_ref().expect("HLS");
            let ours = elementary_stream_of_playlist(playlist.as_str(), "v");
            let is_source = |source: &Source| {
                normal("video", &elementary_stream(&source.path, "v")) == normal("video", &ours)
            };
            assert!(sources.iter().any(is_source), "{playlist}");
        }
    }
}

#[tokio::test]
async fn every_sample_of_the_muxed_set_arrives_in_transport_streams() {
    every_sample_arrives(&serve(MUXED)).await;
}

/// One kind of a track: time stamps of all PES packets with the number of samples in each.
fn stamps(track: &Track, kind: &str) -> Vec<(i64, i64, usize)> {
    let found: Vec<Found> = track.segments.iter().map(|s| read(&s.bytes)).collect();
    let units = found.iter().flat_map(|found| found.of_kind(kind));
    let count = |payload: &[u8]| match kind {
        "video" => 1,
        _ => frames(payload),
    };
    units.map(|unit| (unit.pts, unit.dts, count(&unit.payload))).collect()
}

/// Time stamps differ from those of the source by one constant, within one tick.
#[tokio::test]
async fn time_stamps_are_those_of_the_source() {
    for title in &[CLIP, LADDER, MUXED, CODECS].map(serve) {
        let sources = title.title.sources_in_transport();
        for track in clear_tracks(title, "m3u8-aapl").await {
            let stamps = stamps(&track, track.kind);
            let frames: usize = stamps.iter().map(|stamp| stamp.2).sum();
            let fits = sources.iter().any(|source| {
                let samples = &source.samples;
                let seconds = |ticks: i64| ticks as f64 / samples.timescale as f64;
                let mut at = 0;
                let offsets = stamps.iter().filter_map(|(pts, dts, count)| {
                    let sample = samples.list.get(at)?;
                    at += count;
                    let shown = *pts as f64 / CLOCK - seconds(sample.pts);
                    let decoded = *dts as f64 / CLOCK - seconds(sample.dts);
                    Some((shown, decoded))
                });
                let offsets: Vec<(f64, f64)> = offsets.collect();
                let close = |offset: &(f64, f64)| {
                    let moved = (offset.0 - offsets[0].0).abs();
                    moved.max((offset.1 - offsets[0].1).abs()) < 1.0 / CLOCK
                };
                frames == samples.list.len() && offsets.iter().all(close)
            });
            assert!(fits, "{:?}", track.playlist);
            if track.kind == "video" {
                assert_eq!(stamps[0].0, 900_000, "pictures start at ten seconds");
            }
        }
    }
}

#[tokio::test]
async fn every_segment_stands_alone() {
    let clip = serve(CLIP);
    for format in ["m3u8-aapl", "m3u8-aapl-v3"] {
        for track in clear_tracks(&clip, format).await {
            for segment in &track.segments {
                let found = read(&segment.bytes);
                assert_eq!(found.continuity_errors, 0);
                assert!(!found.units.is_empty());
                if let Some(unit) = found.of_kind("video").first() {
                    let kinds = nals(&unit.payload);
                    let kinds: Vec<u8> = kinds.iter().map(|nal| nal[0] & 0x1f).collect();
                    assert_eq!(kinds[..3], [9, 7, 8], "{:?}", track.playlist);
                    assert_eq!(kinds.iter().filter(|kind| **kind == 7).count(), 1);
                    assert!(kinds.contains(&5));
                }
                for kind in kinds(&track, format) {
                    decodes_alone(&segment.bytes, &kind[..1]);
                }
            }
        }
    }
}

/// HEVC: a delimiter, then each parameter set once, in front of every picture to start at.
#[tokio::test]
async fn every_hevc_segment_stands_alone() {
    let mut segments = 0;
    for track in hevc_tracks(&serve(CODECS), None).await {
        for segment in &track.segments {
            let found = read(&segment.bytes);
            let unit = found.of_kind("video")[0];
            let kinds: Vec<u8> = nals(&unit.payload).iter().map(|nal| nal[0] >> 1 & 0x3f).collect();
            segments += 1;
            assert_eq!(kinds[..4], [35, 32, 33, 34], "{:?}", track.playlist);
            assert_eq!(kinds.iter().filter(|kind| (32..=35).contains(*kind)).count(), 4);
            assert_eq!(found.continuity_errors, 0);
            decodes_alone(&segment.bytes, "v");
        }
    }
    assert_eq!(segments, 4, "two levels of two segments");
}

#[tokio::test]
async fn joined_segments_and_playlists_decode_without_complaint() {
    let clip = serve(CLIP);
    for (format, encryption) in [
        ("m3u8-aapl", None),
        ("m3u8-aapl-v3", None),
        ("m3u8-aapl", Some("cbc")),
        ("m3u8-aapl-v3", Some("cbc")),
        ("m3u8-aapl-v8", Some("cbc")),
        ("m3u8-aapl-packed", None),
        ("m3u8-aapl-packed", Some("cbc")),
    ] {
        let (_, url) = manifest(&clip, format, encryption);
        decodes_without_complaint(&url, "v:0");
        decodes_without_complaint(&url, "a:0");
    }
    for track in clear_tracks(&clip, "m3u8-aapl-v3").await {
        assert!(track.segments.len() > 2);
        assert_eq!(read(&track.media()).continuity_errors, 0);
        decodes_alone(&track.media(), "v");
        decodes_alone(&track.media(), "a");
    }
}

/// Clock references come every 100 ms, and lie on the time line of the source.
#[tokio::test]
async fn the_clock_is_even() {
    let clip = serve(CLIP);
    for track in clear_tracks(&clip, "m3u8-aapl").await {
        let (mut clock, mut delays) = (Vec::new(), Vec::new());
        for segment in &track.segments {
            let found = read(&segment.bytes);
            clock.extend(found.clock.iter().map(|pcr| *pcr as f64 / REFERENCE_CLOCK));
            for unit in &found.units {
                let start = unit.clock.expect("a clock reference where a unit starts");
                delays.push(unit.dts as f64 / CLOCK - start as f64 / REFERENCE_CLOCK);
            }
        }
        let steps = clock.windows(2).map(|two| two[1] - two[0]);
        let interval = steps.fold(0.0, f64::max);
        let mean = delays.iter().sum::<f64>() / delays.len() as f64;
        let jitter = delays.iter().map(|delay| (delay - mean).abs()).fold(0.0, f64::max);
        println!(
            "{} {}: clock reference every {:.1} ms at most, jitter {:.0} ns",
            track.kind,
            track.segments.len(),
            interval * 1e3,
            jitter * 1e9
        );
        assert!(interval <= 0.1, "{interval}");
        // Time stamps are rounded to 11 us, clock references to 37 ns.
        assert!(jitter <= 0.5 / CLOCK + 1.0 / REFERENCE_CLOCK, "{jitter}");
        assert!(clock.is_sorted());
    }
}

/// What the container adds to the elementary streams, against ffmpeg's muxer.
#[tokio::test]
async fn the_overhead_is_not_above_that_of_ffmpeg() {
    for title in &[CLIP, LADDER, CODECS].map(serve) {
        for track in clear_tracks(title, "m3u8-aapl").await {
            let ours: usize = track.segments.iter().map(|s| s.bytes.len()).sum();
            let elementary = elementary_stream_of_bytes(&track.media(), &track.kind[..1]);
            let theirs = title.title.sources_in_transport().into_iter().find_map(|source| {
                let theirs = elementary_stream(&source.path, source.stream);
                let same = normal(track.kind, &theirs) == normal(track.kind, &elementary);
                same.then(|| muxed_by_ffmpeg(&source.path, source.stream).len())
            });
            let theirs = theirs.expect("a source of the track");
            let percent = |whole: usize| 100.0 * (whole as f64 / elementary.len() as f64 - 1.0);
            println!(
                "{} of {} bytes: overhead {:.2} %, ffmpeg's {:.2} %",
                track.kind,
                elementary.len(),
                percent(ours),
                percent(theirs)
            );
            assert!(ours <= theirs, "{ours} against {theirs}");
        }
    }
}

/// AES-128 changes nothing but the encryption, and versions 4 and 8 differ in their playlists only.
#[tokio::test]
async fn encrypted_segments_hold_the_clear_ones() {
    let clip = serve(CLIP);
    let http = client();
    for format in ["m3u8-aapl", "m3u8-aapl-v3"] {
        let (stream, url) = manifest(&clip, format, Some("cbc"));
        let encrypted = presentation::hls(&http, &url).await;
        for (ours, clear) in encrypted.iter().zip(clear_tracks(&clip, format).await) {
            let text = fetch(&http, ours.playlist.as_ref().expect("HLS")).await;
            let media = m3u8_rs::parse_media_playlist_res(&text).expect("a playlist");
            for (n, segment) in media.segments.iter().enumerate() {
                let key = segment.key.as_ref().expect("a key for every segment");
                let iv = key.iv.as_deref().expect("an IV");
                let data = ours.segments[n].bytes.clone();
                let data = decrypted_segment(data, &key_of(stream).key, iv);
                assert!(data == clear.segments[n].bytes);
            }
        }
    }
    let four = clear_tracks(&clip, "m3u8-aapl").await;
    let eight = clear_tracks(&clip, "m3u8-aapl-v8").await;
    for (four, eight) in four.iter().zip(&eight) {
        assert!(four.media() == eight.media());
    }
}

/// SAMPLE-AES is defined for AVC only: HEVC is told so where it is asked for.
#[tokio::test]
async fn hevc_has_no_protected_form() {
    let codecs = serve(CODECS);
    let clear = hevc(&codecs, None);
    let (_, url) = manifest(&codecs, "m3u8-aapl", Some("cbcs-aapl"));
    let text = fetch(&client(), &Url::parse(&clear).expect("an address")).await;
    let master = m3u8_rs::parse_master_playlist_res(&text).expect("a master");
    let is_hevc = |codecs: &Option<String>| codecs.as_ref().is_some_and(|c| c.contains("hvc1"));
    let level = master.variants.iter().find(|variant| is_hevc(&variant.codecs));
    let level = level
        .expect("HEVC in the clear")
        .uri
        .replace("m3u8-aapl", "m3u8-aapl,encryption=cbcs-aapl");
    let place = Url::parse(&url).expect("an address").join(&level).expect("an address");
    let answer = client().get(place).send().await.expect("an answer");
    assert_eq!(answer.status(), 415);
    let body = answer.text().await.expect("a body");
    assert!(body.contains("MPE_ENCRYPTION_NOT_SUPPORTED") && body.contains("hvc1"), "{body}");
}

/// Under SAMPLE-AES another key gives garbage.
#[tokio::test]
async fn samples_need_their_key() {
    let clip = serve(CLIP);
    let (stream, url) = manifest(&clip, "m3u8-aapl", Some("cbcs-aapl"));
    let other = clip.server.ready.stream("cenc-open");
    let tracks = presentation::hls(&client(), &url).await;
    // Of garbled sound ffmpeg says so and gives nothing.
    for track in tracks.iter().filter(|track| track.kind == "video") {
        let playlist = with_more(track.playlist.as_ref().expect("HLS")).await;
        let sources = sources_of(&clip, track.kind);
        let is_source = |playlist: &str| {
            let elementary = elementary_stream_of_text(playlist, &track.kind[..1]);
            let ours = normal(track.kind, &elementary);
            sources.iter().any(|(_, theirs)| ours.starts_with(theirs))
        };
        assert!(is_source(&playlist), "{playlist}");
        let garbled = playlist.replace(&stream.keys[0].kid, &other.keys[0].kid);
        assert_ne!(garbled, playlist);
        assert!(!is_source(&garbled), "{garbled}");
    }
}

/// BANDWIDTH is not below the peak of the segments, and AVERAGE-BANDWIDTH is near their mean.
#[tokio::test]
async fn bandwidths_are_those_of_the_segments() {
    let http = client();
    for title in &[CLIP, LADDER, MUXED].map(serve) {
        let (_, url) = manifest(title, "m3u8-aapl-v3", None);
        let base = Url::parse(&url).expect("an address");
        let text = fetch(&http, &base).await;
        let master = m3u8_rs::parse_master_playlist_res(&text).expect("a master");
        for variant in &master.variants {
            let playlist = base.join(&variant.uri).expect("an address");
            let tracks = presentation::hls(&http, &url).await;
            let mut tracks = tracks.iter();
            let track = tracks.find(|track| track.playlist.as_ref() == Some(&playlist));
            let segments = &track.expect("the variant").segments;
            let rate = |bytes: usize, seconds: f64| bytes as f64 * 8.0 / seconds;
            let peaks = segments.iter().map(|s| rate(s.bytes.len(), s.seconds));
            let peak = peaks.fold(0.0, f64::max);
            let bytes = segments.iter().map(|s| s.bytes.len()).sum();
            let mean = rate(bytes, segments.iter().map(|s| s.seconds).sum());
            let said = variant.bandwidth as f64;
            assert!(said >= peak && said < 1.3 * peak, "{playlist}: {said} for {peak}");
            let said = variant.average_bandwidth.expect("AVERAGE-BANDWIDTH") as f64;
            assert!((said / mean - 1.0).abs() < 0.1, "{playlist}: {said} for {mean}");
        }
    }
}

#[tokio::test]
async fn what_transport_streams_cannot_do_is_refused_by_its_code() {
    let clip = serve(CLIP);
    let (_, url) = manifest(&clip, "m3u8-aapl", None);
    let base = url.split("manifest(").next().expect("a manifest").to_owned();
    let level = clear_tracks(&clip, "m3u8-aapl").await;
    let level = level[0].playlist.as_ref().expect("HLS").path().to_owned();
    let level = level.rsplit('/').nth(1).expect("QualityLevels").to_owned();
    for (leaf, status, code) in [
        (
            "manifest(format=m3u8-aapl,encryption=cenc)",
            415,
            "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED",
        ),
        (
            "manifest(format=m3u8-aapl-v3,encryption=cbcs-aapl)",
            415,
            "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED",
        ),
        ("manifest(format=m3u8-aapl-v3,audioTrack=nobody)", 404, "MPE_EGRESS_TRACK_NOT_FOUND"),
        ("{level}/Fragments(video=i,format=m3u8-aapl)", 400, "MPE_BAD_URL_SYNTAX"),
        ("{level}/Fragments(video=1,format=m3u8-aapl)", 404, "MPE_EGRESS_TIMESTAMP_NOT_FOUND"),
        ("{level}/KeyFrames(video=1,format=m3u8-aapl)", 404, "MPE_EGRESS_TIMESTAMP_NOT_FOUND"),
        ("{level}/KeyFrames(video=0,format=m3u8-aapl-v3)", 415, "MPE_OUTPUT_FORMAT_NOT_SUPPORTED"),
    ] {
        let url = format!("{base}{}", leaf.replace("{level}", &level));
        let answer = client().get(&url).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{url}");
        let body = answer.text().await.expect("a body");
        assert!(body.contains(code), "{url}: {body}");
    }
}

/// Where the policy leaves no choice, transport streams do without the word; CMAF does not.
#[tokio::test]
async fn the_only_encryption_needs_no_name() {
    let clip = serve(CLIP);
    let (_, url) = manifest(&clip, "m3u8-aapl", Some("cbc"));
    let unnamed = url.replace(",encryption=cbc", "");
    let http = client();
    let tracks = presentation::hls(&http, &unnamed).await;
    let named = presentation::hls(&http, &url).await;
    assert!(tracks[0].media() == named[0].media());
    let playlist = fetch(&http, tracks[0].playlist.as_ref().expect("HLS")).await;
    assert!(String::from_utf8_lossy(&playlist).contains("METHOD=AES-128"));
    let cmaf = client().get(unnamed.replace("m3u8-aapl", "m3u8-cmaf")).send().await;
    assert_eq!(cmaf.expect("an answer").status(), 400);
}

/// The second language is muxed in when it is named.
#[tokio::test]
async fn the_named_audio_track_is_muxed_in() {
    let clip = serve(CLIP);
    let audio = clear_tracks(&clip, "m3u8-aapl").await;
    let audio: Vec<&Track> = audio.iter().filter(|track| track.kind == "audio").collect();
    let (_, url) = manifest(&clip, "m3u8-aapl-v3", None);
    for wanted in audio {
        let path = wanted.playlist.as_ref().expect("HLS").path().to_owned();
        let name = path.split("Manifest(").nth(1).and_then(|rest| rest.split(',').next());
        let url = url.replace("-v3", &format!("-v3,audioTrack={}", name.expect("a name")));
        let muxed = presentation::hls(&client(), &url).await;
        let frames = |track: &Track| {
            let found: Vec<Found> = track.segments.iter().map(|s| read(&s.bytes)).collect();
            let units = found.iter().flat_map(|found| found.of_kind("audio"));
            units.flat_map(|unit| unit.payload.clone()).collect::<Vec<u8>>()
        };
        assert!(frames(&muxed[0]) == frames(wanted), "{url}");
    }
}

/// The reader sees a lost packet.
#[tokio::test]
async fn the_judges_notice_a_lost_packet() {
    let clip = serve(CLIP);
    let tracks = clear_tracks(&clip, "m3u8-aapl").await;
    let mut damaged = tracks[0].segments[0].bytes.clone();
    damaged.drain(188 * 5..188 * 6);
    assert_eq!(read(&damaged).continuity_errors, 1);
}
