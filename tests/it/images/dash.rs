//! Thumbnails in DASH (DASH-IF IOP 4.3 section 6.2.6).

use crate::support::http::client;
use crate::support::images::{SHEETS, STILLS, film, source};
use crate::support::oracle::{elementary_stream, mpd_complaint};
use crate::support::origin::get;
use crate::support::presentation::dash_images;

#[tokio::test]
async fn every_segment_is_an_image_of_the_source_and_never_encrypted() {
    let shelf = film();
    for (form, formats) in [
        ("clear", &["mpd-time-cmaf", "mpd-time-csf"][..]),
        ("cenc", &["mpd-time-cmaf,encryption=cenc", "mpd-time-csf,encryption=cenc"]),
        ("cbcs", &["mpd-time-cmaf,encryption=cbcs-aapl"]),
    ] {
        for format in formats {
            let manifest = shelf.stream("film", form).url(&format!("manifest(format={format})"));
            let tracks = dash_images(&client(), &manifest).await;
            let [stills, sheets] = tracks.as_slice() else { panic!("{tracks:?}") };
            for (track, file, count, seconds) in
                [(stills, STILLS, 5, 5.0), (sheets, SHEETS, 3, 8.0)]
            {
                assert_eq!((track.kind, track.segments.len()), ("image", count), "{format}");
                assert!(track.segments.iter().all(|image| image.seconds == seconds));
                assert!(track.media() == elementary_stream(&source(file), "v:0"), "{form} {file}");
            }
        }
    }
}

#[tokio::test]
async fn sets_tell_size_and_grid_and_the_mpd_is_valid() {
    let shelf = film();
    let mpd = get(&shelf.stream("film", "clear").manifest("dash").url).await;
    assert_eq!(mpd_complaint(mpd.text()), None, "{}", mpd.text());
    let tree = roxmltree::Document::parse(mpd.text()).unwrap();
    let sets = tree.descendants().filter(|set| set.attribute("contentType") == Some("image"));
    let row = |set: roxmltree::Node<'_, '_>| {
        let of = |name: &str, attribute: &str| {
            let node = set
                .descendants()
                .find(|node| node.has_tag_name(("urn:mpeg:dash:schema:mpd:2011", name)));
            node.and_then(|node| node.attribute(attribute)).unwrap_or("none").to_owned()
        };
        let size = ["width", "height"].map(|side| of("Representation", side)).join("x");
        let property = ["schemeIdUri", "value"].map(|part| of("EssentialProperty", part)).join(" ");
        let mime = set.attribute("mimeType").unwrap().to_owned();
        [mime, size, property, of("SegmentTemplate", "initialization")]
    };
    let tiles = |grid| format!("http://dashif.org/guidelines/thumbnail_tile {grid}");
    assert_eq!(
        sets.map(row).collect::<Vec<_>>(),
        [
            ["image/png".to_owned(), "96x54".to_owned(), tiles("1x1"), "none".to_owned()],
            ["image/jpeg".to_owned(), "640x180".to_owned(), tiles("4x2"), "none".to_owned()],
        ]
    );
}

#[tokio::test]
async fn a_clip_lists_the_images_that_reach_into_it_whole() {
    let shelf = film();
    let manifest = &shelf.stream("film", "clear").manifest("dash").url;
    let clip = format!("{manifest}?start=12&end=18");
    assert_eq!(mpd_complaint(get(&clip).await.text()), None);
    let tracks = dash_images(&client(), &clip).await;
    let lengths: Vec<usize> = tracks.iter().map(|track| track.segments.len()).collect();
    // From 10 to 20 seconds, and from 8 to 24.
    assert_eq!(lengths, [2, 2]);
    let whole = dash_images(&client(), manifest).await;
    for (part, whole) in tracks.iter().zip(&whole) {
        let listed = whole.segments.iter().any(|image| image.bytes == part.segments[0].bytes);
        assert!(listed && part.segments[0].bytes != whole.segments[0].bytes);
    }
}
