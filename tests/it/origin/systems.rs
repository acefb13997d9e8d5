//! What streams announce to protection systems: the predefined policies of several systems, in every
//! format that they may be had in.

use data_encoding::BASE64;
use portcullis::crypto::{ContentKey, Expanded};
use portcullis::drm::describe::describe;
use portcullis::drm::playready::{self, Object};
use portcullis::ids::{KeyId, SystemId};
use portcullis::isobmff::cenc::Pssh;
use portcullis::isobmff::dump::dump;

use crate::support::golden::check;
use crate::support::oracle::mpd_complaint;
use crate::support::origin::{CLIP, Shelf, demo, get, hls_children};

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
    let fields = describe(pssh.system, &pssh.data).unwrap().unwrap();
    let stable = fields.into_iter().filter(|(name, _)| *name != "checksums");
    let fields: Vec<String> = stable.map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{{{} {}}}", pssh.system.name().unwrap(), fields.join(", "))
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
    let (origin, locator) = root.trim_end_matches("/film.ism").rsplit_once('/').unwrap();
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
    let bitrate = after(&mpd, "bandwidth=\"", '"');
    let init = after(&mpd, "initialization=\"", '"').replace("$Bandwidth$", bitrate);
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
