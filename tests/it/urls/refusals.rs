//! The table of refusals (ams.md section 19), as far as its rows can occur.

use portcullis::package::presentation::DeliveryUrls;
use portcullis::package::steering::Steering;
use portcullis::service::origin::{CacheSizes, Code, Origin};

use crate::support::keys::{KeyService, NOW, at, request};
use crate::support::origin::get;
use crate::support::server::DevServer;

const UNKNOWN: &str = "5c2dd1a2-7f0e-4d0c-9d1c-0123456789ab";

/// Stream, what is asked of it, status and code.
const REFUSED: &[(&str, &str, u16, &str)] = &[
    ("clear", "manifest(format=mpd-time-cmaf", 400, "MPE_BAD_URL_SYNTAX"),
    ("clear", "manifest(format)", 400, "MPE_BAD_URL_SYNTAX"),
    ("clear", "manifest(format=mpd-time-cmaf,colour=red)", 400, "MPE_BAD_URL_SYNTAX"),
    ("clear", "manifest(format=mpd-time-cmaf,encryption=rot13)", 400, "MPE_BAD_URL_SYNTAX"),
    ("clear", "QualityLevels(x)/Fragments(video=0,format=m3u8-cmaf)", 400, "MPE_BAD_URL_SYNTAX"),
    ("clear", "QualityLevels(1)/Fragments(video=-1,format=m3u8-cmaf)", 400, "MPE_BAD_URL_SYNTAX"),
    ("clear", "QualityLevels({b})/Manifest(video,format=mpd-time-cmaf)", 400, "MPE_BAD_URL_SYNTAX"),
    (
        "clear",
        "QualityLevels({b})/Manifest(video,format=m3u8-aapl,type=foo)",
        400,
        "MPE_BAD_URL_SYNTAX",
    ),
    ("clear", "%ff", 400, "MPE_BAD_URL_SYNTAX"),
    ("cenc", "manifest(format=mpd-time-cmaf)", 400, "MPE_ENC_ENCRYPTION_NOT_SPECIFIED_IN_URL"),
    ("cenc", "manifest(format=m3u8-cmaf)", 400, "MPE_ENC_ENCRYPTION_NOT_SPECIFIED_IN_URL"),
    ("aes", "manifest(format=m3u8-cmaf)", 400, "MPE_ENC_ENCRYPTION_NOT_SPECIFIED_IN_URL"),
    (
        "cenc",
        "QualityLevels({b})/Fragments(video=i,format=m3u8-cmaf)",
        400,
        "MPE_ENC_ENCRYPTION_NOT_SPECIFIED_IN_URL",
    ),
    (
        "cenc",
        "manifest(format=mpd-time-cmaf,encryption=cbcs-aapl)",
        403,
        "MPE_ENC_ENCRYPTION_NOT_SET_IN_DELIVERY_POLICY",
    ),
    (
        "clear",
        "manifest(format=m3u8-cmaf,encryption=cenc)",
        403,
        "MPE_ENC_ENCRYPTION_NOT_SET_IN_DELIVERY_POLICY",
    ),
    ("clear", "../gate_h264_180p.mp4", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("clear", "../absent.mp4", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("cenc", "../gate_h264_180p.mp4", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("clear", "../other.ism/manifest(format=mpd-time-cmaf)", 404, "MPE_RESOURCE_NOT_FOUND"),
    (
        "clear",
        "QualityLevels({b})/Fragments(nobody=0,format=m3u8-cmaf)",
        404,
        "MPE_EGRESS_TRACK_NOT_FOUND",
    ),
    (
        "clear",
        "QualityLevels({b})/Manifest(nobody,format=m3u8-cmaf)",
        404,
        "MPE_EGRESS_TRACK_NOT_FOUND",
    ),
    (
        "clear",
        "QualityLevels(1)/Fragments(video=0,format=m3u8-cmaf)",
        404,
        "MPE_MANIFEST_MEDIA_ENTRY_NOT_FOUND",
    ),
    (
        "clear",
        "QualityLevels({b})/Fragments(video=1,format=m3u8-cmaf)",
        404,
        "MPE_EGRESS_TIMESTAMP_NOT_FOUND",
    ),
    (
        "cenc",
        "QualityLevels({b})/Fragments(video=18446744073709551615,format=m3u8-cmaf,encryption=cenc)",
        404,
        "MPE_EGRESS_TIMESTAMP_NOT_FOUND",
    ),
    ("clear", "manifest(format=mpd-time-cmaf,filter=trim)", 404, "MPE_EGRESS_FILTER_NOT_FOUND"),
    ("clear", "QualityLevels({b})/Fragments(video=i)", 400, "MPE_BAD_URL_SYNTAX"),
    ("clear", "QualityLevels({b})/Manifest(video)", 400, "MPE_BAD_URL_SYNTAX"),
    ("clear", "QualityLevels({b})/Fragments(video=7)", 404, "MPE_EGRESS_TIMESTAMP_NOT_FOUND"),
    ("cbcs", "manifest", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("clear", "manifest(format=)", 415, "MPE_OUTPUT_FORMAT_NOT_SUPPORTED"),
    (
        "clear",
        "manifest(format=mpd-time-csf,encryption=cbcs-aapl)",
        415,
        "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED",
    ),
    ("clear", "manifest(format=f4m-f4f)", 415, "MPE_OUTPUT_FORMAT_NOT_SUPPORTED"),
    (
        "clear",
        "QualityLevels({b})/Manifest(video,format=m3u8-aapl-v3,type=keyframes)",
        415,
        "MPE_OUTPUT_FORMAT_NOT_SUPPORTED",
    ),
    (
        "clear",
        "QualityLevels({b})/KeyFrames(video=0,format=fmp4)",
        415,
        "MPE_OUTPUT_FORMAT_NOT_SUPPORTED",
    ),
    ("clear", "manifest(format=m3u8-cmaf,encryption=piff)", 415, "MPE_ENCRYPTION_NOT_SUPPORTED"),
    (
        "aes",
        "manifest(format=mpd-ondemand,encryption=cbc)",
        415,
        "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED",
    ),
];

#[tokio::test]
async fn every_refusal_has_the_status_and_the_code_of_the_table() {
    let ready = DevServer::shared();
    for (form, part, status, code) in REFUSED {
        let stream = ready.stream(&format!("{form}-open"));
        let playlist = stream_bitrate(&stream.manifest("hls").url).await;
        let part = part.replace("{b}", &playlist);
        // A file lies beside the `.ism`, not below it.
        let url = match part.strip_prefix("../") {
            Some(beside) => format!("{}/{}/{beside}", ready.origin, stream.locator_id),
            None => stream.url(&part),
        };
        let answer = get(&url).await;
        let (actual, name, message) = answer.refusal();
        assert_eq!((actual, name), (*status, *code), "{url}: {message}");
        assert!(message.len() > 10, "{url}: {message}");
        let cached = if *status == 404 { "public, max-age=10" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), cached, "{url}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{url}");
        assert!(answer.header("etag").is_empty(), "{url}");
    }
}

/// The bitrate of the highest level.
async fn stream_bitrate(manifest: &str) -> String {
    let text = String::from_utf8(get(manifest).await.ok()).unwrap();
    let (_, rest) = text.split_once("\nQualityLevels(").unwrap();
    rest.split_once(')').unwrap().0.to_owned()
}

#[tokio::test]
async fn what_is_no_locator_is_not_found() {
    let origin = &DevServer::shared().origin;
    for path in [
        format!("{UNKNOWN}/gate.ism/manifest(format=mpd-time-cmaf)"),
        format!("{UNKNOWN}/gate.mp4"),
        "nonsense/gate.ism/manifest(format=mpd-time-cmaf)".to_owned(),
        "{5c2dd1a2-7f0e-4d0c-9d1c-0123456789ab}/gate.mp4".to_owned(),
        UNKNOWN.to_owned(),
        format!("{UNKNOWN}/"),
        format!("{}/", UNKNOWN.to_uppercase()),
    ] {
        let answer = get(&format!("{origin}/{path}")).await;
        let (status, code, _) = answer.refusal();
        assert_eq!((status, code), (404, "MPE_RESOURCE_NOT_FOUND"), "{path}");
    }
}

#[tokio::test]
async fn a_locator_outside_its_time_is_refused_before_its_media_are_looked_at() {
    let service = KeyService::start().await;
    let mut early = request("early", "Predefined_ClearStreamingOnly", "open");
    early.start = Some(at(NOW + 10));
    let mut late = request("late", "Predefined_ClearStreamingOnly", "open");
    late.end = Some(at(NOW - 10));
    let clock = std::sync::Arc::new(|| at(NOW));
    let caches = CacheSizes { indexes: 1 << 20, documents: 1 << 20, plans: 1 << 20 };
    let origin = Origin::new(service.store.clone(), clock, caches, Steering::default());
    let delivery = DeliveryUrls { base: "https://keys.example".to_owned() };
    for request in [early, late] {
        let locator = service.publish(&request).await;
        let path = format!("/{}/asset.ism/manifest(format=mpd-time-cmaf)", locator.id);
        let refused = origin.answer(&path, &delivery).await.unwrap_err();
        assert_eq!(refused.code, Code::UNAUTHORIZED);
    }
}
