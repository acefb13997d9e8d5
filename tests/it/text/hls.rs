//! Segmented WebVTT in HLS (packaging.md section 7.3; ams.md section 3.1).

use crate::support::oracle::{cues_read_by_ffmpeg, decrypted_segment};
use crate::support::origin::get;
use crate::support::text::{TTML, WEBVTT, attribute, film, film_for, playlist, segments};

const ISM: &str = r#"<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>
 <video src="gate_h264_180p.mp4"/><audio src="gate_aac_eng.mp4"/>
 <textstream src="a.vtt" systemLanguage="eng"><param name="trackName" value="text_en"/>
  <param name="textDisplayName" value="English"/><param name="textIsDefault" value="true"/></textstream>
 <textstream src="b.ttml" systemLanguage="pt-BR"><param name="textDisplayName" value="English"/>
  <param name="role" value="caption"/></textstream>
 <textstream src="a.vtt" systemLanguage="fra"><param name="role" value="forced-subtitle"/></textstream>
 <textstream src="a.vtt" systemLanguage="ita"><param name="trackName" value="hidden"/>
  <param name="outputFlag" value="2"/></textstream>
</switch></body></smil>"#;

async fn texts(playlist: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for segment in segments(playlist).await {
        let answer = get(&segment).await;
        assert_eq!(answer.header("content-type"), "text/vtt");
        texts.push(String::from_utf8(answer.ok()).unwrap());
    }
    texts
}

#[tokio::test]
async fn segments_hold_the_cues_that_they_show_on_the_clock_of_the_media() {
    let shelf = film(&[("film_eng.vtt", WEBVTT.as_bytes())]);
    for (format, clock) in [("m3u8-cmaf", 0), ("m3u8-aapl", 900_000), ("m3u8-aapl-v8", 900_000)] {
        let playlist = playlist(&shelf, "clear", format, "text_eng").await;
        let head = format!(
            "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{clock}\n\n\
             STYLE\n::cue {{ color: white; }}\n\n"
        );
        let crossing = "00:00:05.000 --> 00:00:07.250 line:10% align:start\n\
                        crosses <i>an</i> edge\nsecond line &amp; ü\n\n";
        let expected = [
            format!("{head}one\n00:00:00.500 --> 00:00:03.500\nfirst cue\n\n{crossing}"),
            format!("{head}{crossing}00:00:07.250 --> 00:00:08.000\ntouches\n\n"),
            head.clone(),
            format!(
                "{head}00:00:19.000 --> 00:00:21.000\nbelow\n\n\
                 00:00:20.000 --> 00:00:22.000\nabove\n\n"
            ),
        ];
        assert_eq!(texts(&playlist).await, expected, "{format}");
    }
}

#[tokio::test]
async fn ffmpeg_reads_the_cues_of_each_segment() {
    let shelf = film(&[("film.de.ttml", TTML.as_bytes())]);
    let playlist = playlist(&shelf, "clear", "m3u8-cmaf", "text_deu").await;
    let texts = texts(&playlist).await;
    let crossing = (5000, 7250, "über die <i>Kante</i>\nzweite Zeile".to_owned());
    assert_eq!(
        cues_read_by_ffmpeg(texts[0].as_bytes(), ".vtt"),
        [(500, 3500, "erstens".to_owned()), crossing.clone()]
    );
    assert_eq!(cues_read_by_ffmpeg(texts[1].as_bytes(), ".vtt"), [crossing]);
}

#[tokio::test]
async fn the_group_says_what_the_server_manifest_says() {
    let files =
        [("a.vtt", WEBVTT.as_bytes()), ("b.ttml", TTML.as_bytes()), ("film.ism", ISM.as_bytes())];
    let shelf = film(&files);
    let stream = shelf.stream("film", "clear");
    let text = String::from_utf8(get(&stream.manifest("hls").url).await.ok()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("TYPE=SUBTITLES")).collect();
    let row = |line: &str| {
        let value = |name| attribute(line, name).unwrap_or_default().to_owned();
        ["GROUP-ID", "NAME", "LANGUAGE", "DEFAULT", "FORCED"].map(value)
    };
    let rows: Vec<_> = lines.iter().map(|line| row(line)).collect();
    assert_eq!(
        rows,
        [
            ["subs", "English", "en", "YES", "NO"],
            ["subs", "English 2", "pt-BR", "NO", "NO"],
            ["subs", "French (Forced)", "fr", "NO", "YES"]
        ]
    );
    assert!(attribute(lines[1], "CHARACTERISTICS").unwrap().contains("describes-music-and-sound"));
    assert_eq!(attribute(lines[0], "CHARACTERISTICS"), None);
    let variants: Vec<&str> =
        text.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF")).collect();
    assert!(variants.iter().all(|line| attribute(line, "SUBTITLES") == Some("subs")), "{text}");
    // What is hidden is served to those who know it.
    let shown = attribute(lines[0], "URI").unwrap();
    let hidden = get(&stream.url(&shown.replace("text_en", "hidden"))).await;
    assert!(hidden.text().contains("Fragments(hidden=0,"), "{hidden:?}");
}

#[tokio::test]
async fn version_3_has_no_text() {
    let shelf = film(&[("film_eng.vtt", WEBVTT.as_bytes())]);
    let stream = shelf.stream("film", "clear");
    let text = get(&stream.url("manifest(format=m3u8-aapl-v3)")).await;
    assert!(!text.text().contains("SUBTITLES"), "{}", text.text());
    let playlist = playlist(&shelf, "clear", "m3u8-aapl", "text_eng").await;
    let refused = get(&playlist.replace("m3u8-aapl", "m3u8-aapl-v3")).await;
    assert_eq!(refused.refusal().1, "MPE_EGRESS_TRACK_NOT_FOUND");
}

#[tokio::test]
async fn text_is_encrypted_with_whole_segments_and_never_by_samples() {
    let shelf = film(&[("film_eng.vtt", WEBVTT.as_bytes())]);
    for format in ["m3u8-cmaf", "m3u8-aapl"] {
        let clear = texts(&playlist(&shelf, "clear", format, "text_eng").await).await;
        for form in ["cenc", "cbcs"] {
            if format == "m3u8-cmaf" {
                let playlist = playlist(&shelf, form, format, "text_eng").await;
                assert_eq!(texts(&playlist).await, clear, "{form}");
                assert!(!get(&playlist).await.text().contains("EXT-X-KEY"), "{form}");
            }
        }
        let playlist = playlist(&shelf, "aes", format, "text_eng").await;
        let text = get(&playlist).await;
        let ivs: Vec<&str> =
            text.text().lines().filter_map(|line| Some(line.split_once("IV=0x")?.1)).collect();
        let key = &shelf.stream("film", "aes").keys[0].key;
        for ((segment, iv), clear) in segments(&playlist).await.iter().zip(ivs).zip(&clear) {
            let encrypted = get(segment).await.ok();
            assert_ne!(encrypted, clear.as_bytes());
            assert_eq!(decrypted_segment(encrypted, key, iv), clear.as_bytes(), "{format}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_code() {
    let shelf = film(&[("film_eng.vtt", WEBVTT.as_bytes())]);
    let playlist = playlist(&shelf, "clear", "m3u8-cmaf", "text_eng").await;
    let segment = segments(&playlist).await.swap_remove(1);
    let (before, rest) = segment.split_once("QualityLevels(").unwrap();
    let (_, behind) = rest.split_once(')').unwrap();
    for (url, status, code) in [
        (segment.replace("=60000000", "=60000001"), 404, "MPE_EGRESS_TIMESTAMP_NOT_FOUND"),
        (segment.replace("=60000000", "=i"), 400, "MPE_BAD_URL_SYNTAX"),
        (format!("{before}QualityLevels(1){behind}"), 404, "MPE_MANIFEST_MEDIA_ENTRY_NOT_FOUND"),
        (segment.replace("text_eng", "text_deu"), 404, "MPE_EGRESS_TRACK_NOT_FOUND"),
    ] {
        let answer = get(&url).await;
        let (seen, name, _) = answer.refusal();
        assert_eq!((seen, name), (status, code), "{url}");
    }
}

/// Without the pictures the text is cut with the sound, whose frames end elsewhere.
#[tokio::test]
async fn a_segment_with_another_end_has_another_iv() {
    let shelf = film(&[("film_eng.vtt", WEBVTT.as_bytes())]);
    let first = async || {
        let playlist = playlist(&shelf, "aes", "m3u8-cmaf", "text_eng").await;
        let text = String::from_utf8(get(&playlist).await.ok()).unwrap();
        let mut lines = text.lines().skip_while(|line| !line.starts_with("#EXT-X-KEY"));
        std::array::from_fn::<_, 3, _>(|_| lines.next().unwrap().to_owned())
    };
    let [key, duration, uri] = first().await;
    std::fs::remove_file(shelf.path("film/gate_h264_180p.mp4")).unwrap();
    let [other_key, other_duration, same_uri] = first().await;
    assert_eq!(uri, same_uri, "the same start");
    assert_ne!(duration, other_duration, "another end");
    assert_ne!(key, other_key, "another IV");
}

/// As AMS had it: one key line, one IV.
#[tokio::test]
async fn clients_of_ams_decrypt_all_segments_with_one_iv() {
    let shelf = film_for("ams", &[("film_eng.vtt", WEBVTT.as_bytes())]);
    for format in ["m3u8-aapl", "m3u8-cmaf"] {
        let clear = texts(&playlist(&shelf, "clear", format, "text_eng").await).await;
        let playlist = playlist(&shelf, "aes", format, "text_eng").await;
        let text = String::from_utf8(get(&playlist).await.ok()).unwrap();
        let [_, iv] = text.split("IV=0X").collect::<Vec<_>>()[..] else { panic!("{text}") };
        let (iv, key) = (&iv[..32], &shelf.stream("film", "aes").keys[0].key);
        for (segment, clear) in segments(&playlist).await.iter().zip(&clear) {
            let encrypted = get(segment).await.ok();
            assert_eq!(decrypted_segment(encrypted, key, iv), clear.as_bytes(), "{format}");
        }
    }
}
