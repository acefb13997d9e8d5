//! Sound in multivariant playlists: languages are renditions of one variant, never variants among
//! which a player would choose by bitrate.

use std::collections::BTreeSet;

use crate::support::origin::{copy, demo, get, hls_children};
use crate::support::server::{DevServer, media_dir};

fn lines<'t>(text: &'t str, start: &str) -> Vec<&'t str> {
    text.lines().filter(|line| line.starts_with(start)).collect()
}

/// A server with the sound of the built-in clip alone.
fn sound_alone(compat: &str) -> (tempfile::TempDir, DevServer) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["gate_aac_deu.mp4", "gate_aac_eng.mp4"] {
        copy(&demo(name), &folder.path().join(name));
    }
    let server = DevServer::builder().media(folder.path()).flag("--compat", compat).start();
    (folder, server)
}

#[tokio::test]
async fn languages_without_pictures_are_renditions_of_one_variant() {
    for compat in ["modern", "ams"] {
        let (_folder, server) = sound_alone(compat);
        let stream = server.ready.stream("clear-open");
        for format in ["m3u8-cmaf", "m3u8-aapl"] {
            let url = stream.url(&format!("manifest(format={format})"));
            let text = get(&url).await.text().to_owned();
            let media = lines(&text, "#EXT-X-MEDIA:TYPE=AUDIO");
            assert_eq!(media.len(), 2, "{compat} {format}: {text}");
            let variants = lines(&text, "#EXT-X-STREAM-INF:");
            assert_eq!(variants.len(), 1, "{compat} {format}: {text}");
            assert!(variants[0].contains(",AUDIO=\"audio\""), "{compat} {format}: {text}");
        }
        let url = stream.url("manifest(format=m3u8-aapl-v3,audioTrack=aac_eng_2_48323)");
        let text = get(&url).await.text().to_owned();
        assert_eq!(text.matches("#EXT-X-STREAM-INF").count(), 1, "{compat}: {text}");
        assert!(text.contains("/Manifest(aac_eng"), "{compat}: {text}");
    }
}

#[tokio::test]
async fn the_variant_of_sound_alone_keeps_its_languages() {
    let stream = DevServer::shared().stream("clear-open");
    let text = get(&stream.url("manifest(format=m3u8-cmaf,audio-only=true)")).await;
    let text = text.text();
    let last = text.lines().rfind(|line| line.starts_with("#EXT-X-STREAM-INF")).unwrap();
    assert!(!last.contains("RESOLUTION") && last.contains(",AUDIO=\"audio\""), "{text}");
}

/// RFC 8216 section 6.2.4: all playlists of a variant have one target duration.
#[tokio::test]
async fn pictures_and_sound_have_one_target_duration() {
    let server = DevServer::builder().media(&media_dir().join("ladder")).start();
    let stream = server.ready.stream("clear-open");
    for format in ["m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v3"] {
        let mut targets = BTreeSet::new();
        for child in hls_children(&stream.url(&format!("manifest(format={format})"))).await {
            if child.contains("type=keyframes") || child.contains("Manifest(text") {
                continue;
            }
            let text = get(&child).await.text().to_owned();
            targets.extend(lines(&text, "#EXT-X-TARGETDURATION:").into_iter().map(str::to_owned));
        }
        assert_eq!(targets.len(), 1, "{format}: {targets:?}");
    }
}
