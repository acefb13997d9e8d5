//! Packed audio: the frames of the source behind a tag that tells their time. That players of other
//! makers read it is shown in `transport.rs` (`every_sample_of_..._arrives_in_transport_streams`) and
//! in `tests/browser`.

use data_encoding::HEXLOWER;
use reqwest::Url;

use super::titles::{CLIP, CODECS, key_of};
use super::transport::{clear_tracks, manifest, serve};
use crate::support::http::client;
use crate::support::oracle::decrypted_segment;
use crate::support::origin::{get, get_with};
use crate::support::presentation::{self, Track, fetch};
use crate::support::transport::{frames, read};

const PACKED: &str = "m3u8-aapl-packed";
const STAMP: &str = "com.apple.streaming.transportStreamTimestamp";
const DESCRIPTION: &str = "com.apple.streaming.audioDescription";

/// The private frames of the tag at the start of a segment, by owner, and what follows.
fn tag(segment: &[u8]) -> (Vec<(String, Vec<u8>)>, &[u8]) {
    let size = |bytes: &[u8]| {
        assert!(bytes.iter().all(|byte| *byte < 0x80), "seven bits in each byte");
        bytes.iter().fold(0, |size, byte| size << 7 | usize::from(*byte))
    };
    assert_eq!(segment[..6], *b"ID3\x04\0\0");
    let (mut rest, behind) = segment[10..].split_at(size(&segment[6..10]));
    let mut found = Vec::new();
    while !rest.is_empty() {
        assert_eq!((&rest[..4], &rest[8..10]), (&b"PRIV"[..], &[0, 0][..]));
        let (body, next) = rest[10..].split_at(size(&rest[4..8]));
        let at = body.iter().position(|byte| *byte == 0).expect("an owner");
        found.push((String::from_utf8(body[..at].to_vec()).unwrap(), body[at + 1..].to_vec()));
        rest = next;
    }
    (found, behind)
}

fn sound(tracks: Vec<Track>) -> Vec<Track> {
    tracks.into_iter().filter(|track| track.kind == "audio").collect()
}

/// Addresses of the segments of a playlist.
async fn segments(track: &Track) -> Vec<(Url, Option<m3u8_rs::Key>)> {
    let playlist = track.playlist.as_ref().expect("HLS");
    let text = fetch(&client(), playlist).await;
    let media = m3u8_rs::parse_media_playlist_res(&text).expect("a playlist");
    let address = |it: m3u8_rs::MediaSegment| (playlist.join(&it.uri).unwrap(), it.key);
    media.segments.into_iter().map(address).collect()
}

/// The frames are those of the transport stream beside it, the time is that of its first packet, and
/// pictures are the same bytes.
#[tokio::test]
async fn segments_hold_the_frames_of_transport_streams_behind_their_time() {
    for title in [CLIP, CODECS].map(serve) {
        let packed = clear_tracks(&title, PACKED).await;
        let transport = clear_tracks(&title, "m3u8-aapl").await;
        assert_eq!(packed.len(), transport.len());
        let mut kinds = std::collections::BTreeSet::new();
        for (packed, transport) in packed.iter().zip(&transport) {
            if packed.kind != "audio" {
                assert!(packed.media() == transport.media());
                continue;
            }
            for (ours, theirs) in packed.segments.iter().zip(&transport.segments) {
                let (private, payload) = tag(&ours.bytes);
                let found = read(&theirs.bytes);
                let units = found.of_kind("audio");
                let stamp = units[0].pts.to_be_bytes().to_vec();
                assert_eq!(private, [(STAMP.to_owned(), stamp)]);
                let expected: Vec<u8> = units.iter().flat_map(|it| it.payload.clone()).collect();
                assert!(frames(payload) > 0 && payload == expected);
            }
            assert_eq!(packed.segments.len(), transport.segments.len());
            let (first, _) = &segments(packed).await[0];
            let answer = get(first.as_str()).await;
            kinds.insert(answer.header("content-type").to_owned());
        }
        match title.title.name {
            "clip" => assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["audio/aac"]),
            _ => assert_eq!(
                kinds.into_iter().collect::<Vec<_>>(),
                ["audio/aac", "audio/ac3", "audio/eac3"]
            ),
        }
    }
}

/// AES-128 encrypts tag and frames together, under an IV that no transport stream has.
#[tokio::test]
async fn encrypted_segments_hold_the_clear_ones() {
    let clip = serve(CLIP);
    let http = client();
    let (stream, url) = manifest(&clip, PACKED, Some("cbc"));
    let (_, beside) = manifest(&clip, "m3u8-aapl", Some("cbc"));
    let clear = sound(clear_tracks(&clip, PACKED).await);
    let beside = sound(presentation::hls(&http, &beside).await);
    let ours = sound(presentation::hls(&http, &url).await);
    for ((ours, clear), beside) in ours.iter().zip(&clear).zip(&beside) {
        let others = segments(beside).await;
        for (n, (_, key)) in segments(ours).await.into_iter().enumerate() {
            let iv = key.expect("a key for every segment").iv.expect("an IV");
            assert_ne!(Some(&iv), others[n].1.as_ref().unwrap().iv.as_ref());
            let data = ours.segments[n].bytes.clone();
            let data = decrypted_segment(data, &key_of(stream).key, &iv);
            assert!(data == clear.segments[n].bytes);
        }
    }
    assert_eq!(ours.len(), 2);
}

/// SAMPLE-AES: the tag is clear and describes the sound, and of each frame 16 bytes and what is no
/// whole block.
#[tokio::test]
async fn protected_frames_are_what_the_format_says() {
    let codecs = serve(CODECS);
    let (_, url) = manifest(&codecs, PACKED, Some("cbcs-aapl"));
    let clear = sound(clear_tracks(&codecs, PACKED).await);
    let ours = sound(presentation::hls(&client(), &url).await);
    assert_eq!(ours.len(), clear.len());
    let mut described = Vec::new();
    for (ours, clear) in ours.iter().zip(&clear) {
        for (ours, clear) in ours.segments.iter().zip(&clear.segments) {
            let ((private, ours), (stamp, clear)) = (tag(&ours.bytes), tag(&clear.bytes));
            assert_eq!(private[..1], stamp[..]);
            assert_eq!(private[1].0, DESCRIPTION);
            described.push(HEXLOWER.encode(&private[1].1));
            assert_eq!(ours.len(), clear.len());
            let mut at = 0;
            while at < clear.len() {
                let header = if clear[at] == 0xff { 7 } else { 0 };
                // Where the frame ends: at the next at which whole frames remain.
                let end = (at + 16..=clear.len())
                    .find(|end| starts_frame(&clear[*end..]) && frames(&clear[at..*end]) == 1)
                    .expect("the end of a frame");
                let whole = (end - at - header).saturating_sub(16) / 16 * 16;
                let protected = at + header + 16..at + header + 16 + whole;
                assert_eq!(ours[at..protected.start], clear[at..protected.start]);
                assert_eq!(ours[protected.end..end], clear[protected.end..end]);
                assert!(whole == 0 || ours[protected.clone()] != clear[protected]);
                at = end;
            }
        }
    }
    let begins = |start: &str| described.iter().any(|it| it.starts_with(start));
    // `zaac`, `zac3` and `zec3`, no priming, version 1.
    for kind in ["7a616163000001", "7a616333000001", "7a656333000001"] {
        assert!(begins(kind), "{kind}: {described:?}");
    }
    assert!(
        described
            .iter()
            .any(|it| it.starts_with("7a616333000001") && it[14..].starts_with("0a0b77"))
    );
}

/// Whether a frame, or nothing, comes next.
fn starts_frame(stream: &[u8]) -> bool {
    matches!(stream, [] | [0x0b, 0x77, ..] | [0xff, 0xf1, ..]) && whole(stream)
}

/// Whether frames that say their lengths fill the rest: a syncword may be anywhere.
fn whole(stream: &[u8]) -> bool {
    std::panic::catch_unwind(|| frames(stream)).is_ok()
}

/// Whatever is cut out, headers between frames included.
#[tokio::test]
async fn ranges_are_slices_of_the_whole() {
    let clip = serve(CLIP);
    for encryption in [None, Some("cbc"), Some("cbcs-aapl")] {
        let (_, url) = manifest(&clip, PACKED, encryption);
        let tracks = sound(presentation::hls(&client(), &url).await);
        let (address, _) = &segments(&tracks[0]).await[1];
        let whole = &tracks[0].segments[1].bytes;
        let size = whole.len();
        for (from, to) in [
            (0, 1),
            (0, 73),
            (5, 80),
            (60, size),
            (73, 74),
            (74, 90),
            (1000, 1001),
            (1000, 40_000),
            (size / 2, size / 2 + 1),
            (size - 1, size),
            (size - 20, size),
        ] {
            let range = format!("bytes={from}-{}", to - 1);
            let part = get_with(address.as_str(), &[("range", &range)]).await;
            assert_eq!(part.status, 206);
            assert!(part.body == whole[from..to.min(size)], "{encryption:?} {range}");
        }
    }
}

/// BANDWIDTH of sound alone is not below its peak, and near it.
#[tokio::test]
async fn the_bandwidth_is_that_of_the_segments() {
    let clip = serve(CLIP);
    let (_, url) = manifest(&clip, PACKED, None);
    let url = url.replace("packed", "packed,audio-only=true");
    let text = get(&url).await;
    let master = m3u8_rs::parse_master_playlist_res(&text.body).expect("a master");
    let alone = master.variants.iter().rfind(|it| !it.is_i_frame && it.resolution.is_none());
    let said = alone.expect("sound alone").bandwidth as f64;
    let tracks = sound(presentation::hls(&client(), &url).await);
    let rates = tracks.iter().flat_map(|track| &track.segments);
    let peak = rates.map(|it| it.bytes.len() as f64 * 8.0 / it.seconds).fold(0.0, f64::max);
    assert!(said >= peak && said < 1.02 * peak, "{said} for {peak}");
}
