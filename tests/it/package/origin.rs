//! What is packaged once is what the origin makes of the same files under the same keys.

use super::runs::Run;
use crate::support::http::client;
use crate::support::origin::demo;
use crate::support::presentation::{self, Track};
use crate::support::server::{DevServer, Stream};

const HIGH: &str = "gate_h264_540p.mp4";

/// Segments of the level of the clip that is packaged, and of its first track of sound.
fn tracks<'a>(tracks: &'a [Track], ours: &[Vec<u8>], kind: &str) -> &'a Track {
    let same = |track: &&Track| {
        let english = track.language.as_deref().is_none_or(|tag| tag.starts_with("en"));
        english
            && track.kind == kind
            && track.segments.iter().map(|s| s.bytes.len()).eq(ours.iter().map(Vec::len))
    };
    tracks.iter().find(same).unwrap_or_else(|| panic!("no {kind} of these lengths"))
}

fn packaged(stream: &Stream, form: &str, protection: &[&str]) -> Run {
    let mut arguments: Vec<String> = Vec::new();
    for (file, kind) in [(HIGH, "video"), ("gate_aac_eng.mp4", "audio")] {
        let names = match form {
            "mp4" => format!("init_segment={kind}.mp4,segment_template={kind}_$Number$.m4s"),
            _ => format!("segment_template={kind}_$Number$.ts"),
        };
        let file = demo(file);
        arguments.push(format!("in={},stream={kind},{names},drm_label=all", file.display()));
    }
    if let Some(key) = stream.keys.first() {
        let keys = format!("label=all:key_id={}:key={}", key.kid, key.key);
        arguments.extend(["--enable_raw_key_encryption", "--keys", &keys].map(str::to_owned));
    }
    arguments.extend(protection.iter().map(|&flag| flag.to_owned()));
    Run::of(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test]
async fn fragments_and_transport_streams_are_those_of_the_origin() {
    let http = client();
    let ready = DevServer::shared();
    for (name, format, form, flags) in [
        ("clear-open", "mpd-time-cmaf", "mp4", &[][..]),
        ("cbcs-open", "mpd-time-cmaf", "mp4", &["--protection_scheme", "cbcs"]),
        ("clear-open", "m3u8-aapl", "ts", &[]),
        ("cbcs-open", "m3u8-aapl", "ts", &["--protection_scheme", "SAMPLE-AES"]),
    ] {
        let stream = ready.stream(name);
        let mut all = stream.manifests.iter();
        let manifest = all.find(|manifest| manifest.format == format).expect(format);
        let theirs = match form {
            "mp4" => presentation::dash(&http, &manifest.url).await,
            _ => presentation::hls(&http, &manifest.url).await,
        };
        let run = packaged(stream, form, flags);
        for kind in ["video", "audio"] {
            let extension = if form == "mp4" { "m4s" } else { "ts" };
            let ours = run.segments(&format!("{kind}_$Number$.{extension}"));
            assert!(!ours.is_empty(), "{name} {kind}");
            let theirs = tracks(&theirs, &ours, kind);
            for (ours, theirs) in ours.iter().zip(&theirs.segments) {
                assert!(*ours == theirs.bytes, "{name} {form} {kind}");
            }
        }
    }
}
