//! Images on the wire: headers, ranges, refusals, and where they are not offered.

use reqwest::Method;
use serde_json::json;

use crate::support::filters::{account, apply, tracks};
use crate::support::images::{SHEETS, bytes, film, images, playlist_of};
use crate::support::origin::{CLIP, demo, get, get_with, request, send};
use crate::support::server::{DevServer, Stream};
use crate::support::text::segments;

/// The sheets of the film.
async fn sheets(stream: &Stream) -> Vec<String> {
    let master = get(&stream.manifest("hls").url).await;
    segments(&playlist_of(stream, master.text(), "images_2").unwrap()).await
}

#[tokio::test]
async fn images_have_type_lifetime_tag_and_ranges_like_fragments() {
    let shelf = film();
    let sheets = sheets(shelf.stream("film", "clear")).await;
    let whole = get(&sheets[1]).await;
    for (name, expected) in [
        ("content-type", "image/jpeg"),
        ("cache-control", "public, max-age=86400"),
        ("accept-ranges", "bytes"),
        ("content-length", &whole.body.len().to_string()),
    ] {
        assert_eq!(whole.header(name), expected, "{name}");
    }
    let head = send(request(Method::HEAD, &sheets[1])).await;
    assert_eq!(head.header("content-length"), whole.header("content-length"));
    assert_eq!((head.header("etag"), head.body.len()), (whole.header("etag"), 0));
    let known = get_with(&sheets[1], &[("if-none-match", whole.header("etag"))]).await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    let part = get_with(&sheets[1], &[("range", "bytes=2-99")]).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &whole.body[2..100]));
    assert_ne!(get(&sheets[0]).await.header("etag"), whole.header("etag"));
    let prefetch = get_with(&sheets[1], &[("cdn-origin-assist-prefetch-enabled", "1")]).await;
    let next = prefetch.header("cdn-origin-assist-prefetch-path");
    assert!(!next.is_empty() && sheets[2].ends_with(next), "{next}");
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_name() {
    let shelf = film();
    let sheet = sheets(shelf.stream("film", "clear")).await.swap_remove(1);
    for (from, to, status, code) in [
        ("images_2=80000000", "images_2=80000001", 404, "MPE_EGRESS_TIMESTAMP_NOT_FOUND"),
        ("images_2=", "images_9=", 404, "MPE_EGRESS_TRACK_NOT_FOUND"),
        ("QualityLevels(", "QualityLevels(1", 404, "MPE_MANIFEST_MEDIA_ENTRY_NOT_FOUND"),
        ("images_2=80000000", "images_2=i", 400, "MPE_BAD_URL_SYNTAX"),
        ("Fragments", "KeyFrames", 404, "MPE_EGRESS_TRACK_NOT_FOUND"),
    ] {
        let url = sheet.replace(from, to);
        let refusal = get(&url).await;
        assert_eq!((refusal.refusal().0, refusal.refusal().1), (status, code), "{url}");
    }
}

/// Which of a stream's manifests speak of images.
async fn with_images(stream: &Stream) -> Vec<String> {
    let mut formats = Vec::new();
    for manifest in &stream.manifests {
        if get(&manifest.url).await.text().to_lowercase().contains("image") {
            formats.push(manifest.format.clone());
        }
    }
    formats
}

#[tokio::test]
async fn formats_whose_players_know_no_images_have_none() {
    let shelf = film();
    let stream = shelf.stream("film", "clear");
    let with = [
        "mpd-time-cmaf",
        "mpd-time-csf",
        "m3u8-cmaf",
        "m3u8-aapl",
        "m3u8-aapl-v8",
        "m3u8-aapl-packed",
    ];
    let mut found = with_images(stream).await;
    found.sort_by_key(|format| with.iter().position(|known| known == format));
    assert_eq!(found, with);
    let sheet = sheets(stream).await.swap_remove(1);
    for other in ["m3u8-aapl-v3", "mpd-ondemand", "fmp4"] {
        let refusal = get(&sheet.replace("m3u8-cmaf", other)).await;
        assert_eq!(refusal.refusal().1, "MPE_EGRESS_TRACK_NOT_FOUND", "{other}");
    }
    let media = tempfile::tempdir().unwrap();
    std::fs::copy(demo(CLIP), media.path().join(CLIP)).unwrap();
    std::fs::write(media.path().join(SHEETS), bytes(SHEETS)).unwrap();
    let server = DevServer::builder().media(media.path()).flag("--compat", "ams").start();
    assert_eq!(with_images(server.ready.stream("clear-open")).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_image_that_changes_has_another_tag() {
    let shelf = film();
    let sheet = sheets(shelf.stream("film", "clear")).await.swap_remove(1);
    let before = get(&sheet).await;
    let mut changed = bytes(SHEETS);
    let at = images(&changed, b"\xff\xd8\xff")[1];
    changed[at + 500] ^= 1;
    std::fs::write(shelf.path(&format!("film/{SHEETS}")), changed).unwrap();
    let after = get(&sheet).await;
    assert_ne!(before.header("etag"), after.header("etag"));
    assert_ne!(before.body, after.body);
}

#[tokio::test]
async fn images_go_with_the_pictures() {
    let shelf = film();
    let of = |kind: &'static str| tracks(&[&[("Type", "Equal", kind)]]);
    let filters = json!([account("sound", of("Audio")), account("pictures", of("Video"))]);
    apply(&shelf.server.data, &filters);
    for (filter, expected) in [("sound", 0), ("pictures", 2)] {
        let part = format!("manifest(format=mpd-time-cmaf,filter={filter})");
        let mpd = String::from_utf8(get(&shelf.stream("film", "clear").url(&part)).await.ok());
        assert_eq!(mpd.unwrap().matches("thumbnail_tile").count(), expected, "{filter}");
    }
}
