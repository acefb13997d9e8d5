//! How filters are refused on URLs: each code that media on demand can meet (ams.md section 19).

use crate::support::filters::Filtered;
use crate::support::origin::get;

/// What is asked for, status and code.
const REFUSED: &[(&str, u16, &str)] = &[
    ("manifest(format=m3u8-cmaf,filter=nobody)", 404, "MPE_EGRESS_FILTER_NOT_FOUND"),
    ("manifest(format=m3u8-cmaf,filter=a;nobody)", 404, "MPE_EGRESS_FILTER_NOT_FOUND"),
    ("manifest(format=m3u8-cmaf,filter=..%22%3Cx%3E)", 404, "MPE_EGRESS_FILTER_NOT_FOUND"),
    ("manifest(format=m3u8-cmaf,filter=)", 400, "MPE_BAD_URL_SYNTAX"),
    ("manifest(format=m3u8-cmaf,filter=a;)", 400, "MPE_BAD_URL_SYNTAX"),
    ("manifest(format=m3u8-cmaf,filter=hevc)", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    ("manifest(format=mpd-time-cmaf,filter=text)", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    ("manifest(format=m3u8-cmaf,filter=avc;not-avc)", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    ("manifest(format=m3u8-cmaf,filter=late)", 415, "MPE_FILTER_RANGE_ATTRIBUTE_INVALID"),
    ("manifest(format=m3u8-cmaf,filter=huge)", 415, "MPE_FILTER_RANGE_ATTRIBUTE_INVALID"),
    ("manifest(format=m3u8-cmaf,filter=late;until12)", 415, "MPE_FILTER_RANGE_ATTRIBUTE_INVALID"),
    (
        "manifest(format=m3u8-cmaf,filter=middle-first;first-1k)",
        415,
        "MPE_FILTER_COMPOSITION_MULTIPLE_FIRST_QUALITY_OPERATOR_NOT_ALLOWED",
    ),
    (
        "manifest(format=m3u8-cmaf,filter=a;b;c;d)",
        415,
        "MPE_FILTER_COMPOSITION_FILTER_COUNT_OVER_LIMIT",
    ),
    // Tracks that a filter removed, and fragments outside its times.
    (
        "QualityLevels(48323)/Fragments(aac_eng_2_48323=i,format=m3u8-cmaf,filter=german)",
        404,
        "MPE_EGRESS_TRACK_NOT_FOUND",
    ),
    (
        "QualityLevels(287951)/Manifest(video,format=m3u8-cmaf,filter=low)",
        404,
        "MPE_MANIFEST_MEDIA_ENTRY_NOT_FOUND",
    ),
    (
        "QualityLevels(155467)/Fragments(video=0,format=mpd-time-cmaf,filter=middle)",
        404,
        "MPE_EGRESS_TIMESTAMP_NOT_FOUND",
    ),
    (
        "QualityLevels(155467)/Fragments(video=180000000,format=m3u8-aapl,filter=middle)",
        404,
        "MPE_EGRESS_TIMESTAMP_NOT_FOUND",
    ),
    (
        "QualityLevels(155467)/KeyFrames(video=0,format=m3u8-aapl,filter=middle)",
        404,
        "MPE_EGRESS_TIMESTAMP_NOT_FOUND",
    ),
    (
        "manifest(format=m3u8-aapl-v3,filter=german,audioTrack=aac_eng_2_48323)",
        404,
        "MPE_EGRESS_TRACK_NOT_FOUND",
    ),
];

#[tokio::test]
async fn every_refusal_has_its_code_and_says_why() {
    let server = Filtered::shared();
    for (part, status, code) in REFUSED {
        let answer = get(&format!("{}{part}", server.root)).await;
        let (found, name, message) = answer.refusal();
        assert_eq!((found, name), (*status, *code), "{part}: {message}");
        assert!(message.len() > 10, "{part}: {message}");
    }
}
