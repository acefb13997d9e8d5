//! Captions inside pictures are announced: CEA-608 of a file of another maker.

use std::path::Path;

use crate::support::oracle::mpd_complaint;
use crate::support::origin::{CLIP, Shelf, demo, get};
use crate::support::text::attribute;

#[tokio::test]
async fn captions_in_pictures_are_announced() {
    let file = "../shared/media/public/androidx-media/mp4/fragmented_captions.mp4";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if !file.exists() {
        return eprintln!("skipped: no {}", file.display());
    }
    let shelf = Shelf::start([("captions", vec![file]), ("other", vec![demo(CLIP)])]);
    let stream = shelf.stream("captions", "clear");
    for format in ["m3u8-cmaf", "m3u8-aapl"] {
        let master = get(&stream.url(&format!("manifest(format={format})"))).await;
        let lines: Vec<&str> = master.text().lines().collect();
        let media = lines.iter().find(|line| line.contains("TYPE=CLOSED-CAPTIONS")).unwrap();
        assert_eq!(attribute(media, "INSTREAM-ID"), Some("CC1"));
        let variant = lines.iter().find(|line| line.starts_with("#EXT-X-STREAM-INF")).unwrap();
        assert_eq!(attribute(variant, "CLOSED-CAPTIONS"), attribute(media, "GROUP-ID"));
    }
    let mpd = get(&stream.manifest("dash").url).await;
    let expected = r#"schemeIdUri="urn:scte:dash:cc:cea-608:2015" value="CC1=und""#;
    assert!(mpd.text().contains(expected), "{}", mpd.text());
    assert_eq!(mpd_complaint(mpd.text()), None);
    let url = shelf.stream("other", "clear").url("manifest(format=m3u8-cmaf,audio-only=true)");
    let without = get(&url).await;
    let variants = without.text().lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF"));
    for variant in variants {
        assert_eq!(attribute(variant, "CLOSED-CAPTIONS"), Some("NONE"), "{variant}");
    }
    assert!(!without.text().contains("TYPE=CLOSED-CAPTIONS"));
}
