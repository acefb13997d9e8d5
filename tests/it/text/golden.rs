//! Manifests, playlists and segments of text, byte for byte, against `tests/golden/`, in both
//! profiles.

use crate::support::boxes::payload;
use crate::support::golden::{check, redacted_of, tree};
use crate::support::origin::{Shelf, get};
use crate::support::server::Stream;
use crate::support::text::{TTML, WEBVTT, film_for};

/// Bitrates are the identity in URLs: given, they do not move with what is reckoned.
const ISM: &str = r#"<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>
 <video src="gate_h264_180p.mp4" systemBitrate="155467"/>
 <audio src="gate_aac_eng.mp4" systemBitrate="64000"><param name="trackName" value="TRACK"/></audio>
 <textstream src="a.vtt" systemBitrate="1000" systemLanguage="eng"><param name="trackName" value="text_a"/>
  <param name="textDisplayName" value="English"/><param name="textIsDefault" value="true"/></textstream>
 <textstream src="b.ttml" systemBitrate="2000" systemLanguage="pt-BR"><param name="trackName" value="text_b"/>
  <param name="textHlsCharacteristic" value="public.accessibility.transcribes-spoken-dialog"/></textstream>
 <textstream src="a.vtt" systemBitrate="3000" systemLanguage="fra"><param name="trackName" value="text_c"/>
  <param name="role" value="forced-subtitle"/></textstream>
</switch></body></smil>"#;

fn serve(compat: &str) -> Shelf {
    let files =
        [("a.vtt", WEBVTT.as_bytes()), ("b.ttml", TTML.as_bytes()), ("film.ism", ISM.as_bytes())];
    film_for(compat, &files)
}

async fn demand(shelf: &Shelf, form: &str, parts: &[(&str, &str)]) {
    let stream: &Stream = shelf.stream("film", form);
    for (name, part) in parts {
        let text = get(&stream.url(part)).await;
        check(name, &redacted_of(&shelf.server.ready.origin, stream, text.text()));
    }
}

#[tokio::test]
async fn modern_manifests() {
    let shelf = serve("modern");
    let parts = [
        ("text-hls", "manifest(format=m3u8-cmaf)"),
        ("text-hls-playlist", "QualityLevels(1000)/Manifest(text_a,format=m3u8-cmaf)"),
        ("text-hls-v4-segment", "QualityLevels(1000)/Fragments(text_a=0,format=m3u8-aapl)"),
        ("text-dash", "manifest(format=mpd-time-cmaf)"),
        ("text-mpd-ondemand", "manifest(format=mpd-ondemand)"),
        ("text-smooth", "manifest"),
    ];
    demand(&shelf, "clear", &parts).await;
    let playlist = "QualityLevels(1000)/Manifest(text_a,format=m3u8-cmaf,encryption=cbc)";
    demand(&shelf, "aes", &[("text-aes-hls-playlist", playlist)]).await;
}

#[tokio::test]
async fn manifests_as_ams_wrote_them() {
    let shelf = serve("ams");
    let parts = [
        ("ams-text-hls-v4", "manifest(format=m3u8-aapl)"),
        ("ams-text-hls-v4-playlist", "QualityLevels(1000)/Manifest(text_a,format=m3u8-aapl)"),
        ("ams-text-hls-cmaf", "manifest(format=m3u8-cmaf)"),
        ("ams-text-hls-cmaf-playlist", "QualityLevels(1000)/Manifest(text_a,format=m3u8-cmaf)"),
        ("ams-text-csf", "manifest(format=mpd-time-csf)"),
        ("ams-text-dash", "manifest(format=mpd-time-cmaf)"),
        ("ams-text-smooth", "manifest"),
    ];
    demand(&shelf, "clear", &parts).await;
    let playlist = "QualityLevels(1000)/Manifest(text_a,format=m3u8-aapl,encryption=cbc)";
    demand(&shelf, "aes", &[("ams-text-aes-hls-v4-playlist", playlist)]).await;
}

/// The boxes of a fragment, and what its samples say.
fn described(fragment: &[u8]) -> String {
    let said = String::from_utf8_lossy(payload(fragment)).escape_debug().to_string();
    format!("{}\n{}\n", tree(fragment, 0), said.replace("\\n", "\n").replace("\\\"", "\""))
}

#[tokio::test]
async fn fragments() {
    let (modern, ams) = (serve("modern"), serve("ams"));
    for (name, shelf, track, format) in [
        ("text-wvtt-boxes", &modern, "QualityLevels(1000)/Fragments(text_a", "mpd-time-cmaf"),
        ("text-stpp-boxes", &modern, "QualityLevels(2000)/Fragments(text_b", "mpd-time-cmaf"),
        ("text-smooth-boxes", &modern, "QualityLevels(1000)/Fragments(text_a", "fmp4"),
        ("ams-text-stpp-boxes", &ams, "QualityLevels(1000)/Fragments(text_a", "mpd-time-csf"),
    ] {
        let url = |time: &str| {
            shelf.stream("film", "clear").url(&format!("{track}={time},format={format})"))
        };
        let fragment = described(&get(&url("0")).await.ok());
        let text = match format {
            "fmp4" => fragment,
            _ => format!("{}\n{fragment}", tree(&get(&url("i")).await.ok(), 0)),
        };
        check(name, &text);
    }
}
