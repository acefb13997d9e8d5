//! The profile `ams`: manifests as Azure Media Services wrote them, of a ladder like the recorded
//! ones. Golden files hold the whole texts; what ams.md quotes stands here word for word.

use crate::support::golden::{check, redacted_of};
use crate::support::oracle::decodes_without_complaint;
use crate::support::origin::{get, hls_children};
use crate::support::server::{DevServer, Stream, own_media_dir};

fn serve() -> DevServer {
    DevServer::builder().media(&own_media_dir().join("equal")).flag("--compat", "ams").start()
}

async fn text(stream: &Stream, part: &str) -> String {
    get(&stream.url(part)).await.text().to_owned()
}

/// The decoder configuration depends on the encoder's build.
fn without_private_data(text: &str) -> String {
    let mut parts = text.split("CodecPrivateData=\"");
    let front = parts.next().unwrap().to_owned();
    parts.fold(front, |text, part| {
        let (data, rest) = part.split_once('"').unwrap();
        let shown = if data.starts_with("00000001") { "00000001..." } else { data };
        format!("{text}CodecPrivateData=\"{shown}\"{rest}")
    })
}

fn demand(text: &str, quoted: &[&str]) {
    for line in quoted {
        assert!(text.contains(line), "{line}\nis not in\n{text}");
    }
}

#[tokio::test]
async fn manifests_are_those_that_were_recorded() {
    let server = serve();
    for (form, parts) in [
        (
            "clear-open",
            &[
                ("smooth", "manifest"),
                ("smooth-v20", "manifest(format=fmp4-v20)"),
                ("csf", "manifest(format=mpd-time-csf)"),
                ("dash", "manifest(format=mpd-time-cmaf)"),
                ("hls-v3", "manifest(format=m3u8-aapl-v3)"),
                ("hls-v4", "manifest(format=m3u8-aapl,audio-only=true)"),
                ("hls-cmaf", "manifest(format=m3u8-cmaf)"),
                (
                    "hls-v3-video",
                    "QualityLevels(381048)/Manifest(video,format=m3u8-aapl-v3,audiotrack=TRACK)",
                ),
                ("hls-v4-video", "QualityLevels(381048)/Manifest(video,format=m3u8-aapl)"),
                (
                    "hls-v4-key-frames",
                    "QualityLevels(381048)/Manifest(video,format=m3u8-aapl,type=keyframes)",
                ),
                ("hls-v4-audio", "QualityLevels(128041)/Manifest(TRACK,format=m3u8-aapl)"),
                ("hls-cmaf-video", "QualityLevels(381048)/Manifest(video,format=m3u8-cmaf)"),
            ][..],
        ),
        (
            "aes-open",
            &[
                (
                    "aes-hls-v4-video",
                    "QualityLevels(381048)/Manifest(video,format=m3u8-aapl,encryption=cbc)",
                ),
                (
                    "aes-hls-cmaf-video",
                    "QualityLevels(381048)/Manifest(video,format=m3u8-cmaf,encryption=cbc)",
                ),
            ],
        ),
        ("cenc-open", &[("cenc-csf", "manifest(format=mpd-time-csf,encryption=cenc)")]),
    ] {
        let stream = server.ready.stream(form);
        for (name, part) in parts {
            let text = redacted_of(&server.ready.origin, stream, &text(stream, part).await);
            check(&format!("ams-{name}"), &without_private_data(&text));
        }
    }
}

#[tokio::test]
async fn the_quotations_are_in_the_manifests() {
    let server = serve();
    let clear = server.ready.stream("clear-open");
    demand(
        &text(clear, "manifest(format=m3u8-aapl,audio-only=true)").await,
        &[
            "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"TRACK\",\
             LANGUAGE=\"eng\",DEFAULT=YES,AUTOSELECT=YES,\
             URI=\"QualityLevels(128041)/Manifest(TRACK,format=m3u8-aapl)\"\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=536608,RESOLUTION=320x180,\
             CODECS=\"avc1.64000d,mp4a.40.2\",AUDIO=\"audio\"\n\
             QualityLevels(381048)/Manifest(video,format=m3u8-aapl)\n\
             #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=536608,RESOLUTION=320x180,CODECS=\"avc1.64000d\",\
             URI=\"QualityLevels(381048)/Manifest(video,format=m3u8-aapl,type=keyframes)\"\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=139017,CODECS=\"mp4a.40.2\",AUDIO=\"audio\"\n\
             QualityLevels(128041)/Manifest(TRACK,format=m3u8-aapl)\n",
        ],
    );
    demand(
        &text(clear, "manifest(format=mpd-time-csf)").await,
        &[
            "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" \
             profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" type=\"static\" \
             mediaPresentationDuration=\"PT1M1.5S\" minBufferTime=\"PT7S\">\n <Period>",
            "<AdaptationSet id=\"1\" group=\"5\" profiles=\"ccff\" bitstreamSwitching=\"false\" \
             segmentAlignment=\"true\" contentType=\"audio\" mimeType=\"audio/mp4\" \
             codecs=\"mp4a.40.2\" lang=\"en\">",
            "<SegmentTemplate timescale=\"10000000\" \
             media=\"QualityLevels($Bandwidth$)/Fragments(TRACK=$Time$,format=mpd-time-csf)\" \
             initialization=\"QualityLevels($Bandwidth$)/Fragments(TRACK=i,format=mpd-time-csf)\">",
            "<S d=\"20000000\" r=\"29\"/>\n     <S d=\"15000000\"/>",
            "<Representation id=\"5_A_TRACK_1\" bandwidth=\"128041\" audioSamplingRate=\"48000\"/>",
            "codecs=\"avc1.64000D\"",
        ],
    );
    demand(
        &text(clear, "manifest").await,
        &[
            "<SmoothStreamingMedia MajorVersion=\"2\" MinorVersion=\"2\" Duration=\"615000000\" \
             TimeScale=\"10000000\">",
            "<StreamIndex Type=\"audio\" Name=\"TRACK\" Language=\"eng\" Chunks=\"31\" \
             QualityLevels=\"1\" Url=\"QualityLevels({bitrate})/Fragments(TRACK={start time})\">",
            "<StreamIndex Type=\"video\" Chunks=\"31\" QualityLevels=\"5\" \
             Url=\"QualityLevels({bitrate})/Fragments(video={start time})\">",
            "<QualityLevel Index=\"0\" Bitrate=\"3500000\" FourCC=\"H264\" MaxWidth=\"1280\" \
             MaxHeight=\"720\" CodecPrivateData=\"00000001",
            "<c t=\"0\" d=\"20000000\" r=\"30\"/>\n  <c d=\"15000000\"/>",
        ],
    );
}

/// One key line and one IV for all segments: ffmpeg plays what AMS clients were written for.
#[tokio::test]
async fn encrypted_playlists_of_one_key_line_play() {
    let server = serve();
    let stream = server.ready.stream("aes-open");
    for format in ["m3u8-aapl", "m3u8-aapl-v3"] {
        let master = stream.url(&format!("manifest(format={format},encryption=cbc)"));
        let children = hls_children(&master).await;
        for playlist in children.iter().filter(|url| !url.contains("type=keyframes")) {
            let text = get(playlist).await;
            assert_eq!(text.text().matches("#EXT-X-KEY:METHOD=AES-128").count(), 1, "{playlist}");
            let kind = if playlist.contains("Manifest(TRACK") { "a:0" } else { "v:0" };
            decodes_without_complaint(playlist, kind);
        }
    }
}
