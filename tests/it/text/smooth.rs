//! Text in Smooth Streaming: TTML in fragments ([MS-SSTR]).

use crate::support::origin::get;
use crate::support::text::{TTML, WEBVTT, film};

#[tokio::test]
async fn text_streams_hold_documents_in_fragments() {
    let shelf = film(&[("film_eng.vtt", WEBVTT.as_bytes()), ("film_deu.ttml", TTML.as_bytes())]);
    let stream = shelf.stream("film", "clear");
    let manifest = get(&stream.url("manifest")).await;
    let tree = roxmltree::Document::parse(manifest.text()).unwrap();
    let streams = tree.descendants().filter(|node| node.attribute("Type") == Some("text"));
    let streams: Vec<_> = streams.collect();
    let languages: Vec<_> = streams.iter().map(|node| node.attribute("Language")).collect();
    assert_eq!(languages, [Some("deu"), Some("eng")]);
    for (node, cue) in streams.iter().zip(["erstens", "first cue"]) {
        let level = node.first_element_child().unwrap();
        assert_eq!(level.attribute("FourCC"), Some("TTML"));
        let url = node.attribute("Url").unwrap();
        let url = url.replace("{bitrate}", level.attribute("Bitrate").unwrap());
        let fragment = get(&stream.url(&url.replace("{start time}", "0"))).await.ok();
        assert_eq!(&fragment[4..8], b"moof");
        let text = String::from_utf8_lossy(&fragment);
        let document = text.split_once("<?xml ").unwrap().1;
        assert!(document.contains("ttml/profile/imsc1/text") && document.contains(cue), "{text}");
        let init = get(&stream.url(&url.replace("{start time}", "i"))).await;
        assert_eq!(init.refusal().1, "MPE_BAD_URL_SYNTAX");
    }
}

#[tokio::test]
async fn times_in_a_fragment_count_from_its_start() {
    let shelf = film(&[("film_deu.ttml", TTML.as_bytes())]);
    let stream = shelf.stream("film", "clear");
    let manifest = get(&stream.url("manifest")).await;
    let tree = roxmltree::Document::parse(manifest.text()).unwrap();
    let text = tree.descendants().find(|node| node.attribute("Type") == Some("text")).unwrap();
    let bitrate = text.first_element_child().unwrap().attribute("Bitrate").unwrap();
    let url = text.attribute("Url").unwrap().replace("{bitrate}", bitrate);
    for (start, times) in [
        ("0", "begin=\"00:00:05.000\" end=\"00:00:06.000\""),
        ("60000000", "begin=\"00:00:00.000\" end=\"00:00:01.250\""),
    ] {
        let fragment = get(&stream.url(&url.replace("{start time}", start))).await.ok();
        let fragment = String::from_utf8_lossy(&fragment);
        assert!(fragment.contains(times), "{fragment}");
    }
}
