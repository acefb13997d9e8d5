//! Trick play: every key frame that is listed decodes alone, and is the one of the source.

use m3u8_rs::{MasterPlaylist, MediaSegment, VariantStream};
use reqwest::{Client, Url};

use super::titles::{CLIP, LADDER, Source, Title, key_of, open_streams};
use crate::support::boxes;
use crate::support::http::client;
use crate::support::oracle::{Sample, decodes_alone, decrypted_segment, first_picture};
use crate::support::presentation::{Track, dash_key_frames, fetch, fetch_range};
use crate::support::server::{DevServer, Manifest, Stream};
use crate::support::transport;

/// The HLS manifests that list key frames: all but those of version 3.
fn manifests(server: &DevServer) -> impl Iterator<Item = (&Stream, &Manifest)> {
    open_streams(server).flat_map(|stream| {
        let fits =
            // Beside packed audio pictures are those of `m3u8-aapl` (`packed.rs`).
            |manifest: &&Manifest| {
                let left_out = ["m3u8-aapl-v3", "m3u8-aapl-packed"];
                manifest.protocol == "hls" && !left_out.contains(&manifest.format.as_str())
            };
        stream.manifests.iter().filter(fits).map(move |manifest| (stream, manifest))
    })
}

async fn master(http: &Client, base: &Url) -> MasterPlaylist {
    m3u8_rs::parse_master_playlist_res(&fetch(http, base).await).expect("a master playlist")
}

/// One key frame as a player would fetch it.
struct Fetched {
    seconds: f64,
    url: Url,
    bytes: usize,
    /// Whether it is a range of its segment.
    is_range: bool,
    /// In front of it, in CMAF.
    init: Vec<u8>,
    /// As it is after what AES-128 hides was decrypted.
    frame: Vec<u8>,
}

impl Fetched {
    fn media(&self) -> Vec<u8> {
        [self.init.as_slice(), &self.frame].concat()
    }
}

/// Everything that a key frame playlist lists.
async fn key_frames(http: &Client, playlist: &Url, stream: &Stream) -> Vec<Fetched> {
    let media = fetch(http, playlist).await;
    let media = m3u8_rs::parse_media_playlist_res(&media).expect("a playlist");
    assert!(media.i_frames_only && media.end_list, "{playlist}");
    let place = |uri: &str| playlist.join(uri).expect("an address");
    let map = media.segments[0].map.as_ref();
    let init = match map {
        Some(map) => fetch(http, &place(&map.uri)).await,
        None => Vec::new(),
    };
    let mut found = Vec::new();
    for segment in &media.segments {
        let url = place(&segment.uri);
        let data = bytes_of(http, url.clone(), segment).await;
        let whole = segment.key.as_ref().filter(|key| key.method.to_string() == "AES-128");
        found.push(Fetched {
            seconds: segment.duration.into(),
            url,
            bytes: data.len(),
            is_range: segment.byte_range.is_some(),
            init: init.clone(),
            frame: match whole {
                Some(key) => {
                    let iv = key.iv.as_deref().expect("an IV");
                    decrypted_segment(data, &key_of(stream).key, iv)
                }
                None => data,
            },
        });
    }
    found
}

async fn bytes_of(http: &Client, url: Url, segment: &MediaSegment) -> Vec<u8> {
    let Some(range) = &segment.byte_range else {
        return fetch(http, &url).await;
    };
    assert_eq!(range.offset, Some(0), "{url}");
    let body = fetch_range(http, &url, &format!("0-{}", range.length - 1)).await;
    assert_eq!(body.len() as u64, range.length);
    body
}

/// The picture of a CMAF key frame; what comes before and behind it has no byte too many.
fn picture(fetched: &Fetched, stream: &Stream, encryption: Option<&str>) -> Sample {
    let key = encryption.filter(|name| *name != "cbc").map(|_| key_of(stream));
    let picture = first_picture(&fetched.media(), key.as_ref());
    let moof = u32::from_be_bytes(fetched.frame[..4].try_into().expect("four bytes"));
    assert_eq!(fetched.frame.len(), moof as usize + 8 + picture.size);
    picture
}

fn is_source(picture: &Sample, sources: &[Source]) -> bool {
    let mut samples = sources.iter().flat_map(|source| &source.samples.list);
    samples.any(|sample| sample.digest == picture.digest)
}

/// The best `most` levels.
fn levels(master: &MasterPlaylist, most: usize) -> Vec<&VariantStream> {
    let levels = master.variants.iter().rev().filter(|variant| variant.is_i_frame);
    levels.take(most).collect()
}

/// In the best `most` levels, each of which has a key frame for every six seconds.
async fn every_key_frame_decodes_alone(title: &Title, most: usize) {
    let (http, server, sources) = (client(), title.serve(), title.sources());
    let pictures = sources.iter().find(|source| source.stream == "v:0").expect("pictures");
    let count = pictures.samples.starts_within(6);
    let mut forms = Vec::new();
    for (stream, manifest) in manifests(&server) {
        let base = Url::parse(&manifest.url).expect("an address");
        let master = master(&http, &base).await;
        let levels = levels(&master, most);
        assert_eq!(levels.len(), most, "{base}");
        for level in levels {
            let playlist = base.join(&level.uri).expect("an address");
            let found = key_frames(&http, &playlist, stream).await;
            assert_eq!(found.len(), count, "{playlist}");
            let encryption = manifest.encryption.as_deref();
            for fetched in &found {
                // A range of a CBC chain cannot be decrypted with the IV of its segment, and how long
                // key frames under SAMPLE-AES are takes encrypting them.
                let transport = fetched.init.is_empty();
                let alone = encryption == Some("cbc") || transport && encryption.is_some();
                assert_eq!(fetched.is_range, !alone, "{playlist}");
                match (transport, encryption) {
                    (true, Some("cbcs-aapl")) => demand_front_of_segment(&http, fetched).await,
                    (true, _) => assert_eq!(decodes_alone(&fetched.frame, "v"), 1),
                    (false, _) => {
                        let picture = picture(fetched, stream, encryption);
                        assert!(is_source(&picture, &sources), "{playlist}");
                    }
                }
            }
            demand_bandwidth(level, &found);
        }
        forms.push(format!("{}/{:?}", manifest.format, manifest.encryption));
    }
    assert_eq!(forms.len(), 10, "{forms:?}");
}

/// A key frame under SAMPLE-AES is the first picture of its segment, which ffmpeg decrypts.
async fn demand_front_of_segment(http: &Client, fetched: &Fetched) {
    let segment = fetched.url.as_str().replace("/KeyFrames(", "/Fragments(");
    let segment = fetch(http, &Url::parse(&segment).expect("an address")).await;
    let payload = |bytes: &[u8]| transport::read(bytes).units[0].payload.clone();
    assert!(payload(&fetched.frame) == payload(&segment), "{}", fetched.url);
    assert_eq!(transport::read(&fetched.frame).units.len(), 1, "{}", fetched.url);
}

/// BANDWIDTH is a bound for every key frame over the time for which it is shown, and says more of
/// them than of the level.
fn demand_bandwidth(level: &VariantStream, found: &[Fetched]) {
    let rate = |frame: &Fetched| frame.bytes as f64 * 8.0 / frame.seconds;
    let peak = found.iter().map(rate).fold(0.0, f64::max);
    let said = level.bandwidth as f64;
    println!("{}: BANDWIDTH {said} for a peak of {peak:.0}", level.uri);
    // Protected pictures may have up to 255 bytes each in `senc`.
    assert!(said >= peak && said < 1.1 * peak + 60_000.0, "{}: {said} for {peak}", level.uri);
}

#[tokio::test]
async fn every_key_frame_of_the_clip_decodes_alone() {
    every_key_frame_decodes_alone(&CLIP, 3).await;
}

#[tokio::test]
async fn every_key_frame_of_the_ladder_decodes_alone() {
    every_key_frame_decodes_alone(&LADDER, 1).await;
}

/// The set for trick play has one picture for every segment, in every protection, and each decodes
/// alone.
#[tokio::test]
async fn every_key_frame_of_a_dash_presentation_decodes_alone() {
    let (http, server, sources) = (client(), CLIP.serve(), CLIP.sources());
    let mut forms = 0;
    for stream in open_streams(&server) {
        let named = |format| stream.manifests.iter().find(|manifest| manifest.format == format);
        let Some(manifest) = named("mpd-time-cmaf") else { continue };
        let levels = dash_key_frames(&http, &manifest.url).await;
        assert_eq!(levels.len(), 3, "{}", manifest.url);
        let (on_demand, whole) = (named("mpd-ondemand"), Some("cbc"));
        assert_eq!(
            on_demand.is_none(),
            manifest.encryption.as_deref() == whole,
            "AES-128 has none"
        );
        if let Some(on_demand) = on_demand {
            let files = dash_key_frames(&http, &on_demand.url).await;
            let same = |(file, level): (&Track, &Track)| file.media() == level.media();
            assert!(files.len() == 3 && files.iter().zip(&levels).all(same), "{}", on_demand.url);
        }
        for level in &levels {
            assert_eq!(level.segments.len(), 4);
            for segment in &level.segments {
                let fetched = Fetched {
                    seconds: segment.seconds,
                    url: Url::parse(&manifest.url).expect("an address"),
                    bytes: segment.bytes.len(),
                    is_range: false,
                    init: level.init.clone(),
                    frame: segment.bytes.clone(),
                };
                let picture = picture(&fetched, stream, manifest.encryption.as_deref());
                assert!(is_source(&picture, &sources), "{}", manifest.url);
                let samples = boxes::samples(&segment.bytes);
                assert_eq!(samples[0].duration, 60_000_000, "as long as its segment");
            }
        }
        forms += 1;
    }
    assert_eq!(forms, 4);
}
