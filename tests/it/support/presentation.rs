//! Fetches a presentation whole, as a player would in the course of a play: manifest, then every
//! initialization segment and media segment. Manifests are read by parsers of other makers.

use dash_mpd_core::{AdaptationSet, EssentialProperty, Representation, SegmentTemplate};
use data_encoding::HEXLOWER;
use m3u8_rs::{AlternativeMediaType, Playlist};
use mp4_atom::{Decode, Sidx};
use reqwest::{Client, Url, header};

use super::oracle::decrypted_segment;
use super::piff;

/// One track of a presentation.
#[derive(Debug)]
pub(crate) struct Track {
    /// `video`, `audio`, `text` or `image`.
    pub(crate) kind: &'static str,
    pub(crate) language: Option<String>,
    /// Address of the HLS media playlist; DASH has one manifest for all.
    pub(crate) playlist: Option<Url>,
    pub(crate) init: Vec<u8>,
    pub(crate) segments: Vec<Segment>,
}

/// One media segment, its length in seconds as the manifest says it.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) seconds: f64,
    pub(crate) bytes: Vec<u8>,
    /// The key that it names itself, in the box of PIFF.
    pub(crate) own_key: Option<[u8; 16]>,
}

impl Track {
    /// Initialization segment, if there is one, and media segments, one after the other.
    pub(crate) fn media(&self) -> Vec<u8> {
        let segments = self.segments.iter().map(|segment| segment.bytes.as_slice());
        std::iter::once(self.init.as_slice()).chain(segments).collect::<Vec<_>>().concat()
    }

    /// Where each segment ends, in seconds.
    pub(crate) fn ends(&self) -> Vec<f64> {
        let add = |end: &mut f64, segment: &Segment| {
            *end += segment.seconds;
            Some(*end)
        };
        self.segments.iter().scan(0.0, add).collect()
    }
}

/// Fetches a URL and demands that it is there.
pub(crate) async fn fetch(http: &Client, url: &Url) -> Vec<u8> {
    let answer = http.get(url.clone()).send().await.expect("the server answers");
    let status = answer.status();
    let body = answer.bytes().await.expect("a whole body");
    assert!(status.is_success(), "{url}: {status} {}", String::from_utf8_lossy(&body));
    body.to_vec()
}

pub(crate) async fn fetch_text(http: &Client, url: &str) -> String {
    let url = Url::parse(url).expect("an address");
    String::from_utf8(fetch(http, &url).await).expect("UTF-8")
}

/// The segment encryption that a manifest announces, with its key as a player fetches it.
struct Envelope {
    key: Vec<u8>,
    iv: String,
}

impl Envelope {
    /// One holds for all sets.
    async fn of(http: &Client, manifest: &str) -> Option<Self> {
        let document = roxmltree::Document::parse(manifest).expect("XML");
        let space = "urn:mpeg:dash:schema:sea:2012";
        let mut periods =
            document.descendants().filter(|node| node.has_tag_name((space, "CryptoPeriod")));
        let period = periods.next()?;
        let attribute = |name| period.attribute(name).expect(name).to_owned();
        let (iv, uri) = (attribute("IV"), attribute("keyUriTemplate"));
        assert!(periods.all(|other| other.attribute("IV") == Some(&*iv)), "{manifest}");
        let key = fetch(http, &Url::parse(&uri).expect("an address")).await;
        Some(Self { key, iv })
    }

    fn open(&self, data: Vec<u8>) -> Vec<u8> {
        decrypted_segment(data, &HEXLOWER.encode(&self.key), &self.iv)
    }
}

/// Fetches a segment, and opens it where segments are encrypted as wholes.
async fn fetch_open(http: &Client, url: &Url, envelope: Option<&Envelope>) -> Vec<u8> {
    let data = fetch(http, url).await;
    match envelope {
        Some(envelope) => envelope.open(data),
        None => data,
    }
}

/// Pictures and sound of a DASH presentation with a segment timeline, but for sets that a client
/// must understand a property of.
pub(crate) async fn dash(http: &Client, manifest: &str) -> Vec<Track> {
    let plain = |set: &AdaptationSet| {
        set.essential_property.is_empty() && !is(set, "text") && !is(set, "image")
    };
    dash_sets(http, manifest, plain).await
}

/// The text tracks of a DASH presentation.
pub(crate) async fn dash_text(http: &Client, manifest: &str) -> Vec<Track> {
    dash_sets(http, manifest, |set| is(set, "text")).await
}

/// The thumbnails of a DASH presentation; an image is a segment, and there is nothing before it.
pub(crate) async fn dash_images(http: &Client, manifest: &str) -> Vec<Track> {
    dash_sets(http, manifest, |set| is(set, "image")).await
}

fn is(set: &AdaptationSet, content_type: &str) -> bool {
    set.contentType.as_deref() == Some(content_type)
}

/// The key frames of a DASH presentation.
pub(crate) async fn dash_key_frames(http: &Client, manifest: &str) -> Vec<Track> {
    let scheme = "http://dashif.org/guidelines/trickmode";
    let is_trick = |property: &EssentialProperty| property.schemeIdUri == scheme;
    dash_sets(http, manifest, |set| set.essential_property.iter().any(is_trick)).await
}

async fn dash_sets(
    http: &Client,
    manifest: &str,
    wanted: impl Fn(&AdaptationSet) -> bool,
) -> Vec<Track> {
    let base = Url::parse(manifest).expect("an address");
    let text = fetch_text(http, manifest).await;
    let envelope = Envelope::of(http, &text).await;
    let mpd = dash_mpd_core::parse(&text).expect("an MPD");
    let mut tracks = Vec::new();
    let sets = mpd.periods.iter().flat_map(|period| &period.adaptations);
    for set in sets.filter(|set| wanted(set)) {
        for representation in &set.representations {
            if representation.SegmentBase.is_some() {
                tracks.push(file_track(http, &base, set, representation).await);
                continue;
            }
            let template = template_of(set, representation);
            let place = |pattern: &Option<String>, time: u64| {
                let pattern = pattern.as_deref().expect("a pattern");
                base.join(&filled(pattern, representation, time)).expect("an address")
            };
            let mut segments = Vec::new();
            for (time, seconds) in timeline(&template) {
                let url = place(&template.media, time);
                let bytes = fetch_open(http, &url, envelope.as_ref()).await;
                segments.push(Segment { seconds, bytes, own_key: None });
            }
            tracks.push(Track {
                kind: kind_of(set.contentType.as_deref().or(set.mimeType.as_deref())),
                language: set.lang.clone(),
                playlist: None,
                init: match template.initialization {
                    Some(_) => {
                        let url = place(&template.initialization, 0);
                        fetch_open(http, &url, envelope.as_ref()).await
                    }
                    None => Vec::new(),
                },
                segments,
            });
        }
    }
    tracks
}

/// The template of a representation, with what it inherits from its set (ISO/IEC 23009-1 section
/// 5.3.9.1).
fn template_of(set: &AdaptationSet, representation: &Representation) -> SegmentTemplate {
    let mut template = set.SegmentTemplate.clone().expect("a SegmentTemplate of the set");
    if let Some(own) = &representation.SegmentTemplate {
        template.media = own.media.clone().or(template.media);
        template.initialization = own.initialization.clone().or(template.initialization);
        assert!(own.SegmentTimeline.is_none() && own.timescale.is_none());
    }
    template
}

/// A track that is one file: its index says where the segments are.
#[allow(clippy::cast_precision_loss)]
async fn file_track(
    http: &Client,
    base: &Url,
    set: &AdaptationSet,
    representation: &Representation,
) -> Track {
    let segment_base = representation.SegmentBase.as_ref().expect("a SegmentBase");
    let file = base.join(&representation.BaseURL[0].base).expect("an address");
    let init = segment_base.Initialization.as_ref().and_then(|init| init.range.as_ref());
    let init = fetch_range(http, &file, init.expect("Initialization@range")).await;
    let range = segment_base.indexRange.as_ref().expect("indexRange");
    let index = fetch_range(http, &file, range).await;
    let (_, last) = range.split_once('-').expect("a range");
    let mut start = last.parse::<u64>().expect("a number") + 1;
    let mut segments = Vec::new();
    let sidx = Sidx::decode(&mut index.as_slice()).expect("a sidx");
    assert_eq!(sidx.first_offset, 0);
    for reference in &sidx.references {
        let end = start + u64::from(reference.referenced_size);
        let bytes = fetch_range(http, &file, &format!("{start}-{}", end - 1)).await;
        let ticks = f64::from(reference.subsegment_duration);
        segments.push(Segment { seconds: ticks / f64::from(sidx.timescale), bytes, own_key: None });
        start = end;
    }
    Track {
        kind: kind_of(set.contentType.as_deref()),
        language: set.lang.clone(),
        playlist: None,
        init,
        segments,
    }
}

/// Fetches a part of a resource: `first-last`, in bytes.
pub(crate) async fn fetch_range(http: &Client, url: &Url, range: &str) -> Vec<u8> {
    let request = http.get(url.clone()).header(header::RANGE, format!("bytes={range}"));
    let answer = request.send().await.expect("the server answers");
    assert_eq!(answer.status(), 206, "{url} {range}");
    answer.bytes().await.expect("a whole body").to_vec()
}

/// Every track of a Smooth presentation. Clients make an init segment from the manifest; here it is
/// that of the CMAF form, which has the same tracks under the same names.
pub(crate) async fn smooth(http: &Client, manifest: &str) -> Vec<Track> {
    let base = Url::parse(manifest).expect("an address");
    let text = fetch_text(http, manifest).await;
    let envelope = Envelope::of(http, &text).await;
    let document = roxmltree::Document::parse(&text).expect("XML");
    let encryption = match (&envelope, text.contains("<Protection>")) {
        (Some(_), _) => ",encryption=cbc",
        (None, true) => ",encryption=cenc",
        (None, false) => "",
    };
    let mut tracks = Vec::new();
    for stream in document.descendants().filter(|node| node.has_tag_name("StreamIndex")) {
        let kind = kind_of(stream.attribute("Type"));
        let starts = chunks(&stream);
        assert_eq!(stream.attribute("Chunks"), Some(&*starts.len().to_string()), "{manifest}");
        for level in stream.children().filter(|node| node.has_tag_name("QualityLevel")) {
            let bitrate = level.attribute("Bitrate").expect("a Bitrate");
            let pattern = stream.attribute("Url").expect("a Url").replace("{bitrate}", bitrate);
            let place = |pattern: String| base.join(&pattern).expect("an address");
            let mut segments = Vec::new();
            for (time, seconds) in &starts {
                let url = place(pattern.replace("{start time}", &time.to_string()));
                let bytes = fetch_open(http, &url, envelope.as_ref()).await;
                let own_key = piff::own_key(&bytes);
                segments.push(Segment { seconds: *seconds, bytes: piff::as_cenc(&bytes), own_key });
            }
            let init = pattern.replace("{start time}", "i");
            let init = init.split([',', ')']).collect::<Vec<_>>();
            let init = format!("{}){},format=mpd-time-cmaf{encryption})", init[0], init[1]);
            tracks.push(Track {
                kind,
                language: stream.attribute("Language").map(str::to_owned),
                playlist: None,
                init: fetch_open(http, &place(init), envelope.as_ref()).await,
                segments,
            });
        }
    }
    tracks
}

/// Start, in ticks, and length, in seconds, of each chunk; `r` counts all equal ones.
#[allow(clippy::cast_precision_loss)]
fn chunks(stream: &roxmltree::Node<'_, '_>) -> Vec<(u64, f64)> {
    let number = |node: &roxmltree::Node<'_, '_>, name: &str| {
        node.attribute(name).map(|text| text.parse::<u64>().expect("a number"))
    };
    let (mut next, mut starts) = (0, Vec::new());
    for chunk in stream.children().filter(|node| node.has_tag_name("c")) {
        next = number(&chunk, "t").unwrap_or(next);
        let duration = number(&chunk, "d").expect("a duration");
        for _ in 0..number(&chunk, "r").unwrap_or(1) {
            starts.push((next, duration as f64 / 1e7));
            next += duration;
        }
    }
    starts
}

fn kind_of(content_type: Option<&str>) -> &'static str {
    let content_type = content_type.expect("contentType or mimeType");
    let kinds = ["video", "audio", "text", "image"];
    let kind = kinds.into_iter().find(|kind| content_type.starts_with(kind));
    kind.expect("a kind of track that is known")
}

fn filled(pattern: &str, representation: &dash_mpd_core::Representation, time: u64) -> String {
    let id = representation.id.as_deref().unwrap_or_default();
    let bandwidth = representation.bandwidth.expect("a bandwidth").to_string();
    pattern
        .replace("$RepresentationID$", id)
        .replace("$Bandwidth$", &bandwidth)
        .replace("$Time$", &time.to_string())
}

/// Start, in ticks, and length, in seconds, of each segment.
#[allow(clippy::cast_precision_loss)]
fn timeline(template: &dash_mpd_core::SegmentTemplate) -> Vec<(u64, f64)> {
    let timescale = template.timescale.expect("a timescale") as f64;
    let mut starts = Vec::new();
    let mut next = 0;
    for entry in &template.SegmentTimeline.as_ref().expect("a SegmentTimeline").segments {
        next = entry.t.unwrap_or(next);
        for _ in 0..=entry.r.unwrap_or(0) {
            starts.push((next, entry.d as f64 / timescale));
            next += entry.d;
        }
    }
    starts
}

/// Every track of an HLS presentation: the variants' own playlists and the audio renditions.
pub(crate) async fn hls(http: &Client, manifest: &str) -> Vec<Track> {
    let base = Url::parse(manifest).expect("an address");
    let text = fetch(http, &base).await;
    let Ok(Playlist::MasterPlaylist(master)) = m3u8_rs::parse_playlist_res(&text) else {
        panic!("no multivariant playlist:\n{}", String::from_utf8_lossy(&text));
    };
    let variants = master
        .variants
        .iter()
        .filter(|variant| !variant.is_i_frame)
        .map(|variant| ("video", None, variant.uri.clone()));
    let renditions = master.alternatives.iter().filter_map(|media| {
        let audio = media.media_type == AlternativeMediaType::Audio;
        audio.then(|| Some(("audio", media.language.clone(), media.uri.clone()?)))?
    });
    let mut tracks: Vec<Track> = Vec::new();
    for (kind, language, uri) in variants.chain(renditions) {
        let playlist = base.join(&uri).expect("an address");
        if tracks.iter().all(|track| track.playlist.as_ref() != Some(&playlist)) {
            tracks.push(hls_track(http, kind, language, playlist).await);
        }
    }
    tracks
}

async fn hls_track(
    http: &Client,
    kind: &'static str,
    language: Option<String>,
    playlist: Url,
) -> Track {
    let text = fetch(http, &playlist).await;
    let media = m3u8_rs::parse_media_playlist_res(&text).expect("a media playlist");
    assert!(media.end_list, "{playlist} has no EXT-X-ENDLIST");
    let map = media.segments.first().and_then(|segment| segment.map.as_ref());
    let place = |uri: &str| playlist.join(uri).expect("an address");
    let init = match map {
        Some(map) => fetch(http, &place(&map.uri)).await,
        None => Vec::new(),
    };
    let mut segments = Vec::new();
    for segment in &media.segments {
        let bytes = fetch(http, &place(&segment.uri)).await;
        segments.push(Segment { seconds: segment.duration.into(), bytes, own_key: None });
    }
    Track { kind, language, playlist: Some(playlist), init, segments }
}
