//! Clips as players see them: valid manifests, and the picture that belongs to the start.

use crate::support::filters::{FRAGMENT, Filtered};
use crate::support::oracle::{
    decoded_pictures, decodes_without_complaint, mpd_complaint, pictures_of_file,
};
use crate::support::origin::{demo, get};

/// Pictures of one fragment.
const PICTURES: usize = 150;

#[tokio::test]
async fn clips_validate_and_start_at_time_0_of_the_period() {
    let server = Filtered::shared();
    for filters in ["middle", "middle;german", "middle;sound", "straddling;first-1k"] {
        let mpd = get(&server.manifest("mpd-time-cmaf", filters)).await;
        let mpd = mpd.text();
        assert_eq!(mpd_complaint(mpd), None, "{filters}\n{mpd}");
        assert!(mpd.contains("mediaPresentationDuration=\"PT12"), "{filters}\n{mpd}");
        assert!(mpd.contains("presentationTimeOffset=\""), "{filters}\n{mpd}");
    }
    let mpd = get(&server.manifest("mpd-time-cmaf", "middle")).await;
    let offset = format!("presentationTimeOffset=\"{FRAGMENT}\"");
    let templates = mpd.text().matches("<SegmentTimeline").count();
    assert_eq!(mpd.text().matches(&offset).count(), templates, "{}", mpd.text());
}

/// The pictures of the third level from `first` on.
fn pictures(first: usize, count: usize) -> Vec<String> {
    pictures_of_file(&demo("gate_h264_180p.mp4")).split_off(first)[..count].to_vec()
}

#[test]
fn clips_in_hls_start_at_their_picture() {
    let server = Filtered::shared();
    let expected = pictures(PICTURES, 2 * PICTURES);
    for format in ["m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v3"] {
        let url = server.manifest(format, "middle;first-1k");
        assert!(decoded_pictures(&url) == expected, "{url}");
        decodes_without_complaint(&url, "a:0");
    }
}

#[test]
fn clips_in_dash_start_at_their_picture() {
    let server = Filtered::shared();
    let url = format!("{}.mpd", server.manifest("mpd-time-cmaf", "middle;low;one-level"));
    let low = pictures_of_file(&demo("gate_h264_360p.mp4"));
    assert!(decoded_pictures(&url) == low[PICTURES..3 * PICTURES], "{url}");
}

#[test]
fn clips_of_a_query_start_at_their_picture() {
    let server = Filtered::shared();
    let expected = pictures(PICTURES, 2 * PICTURES);
    for (format, extension) in [("m3u8-cmaf", ".m3u8"), ("mpd-time-cmaf", ".mpd")] {
        let query = "?start=PT7S&end=18&height=180";
        let url = format!("{}manifest(format={format}){extension}{query}", server.root);
        assert!(decoded_pictures(&url) == expected, "{url}");
    }
}

#[tokio::test]
async fn key_frame_lists_hold_those_of_the_clip() {
    let server = Filtered::shared();
    let ranges = async |url: String| -> Vec<String> {
        let text = String::from_utf8(get(&url).await.ok()).unwrap();
        text.lines().filter(|line| line.contains("BYTERANGE")).map(str::to_owned).collect()
    };
    for format in ["m3u8-aapl", "m3u8-cmaf"] {
        let list = |more: &str| {
            let part = format!("Manifest(video,format={format}{more},type=keyframes)");
            format!("{}QualityLevels(155467)/{part}", server.root)
        };
        let (whole, clip) = (ranges(list("")).await, ranges(list(",filter=middle")).await);
        assert_eq!(whole.len(), 4, "{format}");
        assert_eq!(clip, whole[1..3], "{format}");
        assert_eq!(ranges(list("") + "?start=6&end=18").await, clip, "{format}");
    }
}
