//! What manifests show under filters: tracks, times, first quality, several filters together.

use crate::support::filters::{FRAGMENT, Filtered, LEVELS, shown};
use crate::support::origin::{get, hls_children};

const ALL: &[u64] = &[0, FRAGMENT, 2 * FRAGMENT, 3 * FRAGMENT];
const BOTH: &[&str] = &["de", "en"];

/// Filters, levels, languages, starts of fragments.
type Case = (&'static str, &'static [u64], &'static [&'static str], &'static [u64]);

const SHOWN: &[Case] = &[
    ("a", &LEVELS, BOTH, ALL),
    ("german", &LEVELS, &["de"], ALL),
    ("not-german", &LEVELS, &["en"], ALL),
    ("named", &[], &["en"], &[0, 59_946_667, 119_893_333, 180_053_333]),
    ("pictures", &LEVELS, &[], ALL),
    ("low", &[LEVELS[1], LEVELS[2]], BOTH, ALL),
    ("not-low", &[LEVELS[0]], BOTH, ALL),
    ("one-level", &[LEVELS[1]], &[], ALL),
    ("avc", &LEVELS, &[], ALL),
    ("sd", &[LEVELS[1], LEVELS[2]], &[], ALL),
    ("not-sound", &LEVELS, &[], ALL),
    ("tall", &[LEVELS[0], LEVELS[1]], &[], ALL),
    ("middle", &LEVELS, BOTH, &[FRAGMENT, 2 * FRAGMENT]),
    ("from6", &LEVELS, BOTH, &[FRAGMENT, 2 * FRAGMENT, 3 * FRAGMENT]),
    ("until12", &LEVELS, BOTH, &[0, FRAGMENT]),
    ("straddling", &LEVELS, BOTH, &[FRAGMENT, 2 * FRAGMENT]),
    ("unset", &LEVELS, BOTH, ALL),
    ("live", &LEVELS, BOTH, ALL),
    ("middle-first", &[LEVELS[1], LEVELS[0], LEVELS[2]], BOTH, ALL),
    ("first-200k", &[LEVELS[1], LEVELS[0], LEVELS[2]], BOTH, ALL),
    ("first-1k", &[LEVELS[2], LEVELS[0], LEVELS[1]], BOTH, ALL),
    // The asset's own filter hides that of the account; names are found without case.
    ("HIDDEN", &LEVELS, &[], ALL),
    ("from6;until12", &LEVELS, BOTH, &[FRAGMENT]),
    ("german;low;middle", &[LEVELS[1], LEVELS[2]], &["de"], &[FRAGMENT, 2 * FRAGMENT]),
    ("low;first-1k", &[LEVELS[2], LEVELS[1]], BOTH, ALL),
];

#[tokio::test]
async fn a_manifest_shows_what_all_filters_show() {
    let server = Filtered::shared();
    for (filters, levels, languages, starts) in SHOWN {
        let found = shown(&server.manifest("mpd-time-cmaf", filters)).await;
        assert_eq!(found.video, *levels, "{filters}");
        assert_eq!(found.languages, *languages, "{filters}");
        assert_eq!(found.starts, *starts, "{filters}");
    }
}

/// Bitrates of the variants of a multivariant playlist, and how many audio renditions it has.
async fn variants(url: &str) -> (Vec<u64>, usize) {
    let text = String::from_utf8(get(url).await.ok()).unwrap();
    let bitrate = |line: &str| {
        let (_, rest) = line.split_once("QualityLevels(")?;
        rest.split_once(')')?.0.parse().ok()
    };
    let uris = text.lines().filter(|line| line.starts_with("QualityLevels("));
    let audio = text.lines().filter(|line| line.contains("TYPE=AUDIO")).count();
    (uris.filter_map(bitrate).collect(), audio)
}

#[tokio::test]
async fn playlists_list_the_first_quality_first_and_no_other_track() {
    let server = Filtered::shared();
    for format in ["m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v8"] {
        for (filters, levels, audio) in [
            ("a", vec![LEVELS[2], LEVELS[1], LEVELS[0]], 2),
            ("middle-first", vec![LEVELS[1], LEVELS[2], LEVELS[0]], 2),
            ("low;german", vec![LEVELS[2], LEVELS[1]], 1),
            // Languages of one variant, not variants of their own.
            ("sound", vec![48_331], 2),
        ] {
            let found = variants(&server.manifest(format, filters)).await;
            assert_eq!(found, (levels, audio), "{format} {filters}");
        }
    }
}

#[tokio::test]
async fn audio_only_adds_the_first_track_that_is_left() {
    let server = Filtered::shared();
    for format in ["m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v3"] {
        for (parameters, last) in [
            ("audio-only=true,filter=not-german", 48_323),
            ("AUDIO-ONLY=True,filter=german", 48_331),
            ("audio-only=false,filter=german", LEVELS[0]),
        ] {
            let url = format!("{}manifest(format={format},{parameters})", server.root);
            let (levels, _) = variants(&url).await;
            assert_eq!(levels.last(), Some(&last), "{url}");
        }
    }
}

#[tokio::test]
async fn children_repeat_the_filters_and_list_the_same_fragments() {
    let server = Filtered::shared();
    for format in ["m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v3"] {
        let url = server.manifest(format, "MIDDLE;low");
        for child in hls_children(&url).await {
            // As they are spelled in the store, so that caches see one name.
            assert!(child.contains(",filter=middle;low"), "{child}");
            let text = String::from_utf8(get(&child).await.ok()).unwrap();
            let segments: Vec<&str> =
                text.lines().filter(|line| line.contains("Fragments(")).collect();
            let listed = segments.iter().filter(|line| !line.contains("EXT-X-MAP")).count();
            assert_eq!(listed, 2, "{child}\n{text}");
            assert!(segments.iter().all(|line| line.contains(",filter=middle;low")), "{text}");
        }
    }
}

#[tokio::test]
async fn a_filter_changes_no_byte_of_a_fragment() {
    let server = Filtered::shared();
    for part in [
        "QualityLevels(155467)/Fragments(video=i,format=m3u8-cmaf{})",
        "QualityLevels(155467)/Fragments(video=60000000,format=mpd-time-cmaf{})",
        "QualityLevels(48331)/Fragments(aac_deu_2_48331=59946667,format=m3u8-cmaf{})",
        "QualityLevels(155467)/Fragments(video=60000000,format=m3u8-aapl{})",
        "QualityLevels(155467)/Fragments(video=60000000,format=m3u8-aapl-v3{},audiotrack=aac_deu_2_48331)",
    ] {
        let plain = get(&format!("{}{}", server.root, part.replace("{}", ""))).await;
        let under = part.replace("{}", ",filter=middle;low;german");
        let filtered = get(&format!("{}{under}", server.root)).await;
        assert_eq!(filtered.header("etag"), plain.header("etag"), "{part}");
        assert!(filtered.ok() == plain.ok(), "{part}");
    }
}

#[tokio::test]
async fn the_muxed_track_is_the_first_that_is_left() {
    let server = Filtered::shared();
    for (filters, track) in [("a", "aac_deu_2_48331"), ("not-german", "aac_eng_2_48323")] {
        let children = hls_children(&server.manifest("m3u8-aapl-v3", filters)).await;
        let expected = format!("audiotrack={track}");
        assert!(children.iter().all(|child| child.contains(&expected)), "{children:?}");
    }
}
