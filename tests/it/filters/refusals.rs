//! How filters are refused on URLs: each code that media on demand can meet (ams.md section 19).

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::support::filters::{Filtered, range, tracks};
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

/// A filter for each rule that storing would refuse.
fn broken() -> [(&'static str, Value, &'static str); 8] {
    [
        ("shape", json!({ "colour": 1 }), "MPE_FILTER_INVALID"),
        (
            "range",
            range(json!({ "startTimestamp": 2, "endTimestamp": 1 })),
            "MPE_FILTER_RANGE_ATTRIBUTE_INVALID",
        ),
        ("scale", range(json!({ "timescale": 0 })), "MPE_FILTER_RANGE_ATTRIBUTE_INVALID"),
        ("track", tracks(&[&[("Type", "Equal", "Smell")]]), "MPE_FILTER_TRACK_ATTRIBUTE_INVALID"),
        (
            "window",
            range(json!({ "presentationWindowDuration": 59, "timescale": 1 })),
            "MPE_FILTER_PRESENTATION_WINDOW_INVALID",
        ),
        (
            "backoff",
            range(json!({ "liveBackoffDuration": 301, "timescale": 1 })),
            "MPE_FILTER_LIVE_BACKOFF_INVALID",
        ),
        (
            "over",
            range(json!({ "presentationWindowDuration": 60, "liveBackoffDuration": 61,
                          "timescale": 1 })),
            "MPE_FILTER_LIVE_BACKOFF_OVER_PRESENTATION_WINDOW",
        ),
        (
            "quality",
            json!({ "firstQuality": { "bitrate": 0 } }),
            "MPE_FILTER_FIRST_QUALITY_ATTRIBUTE_INVALID",
        ),
    ]
}

#[tokio::test]
async fn a_broken_filter_in_the_database_is_refused_by_its_rule() {
    let server = Filtered::shared();
    let file = server.server.data.join("portcullis.db");
    let url = format!("sqlite://{}", file.display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    for (name, properties, code) in broken() {
        let name = format!("broken-{name}");
        sqlx::query("INSERT INTO filters (folded, name, properties) VALUES ($1, $1, $2)")
            .bind(&name)
            .bind(properties.to_string())
            .execute(&mut database)
            .await
            .unwrap();
        let answer = get(&server.manifest("mpd-time-cmaf", &name)).await;
        let (status, found, message) = answer.refusal();
        assert_eq!((status, found), (415, code), "{message}");
        assert!(message.contains(&format!("filter {name}: ")), "{message}");
    }
}
