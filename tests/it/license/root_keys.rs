//! Root and leaf keys: one Widevine licence for all crypto periods, by whole URLs. Media are judged by
//! ffmpeg, licences by pywidevine where it is installed.

use std::collections::HashSet;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use portcullis::drm::widevine::PsshData;
use serde_json::{Value, json};

use crate::support::boxes::find;
use crate::support::documents::{locator, printed, refused, selection, shown, streaming_policy};
use crate::support::drm_clients::Tools;
use crate::support::oracle::{HexKey, samples_decrypted_by_ffmpeg, samples_of_file};
use crate::support::origin::{demo, get, hls_children};
use crate::support::rotation::{Run, attribute, id_of, runs};
use crate::support::server::{DevServer, portcullis};
use crate::support::widevine::policy_document;

const WIDEVINE: [u8; 16] = [
    0xed, 0xef, 0x8b, 0xa9, 0x79, 0xd6, 0x4a, 0xce, 0xa3, 0xc8, 0x27, 0xdc, 0xd5, 0x1d, 0x21, 0xed,
];

/// Fragments start at 0, 6, 12 and 18 seconds: two of them are in the first period.
const PERIODS: [usize; 3] = [2, 1, 1];

const FILM: &str = "film";

/// Keys of their own for sound and pictures, under both schemes.
pub(super) fn policy() -> Value {
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
    format!("{}/{}/gate.ism/", server.ready.origin, id_of(&server.data, FILM))
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

/// What `key show` says, or another of its commands.
fn key_command(server: &DevServer, arguments: &[&str]) -> Value {
    let arguments = [&["key"], arguments, &["--json"]].concat();
    serde_json::from_str(&printed(&server.data, &arguments, &Value::Null)).unwrap()
}

/// The root key and the keys of the periods that have this label under `cenc`.
fn kids_of(said: &Value, label: &str) -> (String, Vec<String>) {
    let of = |keys: &Value| {
        let own = keys.as_array().unwrap().iter();
        let own = own.filter(|key| key["label"] == label && key["scheme"] == "cenc");
        let [kid] =
            <[_; 1]>::try_from(own.map(|key| key["kid"].clone()).collect::<Vec<_>>()).unwrap();
        kid.as_str().unwrap().to_owned()
    };
    let periods = said["periods"].as_array().unwrap();
    (of(&said["roots"]), periods.iter().map(|period| of(&period["keys"])).collect())
}

fn request_licence(server: &DevServer, flags: &[&str]) -> (bool, String) {
    let url = format!("{}/Widevine/", server.ready.key_delivery);
    let fixed = ["license", "request", "--system", "widevine", "--url", &url];
    let output = portcullis().args(fixed).args(flags).output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).unwrap())
}

async fn first_playlist(root: &str) -> Vec<Run> {
    let master = format!("{root}manifest(format=m3u8-cmaf,encryption=cenc)");
    let mut playlists = hls_children(&master).await;
    playlists.retain(|playlist| playlist.contains("(video"));
    runs(&playlists[0]).await
}

#[tokio::test]
async fn forced_rotations_hang_new_keys_under_the_old_root() {
    let server = DevServer::builder().switch("--any-device").start();
    let root = published(&server);
    let before = key_command(&server, &["show", FILM]);
    assert_eq!(before["hierarchy"], "rootLeaf");
    let (root_kid, old) = kids_of(&before, "VIDEO");
    let count = old.len();
    let rotated = key_command(&server, &["rotate", FILM, "--now"]);
    let (same_root, all) = kids_of(&rotated, "VIDEO");
    assert!(same_root == root_kid && all[..count] == old && all.len() == 2 * count);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let runs = loop {
        let runs = first_playlist(&root).await;
        let data = PsshData::read(&of_line(&runs[0])[32..]).unwrap();
        if data.entitled_kids().next().unwrap().to_string() == all[count] {
            break runs;
        }
        assert!(std::time::Instant::now() < deadline, "the server does not see the new keys");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    // Our own client opens what it asks with.
    for (run, kid) in runs.iter().zip(&all[count..]) {
        let (good, said) = request_licence(&server, &["--pssh", &BASE64.encode(&of_line(run))]);
        let (found, key) = said.trim().split_once(':').unwrap_or_else(|| panic!("{said}"));
        assert!(good && found == kid.replace('-', ""), "{said}");
        let url = format!("{}/?kid={kid}", server.ready.key_delivery);
        assert_eq!(key, HEXLOWER.encode(&get(&url).await.ok()));
    }
}

#[tokio::test]
async fn root_keys_leave_by_widevine_alone_and_the_keys_of_periods_as_ever() {
    let server = DevServer::builder().switch("--any-device").start();
    let root = published(&server);
    let (root_kid, leaves) = kids_of(&key_command(&server, &["show", FILM]), "VIDEO");
    let raw = async |kid: &str| get(&format!("{}/?kid={kid}", server.ready.key_delivery)).await;
    let refused = raw(&root_kid).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("key-is-root"), "{}", refused.text());
    let asked = |system: &str, kid: &str| {
        let url = format!("{}/{system}/", server.ready.key_delivery);
        let fixed = ["license", "request", "--system", "clearkey", "--url", &url, "--kid", kid];
        portcullis().args(fixed).output().unwrap()
    };
    assert!(String::from_utf8_lossy(&asked("ClearKey", &root_kid).stderr).contains("key-is-root"));
    let (good, said) = request_licence(&server, &["--kid", &root_kid]);
    assert!(!good && said.contains("root keys alone"), "{said}");
    for (run, kid) in first_playlist(&root).await.iter().zip(&leaves) {
        let key = HEXLOWER.encode(&raw(kid).await.ok());
        let line = format!("{}:{key}\n", kid.replace('-', ""));
        assert_eq!(String::from_utf8_lossy(&asked("ClearKey", kid).stdout), line);
        assert_eq!(request_licence(&server, &["--kid", kid]), (true, line));
        assert_eq!(run.key().await.key, key);
    }
}

/// Both kinds of manifests, fragments among them, and what is said of a box.
#[tokio::test]
async fn inspect_reads_wrapped_keys_and_tells_no_byte_of_them() {
    let server = DevServer::builder().start();
    let root = published(&server);
    let (root_kid, leaves) = kids_of(&key_command(&server, &["show", FILM]), "VIDEO");
    for (format, encryption) in
        [("mpd-time-cmaf", "cenc"), ("m3u8-cmaf", "cenc"), ("mpd-time-cmaf", "cbcs-aapl")]
    {
        let url = format!("{root}manifest(format={format},encryption={encryption})");
        let mut inspect = portcullis();
        let told =
            inspect.args(["inspect", "--data"]).arg(&server.data).arg(&url).output().unwrap();
        assert!(told.status.success(), "{url}: {}", String::from_utf8_lossy(&told.stderr));
    }
    let runs = first_playlist(&root).await;
    let pssh = of_line(&runs[0]);
    let mut media = get(runs[0].map.as_ref().unwrap()).await.ok();
    media.extend(get(&runs[0].segments[0]).await.ok());
    let file = server.data.join("period.mp4");
    std::fs::write(&file, &media).unwrap();
    let told = portcullis().arg("inspect").arg(&file).output().unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(text.contains(&format!("wrapped under: {root_kid}")), "{text}");
    assert!(text.contains(&leaves[0]));
    let data = PsshData::read(&pssh[32..]).unwrap();
    let wrapped = HEXLOWER.encode(data.entitled_keys[0].key.as_ref().unwrap());
    assert!(!text.contains(&wrapped));
    // A box of another period among the fragments of this one.
    let other = get(&runs[1].segments[0]).await.ok();
    let (own, other) = (of_box(&media, b"moov"), of_box(&other, b"moof"));
    let at = media.windows(own.len()).rposition(|window| window == own).unwrap();
    media[at..at + own.len()].copy_from_slice(&other);
    std::fs::write(&file, &media).unwrap();
    let told = portcullis().arg("inspect").arg(&file).output().unwrap();
    let said =
        String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
    assert!(!told.status.success() && said.contains("pssh of the fragment"), "{said}");
}

/// What a locator was made with, root keys too, makes it anew with the same bytes.
#[tokio::test]
async fn documents_with_their_root_keys_are_applied_again_and_elsewhere() {
    let server = DevServer::builder().start();
    let root = published(&server);
    let document = shown(&server.data, &["streaming-locators", FILM, "--with-secrets"]);
    let rotation = &document["properties"]["keyRotation"];
    assert_eq!(*rotation, json!({ "period": "PT7S", "keyCount": 4, "hierarchy": "rootLeaf" }));
    let keys = document["properties"]["contentKeys"].as_array().unwrap();
    let lengths = keys.iter().map(|key| {
        let value = BASE64.decode(key["value"].as_str().unwrap().as_bytes()).unwrap().len();
        assert_eq!(key["root"] == true, value == 32, "{key}");
        value
    });
    assert_eq!(lengths.filter(|length| *length == 32).count(), 4);
    let hidden = shown(&server.data, &["streaming-locators", FILM]);
    let applied = printed(&server.data, &["apply", "-"], &hidden);
    assert!(applied.contains("unchanged"), "{applied}");
    let other = DevServer::builder().start();
    printed(&other.data, &["apply", "-"], &json!([policy(), everybody(), document]));
    let there = root.replace(&server.ready.origin, &other.ready.origin);
    for (here, there) in first_playlist(&root).await.iter().zip(first_playlist(&there).await) {
        assert_eq!(of_line(here), of_line(&there));
    }
}

#[test]
fn what_cannot_hang_under_root_keys_is_refused_by_member() {
    let server = DevServer::builder().start();
    printed(&server.data, &["apply", "-"], &json!([policy(), everybody()]));
    let block = json!({ "enabledProtocols": { "dash": true, "hls": true } });
    let aes = streaming_policy("aes", json!({ "envelopeEncryption": block }));
    let clear_key = streaming_policy("ck", json!({ "commonEncryptionCenc": block }));
    printed(&server.data, &["apply", "-"], &json!([aes, clear_key]));
    let rotation = |more: Value| {
        let mut rotation = json!({ "period": "PT7S", "hierarchy": "rootLeaf" });
        rotation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "keyRotation": rotation })
    };
    let kid = "00000000-0000-4000-8000-0000000000aa";
    let key = |kid: &str, label: &str, length: usize, more: Value| {
        let mut key = json!({ "id": kid, "labelReferenceInStreamingPolicy": label,
            "type": "CommonEncryptionCenc", "value": BASE64.encode(&vec![7; length]) });
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    };
    let root = |length| key(kid, "VIDEO", length, json!({ "root": true }));
    let keys = |keys: Value| json!({ "contentKeys": keys });
    let flat = json!({ "keyRotation": { "period": "PT7S" }, "contentKeys": [root(32)] });
    let with_period = key(kid, "VIDEO", 32, json!({ "root": true, "cryptoPeriod": 0 }));
    let cases = [
        (rotation(json!({ "hierarchy": "tree" })), "keyRotation.hierarchy: unknown variant"),
        (
            json!({ "keyRotation": { "hierarchy": "rootLeaf" } }),
            "keyRotation.period: it is missing",
        ),
        (
            rotation(json!({ "start": "2026-11-26T20:00:00Z" })),
            "keyRotation.start: under root keys",
        ),
        (json!({ "streamingPolicyName": "aes" }), "keyRotation.hierarchy: only Widevine"),
        (json!({ "streamingPolicyName": "ck" }), "keyRotation.hierarchy: only Widevine"),
        (keys(json!([root(16)])), "contentKeys[0].value: a root key has 32 bytes"),
        (
            keys(json!([key(kid, "VIDEO", 32, json!({}))])),
            "contentKeys[0].value: a root key has 32",
        ),
        (keys(json!([root(24)])), "contentKeys[0].value: a content key has 16 bytes"),
        (keys(json!([with_period])), "contentKeys[0].cryptoPeriod: a root key is for all"),
        (flat, "contentKeys[0].root: the locator has no root keys"),
        (
            keys(json!([root(32), key(kid, "AUDIO", 16, json!({}))])),
            "contentKeys[1].id: another key has this KID",
        ),
        (
            keys(json!([
                root(32),
                key(&kid.replace("aa", "ab"), "VIDEO", 32, json!({ "root": true }))
            ])),
            "contentKeys[1].labelReferenceInStreamingPolicy: another key has this label",
        ),
    ];
    for (more, named) in cases {
        let said = refused(&server.data, &["apply", "-"], &film(&more));
        assert!(said.contains(named), "{named}: {said}");
    }
    // A KID belongs to one key, whatever its kind and wherever it is.
    printed(&server.data, &["apply", "-"], &film(&keys(json!([root(32)]))));
    let mut other = film(&keys(json!([key(kid, "VIDEO", 16, json!({}))])));
    other["name"] = json!("other");
    let said = refused(&server.data, &["apply", "-"], &other);
    assert!(
        said.contains(&format!("contentKeys[0].id: content key {kid} already exists")),
        "{said}"
    );
    let said = refused(
        &server.data,
        &["apply", "-"],
        &film(&json!({ "keyRotation": { "period": "PT7S" } })),
    );
    assert!(said.contains("another keyRotation"), "{said}");
}

/// Only blocks that announce Widevine have root keys; by the flags of `add`.
#[test]
fn blocks_without_widevine_stay_flat() {
    let server = DevServer::builder().start();
    let clip = demo("gate_aac_eng.mp4");
    let folder = clip.parent().unwrap();
    let add = |flags: &[&str]| {
        let mut add = portcullis();
        add.args([
            "add",
            "--json",
            "--policy",
            "open",
            "--name",
            "again",
            "--rotate-hierarchy",
            "root-leaf",
        ]);
        add.args(flags).arg("--data").arg(&server.data).arg(folder).output().unwrap()
    };
    let added = add(&["--rotate", "7s", "--streaming-policy", "drm"]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let added: Value = serde_json::from_slice(&added.stdout).unwrap();
    let name = added["streams"][0]["name"].as_str().unwrap();
    assert!(name.ends_with("-rotate7s-root-leaf"), "{name}");
    let said = key_command(&server, &["show", name]);
    let schemes: Vec<_> =
        said["roots"].as_array().unwrap().iter().map(|key| &key["scheme"]).collect();
    assert_eq!(schemes, ["cenc"]);
    let keys = said["periods"][0]["keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["scheme"] == "cbcs"), "{keys:?}");
    for (flags, named) in [
        (&["--streaming-policy", "drm"][..], "--rotate <TIME>"),
        (&["--rotate", "7s", "--streaming-policy", "cenc"], "keyRotation.hierarchy: only Widevine"),
        (&["--rotate", "7s", "--rotate-start", "2026-11-26T20:00:00Z"], "cannot be used with"),
    ] {
        let refused = add(flags);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.contains(named), "{named}: {said}");
    }
}
