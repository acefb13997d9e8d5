//! What a server manifest says of tracks, and where it is said again.

use std::fs;

use crate::support::origin::{CLIP, Shelf, demo, get, hls_children};
use crate::support::server::portcullis;
use crate::support::text::WEBVTT;

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

const CLIENT: &str = r#"<SmoothStreamingMedia MajorVersion="2" MinorVersion="0" Duration="1">
 <StreamIndex Type="audio" Name="aac_eng_2_128041_2_1" Language="eng" Chunks="999" Url="elsewhere">
  <QualityLevel Index="0" Bitrate="1" FourCC="NONE" CodecPrivateData="00"/><c d="1" r="999"/></StreamIndex>
 <Protection><ProtectionHeader SystemID="9A04F079-9840-4286-AB92-E65BE0885F95">AAAA</ProtectionHeader></Protection>
</SmoothStreamingMedia>"#;

/// Name and language come from the client manifest where the server manifest has none; what may be
/// stale in it does not matter, and without it, or with a broken one, the film plays the same.
#[tokio::test]
async fn a_client_manifest_names_tracks_and_says_nothing_else() {
    let server = r#"<smil><head><meta name="clientManifestRelativePath" content="NAME"/></head><body><switch>
      <video src="gate_h264_180p.mp4"/><audio src="gate_aac_eng.mp4"/></switch></body></smil>"#;
    let folders = ["film", "stem", "none", "broken", "outside"];
    let shelf =
        Shelf::start(folders.map(|name| (name, [CLIP, "gate_aac_eng.mp4"].map(demo).to_vec())));
    let write = |path: &str, text: &str| fs::write(shelf.path(path), text).unwrap();
    write("film/film.ism", &server.replace("NAME", "other.ismc"));
    write("film/other.ismc", CLIENT);
    write(
        "stem/film.ism",
        &server.replace("<meta name=\"clientManifestRelativePath\" content=\"NAME\"/>", ""),
    );
    write("stem/film.ismc", CLIENT);
    write("none/film.ism", &server.replace("NAME", "missing.ismc"));
    write("broken/film.ism", &server.replace("NAME", "film.ismc"));
    write("broken/film.ismc", "<SmoothStreamingMedia><Protection/>");
    write("outside/film.ism", &server.replace("NAME", "../film/other.ismc"));
    // Addresses have the name of the server manifest, which came after the server was started.
    let root = |folder: &str| {
        let url = shelf.stream(folder, "clear").root().to_owned();
        url.replace(&format!("{folder}.ism"), "film.ism")
    };
    let mut texts = Vec::new();
    for (folder, named) in
        [("film", true), ("stem", true), ("none", false), ("broken", false), ("outside", false)]
    {
        let answer = get(&format!("{}manifest(format=mpd-time-cmaf)", root(folder))).await;
        let text = answer.text().to_owned();
        assert_eq!(answer.status, 200, "{folder}: {text}");
        assert_eq!(text.contains("Fragments(aac_eng_2_128041_2_1="), named, "{folder}: {text}");
        assert!(!text.contains("ContentProtection") && !text.contains("999"), "{text}");
        texts.push(text.replace("aac_eng_2_128041_2_1", "NAME").replace("aac_eng_2_48323", "NAME"));
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
    // A client manifest that changes is read again.
    write("film/other.ismc", &CLIENT.replace("aac_eng_2_128041_2_1", "renamed"));
    let again = get(&format!("{}manifest(format=mpd-time-cmaf)", root("film"))).await;
    assert!(again.text().contains("Fragments(renamed="), "{}", again.text());
}

#[test]
fn a_client_manifest_that_is_none_is_told_when_it_is_added() {
    let folder = tempfile::tempdir().unwrap();
    for name in [CLIP, "gate_aac_eng.mp4"] {
        crate::support::origin::copy(&demo(name), &folder.path().join(name));
    }
    fs::write(folder.path().join("film.ism"), DESCRIBED).unwrap();
    fs::write(folder.path().join("film.ismc"), "<SmoothStreamingMedia><Protection/>").unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut add = portcullis();
    let output = add.arg("add").arg("--data").arg(data.path()).arg(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains(": film.ismc: left out: XML"), "{said}");
}

#[test]
fn a_name_that_cannot_stand_in_urls_is_told_when_it_is_added() {
    let folder = tempfile::tempdir().unwrap();
    for name in [CLIP, "gate_aac_eng.mp4"] {
        crate::support::origin::copy(&demo(name), &folder.path().join(name));
    }
    let named = DESCRIBED.replace("value=\"english\"", "value=\"Français\"");
    let units = format!("\u{feff}{named}").encode_utf16().collect::<Vec<_>>();
    let utf16: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path().join("film.ism"), utf16).unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut add = portcullis();
    let output = add.arg("add").arg("--data").arg(data.path()).arg(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let note = "gate_aac_eng.mp4: trackName \"Français\" is not taken";
    assert!(output.status.success() && said.contains(note), "{said}");
}

type Texts = &'static [&'static str];

/// Every parameter of the table in `docs/INPUTS.md`: what stands in the server manifest, and what then
/// does and does not stand in the manifest of a format.
const PARAMETERS: &[(&str, &str, &str, &str, Texts, Texts)] = &[
    // parameter, element, value, format, said, not said
    ("systemBitrate", "video", "333444", "mpd-time-cmaf", &["QualityLevels(333444)"], &[]),
    ("trackID", "audio", "1", "mpd-time-cmaf", &["contentType=\"audio\""], &[]),
    ("trackName", "audio", "my-sound", "m3u8-cmaf", &["Manifest(my-sound,"], &[]),
    ("trackName", "textstream", "my-text", "m3u8-cmaf", &["Manifest(my-text,"], &[]),
    (
        "systemLanguage",
        "audio",
        "fra",
        "m3u8-cmaf",
        &["LANGUAGE=\"fr\""],
        &["LANGUAGE=\"en\",DEFAULT"],
    ),
    (
        "systemLanguage",
        "audio",
        "pt-br",
        "m3u8-cmaf",
        &["LANGUAGE=\"pt-BR\"", "Portuguese (BR)"],
        &[],
    ),
    ("systemLanguage", "audio", "fr-CA", "mpd-time-cmaf", &["lang=\"fr-CA\""], &[]),
    ("systemLanguage", "textstream", "ita", "mpd-time-cmaf", &["lang=\"it\""], &[]),
    ("title", "audio", "Director", "m3u8-cmaf", &["NAME=\"Director\""], &[]),
    ("title", "textstream", "For all", "m3u8-cmaf", &["NAME=\"For all\""], &[]),
    ("title", "audio", "Director", "mpd-time-cmaf", &["<Label>Director</Label>"], &[]),
    ("title", "textstream", "For all", "mpd-time-cmaf", &["<Label>For all</Label>"], &[]),
    ("textDisplayName", "audio", "Shown", "m3u8-cmaf", &["NAME=\"Shown\""], &[]),
    ("textDisplayName", "textstream", "Shown", "m3u8-cmaf", &["NAME=\"Shown\""], &[]),
    (
        "accessibility",
        "audio",
        "description",
        "m3u8-cmaf",
        &["public.accessibility.describes-video"],
        &[],
    ),
    ("role", "audio", "commentary", "mpd-time-cmaf", &["value=\"commentary\""], &[]),
    ("role", "textstream", "forced-subtitle", "m3u8-cmaf", &["FORCED=YES"], &[]),
    ("outputFlag", "audio", "2", "m3u8-cmaf", &[], &["TYPE=AUDIO"]),
    ("outputFlag", "audio", "3", "m3u8-cmaf", &["TYPE=AUDIO"], &[]),
    ("outputFlag", "textstream", "2", "m3u8-cmaf", &[], &["TYPE=SUBTITLES"]),
    (
        "textIsDefault",
        "textstream",
        "true",
        "m3u8-cmaf",
        &["TYPE=SUBTITLES", "DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,URI"],
        &[],
    ),
    (
        "textHlsCharacteristic",
        "textstream",
        "public.accessibility.transcribes-spoken-dialog",
        "m3u8-cmaf",
        &["CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog"],
        &[],
    ),
    ("trackIndex", "video", "film.mpi", "mpd-time-cmaf", &[], &["film.mpi"]),
    ("transcriptsrc", "textstream", "talk.vtt", "mpd-time-cmaf", &[], &["talk.vtt"]),
    ("armId", "audio", "/subscriptions/x", "mpd-time-cmaf", &[], &["subscriptions"]),
];

/// A server manifest with one parameter, as `param` or as attribute of its element.
fn with_parameter(element: &str, name: &str, value: &str, as_attribute: bool) -> String {
    let one = |own: &str, src: &str| match (own == element, as_attribute) {
        (false, _) => format!("<{own} src=\"{src}\"/>"),
        (true, true) => format!("<{own} src=\"{src}\" {name}=\"{value}\"/>"),
        (true, false) => {
            format!(
                "<{own} src=\"{src}\"><param name=\"{name}\" value=\"{value}\" valuetype=\"data\"/></{own}>"
            )
        }
    };
    let elements =
        [one("video", CLIP), one("audio", "gate_aac_eng.mp4"), one("textstream", "text.vtt")];
    format!("<smil><body><switch>{}</switch></body></smil>", elements.concat())
}

#[tokio::test]
async fn every_parameter_does_what_the_table_says() {
    let files = [CLIP, "gate_aac_eng.mp4"];
    let shelf = Shelf::start(["film", "other"].map(|name| (name, files.map(demo).to_vec())));
    fs::write(shelf.path("film/text.vtt"), WEBVTT).unwrap();
    let stream = shelf.stream("film", "clear");
    let mut plain = std::collections::BTreeMap::new();
    fs::write(shelf.path("film/film.ism"), with_parameter("", "", "", false)).unwrap();
    for format in ["mpd-time-cmaf", "m3u8-cmaf"] {
        let answer = get(&stream.url(&format!("manifest(format={format})"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        plain.insert(format, answer.text().to_owned());
    }
    for (name, element, value, format, said, not_said) in PARAMETERS {
        for as_attribute in [false, true] {
            let text = with_parameter(element, name, value, as_attribute);
            fs::write(shelf.path("film/film.ism"), &text).unwrap();
            let answer = get(&stream.url(&format!("manifest(format={format})"))).await;
            let found = answer.text();
            assert_eq!(answer.status, 200, "{text}: {found}");
            assert!(said.iter().all(|part| found.contains(part)), "{text}: {found}");
            assert!(!not_said.iter().any(|part| found.contains(part)), "{text}: {found}");
            let no_effect = ["trackIndex", "transcriptsrc", "armId"].contains(name);
            let as_without = no_effect || matches!((*name, *value), ("trackID", _) | (_, "3"));
            assert_eq!(found == plain[format], as_without, "{text}: {found}");
        }
    }
    // One that names no track of the file is refused by name.
    fs::write(shelf.path("film/film.ism"), with_parameter("audio", "trackID", "77", false))
        .unwrap();
    let answer = get(&stream.url("manifest(format=m3u8-cmaf)")).await;
    assert!(answer.refusal().2.contains("gate_aac_eng.mp4 has no such track"), "{answer:?}");
    let table = include_str!("../../../docs/INPUTS.md");
    for (name, ..) in PARAMETERS {
        assert!(table.contains(&format!("`{name}`")), "{name} is not in docs/INPUTS.md");
    }
}

/// Two tracks of a language in two countries are told apart, also where their names would be one.
#[tokio::test]
async fn languages_of_two_countries_are_two_tracks() {
    let shelf = shelf();
    let one = |tag: &str| {
        format!(
            "<audio src=\"gate_aac_eng.mp4\" systemBitrate=\"64000\" systemLanguage=\"{tag}\"/>"
        )
    };
    let (here, there) = (one("pt-BR"), one("pt-PT"));
    let text = format!("<smil><body><video src=\"{CLIP}\"/>{here}{there}</body></smil>");
    fs::write(shelf.path("film/film.ism"), text).unwrap();
    let stream = shelf.stream("film", "clear");
    let playlist = get(&stream.manifest("hls").url).await;
    let mpd = get(&stream.manifest("dash").url).await;
    for tag in ["pt-BR", "pt-PT"] {
        assert!(playlist.text().contains(&format!("LANGUAGE=\"{tag}\"")), "{}", playlist.text());
        assert!(mpd.text().contains(&format!("lang=\"{tag}\"")), "{}", mpd.text());
    }
    assert!(mpd.text().contains("Fragments(aac_por_2_64000="), "{}", mpd.text());
}
