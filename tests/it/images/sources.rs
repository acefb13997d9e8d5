//! Where thumbnails come from, and tracks that are none: they cost themselves and nothing else.

use crate::support::images::{SHEETS, STILLS, bytes, images, playlist_of};
use crate::support::origin::{Shelf, get};
use crate::support::text::{film, segments};

const JPEG: &[u8] = b"\xff\xd8\xff";

/// Names and grids of the listed tracks.
async fn listed(shelf: &Shelf) -> Vec<(String, String)> {
    let mpd = get(&shelf.stream("film", "clear").manifest("dash").url).await;
    let tree = roxmltree::Document::parse(mpd.text()).unwrap();
    let sets = tree.descendants().filter(|set| set.attribute("contentType") == Some("image"));
    let read = |set: roxmltree::Node<'_, '_>| {
        let media = set.descendants().find_map(|node| node.attribute("media")).unwrap();
        let name = media.split_once("Fragments(").unwrap().1.split_once('=').unwrap().0;
        let grid = set.descendants().find_map(|node| node.attribute("value")).unwrap();
        (name.to_owned(), grid.to_owned())
    };
    sets.map(read).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, grid)| ((*name).to_owned(), (*grid).to_owned())).collect()
}

#[tokio::test]
async fn tracks_that_are_no_thumbnails_are_left_out_with_a_reason() {
    let (sheets, stills) = (bytes(SHEETS), bytes(STILLS));
    let mut broken = sheets.clone();
    broken[images(&sheets, JPEG)[0]] = 0;
    let mut sizeless = sheets.clone();
    let entry = sheets.windows(4).position(|kind| kind == b"mp4v").unwrap();
    sizeless[entry + 4 + 24..entry + 4 + 28].fill(0);
    let mut table = sheets.clone();
    let sizes = sheets.windows(4).position(|kind| kind == b"stsz").unwrap();
    table[sizes + 12..sizes + 16].copy_from_slice(&[0xff; 4]);
    let shelf = film(&[
        ("broken_4x2.mp4", &broken),
        ("sizeless.mp4", &sizeless),
        ("film.mp4", &bytes("film.mp4")),
        ("none.mp4", &bytes("none.mp4")),
        ("absurd_99x99.mp4", &sheets),
        ("odd_3x2.mp4", &sheets),
        ("tables.mp4", &table),
        ("stills_320x180.mp4", &stills),
    ]);
    assert_eq!(listed(&shelf).await, pairs(&[("images", "1x1")]));
    let log = shelf.server.log();
    for reason in [
        "broken_4x2.mp4: track 1 is left out: images: the first sample is none",
        "sizeless.mp4: track 1 is left out: images: the sample entry does not tell their size",
        "film.mp4: track 1 is left out: images: more than four a second are a film",
        "none.mp4: track 1 is left out: images: there are none",
        "absurd_99x99.mp4: images are left out: 640x180 is no grid of 99x99",
        "tables.mp4: track 1 is left out: ",
    ] {
        assert!(log.contains(reason), "{reason} is not in\n{log}");
    }
    get(&shelf.stream("film", "clear").fragment(0).await).await.ok();
}

#[tokio::test]
async fn a_later_sample_that_is_no_image_is_refused_alone() {
    let mut sheets = bytes(SHEETS);
    let at = images(&sheets, JPEG)[1];
    sheets[at + 1] = 0;
    let shelf = film(&[(SHEETS, &sheets)]);
    let stream = shelf.stream("film", "clear");
    let master = get(&stream.manifest("hls").url).await;
    let segments = segments(&playlist_of(stream, master.text(), "images").unwrap()).await;
    for _ in 0..2 {
        let refused = get(&segments[1]).await;
        let (status, code, message) = refused.refusal();
        assert_eq!((status, code), (415, "MPE_MEDIA_ENCODING_NOT_SUPPORTED"));
        assert_eq!(message, "sample 2 is no jpeg image");
    }
    get(&segments[0]).await.ok();
    get(&segments[2]).await.ok();
}

#[tokio::test]
async fn a_server_manifest_names_tracks_and_grids() {
    let ism = |images: &str| {
        format!(
            r#"<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>
             <video src="gate_h264_180p.mp4"/><audio src="gate_aac_eng.mp4"/>{images}
             </switch></body></smil>"#
        )
    };
    let (sheets, stills) = (bytes(SHEETS), bytes(STILLS));
    let images = r#"<img src="plain.mp4"><param name="tiles" value="4x2"/>
        <param name="trackName" value="scrub"/></img><img src="plain.mp4" tiles="2x1"/>"#;
    let text = ism(images);
    let shelf = film(&[("plain.mp4", &sheets), (STILLS, &stills), ("f.ism", text.as_bytes())]);
    assert_eq!(listed(&shelf).await, pairs(&[("scrub", "4x2"), ("images", "2x1")]));
    for (images, reason) in [
        (r#"<img src="plain.mp4" tiles="9999x9999"/>"#, "tiles: a grid is COLUMNSxROWS"),
        (r#"<img src="gone.mp4"/>"#, "gone.mp4 is not in the folder"),
        (r#"<img src="gate_h264_180p.mp4"/>"#, "gate_h264_180p.mp4 has no such image track"),
    ] {
        std::fs::write(shelf.path("film/f.ism"), ism(images)).unwrap();
        let refused = get(&shelf.stream("film", "clear").manifest("dash").url).await;
        let (status, code, message) = refused.refusal();
        assert_eq!((status, code), (415, "MPE_INPUT_FORMAT_NOT_SUPPORTED"));
        assert!(message.contains(reason), "{message}");
    }
}
