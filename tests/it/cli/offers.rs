//! Lists of streams name what is served, and nothing else: `dev`, `add`, the start page and
//! `/streams.json`.

use std::collections::BTreeSet;

use portcullis::package::format;
use serde_json::Value;

use crate::support::origin::{Shelf, demo, get};
use crate::support::server::{own_media_dir, portcullis};

fn codecs(name: &str) -> std::path::PathBuf {
    own_media_dir().join(format!("codecs/drift_{name}.mp4"))
}

/// Everything that a URL of a stream under one protection can ask for.
fn manifests(root: &str, encryption: Option<&str>) -> BTreeSet<String> {
    let url = |row: &format::Row| {
        let format =
            (row.format != format::Format::DEFAULT).then(|| format!("format={}", row.selector));
        let encryption = encryption.map(|value| format!("encryption={value}"));
        let params: Vec<String> = format.into_iter().chain(encryption).collect();
        match params.is_empty() {
            true => format!("{root}manifest"),
            false => format!("{root}manifest({})", params.join(",")),
        }
    };
    format::TABLE.iter().map(url).collect()
}

#[tokio::test]
async fn lists_name_exactly_what_is_served() {
    let shelf = Shelf::start([
        ("silent", vec![demo("gate_h264_180p.mp4"), codecs("opus_eng")]),
        ("blind", vec![codecs("vp9_320x180"), demo("gate_aac_eng.mp4")]),
        ("sound", vec![demo("gate_aac_eng.mp4")]),
    ]);
    let list: Value = serde_json::from_slice(
        &get(&format!("{}/streams.json", shelf.server.ready.origin)).await.ok(),
    )
    .unwrap();
    let page = get(&format!("{}/", shelf.server.ready.origin)).await;
    let mut counts = Vec::new();
    for (n, stream) in shelf.server.ready.streams.iter().enumerate() {
        let Some(form) = stream.name.strip_suffix("-open") else { continue };
        if form.ends_with("-drm") {
            continue;
        }
        let encryption = match form.rsplit_once('-').unwrap().1 {
            "clear" => None,
            "aes" => Some("cbc"),
            "cenc" => Some("cenc"),
            "cbcs" => Some("cbcs-aapl"),
            other => panic!("{other}"),
        };
        let (locator, _) = stream.manifests[0].url.rsplit_once('/').unwrap();
        let mut served = BTreeSet::new();
        for url in manifests(&format!("{locator}/"), encryption) {
            let answer = get(&url).await;
            match answer.status.as_u16() {
                200 => drop(served.insert(url)),
                403 | 415 => {}
                other => panic!("{url}: {other} {}", answer.text()),
            }
        }
        let named: BTreeSet<String> = stream.manifests.iter().map(|it| it.url.clone()).collect();
        assert_eq!(named, served, "{}", stream.name);
        assert_eq!(list["streams"][n]["name"], stream.name);
        let listed = list["streams"][n]["manifests"].as_array().unwrap().iter();
        let listed: BTreeSet<String> =
            listed.map(|it| it["url"].as_str().unwrap().to_owned()).collect();
        assert_eq!(listed, named, "{}", stream.name);
        let shown = |url: &&String| page.text().contains(&format!("href=\"{url}\""));
        assert!(named.iter().all(|url| shown(&url)), "{}", stream.name);
        counts.push((form.to_owned(), named.len()));
    }
    // Some are left out of every list: it would be empty work otherwise.
    let all = format::TABLE.len();
    assert!(
        counts.iter().any(|(form, count)| form == "sound-clear" && *count == all),
        "{counts:?}"
    );
    for form in ["silent-clear", "blind-clear"] {
        let count = counts.iter().find(|(name, _)| name == form).unwrap().1;
        assert!(count > 0 && count < all, "{counts:?}");
    }
}

#[tokio::test]
async fn add_prints_what_is_served_and_a_lost_folder_has_nothing() {
    let shelf = Shelf::start([
        ("silent", vec![demo("gate_h264_180p.mp4"), codecs("opus_eng")]),
        ("other", vec![demo("gate_aac_eng.mp4")]),
    ]);
    let mut add = portcullis();
    add.args(["add", "--json", "--policy", "open", "--streaming-policy", "aes"]);
    add.arg("--data").arg(&shelf.server.data).arg(shelf.path("silent"));
    let output = add.output().unwrap();
    let added: Value = serde_json::from_slice(&output.stdout).unwrap();
    let formats: Vec<&str> = added["streams"][0]["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|manifest| manifest["format"].as_str().unwrap())
        .collect();
    assert_eq!(formats, ["mpd-time-cmaf", "mpd-time-csf", "m3u8-cmaf"]);
    std::fs::remove_dir_all(shelf.path("silent")).unwrap();
    // The list is remembered for ten seconds, not longer.
    for attempt in 0.. {
        let page = get(&format!("{}/", shelf.server.ready.origin)).await;
        if page.text().contains("Nothing of it can be served now.") {
            assert!(!page.text().contains("/player?stream=silent%2Dclear%2Dopen"));
            break;
        }
        assert!(attempt < 60, "{}", page.text());
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
}
