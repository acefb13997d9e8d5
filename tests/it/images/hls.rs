//! Thumbnails in HLS (the Image Media Playlist specification, version 0.4).

use crate::support::golden::check;
use crate::support::images::{SHEETS, STILLS, film, playlist_of, source};
use crate::support::oracle::elementary_stream;
use crate::support::origin::{Shelf, get};
use crate::support::text::segments;

async fn master(shelf: &Shelf, form: &str, params: &str) -> String {
    let url = shelf.stream("film", form).url(&format!("manifest(format={params}"));
    String::from_utf8(get(&url).await.ok()).unwrap()
}

#[tokio::test]
async fn every_segment_is_an_image_of_the_source_and_never_encrypted() {
    let shelf = film();
    for (form, params) in [
        ("clear", "m3u8-cmaf)"),
        ("clear", "m3u8-aapl)"),
        ("clear", "m3u8-aapl-v8)"),
        ("aes", "m3u8-cmaf,encryption=cbc)"),
        ("aes", "m3u8-aapl,encryption=cbc)"),
        ("cenc", "m3u8-cmaf,encryption=cenc)"),
        ("cbcs", "m3u8-cmaf,encryption=cbcs-aapl)"),
    ] {
        let master = master(&shelf, form, params).await;
        for (name, file) in [("images", STILLS), ("images_2", SHEETS)] {
            let playlist = playlist_of(shelf.stream("film", form), &master, name).unwrap();
            let text = get(&playlist).await;
            assert!(!text.text().contains("EXT-X-KEY"), "{}", text.text());
            let media = m3u8_rs::parse_media_playlist_res(&text.body).unwrap();
            assert!(media.end_list);
            let mut images = Vec::new();
            for image in segments(&playlist).await {
                images.extend(get(&image).await.ok());
            }
            assert!(images == elementary_stream(&source(file), "v:0"), "{form} {params} {name}");
        }
    }
}

#[tokio::test]
async fn playlists_tell_size_grid_and_time_of_thumbnails() {
    let shelf = film();
    let master = master(&shelf, "clear", "m3u8-cmaf)").await;
    assert!(m3u8_rs::parse_master_playlist_res(master.as_bytes()).is_ok());
    let lines: Vec<&str> = master.lines().filter(|line| line.contains("IMAGE-STREAM")).collect();
    let mut text = lines.join("\n");
    for name in ["images", "images_2"] {
        let playlist = playlist_of(shelf.stream("film", "clear"), &master, name).unwrap();
        text += &format!("\n\n{}", get(&playlist).await.text());
    }
    check("image-playlists", &without_rates(&text));
}

/// Rates depend on the encoder's build.
fn without_rates(text: &str) -> String {
    let mut parts = text.split_inclusive(['=', '(']);
    let front = parts.next().unwrap().to_owned();
    parts.fold(front, |text, part| {
        let is_rate = text.ends_with("BANDWIDTH=") || text.ends_with("QualityLevels(");
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        if is_rate { text + "RATE" + &part[digits..] } else { text + part }
    })
}

#[tokio::test]
async fn a_clip_has_no_sheet_that_begins_before_it() {
    let shelf = film();
    let stream = shelf.stream("film", "clear");
    let url = |query: &str| format!("{}?{query}", stream.manifest("hls").url);
    let master = get(&url("start=12&end=18")).await;
    assert_eq!(playlist_of(stream, master.text(), "images_2"), None);
    let stills = playlist_of(stream, master.text(), "images").unwrap();
    let text = get(&stills).await;
    let durations = text.text().lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    assert_eq!(durations.collect::<Vec<_>>(), ["3.000000,", "5.000000,"]);
    let whole = get(&stream.manifest("hls").url).await;
    let sheets = playlist_of(stream, whole.text(), "images_2").unwrap();
    let refused = get(&format!("{sheets}?start=12&end=18")).await;
    assert_eq!(refused.refusal().1, "MPE_EGRESS_TRACK_NOT_FOUND");
    // What begins with a sheet keeps it.
    let master = get(&url("start=0&end=10")).await;
    let sheets = playlist_of(stream, master.text(), "images_2").unwrap();
    assert_eq!(segments(&sheets).await.len(), 2);
}
