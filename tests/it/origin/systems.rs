//! What streams announce to protection systems: the predefined policies of several systems, in every
//! format that they may be had in.

use data_encoding::BASE64;
use portcullis::crypto::{ContentKey, Expanded};
use portcullis::drm::describe::describe;
use portcullis::drm::playready::{self, Object};
use portcullis::ids::{KeyId, SystemId};
use portcullis::isobmff::cenc::Pssh;
use portcullis::isobmff::dump::dump;

use serde_json::{Value, json};

use crate::support::documents::{
    KEY_HD, KEY_SD, KID_HD, KID_SD, content_key, locator, open_policy, printed, shown,
    streaming_policy,
};
use crate::support::golden::check;
use crate::support::oracle::mpd_complaint;
use crate::support::origin::{CLIP, Shelf, demo, get, hls_children};
use crate::support::server::DevServer;

const POLICY: &str = "Predefined_MultiDrmStreaming";

/// A published film, and the address in front of its manifests.
fn published(flags: &[&str]) -> (Shelf, String) {
    let shelf = Shelf::start([
        ("film", vec![demo(CLIP), demo("gate_aac_eng.mp4")]),
        ("other", vec![demo(CLIP)]),
    ]);
    let locator = shelf.published("film", POLICY, flags);
    (shelf, format!("{locator}/film.ism"))
}

/// What a box says, with the checksum left out: it depends on the key.
fn said(pssh: &Pssh) -> String {
    let Some(fields) = describe(pssh.system, &pssh.data).map(Result::unwrap) else {
        return format!("{{{} {:?} {:?}}}", pssh.system, pssh.key_ids, pssh.data);
    };
    let stable = fields.into_iter().filter(|(name, _)| *name != "checksums");
    let fields: Vec<String> = stable.map(|(name, value)| format!("{name}: {value}")).collect();
    let system = pssh.system.name().map_or_else(|| pssh.system.to_string(), str::to_owned);
    format!("{{{system} {}}}", fields.join(", "))
}

/// Boxes and PlayReady objects in base64 become what they say.
fn decoded(text: &str) -> String {
    let parts = text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)));
    let part = |part: &str| {
        let (data, end) = part.split_at(part.len().saturating_sub(1));
        let Ok(bytes) = BASE64.decode(data.as_bytes()) else { return part.to_owned() };
        match Pssh::read_row(&bytes) {
            Ok(boxes) if !boxes.is_empty() => said(&boxes[0]) + end,
            _ if Object::read(&bytes).is_ok() => {
                let pssh = Pssh { system: SystemId::PLAY_READY, key_ids: vec![], data: bytes };
                format!("object {}{end}", said(&pssh))
            }
            _ => part.to_owned(),
        }
    };
    parts.map(part).collect()
}

/// The `pssh` boxes of an init segment.
fn boxes(init: &[u8]) -> Vec<Pssh> {
    let nodes = dump(init).unwrap();
    let boxes = nodes.iter().filter(|node| &node.kind.0 == b"pssh");
    boxes.map(|node| Pssh::read(&node.body).unwrap()).collect()
}

/// Keys and addresses differ between two servers.
fn redacted(root: &str, kid: &str, text: &str) -> String {
    let (root, _) = root.rsplit_once('/').unwrap();
    let (origin, locator) = root.rsplit_once('/').unwrap();
    let host = origin.split_once("://").unwrap().1;
    let text = text.replace(host, "HOST").replace(locator, "LOCATOR");
    text.replace(kid, "KID").replace(&kid.replace('-', ""), "KID")
}

async fn text(url: &str) -> String {
    get(url).await.text().to_owned()
}

fn after<'t>(text: &'t str, front: &str, back: char) -> &'t str {
    let (_, rest) = text.split_once(front).unwrap_or_else(|| panic!("{front} is not in {text}"));
    rest.split_once(back).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_announce_the_systems_of_the_policy() {
    for (profile, flags) in [("modern", &[][..]), ("ams", &["--compat", "ams"])] {
        let (_shelf, root) = published(flags);
        let mpd = text(&format!("{root}/manifest(format=mpd-time-cmaf,encryption=cenc)")).await;
        assert_eq!(mpd_complaint(&mpd), None);
        let kid = after(&mpd, "cenc:default_KID=\"", '"').to_owned();
        check(&format!("systems-{profile}-dash"), &redacted(&root, &kid, &decoded(&mpd)));
        let master = format!("{root}/manifest(format=m3u8-cmaf,encryption=cbcs-aapl)");
        let playlist = text(hls_children(&master).await.last().unwrap()).await;
        let kid = after(&playlist, "/FairPlay/?kid=", '"').to_owned();
        let master = text(&master).await;
        check(&format!("systems-{profile}-hls"), &redacted(&root, &kid, &master));
        check(&format!("systems-{profile}-hls-video"), &redacted(&root, &kid, &playlist));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_manifests_and_samples_name_one_key() {
    let (shelf, root) = published(&[]);
    let mpd = text(&format!("{root}/manifest(format=mpd-time-cmaf,encryption=cenc)")).await;
    let kid = after(&mpd, "cenc:default_KID=\"", '"');
    let init = after(&mpd, "initialization=\"", '"');
    let init = get(&format!("{root}/{init}")).await.ok();
    let systems: Vec<_> = boxes(&init).iter().map(|pssh| pssh.system).collect();
    assert_eq!(systems, [SystemId::PLAY_READY, SystemId::WIDEVINE]);
    for pssh in boxes(&init) {
        assert!(said(&pssh).contains(&format!("data kids: {kid}")), "{}", said(&pssh));
        assert!(mpd.contains(&BASE64.encode(&pssh.to_vec())), "{:?}", pssh.system.name());
    }
    let kid: KeyId = kid.parse().unwrap();
    assert!(init.windows(16).filter(|bytes| *bytes == kid.as_bytes()).count() >= 2);
    let object = &boxes(&init)[0].data;
    assert_eq!(after(&mpd, "<mspr:pro>", '<'), BASE64.encode(object));
    let header = Object::read(object).unwrap().header().unwrap();
    let key = get(&format!("{}/?kid={kid}", shelf.server.ready.key_delivery)).await.ok();
    let key = Expanded::new(&ContentKey::from_bytes(key.try_into().unwrap()));
    let sum = playready::checksum(kid, &key);
    assert_eq!(header.keys[0].checksum.as_deref(), Some(&sum[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn licences_can_be_fetched_before_a_level_is_chosen() {
    let (_shelf, root) = published(&[]);
    let master = format!("{root}/manifest(format=m3u8-cmaf,encryption=cbcs-aapl)");
    let session = text(&master).await;
    let session = after(&session, "#EXT-X-SESSION-KEY:", '\n').to_owned();
    for child in hls_children(&master).await {
        assert_eq!(after(&text(&child).await, "#EXT-X-KEY:", '\n'), session, "{child}");
    }
}

/// Everything that a block can announce, and what its keys demand.
fn announcing(protection: &str) -> Value {
    let widevine = json!({ "certificateUrlTemplate": "https://wv.example/cert" });
    let custom = json!({
        "systemId": "00000000-1111-2222-3333-444444444444", "data": "AQID", "listsKeyIds": true,
        "value": "Example 1.0", "hlsKeyFormat": "com.example",
        "customLicenseAcquisitionUrlTemplate": "https://example/{ContentKeyId}" });
    let mut drm = json!({ "widevine": widevine, "marlin": {}, "customSystems": [custom] });
    if protection == "commonEncryptionCbcs" {
        drm["fairPlay"] = json!({ "certificateUrlTemplate": "https://fp.example/cert" });
    }
    let output = json!({ "hdcpLevel": "TYPE-1", "robustness": {
        "widevine": ["HW_SECURE_ALL"], "fairPlay": ["AppleMain", "AppleBaseline"] } });
    json!({
        "enabledProtocols": { "dash": true, "hls": true },
        "drm": drm,
        "clearKeyEncryptionConfiguration": {
            "hlsKeyFormats": ["org.w3.clearkey"],
            "customKeysAcquisitionUrlTemplate": "https://ck.example/{AlternativeMediaId}" },
        "customKeyAcquisitionUrlTemplate": "https://raw.example/{ContentKeyId}",
        "contentKeys": { "defaultKey": { "label": protection, "outputProtection": output } } })
}

/// A server that announces the clip by those blocks, with own keys for labels, and the address in
/// front of its manifests.
fn announced(blocks: Value, keys: &[Value]) -> (DevServer, String) {
    let server = DevServer::builder().start();
    let film = json!({ "assetName": "gate", "streamingPolicyName": "mine",
        "defaultContentKeyPolicyName": "everybody", "alternativeMediaId": "film 7",
        "contentKeys": keys });
    let documents =
        [open_policy("everybody"), streaming_policy("mine", blocks), locator("film", film)];
    printed(&server.data, &["apply", "-"], &documents.to_vec().into());
    let film = shown(&server.data, &["streaming-locators", "film"]);
    let id = film["properties"]["streamingLocatorId"].as_str().unwrap();
    let root = format!("{}/{id}/gate.ism", server.ready.origin);
    (server, root)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_block_can_announce_stands_in_manifests_and_boxes() {
    let blocks = ["commonEncryptionCenc", "commonEncryptionCbcs"];
    let policy: serde_json::Map<String, Value> =
        blocks.iter().map(|block| ((*block).to_owned(), announcing(block))).collect();
    // Known, as they stand in base64 too, and IVs come from them.
    let keys = [content_key(KID_HD, blocks[0], KEY_HD), content_key(KID_SD, blocks[1], KEY_SD)];
    let (_server, root) = announced(policy.into(), &keys);
    let mpd = text(&format!("{root}/manifest(format=mpd-time-cmaf,encryption=cenc)")).await;
    let kid = after(&mpd, "cenc:default_KID=\"", '"').to_owned();
    check("announced-dash", &redacted(&root, &kid, &decoded(&mpd)));
    // The schema is of 2014, before there was `robustness`.
    assert_eq!(mpd_complaint(&mpd.replace(" robustness=\"HW_SECURE_ALL\"", "")), None);
    for (name, format) in [("hls", "m3u8-cmaf"), ("ts", "m3u8-aapl")] {
        let master = format!("{root}/manifest(format={format},encryption=cbcs-aapl)");
        let playlist = text(hls_children(&master).await.last().unwrap()).await;
        let kid = after(&playlist, "/FairPlay/?kid=", '"').to_owned();
        let master = text(&master).await;
        check(&format!("announced-{name}"), &redacted(&root, &kid, &decoded(&master)));
        check(&format!("announced-{name}-video"), &redacted(&root, &kid, &decoded(&playlist)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transport_streams_are_refused_where_no_system_plays_them() {
    let block = json!({ "enabledProtocols": { "hls": true }, "drm": { "widevine": {} } });
    let (_server, root) = announced(json!({ "commonEncryptionCbcs": block }), &[]);
    get(&format!("{root}/manifest(format=m3u8-cmaf,encryption=cbcs-aapl)")).await.ok();
    for parameters in ["format=m3u8-aapl,encryption=cbcs-aapl", "format=m3u8-aapl"] {
        let answer = get(&format!("{root}/manifest({parameters})")).await;
        let (status, code, _) = answer.refusal();
        assert_eq!((status, code), (415, "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED"));
    }
}
