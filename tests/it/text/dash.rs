//! Text in DASH: WebVTT and IMSC 1 in fragments (ISO/IEC 14496-30), demultiplexed by ffmpeg.

use crate::support::http::client;
use crate::support::oracle::{data_of_bytes, mpd_complaint, samples_of_bytes};
use crate::support::origin::{Shelf, get};
use crate::support::presentation::{self, Track};
use crate::support::text::{TTML, WEBVTT, film, film_for};

async fn tracks(shelf: &Shelf, form: &str) -> Vec<Track> {
    let manifest = &shelf.stream("film", form).manifest("dash").url;
    presentation::dash_text(&client(), manifest).await
}

/// When samples start, in milliseconds, as ffmpeg finds them.
fn starts(track: &Track) -> Vec<i64> {
    let samples = samples_of_bytes(&track.media(), "d:0");
    samples.list.iter().map(|sample| sample.pts * 1000 / samples.timescale).collect()
}

#[tokio::test]
async fn samples_of_webvtt_change_with_the_cues_and_at_every_segment() {
    let shelf = film(&[("film_eng.vtt", WEBVTT.as_bytes())]);
    for form in ["clear", "cenc", "cbcs", "aes"] {
        let tracks = tracks(&shelf, form).await;
        let [track] = tracks.as_slice() else { panic!("{tracks:?}") };
        assert_eq!((track.kind, track.language.as_deref()), ("text", Some("en")));
        let expected =
            [0, 500, 3500, 5000, 6000, 7250, 8000, 12_000, 18_000, 19_000, 20_000, 21_000, 22_000];
        assert_eq!(starts(track), expected, "{form}");
        let data = String::from_utf8_lossy(&data_of_bytes(&track.media())).into_owned();
        let count = |text: &str| data.matches(text).count();
        assert_eq!(count("payl"), 8, "{data:?}");
        assert_eq!(count("crosses <i>an</i> edge\nsecond line &amp; ü"), 2);
        assert_eq!((count("below"), count("above"), count("vtte")), (2, 2, 6));
    }
}

#[tokio::test]
async fn every_segment_of_imsc_is_one_document_with_its_part_of_the_cues() {
    let shelf = film(&[("film.ttml", TTML.as_bytes())]);
    let tracks = tracks(&shelf, "clear").await;
    let [track] = tracks.as_slice() else { panic!("{tracks:?}") };
    assert_eq!(track.language.as_deref(), Some("de"));
    assert_eq!(starts(track), [0, 6000, 12_000, 18_000]);
    let data = String::from_utf8(data_of_bytes(&track.media())).unwrap();
    let documents = data.split("<?xml ").skip(1).map(|text| format!("<?xml {text}"));
    let shown: Vec<Vec<[String; 3]>> = documents.map(|text| paragraphs(&text)).collect();
    let cue = |parts: [&str; 3]| parts.map(str::to_owned);
    let text = "über die Kantezweite Zeile";
    assert_eq!(
        shown,
        [
            vec![
                cue(["00:00:00.500", "00:00:03.500", "erstens"]),
                cue(["00:00:05.000", "00:00:06.000", text])
            ],
            vec![cue(["00:00:06.000", "00:00:07.250", text])],
            vec![],
            vec![]
        ]
    );
}

/// Begin, end and text of every paragraph of a document that must be of the text profile.
fn paragraphs(document: &str) -> Vec<[String; 3]> {
    let tree = roxmltree::Document::parse(document).unwrap();
    let profile = ("http://www.w3.org/ns/ttml#parameter", "profile");
    let named = tree.root_element().attribute(profile);
    assert_eq!(named, Some("http://www.w3.org/ns/ttml/profile/imsc1/text"));
    let paragraphs = tree.descendants().filter(|node| node.has_tag_name("p"));
    let text = |node: roxmltree::Node<'_, '_>| {
        node.descendants().filter(|n| n.is_text()).filter_map(|n| n.text()).collect::<String>()
    };
    let time = |node: roxmltree::Node<'_, '_>, name| node.attribute(name).unwrap().to_owned();
    paragraphs.map(|node| [time(node, "begin"), time(node, "end"), text(node)]).collect()
}

#[tokio::test]
async fn sets_say_what_text_is_for_and_the_mpd_is_valid() {
    let ism = r#"<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>
      <video src="gate_h264_180p.mp4"/><audio src="gate_aac_eng.mp4"/>
      <textstream src="a.vtt" systemLanguage="eng"><param name="textDisplayName" value="English &amp; more"/>
       <param name="textIsDefault" value="true"/></textstream>
      <textstream src="b.ttml" systemLanguage="deu"><param name="role" value="caption"/></textstream>
      <textstream src="a.vtt" systemLanguage="fra"><param name="role" value="forced-subtitle"/></textstream>
      <textstream src="a.vtt" systemLanguage="ita"><param name="outputFlag" value="2"/></textstream>
     </switch></body></smil>"#;
    let files =
        [("a.vtt", WEBVTT.as_bytes()), ("b.ttml", TTML.as_bytes()), ("f.ism", ism.as_bytes())];
    let shelf = film(&files);
    for format in ["mpd-time-cmaf", "mpd-time-csf", "mpd-ondemand"] {
        let mpd =
            get(&shelf.stream("film", "clear").url(&format!("manifest(format={format})"))).await;
        assert_eq!(mpd_complaint(mpd.text()), None, "{}", mpd.text());
        let tree = roxmltree::Document::parse(mpd.text()).unwrap();
        let sets = tree.descendants().filter(|set| set.attribute("contentType") == Some("text"));
        let row = |set: roxmltree::Node<'_, '_>| {
            let values = |name: &str, attribute: &str| -> Vec<String> {
                let found = set.children().filter(|node| node.has_tag_name(name));
                found.filter_map(|node| node.attribute(attribute)).map(str::to_owned).collect()
            };
            let language = set.attribute("lang").unwrap().to_owned();
            [vec![language], values("Role", "value"), values("Representation", "codecs")].concat()
        };
        let rows: Vec<Vec<String>> = sets.map(row).collect();
        assert_eq!(
            rows,
            [
                vec!["en", "subtitle", "main", "wvtt"],
                vec!["de", "caption", "stpp.ttml.im1t"],
                vec!["fr", "forced-subtitle", "wvtt"]
            ]
        );
    }
}

/// What is shown for long is repeated often, in WebVTT wherever anything changes.
#[tokio::test]
async fn bandwidth_is_that_of_the_largest_segment() {
    let cues = (0..40).map(|n| format!("00:{:02}.000 --> 00:09.000\na line of text\n\n", n / 5));
    let crowd = format!("WEBVTT\n\n{}", cues.collect::<String>());
    let shelf = film(&[("a_eng.vtt", crowd.as_bytes()), ("b.ttml", TTML.as_bytes())]);
    let tracks = tracks(&shelf, "clear").await;
    let mpd = get(&shelf.stream("film", "clear").manifest("dash").url).await;
    let mpd = dash_mpd_core::parse(mpd.text()).unwrap();
    let sets = mpd.periods[0].adaptations.iter();
    let sets = sets.filter(|set| set.contentType.as_deref() == Some("text"));
    let announced: Vec<u64> = sets.map(|set| set.representations[0].bandwidth.unwrap()).collect();
    assert_eq!(announced.len(), tracks.len());
    for (track, announced) in tracks.iter().zip(announced) {
        let rate = |segment: &presentation::Segment| {
            (segment.bytes.len() as f64 * 8.0 / segment.seconds).ceil() as u64
        };
        let peak = track.segments.iter().map(rate).max().unwrap();
        assert!((peak..2 * peak).contains(&announced), "{announced} for a peak of {peak}");
    }
}

/// Also what was WebVTT.
#[tokio::test]
async fn clients_of_ams_get_imsc() {
    let shelf = film_for("ams", &[("film_eng.vtt", WEBVTT.as_bytes())]);
    let tracks = tracks(&shelf, "clear").await;
    let [track] = tracks.as_slice() else { panic!("{tracks:?}") };
    let data = String::from_utf8(data_of_bytes(&track.media())).unwrap();
    let documents = data.split("<?xml ").skip(1).map(|text| format!("<?xml {text}"));
    let shown: Vec<String> =
        documents.flat_map(|text| paragraphs(&text)).map(|[.., text]| text).collect();
    assert_eq!(shown.len(), 8, "segments of two seconds cut three of the five: {shown:?}");
    assert_eq!((&*shown[0], &*shown[2]), ("first cue", "crosses an edgesecond line & ü"));
}
