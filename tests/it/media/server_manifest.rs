//! What a server manifest says of tracks, and where it is said again.

use std::fs;

use crate::support::origin::{CLIP, Shelf, demo, get, hls_children};

const DESCRIBED: &str = r#"<smil xmlns="http://www.w3.org/2001/SMIL20/Language">
<head><meta name="clientManifestRelativePath" content="film.ismc"/><meta name="formats" content="mp4"/></head>
<body><switch>
<video src="gate_h264_180p.mp4" systemBitrate="400000"><param name="trackIndex" value="a.mpi"/></video>
<audio src="gate_aac_eng.mp4" systemBitrate="64000" systemLanguage="eng">
 <param name="trackName" value="english"/></audio>
<audio src="gate_aac_eng.mp4" systemBitrate="64001" systemLanguage="eng" title="With &quot;description&quot;">
 <param name="trackName" value="described"/><param name="accessibility" value="description"/>
 <param name="role" value="alternate"/><param name="outputFlag" value="3"/></audio>
<audio src="gate_aac_eng.mp4" systemBitrate="64002" systemLanguage="eng">
 <param name="trackName" value="secret"/><param name="outputFlag" value="2"/></audio>
</switch></body></smil>"#;

fn shelf() -> Shelf {
    let files = [CLIP, "gate_aac_eng.mp4"];
    let shelf = Shelf::start(["film", "other"].map(|name| (name, files.map(demo).to_vec())));
    fs::write(shelf.path("film/film.ism"), DESCRIBED).unwrap();
    // A client manifest may be there, stale protection and all.
    fs::write(shelf.path("film/film.ismc"), "<SmoothStreamingMedia><Protection/>").unwrap();
    shelf
}

#[tokio::test]
async fn accessibility_and_role_are_said_in_every_manifest() {
    let shelf = shelf();
    let stream = shelf.stream("film", "clear");
    let mpd = get(&stream.manifest("dash").url).await;
    let set = mpd.text().split("<AdaptationSet").find(|set| set.contains("Fragments(described="));
    let set = set.unwrap();
    let accessibility =
        r#"<Accessibility schemeIdUri="urn:mpeg:dash:role:2011" value="description"/>"#;
    let role = r#"<Role schemeIdUri="urn:mpeg:dash:role:2011" value="alternate"/>"#;
    let at = |what: &str| set.find(what).unwrap_or_else(|| panic!("no {what} in {set}"));
    assert!(at(accessibility) < at(role));
    if let Some(complaint) = crate::support::oracle::mpd_complaint(mpd.text()) {
        panic!("{complaint}");
    }
    let playlist = get(&stream.manifest("hls").url).await;
    let line = playlist.text().lines().find(|line| line.contains("described")).unwrap();
    let said = "CHARACTERISTICS=\"public.accessibility.describes-video\"";
    assert!(line.contains("AUTOSELECT=YES") && line.contains(said), "{line}");
    let smooth = get(&stream.url("manifest")).await;
    let index = smooth.text().split("<StreamIndex").find(|index| index.contains("described"));
    assert!(
        index.unwrap().contains(r#"Role="alternate" Accessibility="description""#),
        "{index:?}"
    );
}

#[tokio::test]
async fn hidden_tracks_are_served_but_not_listed() {
    let shelf = shelf();
    let stream = shelf.stream("film", "clear");
    for manifest in &stream.manifests {
        assert!(!get(&manifest.url).await.text().contains("secret"), "{}", manifest.url);
    }
    assert_eq!(hls_children(&stream.manifest("hls").url).await.len(), 3);
    let fragment = "QualityLevels(64002)/Fragments(secret=0,format=mpd-time-cmaf)";
    get(&stream.url(fragment)).await.ok();
}

#[tokio::test]
async fn a_folder_of_live_fragments_is_refused_by_name() {
    let shelf = shelf();
    let live = DESCRIBED.replace("gate_h264_180p.mp4", "video");
    fs::write(shelf.path("film/film.ism"), live).unwrap();
    let answer = get(&shelf.stream("film", "clear").manifest("dash").url).await;
    let (status, _, message) = answer.refusal();
    assert_eq!(status, 415);
    assert!(message.contains("video is no file: folders of live fragments"), "{message}");
}
