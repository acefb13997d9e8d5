//! Root and leaf keys: one Widevine licence for all crypto periods, by whole URLs. Media are judged by
//! ffmpeg, licences by pywidevine where it is installed.

use std::collections::HashSet;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

use crate::support::boxes::find;
use crate::support::documents::{locator, printed, refused, selection, shown, streaming_policy};
use crate::support::drm_clients::Tools;
use crate::support::oracle::{HexKey, samples_decrypted_by_ffmpeg, samples_of_file};
use crate::support::origin::{demo, get, hls_children};
use crate::support::rotation::{Run, attribute, runs};
use crate::support::server::{DevServer, portcullis};
use crate::support::widevine::policy_document;

const WIDEVINE: [u8; 16] = [
    0xed, 0xef, 0x8b, 0xa9, 0x79, 0xd6, 0x4a, 0xce, 0xa3, 0xc8, 0x27, 0xdc, 0xd5, 0x1d, 0x21, 0xed,
];

/// Fragments start at 0, 6, 12 and 18 seconds: two of them are in the first period.
const PERIODS: [usize; 3] = [2, 1, 1];

const FILM: &str = "film";

/// Keys of their own for sound and pictures, under both schemes.
fn policy() -> Value {
    let block = json!({ "enabledProtocols": { "dash": true, "hls": true },
        "contentKeys": { "defaultKey": { "label": "VIDEO" }, "keyToTrackMappings":
            [{ "label": "AUDIO", "tracks": [selection(&[("Type", "Audio")])] }] },
        "drm": { "widevine": {}, "playReady": {} }, "clearKeyEncryptionConfiguration": {} });
    streaming_policy(
        "rooted",
        json!({ "commonEncryptionCenc": block, "commonEncryptionCbcs": block }),
    )
}

/// For everybody, in Widevine and ClearKey.
fn everybody() -> Value {
    let mut document = policy_document("everybody", true, &json!({}));
    let options = document["properties"]["options"].as_array_mut().unwrap();
    let mut clear_key = options[0].clone();
    clear_key["configuration"] =
        json!({ "@odata.type": "#Microsoft.Media.ContentKeyPolicyClearKeyConfiguration" });
    options.push(clear_key);
    document
}

fn film(more: &Value) -> Value {
    let mut properties = json!({ "assetName": "gate", "streamingPolicyName": "rooted",
        "defaultContentKeyPolicyName": "everybody",
        "keyRotation": { "period": "PT7S", "hierarchy": "rootLeaf" } });
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    locator(FILM, properties)
}

/// Publishes the film; what stands in front of `manifest(...)`.
fn published(server: &DevServer) -> String {
    printed(&server.data, &["apply", "-"], &json!([policy(), everybody(), film(&json!({}))]));
    format!(
        "{}/{}/gate.ism/",
        server.ready.origin,
        crate::support::rotation::id_of(&server.data, FILM)
    )
}

/// The Widevine box of a key line.
fn of_line(run: &Run) -> Vec<u8> {
    let line = run.lines.iter().find(|line| line.contains("edef8ba9")).unwrap();
    let (_, data) = attribute(line, "URI").unwrap().split_once("base64,").unwrap();
    BASE64.decode(data.as_bytes()).unwrap()
}

/// The Widevine box among those in a fragment or an init segment.
fn of_box(media: &[u8], parent: &[u8; 4]) -> Vec<u8> {
    let mut rest = find(media, &[parent]).unwrap();
    while rest.len() >= 8 {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        if &rest[4..8] == b"pssh" && rest[12..28] == WIDEVINE {
            return rest[..size].to_vec();
        }
        rest = &rest[size..];
    }
    panic!("no Widevine box")
}

/// `KID:KEY` of the one root key that pywidevine finds in a licence for a box.
async fn root_of(tools: &Tools, drm: &Path, url: &str, pssh: &[u8]) -> (String, String) {
    let device = drm.join("widevine/device_l3.wvd");
    let pssh = HEXLOWER.encode(pssh);
    let flags = ["--device", device.to_str().unwrap(), "--all", "--pssh", &pssh];
    let said = tools.ask("widevine_client.py", drm, url, &flags).await.unwrap();
    let [line] = &said[..] else { panic!("{said:?}") };
    let (root, kind) = line.split_once(' ').unwrap();
    assert_eq!(kind, "ENTITLEMENT");
    let (kid, key) = root.split_once(':').unwrap();
    assert_eq!((kid.len(), key.len()), (32, 64));
    (kid.to_owned(), key.to_owned())
}

/// The keys of a box that open under a root key.
fn leaves(tools: &Tools, pssh: &[u8], root: &(String, String)) -> Vec<HexKey> {
    let (kid, key) = root;
    let said = tools.own_script("entitled.py", &[&HEXLOWER.encode(pssh), kid, key]);
    let read = |line: &String| {
        let (kid, key) = line.split_once(':').unwrap();
        HexKey { kid: kid.to_owned(), key: key.to_owned() }
    };
    said.iter().map(read).collect()
}

fn sources() -> Vec<Vec<(usize, String)>> {
    let files =
        ["gate_h264_180p", "gate_h264_360p", "gate_h264_540p", "gate_aac_eng", "gate_aac_deu"];
    let read = |file| samples_of_file(&demo(&format!("{file}.mp4")), "0");
    files.map(|file| owned(read(file).contents())).into()
}

fn owned(contents: Vec<(usize, &str)>) -> Vec<(usize, String)> {
    contents.into_iter().map(|(size, digest)| (size, digest.to_owned())).collect()
}

#[tokio::test]
async fn one_licence_opens_all_periods_of_a_label_for_an_independent_client() {
    let Some(tools) = Tools::find() else { return };
    let drm = tools.roots();
    let server = DevServer::builder().flag("--drm-dir", drm.path().to_str().unwrap()).start();
    let (root, sources) = (published(&server), sources());
    let url = format!("{}/Widevine/", server.ready.key_delivery);
    for encryption in ["cenc", "cbcs-aapl"] {
        let master = format!("{root}manifest(format=m3u8-cmaf,encryption={encryption})");
        let (mut roots, mut kids) = (HashSet::new(), HashSet::new());
        for playlist in hls_children(&master).await {
            let runs = runs(&playlist).await;
            let counts: Vec<_> = runs.iter().map(|run| run.segments.len()).collect();
            assert_eq!(counts, PERIODS, "{playlist}");
            let kind = if playlist.contains("(aac_") { "a" } else { "v" };
            // One request, with what any period says.
            let root = root_of(&tools, drm.path(), &url, &of_line(&runs[1])).await;
            let (mut opened, mut wrong) = (Vec::new(), Vec::new());
            for run in &runs {
                let first = get(&run.segments[0]).await.ok();
                let pssh = of_box(&first, b"moof");
                assert_eq!(pssh, of_line(run), "{playlist}");
                let init = get(run.map.as_ref().unwrap()).await.ok();
                assert_eq!(pssh, of_box(&init, b"moov"));
                let [leaf] = <[HexKey; 1]>::try_from(leaves(&tools, &pssh, &root)).unwrap();
                let group = find(&first, &[b"moof", b"traf", b"sgpd"]).unwrap();
                assert_eq!(HEXLOWER.encode(&group[20..36]), leaf.kid);
                let media = run.media().await;
                let samples = |key: &HexKey| samples_decrypted_by_ffmpeg(&media, key, kind);
                opened.extend(owned(samples(&leaf).contents()));
                let other = (root.0.clone(), format!("ff{}", &root.1[2..]));
                let other = leaves(&tools, &pssh, &other).pop().unwrap();
                assert!(other.kid == leaf.kid && other.key != leaf.key);
                wrong.extend(owned(samples(&other).contents()));
                kids.insert(leaf.kid);
            }
            assert!(sources.contains(&opened), "{playlist}");
            assert!(!sources.contains(&wrong), "{playlist}");
            roots.insert((kind, root));
        }
        assert_eq!(roots.len(), 2, "one of sound, one of pictures");
        assert_eq!(kids.len(), 2 * PERIODS.len());
    }
}
