//! Documents that are refused, with the member named, before anything is stored.

use serde_json::{Value, json};

use super::documents::with_asset;
use crate::support::documents::{
    KEY_HD, KID_HD, KID_SD, content_key, ladder, locator, open_policy, printed, refused, selection,
    streaming_policy,
};
use crate::support::origin::demo;

fn film(keys: Value) -> Value {
    locator(
        "film",
        json!({ "assetName": "gate", "streamingPolicyName": "ladder",
                            "contentKeys": keys }),
    )
}

#[test]
fn keys_that_break_a_rule_are_named() {
    let folder = with_asset();
    let data = folder.path();
    printed(data, &["apply", "-"], &ladder("gate")[1..].to_vec().into());
    let hd = content_key(KID_HD, "HD", KEY_HD);
    let with = |member: &str, value: Value| {
        let mut key = hd.clone();
        key[member] = value;
        key
    };
    let twice = content_key(KID_HD, "SD", [1; 16]);
    let same_label = content_key(KID_SD, "HD", [1; 16]);
    let cases = [
        (json!([with("value", Value::Null)]), "contentKeys[0].value: it is missing"),
        (json!([with("value", json!(""))]), "contentKeys[0].value: a content key has 16 bytes"),
        (json!([with("value", json!("AAAA"))]), "contentKeys[0].value: a content key has 16 bytes"),
        (json!([with("value", json!("?"))]), "contentKeys[0].value: a secret is not base64"),
        (json!([with("id", json!("x"))]), "contentKeys[0].id: not a GUID"),
        (json!([with("type", json!("Magic"))]), "contentKeys[0].type: this type"),
        (
            json!([with("type", json!("EnvelopeEncryption"))]),
            "contentKeys[0].labelReferenceInStreamingPolicy: the streaming policy has no such key",
        ),
        (
            json!([with("labelReferenceInStreamingPolicy", json!("UHD1"))]),
            "contentKeys[0].labelReferenceInStreamingPolicy: the streaming policy has no such key",
        ),
        (json!([with("surprise", json!(1))]), "contentKeys[0].surprise: unknown field"),
        (json!(["/f39/f39/f39/f39/f39/f39"]), "contentKeys[0]: invalid type: struct"),
        (
            json!([with("policyName", json!("nobody"))]),
            "contentKeys[0].policyName: content key policy nobody does not exist",
        ),
        (json!([hd, twice]), "contentKeys[1].id: another key has this KID"),
        (json!([hd, same_label]), "contentKeys[1].labelReferenceInStreamingPolicy: another key"),
    ];
    for (keys, named) in cases {
        let said = refused(data, &["apply", "-"], &film(keys));
        assert!(said.contains(named), "{named}: {said}");
        assert!(!said.contains("/f39"), "a key in an error: {said}");
    }
    // A KID belongs to one key of one locator.
    printed(data, &["apply", "-"], &film(json!([hd])));
    let mut other = film(json!([hd]));
    other["name"] = json!("other");
    let said = refused(data, &["apply", "-"], &other);
    let named = format!("contentKeys[0].id: content key {KID_HD} already exists");
    assert!(said.contains(&named), "{said}");
}

/// Each token of a template stands for up to 256 characters, percent-encoded.
#[test]
fn an_address_that_a_media_id_makes_too_long_is_refused() {
    let folder = with_asset();
    let data = folder.path();
    let long = format!("https://k/{}", "{AlternativeMediaId}".repeat(5));
    let block = json!({ "enabledProtocols": { "dash": true },
        "drm": { "widevine": { "certificateUrlTemplate": long } } });
    let policy = streaming_policy("p", json!({ "commonEncryptionCenc": block }));
    printed(data, &["apply", "-"], &json!([policy, open_policy("open")]));
    let with = |id: &str| {
        locator(
            "l",
            json!({ "assetName": "gate", "streamingPolicyName": "p",
                "defaultContentKeyPolicyName": "open", "alternativeMediaId": id }),
        )
    };
    let said = refused(data, &["apply", "-"], &with(&"\u{20ac}".repeat(100)));
    let member = "commonEncryptionCenc.drm.widevine.certificateUrlTemplate";
    assert!(
        said.contains(&format!("alternativeMediaId: the address of {member} would be")),
        "{said}"
    );
    printed(data, &["apply", "-"], &with(&"\u{20ac}".repeat(50)));
}

#[test]
fn locators_and_policies_that_break_a_rule_are_named() {
    let folder = with_asset();
    let data = folder.path();
    let locator_with = |member: &str, value: Value| {
        let mut document = locator(
            "l",
            json!({ "assetName": "gate",
            "streamingPolicyName": "Predefined_ClearKey", "defaultContentKeyPolicyName": "open" }),
        );
        document["properties"][member] = value;
        document
    };
    let mapping = json!({ "label": "A", "tracks": [selection(&[("Colour", "red")])] });
    let cases = [
        (locator_with("assetName", Value::Null), "missing field `assetName`"),
        (locator_with("assetName", json!("x")), "assetName: asset x does not exist"),
        (
            locator_with("streamingPolicyName", json!("x")),
            "streamingPolicyName: streaming policy x does not exist",
        ),
        (
            locator_with("defaultContentKeyPolicyName", Value::Null),
            "defaultContentKeyPolicyName: key aesDefaultKey needs a",
        ),
        (
            locator_with("defaultContentKeyPolicyName", json!("x")),
            "defaultContentKeyPolicyName: content key policy x does not exist",
        ),
        (locator_with("startTime", json!("soon")), "locator l: startTime: "),
        (
            locator_with("streamingLocatorId", json!("1")),
            "locator l: streamingLocatorId: not a GUID",
        ),
        (locator_with("alternativeMediaId", json!("a\nb")), "alternativeMediaId: 1 to 256"),
        (locator_with("filters", json!(["x"])), "filters[0]: filter x does not exist"),
        (locator_with("colour", json!(1)), "locator l: colour: unknown field"),
        (streaming_policy("Predefined_Mine", json!({})), "the name is reserved"),
        (
            streaming_policy(
                "p",
                json!({ "envelopeEncryption": {
            "enabledProtocols": { "hls": true, "smoothStreaming": true },
            "clearTracks": [selection(&[("Type", "Audio")])] } }),
            ),
            "policy p: envelopeEncryption.enabledProtocols.smoothStreaming: a Smooth manifest",
        ),
        (
            streaming_policy(
                "p",
                json!({ "commonEncryptionCenc": {
            "enabledProtocols": { "dash": true },
            "contentKeys": { "keyToTrackMappings": [mapping] } } }),
            ),
            "policy p: commonEncryptionCenc.contentKeys.keyToTrackMappings[0].tracks[0]: \
          selection.trackSelections[0].property is none of",
        ),
    ];
    for (document, named) in cases {
        let said = refused(data, &["apply", "-"], &document);
        assert!(said.contains(named), "{named}: {said}");
    }
    let locators = printed(data, &["list", "streaming-locators"], &Value::Null);
    assert_eq!(locators, "gate-cenc-token\n");
}

fn cenc(members: &[(&str, Value)]) -> Value {
    let mut block = json!({ "enabledProtocols": { "dash": true } });
    for (pointer, value) in members {
        block[*pointer] = value.clone();
    }
    streaming_policy("p", json!({ "commonEncryptionCenc": block }))
}

fn mapping(label: &str, tracks: &[&[(&str, &str)]]) -> Value {
    let tracks: Vec<Value> = tracks.iter().map(|conditions| selection(conditions)).collect();
    json!({ "label": label, "tracks": tracks })
}

fn mapped(mappings: &[Value]) -> Value {
    cenc(&[("contentKeys", json!({ "keyToTrackMappings": mappings }))])
}

#[test]
fn policies_of_which_something_could_never_be_served_are_refused() {
    let folder = with_asset();
    let data = folder.path();
    let block = |block: &str, protocol: &str| {
        streaming_policy("p", json!({ block: { "enabledProtocols": { protocol: true } } }))
    };
    let member = "policy p: commonEncryptionCenc.contentKeys.keyToTrackMappings";
    let hd: &[(&str, &str)] = &[("TrackClass", "HD")];
    let low_audio: &[(&str, &str)] = &[("Type", "Audio"), ("Bitrate", "1-9"), ("Height", "720")];
    let one_address = json!("https://k.example/{AlternativeMediaId}");
    let two_keys = json!({ "keyToTrackMappings": [mapping("A", &[hd])] });
    let common = json!([{ "systemId": "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b" }]);
    let cases = [
        (
            cenc(&[("customKeyAcquisitionUrlTemplate", one_address), ("contentKeys", two_keys)]),
            "commonEncryptionCenc.customKeyAcquisitionUrlTemplate: several keys would have one",
        ),
        (
            cenc(&[("drm", json!({ "customSystems": common }))]),
            "commonEncryptionCenc.drm.customSystems[0].systemId: the system has a member",
        ),
        (
            block("commonEncryptionCens", "hls"),
            "commonEncryptionCens.enabledProtocols.hls: HLS has",
        ),
        (
            block("commonEncryptionCbc1", "hls"),
            "commonEncryptionCbc1.enabledProtocols.hls: HLS has",
        ),
        (
            block("commonEncryptionCbcs", "smoothStreaming"),
            "commonEncryptionCbcs.enabledProtocols.smoothStreaming: Smooth Streaming knows",
        ),
        (
            mapped(&[mapping("A", &[hd, low_audio])]),
            &format!(
                "{member}[0].tracks[1].trackSelections[2]: no track is that and what trackSelections[0]"
            ),
        ),
        (
            mapped(&[mapping("A", &[&[("FourCC", "avc1"), ("FourCC", "hev1")]])]),
            &format!("{member}[0].tracks[0].trackSelections[1]: no track is that"),
        ),
        (
            mapped(&[mapping("A", &[hd, &[("Type", "Audio")]]), mapping("B", &[hd])]),
            &format!("{member}[1].tracks: clearTracks or keys in front"),
        ),
    ];
    for (document, named) in cases {
        let said = refused(data, &["apply", "-"], &document);
        assert!(said.contains(named), "{named}: {said}");
    }
    // A range that overlaps, and names that differ by negation, select something.
    let fine: &[(&str, &str)] = &[("Bitrate", "1-90"), ("Bitrate", "80-200"), ("Type", "Video")];
    printed(data, &["apply", "-"], &mapped(&[mapping("A", &[fine])]));
}

#[test]
fn locators_that_would_serve_something_wrong_are_refused() {
    let folder = with_asset();
    let data = folder.path();
    let film = |policy: &str| {
        locator(
            "l",
            json!({ "assetName": "gate", "streamingPolicyName": policy,
                    "defaultContentKeyPolicyName": "open" }),
        )
    };
    let envelope = streaming_policy(
        "p",
        json!({ "envelopeEncryption": { "enabledProtocols": { "dash": true, "hls": true },
            "customKeyAcquisitionUrlTemplate":
                "https://k.example/?kid=00000000-0000-4000-8000-000000000001" } }),
    );
    let cases = [
        (
            cenc(&[("clearTracks", json!([selection(&[("Type", "Video"), ("Name", "nobody")])]))]),
            "commonEncryptionCenc.clearTracks[0].trackSelections[1].value: the asset has no track \"nobody\"",
        ),
        (
            mapped(&[mapping("A", &[&[("Name", "audio_9")]])]),
            "commonEncryptionCenc.contentKeys.keyToTrackMappings[0].tracks[0].trackSelections[0].value: the asset has no",
        ),
        // An address of keys that names another key than that of the locator.
        (envelope, "envelopeEncryption.enabledProtocols.dash: manifest("),
    ];
    for (policy, named) in cases {
        printed(data, &["apply", "-"], &policy);
        let said = refused(data, &["apply", "-"], &film("p"));
        assert!(said.contains(named), "{named}: {said}");
        printed(data, &["delete", "streaming-policies", "p"], &Value::Null);
    }
    let locators = printed(data, &["list", "streaming-locators"], &Value::Null);
    assert_eq!(locators, "gate-cenc-token\n");
}

/// What Smooth manifests and addresses of keys cannot say, of this asset under this locator.
#[test]
fn locators_that_need_more_addresses_or_keys_than_there_can_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (data, media) = (folder.path(), folder.path().join("film"));
    std::fs::create_dir(&media).unwrap();
    for clip in ["gate_h264_180p.mp4", "gate_aac_eng.mp4"] {
        crate::support::origin::copy(&demo(clip), &media.join(clip));
    }
    printed(data, &["add", media.to_str().unwrap(), "--name", "gate"], &Value::Null);
    let smooth = |play_ready: Value, content_keys: Value| {
        streaming_policy(
            "p",
            json!({ "commonEncryptionCenc": { "enabledProtocols": { "smoothStreaming": true },
                "drm": { "playReady": play_ready }, "contentKeys": content_keys } }),
        )
    };
    let licences = json!({ "customLicenseAcquisitionUrlTemplate":
        "https://pr.example/{ContentKeyId}" });
    let sound: &[(&str, &str)] = &[("Type", "Audio")];
    let uhd: &[(&str, &str)] = &[("TrackClass", "UHD2")];
    let with = |label: &str, tracks| json!({ "keyToTrackMappings": [mapping(label, &[tracks])] });
    let rotation = json!({ "period": "PT7S" });
    let one_address = streaming_policy(
        "p",
        json!({ "envelopeEncryption": { "enabledProtocols": { "hls": true },
            "customKeyAcquisitionUrlTemplate": "https://k.example/{AlternativeMediaId}" } }),
    );
    let member = "commonEncryptionCenc.drm.playReady.customLicenseAcquisitionUrlTemplate: a Smooth";
    let cases = [
        (smooth(licences.clone(), with("A", sound)), Value::Null, Some(member)),
        // The asset has one key, and the header its address.
        (smooth(licences, with("A", uhd)), Value::Null, None),
        (smooth(json!({}), json!({})), rotation.clone(), Some("keyRotation: no protocol")),
        // There is one period.
        (smooth(json!({}), json!({})), json!({ "period": "P1DT1S" }), None),
        (
            one_address,
            rotation,
            Some("envelopeEncryption.customKeyAcquisitionUrlTemplate: the keys rotate"),
        ),
    ];
    for (policy, rotation, named) in cases {
        printed(data, &["apply", "-"], &policy);
        let film = locator(
            "l",
            json!({ "assetName": "gate", "streamingPolicyName": "p",
                "defaultContentKeyPolicyName": "open", "keyRotation": rotation }),
        );
        match named {
            Some(named) => {
                let said = refused(data, &["apply", "-"], &film);
                assert!(said.contains(named), "{named}: {said}");
            }
            None => {
                printed(data, &["apply", "-"], &film);
                printed(data, &["delete", "streaming-locators", "l"], &Value::Null);
            }
        }
        printed(data, &["delete", "streaming-policies", "p"], &Value::Null);
    }
}

#[test]
fn codecs_that_a_scheme_does_not_define_are_refused() {
    let folder = with_asset();
    let data = folder.path();
    let policy = streaming_policy(
        "p",
        json!({ "commonEncryptionCens": { "enabledProtocols": { "dash": true } } }),
    );
    printed(data, &["apply", "-"], &policy);
    let av1 = crate::support::server::own_media_dir().join("codecs/drift_av1_320x180.mp4");
    let add = ["add", av1.to_str().unwrap(), "--name", "av1", "--streaming-policy", "p"];
    let said = refused(data, &add, &Value::Null);
    let named = "commonEncryptionCens.enabledProtocols.dash: track \"video\" is av01";
    assert!(said.contains(named) && said.contains("cannot be protected that way"), "{said}");
}

/// Samples are looked at too: a unit that reaches past its sample cannot be told apart.
#[test]
fn samples_that_cannot_be_protected_are_refused_with_the_locator() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.mp4");
    let mut file = std::fs::read(demo("gate_h264_180p.mp4")).unwrap();
    let index = portcullis::media::FileIndex::read(file.as_slice()).unwrap();
    let first = index.tracks[0].index.samples(0..1).next().unwrap();
    let at = usize::try_from(first.offset).unwrap();
    // Data partition A (ISO/IEC 14496-10 table 7-1), which no scheme defines.
    file[at + 4] = 0x62;
    std::fs::write(&film, file).unwrap();
    let film = film.to_str().unwrap();
    let add = |policy| ["add", film, "--name", "film", "--streaming-policy", policy];
    for (policy, block) in [
        ("Portcullis_CencClearKey", "commonEncryptionCenc"),
        ("Portcullis_CbcsClearKey", "commonEncryptionCbcs"),
    ] {
        let said = refused(folder.path(), &add(policy), &Value::Null);
        let named = format!("{block}.enabledProtocols.dash: sample 0: ");
        assert!(said.contains(&named) && said.contains("data partitioning"), "{said}");
    }
    // As a whole it can be encrypted.
    printed(folder.path(), &add("Predefined_ClearKey"), &Value::Null);
}

#[test]
fn what_is_encrypted_already_is_refused() {
    let folder = with_asset();
    let key = crate::support::oracle::HexKey { kid: "ab".repeat(16), key: "10".repeat(16) };
    let clip = demo("gate_h264_540p.mp4");
    let media = crate::support::oracle::encrypted_by_packager(&clip, &key, "video", "cbcs");
    let file = folder.path().join("encrypted.mp4");
    std::fs::write(&file, media).unwrap();
    let said = refused(folder.path(), &["add", file.to_str().unwrap()], &Value::Null);
    let named = "encrypted.mp4: already-encrypted: track 1 is encrypted as it lies there";
    assert!(said.contains(named), "{said}");
}
