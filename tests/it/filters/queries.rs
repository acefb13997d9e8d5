//! What the query of a manifest chooses: times, sizes, bitrates, codecs.

use crate::support::filters::{FRAGMENT, Filtered, LEVELS, shown};
use crate::support::origin::{get, hls_children};

const ALL: &[u64] = &[0, FRAGMENT, 2 * FRAGMENT, 3 * FRAGMENT];
const MIDDLE: &[u64] = &[FRAGMENT, 2 * FRAGMENT];

/// Query, levels, number of audio tracks, starts of fragments.
type Case = (&'static str, &'static [u64], usize, &'static [u64]);

const SHOWN: &[Case] = &[
    ("start=6&end=18", &LEVELS, 2, MIDDLE),
    ("start=PT6S&end=PT0M18S", &LEVELS, 2, MIDDLE),
    ("start=7.5&end=12.0000001", &LEVELS, 2, MIDDLE),
    ("end=6", &LEVELS, 2, &[0]),
    ("start=18", &LEVELS, 2, &[3 * FRAGMENT]),
    ("end=3600", &LEVELS, 2, ALL),
    ("height=360", &[LEVELS[1]], 2, ALL),
    ("height=360-", &[LEVELS[0], LEVELS[1]], 2, ALL),
    ("resolution=320x180,960x540", &[LEVELS[0], LEVELS[2]], 2, ALL),
    ("bitrate=-155467", &[LEVELS[1], LEVELS[2]], 2, ALL),
    ("bitrate=100000-200000&height=-540", &[LEVELS[1]], 2, ALL),
    ("codec=avc1", &LEVELS, 2, ALL),
    ("codec=hvc1,mp4a", &LEVELS, 2, ALL),
    // Parameters of others, and of nobody.
    ("Start=x&token=a%26start%3D6&sig=%ff&t", &LEVELS, 2, ALL),
];

#[tokio::test]
async fn a_manifest_shows_what_the_query_chooses() {
    let server = Filtered::shared();
    for (query, levels, audio, starts) in SHOWN {
        let found = shown(&format!("{}manifest(format=mpd-time-cmaf)?{query}", server.root)).await;
        assert_eq!(found.video, *levels, "{query}");
        assert_eq!((found.languages.len(), &*found.starts), (*audio, *starts), "{query}");
    }
    let under = server.manifest("mpd-time-cmaf", "from6;german");
    let found = shown(&format!("{under}?end=12&height=180")).await;
    assert_eq!((found.video, found.starts), (vec![LEVELS[2]], vec![FRAGMENT]));
}

#[tokio::test]
async fn playlists_carry_what_was_chosen_and_no_token() {
    let server = Filtered::shared();
    for format in ["m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v3"] {
        let query = "?token=secret&end=PT18S&start=6&height=180";
        let master = format!("{}manifest(format={format}){query}", server.root);
        let text = String::from_utf8(get(&master).await.ok()).unwrap();
        assert!(!text.contains("secret"), "{text}");
        let children = hls_children(&master).await;
        assert!(!children.is_empty());
        for child in children {
            assert!(child.ends_with(")?start=6&end=18&height=180"), "{child}");
            let text = String::from_utf8(get(&child).await.ok()).unwrap();
            assert_eq!(text.matches("#EXTINF").count(), 2, "{child}\n{text}");
            let fragments = text.lines().filter(|line| line.contains("Fragments("));
            assert!(fragments.clone().count() >= 2, "{text}");
            for fragment in fragments {
                assert!(!fragment.contains('?'), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn queries_of_fragments_belong_to_others() {
    let server = Filtered::shared();
    let part = "QualityLevels(155467)/Fragments(video=0,format=m3u8-cmaf)";
    let plain = get(&format!("{}{part}", server.root)).await.ok();
    for query in ["?start=6", "?start=nonsense", "?height=1&height=2"] {
        assert!(get(&format!("{}{part}{query}", server.root)).await.ok() == plain, "{query}");
    }
}

#[tokio::test]
async fn under_the_profile_of_ams_queries_belong_to_others_and_filters_hold() {
    let server = Filtered::shared();
    let root = server.published(&["--compat", "ams", "--filter", "german"]);
    for format in ["mpd-time-cmaf", "m3u8-cmaf", "m3u8-aapl", "fmp4"] {
        let url = format!("{root}manifest(format={format},filter=middle)");
        let plain = get(&url).await.ok();
        assert!(get(&format!("{url}?start=nonsense&height=180")).await.ok() == plain, "{url}");
        let text = String::from_utf8(plain).unwrap();
        assert!(text.contains(",filter=middle;german)"), "{text}");
        assert!(!text.contains("aac_eng"), "{text}");
    }
    // Fragments of two seconds.
    let found = shown(&format!("{root}manifest(format=mpd-time-cmaf,filter=middle)")).await;
    let starts: Vec<u64> = (3..9).map(|n| n * FRAGMENT / 3).collect();
    assert_eq!(found.starts, starts);
}

#[tokio::test]
async fn queries_that_say_nothing_or_leave_nothing_are_refused() {
    let server = Filtered::shared();
    for (query, status, code) in [
        ("start=soon", 400, "MPE_BAD_URL_SYNTAX"),
        ("start=-1", 400, "MPE_BAD_URL_SYNTAX"),
        ("start=99999999999999999999", 400, "MPE_BAD_URL_SYNTAX"),
        ("end=P1Y", 400, "MPE_BAD_URL_SYNTAX"),
        ("start=12&end=12", 400, "MPE_BAD_URL_SYNTAX"),
        ("start=1&start=1", 400, "MPE_BAD_URL_SYNTAX"),
        ("height=720-360", 400, "MPE_BAD_URL_SYNTAX"),
        ("resolution=huge", 400, "MPE_BAD_URL_SYNTAX"),
        ("codec=%22", 400, "MPE_BAD_URL_SYNTAX"),
        ("start=24", 415, "MPE_FILTER_RANGE_ATTRIBUTE_INVALID"),
        ("start=1000000000000", 415, "MPE_FILTER_RANGE_ATTRIBUTE_INVALID"),
        ("height=10000-", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
        ("resolution=1x1", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
        ("codec=hvc1", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    ] {
        for part in
            ["manifest(format=m3u8-cmaf)", "QualityLevels(155467)/Manifest(video,format=m3u8-aapl)"]
        {
            let answer = get(&format!("{}{part}?{query}", server.root)).await;
            let (found, name, message) = answer.refusal();
            assert_eq!((found, name), (status, code), "{part}?{query}: {message}");
            let value = query.split(['=', '&']).nth(1).unwrap();
            assert!(!message.contains(value) || value.len() < 3, "{query}: {message}");
        }
    }
    let empty = server.manifest("m3u8-cmaf", "from6");
    let answer = get(&format!("{empty}?end=6")).await;
    assert_eq!(answer.refusal().1, "MPE_FILTER_RANGE_ATTRIBUTE_INVALID");
}

#[tokio::test]
async fn queries_are_not_logged() {
    let server = Filtered::shared();
    for query in ["?start=6&token=confidential", "?start=confidential"] {
        get(&format!("{}manifest(format=m3u8-cmaf){query}", server.root)).await;
    }
    let log = server.server.log();
    assert!(log.contains("manifest(format=m3u8-cmaf)"), "{log}");
    assert!(!log.contains("confidential"), "{log}");
}
