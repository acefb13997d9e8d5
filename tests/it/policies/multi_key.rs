//! One presentation under several keys, by whole URLs.

use std::collections::HashSet;

use portcullis::drm::playready::{Object, Version};
use portcullis::drm::widevine::PsshData;
use portcullis::ids::{KeyId, SystemId};
use portcullis::isobmff::cenc::Pssh;
use portcullis::isobmff::{FourCc, children};
use roxmltree::{Document, Node};
use serde_json::{Value, json};

use crate::support::boxes::find;
use crate::support::documents::{
    KEY_HD, KEY_SD, KID_HD, KID_SD, content_key, ladder, locator, open_policy, printed, selection,
    shown, streaming_policy,
};
use crate::support::filters::LEVELS;
use crate::support::http::client;
use crate::support::keys::{self, clearkey_request, sign, spec};
use crate::support::oracle::{HexKey, samples_decrypted_by_ffmpeg, samples_of_bytes};
use crate::support::origin::{get, get_with, hls_children, request, send};
use crate::support::presentation;
use crate::support::server::DevServer;

/// A server with the ladder, and what stands in front of `manifest(...)`.
fn ladder_server() -> (DevServer, String) {
    server_of(ladder("gate"))
}

/// A server with these documents, one of which is the locator `film`.
fn server_of(documents: Vec<Value>) -> (DevServer, String) {
    let server = DevServer::builder().start();
    printed(&server.data, &["apply", "-"], &documents.into());
    let film = shown(&server.data, &["streaming-locators", "film"]);
    let id = film["properties"]["streamingLocatorId"].as_str().unwrap();
    let root = format!("{}/{id}/gate.ism/", server.ready.origin);
    (server, root)
}

fn hex_key(kid: &str, key: [u8; 16]) -> HexKey {
    HexKey { kid: kid.replace('-', ""), key: data_encoding::HEXLOWER.encode(&key) }
}

/// A token of the shared issuer.
fn token(tier: Option<&str>) -> String {
    let mut wanted = spec();
    wanted.claims.extend(tier.map(|tier| ("tier".to_owned(), json!(tier))));
    sign(&wanted)
}

async fn text(url: &str) -> String {
    String::from_utf8(get(url).await.ok()).unwrap()
}

/// The KID that a set of an MPD names.
fn kid<'d>(set: Node<'d, 'd>) -> Option<&'d str> {
    set.descendants().find_map(|node| node.attribute(("urn:mpeg:cenc:2013", "default_KID")))
}

/// The bitrates of its levels, with which their ids end.
fn bitrates(set: Node<'_, '_>) -> Vec<u64> {
    let levels = set.descendants().filter(|node| node.tag_name().name() == "Representation");
    let last = |id: &str| id.rsplit('_').next().unwrap().parse().unwrap();
    levels.map(|level| last(level.attribute("id").unwrap())).collect()
}

/// In each language the first sound is the main one.
#[tokio::test]
async fn roles_that_manifests_announce_select_tracks() {
    let main = json!([
        selection(&[("Type", "Audio"), ("Language", "en"), ("Role", "main")]),
        selection(&[("Type", "Audio"), ("Role", "alternate")])
    ]);
    let (_server, root) = server_of(vec![
        streaming_policy(
            "p",
            json!({ "commonEncryptionCenc": { "enabledProtocols": { "dash": true },
                "clearTracks": main } }),
        ),
        open_policy("open"),
        locator(
            "film",
            json!({ "assetName": "gate", "streamingPolicyName": "p",
                "defaultContentKeyPolicyName": "open" }),
        ),
    ]);
    let mpd = text(&format!("{root}manifest(format=mpd-time-cmaf,encryption=cenc)")).await;
    let document = Document::parse(&mpd).unwrap();
    let sets = document.descendants().filter(|n| n.attribute("contentType") == Some("audio"));
    let role = |set: Node<'_, '_>| {
        let mut roles = set.children().filter(|node| node.tag_name().name() == "Role");
        roles.next().unwrap().attribute("value").unwrap().to_owned()
    };
    let sound: Vec<_> =
        sets.map(|set| (set.attribute("lang"), role(set), kid(set).is_some())).collect();
    let main = || "main".to_owned();
    assert_eq!(sound, [(Some("de"), main(), true), (Some("en"), main(), false)]);
}

/// With one licence for all keys, every box in manifests and init segments names all of them.
#[tokio::test]
async fn keys_that_are_announced_together_stand_in_every_box() {
    let mut policy = streaming_policy(
        "p",
        json!({ "commonEncryptionCenc": { "enabledProtocols": { "dash": true },
            "announceAllKeys": true, "drm": { "playReady": {}, "widevine": {} },
            "clearKeyEncryptionConfiguration": {},
            "contentKeys": { "defaultKey": { "label": "SD" }, "keyToTrackMappings": [
                { "label": "HD", "tracks": [selection(&[("TrackClass", "HD")])] }] } } }),
    );
    let film = locator(
        "film",
        json!({ "assetName": "gate", "streamingPolicyName": "p",
            "defaultContentKeyPolicyName": "open",
            "contentKeys": [content_key(KID_SD, "SD", KEY_SD),
                content_key(KID_HD, "HD", KEY_HD)] }),
    );
    let (server, root) = server_of(vec![policy.clone(), open_policy("open"), film]);
    let manifest = format!("{root}manifest(format=mpd-time-cmaf,encryption=cenc)");
    let mpd = text(&manifest).await;
    let all: HashSet<KeyId> = [KID_SD, KID_HD].map(|kid| kid.parse().unwrap()).into();
    let named = |pssh: &Pssh| -> HashSet<KeyId> {
        match pssh.system {
            SystemId::WIDEVINE => PsshData::read(&pssh.data).unwrap().kids().collect(),
            SystemId::PLAY_READY => {
                let header = Object::read(&pssh.data).unwrap().header().unwrap();
                header.keys.iter().map(|key| key.kid).collect()
            }
            _ => pssh.key_ids.iter().copied().collect(),
        }
    };
    let document = Document::parse(&mpd).unwrap();
    let boxes =
        document.descendants().filter(|node| node.has_tag_name(("urn:mpeg:cenc:2013", "pssh")));
    let boxes: Vec<Pssh> = boxes
        .flat_map(|node| {
            let data = data_encoding::BASE64.decode(node.text().unwrap().trim().as_bytes());
            Pssh::read_row(&data.unwrap()).unwrap()
        })
        .collect();
    assert!(boxes.len() >= 6, "{}", boxes.len());
    assert!(boxes.iter().all(|pssh| named(pssh) == all), "{boxes:?}");
    for track in presentation::dash(&client(), &manifest).await {
        for row in children(FourCc(*b"moov"), find(&track.init, &[b"moov"]).unwrap()) {
            let row = row.unwrap();
            if &row.kind.0 == b"pssh" {
                assert_eq!(named(&Pssh::read(row.body).unwrap()), all);
            }
        }
    }
    let mut inspect = crate::support::server::portcullis();
    inspect.args(["inspect", "--data"]).arg(&server.data).arg(&manifest);
    let output = inspect.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // The envelope has no such boxes.
    policy["properties"] = json!({ "envelopeEncryption": {
        "enabledProtocols": { "hls": true }, "announceAllKeys": true } });
    policy["name"] = json!("q");
    let said = crate::support::documents::refused(&server.data, &["apply", "-"], &policy);
    assert!(said.contains("envelopeEncryption.announceAllKeys: systems have no part"), "{said}");
}

#[tokio::test]
async fn manifests_split_sets_by_key_and_leave_clear_tracks_clear() {
    let (_server, root) = ladder_server();
    let mpd = text(&format!("{root}manifest(format=mpd-time-cmaf,encryption=cenc)")).await;
    let document = Document::parse(&mpd).unwrap();
    let sets = document.descendants().filter(|node| node.tag_name().name() == "AdaptationSet");
    let sets: Vec<_> = sets.filter(|set| set.attribute("maxPlayoutRate").is_none()).collect();
    let of = |kind: &str| -> Vec<Node<'_, '_>> {
        let of = |set: &&Node<'_, '_>| set.attribute("contentType") == Some(kind);
        sets.iter().filter(of).copied().collect()
    };
    let video: Vec<_> = of("video").iter().map(|set| (kid(*set), bitrates(*set))).collect();
    assert_eq!(
        video,
        [(Some(KID_HD), vec![LEVELS[0]]), (Some(KID_SD), vec![LEVELS[1], LEVELS[2]])]
    );
    let sound: Vec<_> = of("audio").iter().map(|set| (set.attribute("lang"), kid(*set))).collect();
    let [(Some("de"), None), (Some("en"), Some(english))] = sound[..] else { panic!("{sound:?}") };
    assert!(![KID_SD, KID_HD].contains(&english));
    // Players may go from one key to the other.
    let ids: Vec<_> = of("video").iter().map(|set| set.attribute("id").unwrap()).collect();
    let scheme = Some("urn:mpeg:dash:adaptation-set-switching:2016");
    let related = |set: &Node<'_, '_>| {
        let property = set.children().find(|node| node.attribute("schemeIdUri") == scheme);
        property.unwrap().attribute("value").unwrap().to_owned()
    };
    let related: Vec<_> = of("video").iter().map(related).collect();
    assert_eq!(related, [ids[1], ids[0]]);
}

#[tokio::test]
async fn every_playlist_and_init_segment_has_the_key_of_its_track() {
    let (_server, root) = ladder_server();
    let master = format!("{root}manifest(format=m3u8-cmaf,encryption=cenc)");
    let mut seen = Vec::new();
    for playlist in hls_children(&master).await {
        let lines = text(&playlist).await;
        let keys: Vec<&str> = lines.lines().filter(|line| line.starts_with("#EXT-X-KEY")).collect();
        let (folder, leaf) = playlist.rsplit_once('/').unwrap();
        let track = leaf.trim_start_matches("Manifest(").split(',').next().unwrap();
        let init = format!("{folder}/Fragments({track}=i,format=m3u8-cmaf,encryption=cenc)");
        let init = get(&init).await.ok();
        let has = |kid: &str| {
            let bytes = data_encoding::HEXLOWER.decode(kid.replace('-', "").as_bytes()).unwrap();
            init.windows(16).any(|window| window == bytes)
        };
        let protected = init.windows(4).any(|window| window == b"tenc");
        assert_eq!(protected, !keys.is_empty(), "{playlist}");
        for kid in [KID_HD, KID_SD] {
            let named = keys.iter().any(|line| line.contains(kid));
            assert_eq!(named, has(kid), "{playlist}: {kid}");
            seen.extend(named.then(|| (track.to_owned(), kid)));
        }
        seen.extend(keys.is_empty().then(|| (track.to_owned(), "clear")));
    }
    let of = |track: &str, kid| (track.to_owned(), kid);
    let expected = [
        of("aac_deu_2_48331", "clear"),
        of("video", KID_SD),
        of("video", KID_SD),
        of("video", KID_HD),
    ];
    assert_eq!(seen, expected);
}

/// One key encrypts a segment as a whole: what it does not cover is not mixed into it.
#[tokio::test]
async fn sound_under_another_key_is_not_muxed_into_pictures() {
    let server = DevServer::builder().start();
    let block = |clear: Value| {
        json!({ "envelopeEncryption": { "enabledProtocols": { "hls": true },
            "clearTracks": clear } })
    };
    let pictures = json!([selection(&[("Type", "Video")])]);
    for (name, clear, is_muxed) in [("all", json!([]), true), ("sound", pictures, false)] {
        let film = locator(
            name,
            json!({ "assetName": "gate", "streamingPolicyName": name,
                    "defaultContentKeyPolicyName": "everybody" }),
        );
        let documents = json!([streaming_policy(name, block(clear)), film]);
        printed(&server.data, &["apply", "-"], &json!([open_policy("everybody")]));
        printed(&server.data, &["apply", "-"], &documents);
        let film = shown(&server.data, &["streaming-locators", name]);
        let id = film["properties"]["streamingLocatorId"].as_str().unwrap();
        let root = format!("{}/{id}/gate.ism/", server.ready.origin);
        let master = text(&format!("{root}manifest(format=m3u8-aapl-v3,encryption=cbc)")).await;
        let variant = master.lines().find(|line| line.contains("avc1")).unwrap();
        assert_eq!(variant.contains("mp4a"), is_muxed, "{name}: {master}");
    }
}

/// An init segment of a video level and its first fragment.
async fn media(root: &str, level: u64, selectors: &str) -> Vec<u8> {
    let part = |time| {
        format!(
            "{root}QualityLevels({level})/Fragments(video={time},format=mpd-time-cmaf{selectors})"
        )
    };
    [get(&part("i")).await.ok(), get(&part("0")).await.ok()].concat()
}

#[tokio::test]
async fn each_level_opens_with_its_key_and_with_no_other() {
    let (server, root) = ladder_server();
    let clear = server.ready.stream("clear-open").root().to_owned();
    let (sd, hd) = (hex_key(KID_SD, KEY_SD), hex_key(KID_HD, KEY_HD));
    for (level, own, other) in [(LEVELS[0], &hd, &sd), (LEVELS[1], &sd, &hd)] {
        let expected = samples_of_bytes(&media(&clear, level, "").await, "v:0");
        let encrypted = media(&root, level, ",encryption=cenc").await;
        let opened = samples_decrypted_by_ffmpeg(&encrypted, own, "v:0");
        assert_eq!(opened.contents(), expected.contents(), "{level}");
        let wrong = samples_decrypted_by_ffmpeg(&encrypted, other, "v:0");
        assert_ne!(wrong.contents(), expected.contents(), "{level}");
    }
    // A track that the policy leaves clear is the clear one, byte for byte and tag for tag.
    let german = "QualityLevels(48331)/Fragments(aac_deu_2_48331=0,format=mpd-time-cmaf";
    let left_clear = get(&format!("{root}{german},encryption=cenc)")).await;
    let plain = get(&format!("{clear}{german})")).await;
    assert_eq!(left_clear.header("etag"), plain.header("etag"));
    assert!(left_clear.ok() == plain.ok());
}

/// A client of Smooth Streaming knows the keys from the manifest alone, and which it is from each
/// fragment.
#[tokio::test]
async fn the_smooth_manifest_names_all_keys_and_each_fragment_its_own() {
    let mut documents = ladder("gate");
    let block = &mut documents[1]["properties"]["commonEncryptionCenc"];
    block["enabledProtocols"] = json!({ "smoothStreaming": true, "dash": true });
    block["drm"] = json!({ "playReady": {} });
    let (server, root) = server_of(documents);
    let manifest = format!("{root}manifest(encryption=piff)");
    let xml = text(&manifest).await;
    let document = Document::parse(&xml).unwrap();
    let header = document.descendants().find(|node| node.has_tag_name("ProtectionHeader")).unwrap();
    let system = header.attribute("SystemID").unwrap();
    assert_eq!(system, "9A04F079-9840-4286-AB92-E65BE0885F95");
    let object = data_encoding::BASE64.decode(header.text().unwrap().as_bytes()).unwrap();
    let header = Object::read(&object).unwrap().header().unwrap();
    assert_eq!(header.version, Version::V4_2);
    let announced: Vec<String> = header.keys.iter().map(|key| key.kid.to_string()).collect();
    let [english, hd, sd] = &announced[..] else { panic!("{announced:?}") };
    assert_eq!((hd.as_str(), sd.as_str()), (KID_HD, KID_SD));
    let streams = document.descendants().filter(|node| node.has_tag_name("StreamIndex"));
    let names: Vec<_> = streams.map(|stream| stream.attribute("Name")).collect();
    let sound = [Some("aac_deu_2_48331"), Some("aac_eng_2_48323")];
    assert_eq!(names, [sound[0], sound[1], None, Some("video_2")]);
    let http = client();
    let tracks = presentation::smooth(&http, &manifest).await;
    let clear = server.ready.stream("clear-open").root().to_owned();
    let clear = presentation::smooth(&http, &format!("{clear}manifest")).await;
    let expected = [None, Some(english.as_str()), Some(KID_HD), Some(KID_SD), Some(KID_SD)];
    for ((track, clear), kid) in tracks.iter().zip(&clear).zip(expected) {
        let own = track
            .segments
            .iter()
            .map(|segment| segment.own_key.map(|key| KeyId::from_bytes(key).to_string()));
        let own: Vec<Option<String>> = own.collect();
        assert!(own.iter().all(|own| own.as_deref() == kid), "{kid:?}: {own:?}");
        let source = samples_of_bytes(&clear.media(), &track.kind[..1]);
        let key = match kid {
            Some(KID_HD) => hex_key(KID_HD, KEY_HD),
            Some(KID_SD) => hex_key(KID_SD, KEY_SD),
            None => {
                assert!(track.media() == clear.media(), "what is left clear is the clear track");
                continue;
            }
            Some(_) => continue,
        };
        let opened = samples_decrypted_by_ffmpeg(&track.media(), &key, "v");
        assert_eq!(opened.contents(), source.contents(), "{kid:?}");
        let wrong = HexKey { key: "00".repeat(16), ..key };
        let wrong = samples_decrypted_by_ffmpeg(&track.media(), &wrong, "v");
        assert_ne!(wrong.contents(), source.contents(), "{kid:?}");
    }
    // In the boxes of Common Encryption a sample group names the key.
    let tracks = presentation::smooth(&http, &format!("{root}manifest(encryption=cenc)")).await;
    for ((track, clear), kid) in tracks.iter().zip(&clear).zip(expected) {
        let Some(kid) = kid else { continue };
        let kid: KeyId = kid.parse().unwrap();
        let named = [b"\0\0\0\x01\0\0\x01\x08", &kid.as_bytes()[..]].concat();
        for segment in &track.segments {
            assert!(segment.bytes.windows(named.len()).any(|window| window == named), "{kid}");
        }
        let keys = [(KID_HD, KEY_HD), (KID_SD, KEY_SD)];
        let Some((id, key)) = keys.into_iter().find(|(id, _)| *id == kid.to_string()) else {
            continue;
        };
        let opened = samples_decrypted_by_ffmpeg(&track.media(), &hex_key(id, key), "v");
        let source = samples_of_bytes(&clear.media(), "v");
        assert_eq!(opened.contents(), source.contents(), "{kid}");
    }
}

#[tokio::test]
async fn a_token_for_sd_gets_the_key_of_sd_and_none_of_hd() {
    let (server, _) = ladder_server();
    let delivery = &server.ready.key_delivery;
    let bearer = |token: &str| format!("Bearer {token}");
    let (low, high) = (token(None), token(Some("hd")));
    for (token, kid, key) in [
        (&low, KID_SD, Some(KEY_SD)),
        (&low, KID_HD, None),
        (&high, KID_HD, Some(KEY_HD)),
        (&high, KID_SD, Some(KEY_SD)),
    ] {
        let url = format!("{delivery}/?kid={kid}");
        let answer = get_with(&url, &[("authorization", &bearer(token))]).await;
        match key {
            Some(key) => assert_eq!(answer.ok(), key, "{kid}"),
            None => assert_eq!(answer.status, 403, "{kid}"),
        }
    }
    // One request for both is answered with what is granted.
    let kids = [KID_SD, KID_HD].map(|kid| kid.parse().unwrap());
    let ask = |token: &str| {
        let url = format!("{delivery}/ClearKey/");
        let post = request(reqwest::Method::POST, &url).header("authorization", bearer(token));
        send(post.body(clearkey_request(&kids)))
    };
    let granted = |body: &[u8]| -> Vec<String> {
        let licence: Value = serde_json::from_slice(body).unwrap();
        let keys = licence["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let names: Vec<String> = kids.iter().map(keys::base64url).collect();
    assert_eq!(granted(&ask(&low).await.ok()), names[..1]);
    assert_eq!(granted(&ask(&high).await.ok()), names);
}

#[tokio::test]
async fn what_the_policy_does_not_switch_on_is_off() {
    let (_server, root) = ladder_server();
    for (manifest, status, code) in [
        ("manifest", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
        ("manifest(format=mpd-time-cmaf)", 400, "MPE_ENC_ENCRYPTION_NOT_SPECIFIED_IN_URL"),
        (
            "manifest(format=m3u8-cmaf,encryption=cbcs-aapl)",
            403,
            "MPE_ENC_ENCRYPTION_NOT_SET_IN_DELIVERY_POLICY",
        ),
        ("manifest(format=m3u8-aapl)", 415, "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED"),
    ] {
        let answer = get(&format!("{root}{manifest}")).await;
        let (found, hresult, _) = answer.refusal();
        assert_eq!((found, hresult), (status, code), "{manifest}");
    }
}
