//! Where text comes from, and text that cannot be read: it costs itself and nothing else.

use std::process::Command;

use crate::support::http::client;
use crate::support::origin::{CLIP, Shelf, demo, get};
use crate::support::presentation::dash_text;
use crate::support::text::{TTML, WEBVTT, attribute, film, playlist, segments};

/// Name and language of the listed text tracks.
async fn tracks(shelf: &Shelf) -> Vec<(String, String)> {
    let stream = shelf.stream("film", "clear");
    let text = String::from_utf8(get(&stream.manifest("hls").url).await.ok()).unwrap();
    let value = |line: &str, name| attribute(line, name).unwrap_or_default().to_owned();
    let lines = text.lines().filter(|line| line.contains("TYPE=SUBTITLES"));
    lines.map(|line| (value(line, "NAME"), value(line, "LANGUAGE"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, tag)| ((*name).to_owned(), (*tag).to_owned())).collect()
}

#[tokio::test]
async fn files_are_found_by_name_and_languages_in_names_or_files() {
    let header = WEBVTT.replacen("WEBVTT\n", "WEBVTT\nLanguage: en-us\n", 1);
    let shelf = film(&[
        ("a.vtt", header.as_bytes()),
        ("b_fra.vtt", WEBVTT.as_bytes()),
        ("c.xml", TTML.as_bytes()),
        ("d.eng.sdh.vtt", WEBVTT.as_bytes()),
        ("notes.xml", b"<project/>"),
    ]);
    let expected =
        [("English (US)", "en-US"), ("French", "fr"), ("German", "de"), ("English (SDH)", "en")];
    assert_eq!(tracks(&shelf).await, pairs(&expected));
    assert!(!shelf.server.log().contains("notes.xml"));
}

#[tokio::test]
async fn broken_text_is_left_out_with_a_reason_and_the_film_plays() {
    let latin = b"WEBVTT\n\n00:00.000 --> 00:01.000\n\xfcber\n";
    let mut utf16: Vec<u8> = vec![0xff, 0xfe];
    utf16.extend(WEBVTT.encode_utf16().flat_map(u16::to_le_bytes));
    let reversed = "WEBVTT\n\n00:05.000 --> 00:04.000\nno\n\n-00:05.000 --> 00:06.000\nno\n\n\
                    00:01.000 --> 00:02.000\nyes\n";
    let shelf = film(&[
        ("a_eng.vtt", latin),
        ("b_deu.vtt", &utf16),
        ("c_fra.vtt", reversed.as_bytes()),
        ("d_ita.vtt", b"00:01.000 --> 00:02.000\nno signature\n"),
        ("e_spa.ttml", b"<tt xmlns='http://www.w3.org/ns/ttml'><body>"),
        ("f_nld.vtt", &vec![b'x'; (16 << 20) + 1]),
        ("thumbs.vtt", b"WEBVTT\n\n00:00.000 --> 00:05.000\nsheet.jpg#xywh=0,0,160,90\n"),
    ]);
    assert_eq!(tracks(&shelf).await, pairs(&[("German", "de"), ("French", "fr")]));
    let log = shelf.server.log();
    for reason in [
        "a_eng.vtt: left out: text: the encoding is not UTF-8, perhaps an 8-bit code page",
        "c_fra.vtt: 2 cues are left out, the first at 00:00:05.000: it ends before it starts",
        "d_ita.vtt: left out: text: the file does not start with WEBVTT, nor with the times of SubRip",
        "e_spa.ttml: left out: text: XML",
        "f_nld.vtt: left out: text: the file is larger than 16 MiB",
        "thumbs.vtt: left out: text: the cues name images",
    ] {
        assert!(log.contains(reason), "{reason} is not in\n{log}");
    }
    let fragment = shelf.stream("film", "clear").fragment(0).await;
    get(&fragment).await.ok();
}

#[tokio::test]
async fn subrip_is_read_whatever_it_is_called() {
    let subrip = "1\r\n00:00:01,000 --> 00:00:02,500\r\n{\\an8}<i>Who</i> & <3\r\n";
    let shelf = film(&[
        ("film.de.sdh.srt", subrip.as_bytes()),
        ("film_fra.vtt", format!("\u{feff}{subrip}").as_bytes()),
    ]);
    assert_eq!(tracks(&shelf).await, pairs(&[("German (SDH)", "de"), ("French", "fr")]));
    for name in ["text_deu", "text_fra"] {
        let playlist = playlist(&shelf, "clear", "m3u8-cmaf", name).await;
        let first = get(&segments(&playlist).await[0]).await;
        let cue = "00:00:01.000 --> 00:00:02.500 line:0\n<i>Who</i> &amp; &lt;3\n";
        assert!(first.text().contains(cue), "{}", first.text());
    }
    let stream = shelf.stream("film", "clear");
    let dash = dash_text(&client(), &stream.manifest("dash").url).await;
    assert_eq!(dash.len(), 2);
}

/// What is said over a black screen belongs to the film.
#[tokio::test]
async fn text_before_the_first_picture_is_shown() {
    let source = tempfile::tempdir().unwrap();
    let late = source.path().join("late.mp4");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-itsoffset", "4", "-i"])
        .arg(demo(CLIP))
        .arg("-i")
        .arg(demo("gate_aac_eng.mp4"))
        .args(["-map", "0:v", "-map", "1:a", "-c", "copy"])
        .arg(&late)
        .status();
    assert!(made.unwrap().success());
    let text = source.path().join("late_eng.vtt");
    std::fs::write(&text, WEBVTT).unwrap();
    let shelf = Shelf::start([("film", vec![late, text]), ("other", vec![demo(CLIP)])]);
    for format in ["m3u8-cmaf", "m3u8-aapl"] {
        let playlist = playlist(&shelf, "clear", format, "text_eng").await;
        let first = get(&segments(&playlist).await[0]).await;
        assert!(first.text().contains("00:00:00.500 --> 00:00:03.500"), "{}", first.text());
    }
    let dash = dash_text(&client(), &shelf.stream("film", "clear").manifest("dash").url).await;
    assert!(String::from_utf8_lossy(&dash[0].media()).contains("first cue"));
}

#[tokio::test]
async fn a_million_cues_are_cut_and_segments_stay_small() {
    let stamp = |ms: usize| format!("00:{:02}.{:03}", ms / 1000, ms % 1000);
    let mut text = String::from("WEBVTT\n\n");
    for n in 0..400_000 {
        let start = n % 20_000;
        text += &format!("{} --> {}\nx\n\n", stamp(start), stamp(start + 1));
    }
    let shelf = film(&[("film_eng.vtt", text.as_bytes())]);
    let log = shelf.server.log();
    assert!(log.contains("300000 cues are left out"), "{log}");
    let playlist = playlist(&shelf, "clear", "m3u8-cmaf", "text_eng").await;
    for segment in segments(&playlist).await {
        let body = get(&segment).await.ok();
        assert!(body.len() < 2 << 20, "{} bytes", body.len());
    }
}

#[tokio::test]
async fn a_text_file_that_changes_is_read_again() {
    let shelf = film(&[("film_eng.vtt", WEBVTT.as_bytes())]);
    let playlist = playlist(&shelf, "clear", "m3u8-cmaf", "text_eng").await;
    let before = get(&segments(&playlist).await[0]).await;
    assert!(before.text().contains("first cue"));
    let changed = WEBVTT.replace("first cue", "other cue");
    std::fs::write(shelf.path("film/film_eng.vtt"), changed).unwrap();
    let segment = segments(&playlist).await.swap_remove(0);
    let after = get(&segment).await;
    assert!(after.text().contains("other cue"), "{}", after.text());
    assert_ne!(before.header("etag"), after.header("etag"));
    std::fs::remove_file(shelf.path("film/film_eng.vtt")).unwrap();
    assert_eq!(get(&segment).await.refusal().1, "MPE_EGRESS_TRACK_NOT_FOUND");
}

/// What a packager leaves: each track in a file of its own, named by what it is.
#[tokio::test]
async fn files_with_nothing_but_a_text_track_are_text() {
    let shelf =
        film(&[("film_eng.vtt", WEBVTT.as_bytes()), ("film.de.forced.ttml", TTML.as_bytes())]);
    let manifest = &shelf.stream("film", "clear").manifest("dash").url;
    let packaged = dash_text(&client(), manifest).await;
    let files = [("t_eng.cmft", &packaged[1]), ("t.de.forced.ismt", &packaged[0])];
    let files = files.map(|(name, track)| (name, track.media()));
    let again = film(&files.each_ref().map(|(name, data)| (*name, data.as_slice())));
    assert_eq!(tracks(&again).await, pairs(&[("German (Forced)", "de"), ("English", "en")]));
    for (name, cue) in [("text_deu", "erstens"), ("text_eng", "first cue")] {
        let playlist = playlist(&again, "clear", "m3u8-aapl", name).await;
        let first = get(&segments(&playlist).await[0]).await;
        assert!(first.text().contains(cue), "{}", first.text());
    }
    let stream = again.stream("film", "clear");
    let master = get(&stream.manifest("hls").url).await;
    let forced = master.text().lines().find(|line| line.contains("text_deu")).unwrap();
    assert_eq!(attribute(forced, "FORCED"), Some("YES"));
}

/// A track whose documents use the same names for other styles and regions. The cue that goes on in
/// the second document, and is the same for WebVTT, stands in a segment with those of that one.
#[tokio::test]
async fn documents_of_a_track_keep_their_own_heads() {
    let grey = TTML.replace("yellow", "#777777");
    let other = TTML.replace("10% 80%", "10% 75%").replace("yellow", "#888888");
    let other = other.replace(" </div>", "  <p begin=\"8s\" end=\"9s\">drittens</p>\n </div>");
    let packaged = film(&[("a_eng.ttml", grey.as_bytes()), ("b_deu.ttml", other.as_bytes())]);
    let manifest = &packaged.stream("film", "clear").manifest("dash").url;
    let tracks = dash_text(&client(), manifest).await;
    let [first, second] = tracks.as_slice() else { panic!("{tracks:?}") };
    let parts = [&first.init, &first.segments[0].bytes, &second.segments[1].bytes];
    let track = parts.map(Vec::as_slice).concat();
    let shelf = film(&[("t_eng.cmft", &track)]);
    let manifest = &shelf.stream("film", "clear").manifest("dash").url;
    let served = dash_text(&client(), manifest).await.swap_remove(0);
    let text = |n: usize| String::from_utf8_lossy(&served.segments[n].bytes).into_owned();
    let [dark, bright] = [("10% 80%", "#777777"), ("10% 75%", "#888888")];
    assert_eq!(looks(&text(0)), [dark, dark].map(owned));
    assert_eq!(looks(&text(1)), [dark, bright].map(owned));
    // The rate that is announced counts both heads.
    let mpd = dash_mpd_core::parse(get(manifest).await.text()).unwrap();
    let mut sets = mpd.periods[0].adaptations.iter();
    let set = sets.find(|set| set.contentType.as_deref() == Some("text")).unwrap();
    let rates = served.segments.iter().map(|one| one.bytes.len() as f64 * 8.0 / one.seconds);
    assert!(rates.fold(0.0, f64::max) <= set.representations[0].bandwidth.unwrap() as f64);
}

fn owned((place, colour): (&str, &str)) -> (String, String) {
    (place.to_owned(), colour.to_owned())
}

/// Place and colour of each paragraph of a document in a fragment, by the elements around it.
fn looks(fragment: &str) -> Vec<(String, String)> {
    const STYLING: &str = "http://www.w3.org/ns/ttml#styling";
    const ID: (&str, &str) = ("http://www.w3.org/XML/1998/namespace", "id");
    let document = &fragment[fragment.find("<?xml ").unwrap()..];
    let tree = roxmltree::Document::parse(document).unwrap();
    let named = |node: roxmltree::Node<'_, '_>, reference: &str, style: &str| {
        let name = node.ancestors().find_map(|around| around.attribute(reference)).unwrap();
        let mut found = tree.descendants().filter(|node| node.attribute(ID) == Some(name));
        let holder = found.next().unwrap_or_else(|| panic!("no {name}: {document}"));
        assert!(found.next().is_none(), "{document}");
        holder.attribute((STYLING, style)).unwrap().to_owned()
    };
    let paragraphs = tree.descendants().filter(|node| node.has_tag_name("p"));
    let look = |p| (named(p, "region", "origin"), named(p, "style", "color"));
    paragraphs.map(look).collect()
}

#[tokio::test]
async fn text_that_a_server_manifest_lists_in_vain_is_left_out_with_a_warning() {
    let ism = r#"<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>
      <video src="gate_h264_180p.mp4"/><audio src="gate_aac_eng.mp4"/>
      <textstream src="lost.vtt" systemLanguage="fra"/>
      <textstream src="gate_aac_eng.mp4" systemLanguage="ita"/>
      <textstream src="there.vtt" systemLanguage="eng"/></switch></body></smil>"#;
    let shelf = film(&[("there.vtt", WEBVTT.as_bytes()), ("film.ism", ism.as_bytes())]);
    assert_eq!(tracks(&shelf).await, pairs(&[("English", "en")]));
    let log = shelf.server.log();
    let left_out = "left out: the server manifest lists it, but it";
    for reason in [
        format!("lost.vtt: {left_out} is not in the folder"),
        format!("gate_aac_eng.mp4: {left_out} has no such text track"),
    ] {
        assert!(log.contains(&reason), "{reason} is not in\n{log}");
    }
}
