use serde_json::{Value, json};

use super::*;

fn parse(json: &Value) -> Result<StreamingPolicy, PolicyError> {
    StreamingPolicy::from_properties("mine", &json.to_string())
}

fn mixed() -> Value {
    json!({
        "envelopeEncryption": {"enabledProtocols": {"hls": true},
            "contentKeys": {"defaultKey": {"label": "aes", "policyName": "p"}}},
        "commonEncryptionCenc": {"enabledProtocols": {"download": false, "dash": true}},
        "commonEncryptionCbcs": {"enabledProtocols": {}},
        "commonEncryptionCens": {"enabledProtocols": {"dash": true}},
        "commonEncryptionCbc1": {"enabledProtocols": {"dash": true}},
        "noEncryption": {"enabledProtocols": {"download": true, "hls": true}}})
}

fn selecting(property: &str, value: &str) -> Value {
    let condition = json!({"property": property, "operation": "Equal", "value": value});
    json!({"trackSelections": [condition]})
}

/// Every member that AMS has in a block of Common Encryption (ams.md section 7.2), nulls as its
/// clients write them.
fn complete() -> Value {
    json!({
        "defaultContentKeyPolicyName": "p1",
        "envelopeEncryption": {
            "enabledProtocols": {"download": false, "dash": true, "hls": true,
                                 "smoothStreaming": true},
            "clearTracks": [], "contentKeys": {"defaultKey": {"label": "aesDefaultKey"}},
            "customKeyAcquisitionUrlTemplate":
                "https://k.example/{AssetAlternativeId}/aes/{ContentKeyId}"},
        "commonEncryptionCenc": {
            "enabledProtocols": {"download": false, "dash": true, "hls": false,
                                 "smoothStreaming": true},
            "clearTracks": [selecting("FourCC", "mp4a")],
            "contentKeys": {
                "defaultKey": {"label": "cencDefaultKey", "policyName": "p1"},
                "keyToTrackMappings": [{"label": "cencHd", "policyName": "p2",
                    "tracks": [selecting("TrackClass", "HD"), selecting("FourCC", "hev1")]}]},
            "drm": {
                "playReady": {
                    "customLicenseAcquisitionUrlTemplate":
                        "https://k.example/{AlternativeMediaId}/{ContentKeyId}",
                    "playReadyCustomAttributes": "<X>1</X>"},
                "widevine": {}},
            "clearKeyEncryptionConfiguration": {
                "customKeysAcquisitionUrlTemplate": "https://k.example/{AlternativeMediaId}"}},
        "commonEncryptionCbcs": {
            "enabledProtocols": {"hls": true},
            "contentKeys": {"defaultKey": {"label": "cbcsDefaultKey"}},
            "drm": {"fairPlay": {"allowPersistentLicense": true,
                                 "customLicenseAcquisitionUrlTemplate": "skd://f/{ContentKeyId}"},
                    "playReady": null, "widevine": null}},
        "noEncryption": null})
}

#[test]
fn blocks_switch_protocols_per_protection() {
    let policy = parse(&mixed()).unwrap();
    assert_eq!(policy.protections(Protocol::Hls), [Protection::Clear, Protection::Cbc]);
    let dash = [Protection::Cenc, Protection::Cens, Protection::Cbc1];
    assert_eq!(policy.protections(Protocol::Dash), dash);
    assert_eq!(policy.protections(Protocol::Download), [Protection::Clear]);
    assert_eq!(policy.protections(Protocol::Smooth), []);
    assert!(!policy.allows(Protocol::Dash, Protection::Cbcs));
}

#[test]
fn a_locator_needs_one_key_for_each_label_of_what_is_on() {
    let labels = |policy: &StreamingPolicy| -> Vec<_> {
        let owned = |key: KeyLabel<'_>| {
            (key.protection, key.label.to_owned(), key.policy.map(str::to_owned))
        };
        policy.key_labels().into_iter().map(owned).collect()
    };
    let key = |protection, label: &str, policy: Option<&str>| {
        (protection, label.to_owned(), policy.map(str::to_owned))
    };
    let expected = [
        key(Protection::Cbc, "aes", Some("p")),
        key(Protection::Cenc, "cencDefaultKey", None),
        key(Protection::Cens, "censDefaultKey", None),
        key(Protection::Cbc1, "cbc1DefaultKey", None),
    ];
    assert_eq!(labels(&parse(&mixed()).unwrap()), expected);
    let expected = [
        key(Protection::Cbc, "aesDefaultKey", None),
        key(Protection::Cenc, "cencDefaultKey", Some("p1")),
        key(Protection::Cenc, "cencHd", Some("p2")),
        key(Protection::Cbcs, "cbcsDefaultKey", None),
    ];
    assert_eq!(labels(&parse(&complete()).unwrap()), expected);
}

#[test]
fn what_is_written_reads_back_the_same() {
    for document in [mixed(), complete()] {
        let policy = parse(&document).unwrap();
        let written = policy.to_properties();
        assert!(written.contains(r#""keyToTrackMappings":["#) && written.contains("clearTracks"));
        assert_eq!(StreamingPolicy::from_properties("mine", &written), Ok(policy));
    }
}

#[test]
fn systems_are_announced_as_the_block_says() {
    let policy = parse(&complete()).unwrap();
    let cenc = policy.block(Protection::Cenc).unwrap();
    let drm = cenc.drm.as_ref().unwrap();
    assert_eq!(drm.widevine, Some(Widevine::default()));
    assert_eq!(drm.fair_play, None);
    let attributes = drm.play_ready.as_ref().unwrap().play_ready_custom_attributes.as_ref();
    assert_eq!(attributes.unwrap().as_str(), "<X>1</X>");
    assert!(cenc.announces_clear_key());
    let cbcs = policy.block(Protection::Cbcs).unwrap();
    let drm = cbcs.drm.as_ref().unwrap();
    assert!(drm.fair_play.as_ref().unwrap().allow_persistent_license);
    assert_eq!((&drm.play_ready, &drm.widevine), (&None, &None));
    assert!(!cbcs.announces_clear_key());
    let mixed = parse(&mixed()).unwrap();
    assert!(mixed.block(Protection::Cenc).unwrap().announces_clear_key());
}

#[test]
fn refusals_name_the_member_and_the_rule() {
    let (cenc, cbcs) = ("/commonEncryptionCenc", "/commonEncryptionCbcs");
    let custom = |n: u8| json!({ "systemId": format!("00000000-1111-2222-3333-{n:012}") });
    let cases = [
        (String::new(), json!({}), "no block"),
        (String::new(), json!({"noEncryption": {"enabledProtocols": {}}}), "no block"),
        (format!("{cenc}/surprise"), json!(1), "commonEncryptionCenc.surprise: unknown field"),
        (
            format!("{cenc}/enabledProtocols/dash"),
            json!("yes"),
            "commonEncryptionCenc.enabledProtocols.dash: invalid type",
        ),
        (
            format!("{cenc}/enabledProtocols/download"),
            json!(true),
            "commonEncryptionCenc.enabledProtocols.download: download is served without",
        ),
        (
            format!("{cenc}/contentKeys/defaultKey/label"),
            json!(""),
            "commonEncryptionCenc.contentKeys.defaultKey.label: a key label has",
        ),
        (
            format!("{cenc}/contentKeys/keyToTrackMappings/0/label"),
            json!("cencDefaultKey"),
            "commonEncryptionCenc.contentKeys.keyToTrackMappings[0].label: another key",
        ),
        (
            format!("{cenc}/contentKeys/keyToTrackMappings/0/tracks"),
            json!([]),
            "keyToTrackMappings[0].tracks: no track is selected",
        ),
        (
            format!("{cenc}/contentKeys/keyToTrackMappings/0/tracks/1/trackSelections"),
            json!([]),
            "keyToTrackMappings[0].tracks[1].trackSelections: no condition",
        ),
        (
            format!("{cenc}/clearTracks/0/trackSelections/0/property"),
            json!("Colour"),
            "commonEncryptionCenc.clearTracks[0]: selection.trackSelections[0].property is none of",
        ),
        (format!("{cenc}/clearTracks/0/trackSelections/0/value"), json!("mp4"), "four characters"),
        (format!("{cenc}/drm/fairPlay"), json!({}), "commonEncryptionCenc.drm.fairPlay: FairPlay"),
        (
            format!("{cenc}/drm/playReady/playReadyCustomAttributes"),
            json!("<X>"),
            "commonEncryptionCenc.drm.playReady.playReadyCustomAttributes: PlayReady custom",
        ),
        (
            format!("{cenc}/drm/widevine/customLicenseAcquisitionUrlTemplate"),
            json!("https://k/{Kid}"),
            "commonEncryptionCenc.drm.widevine.customLicenseAcquisitionUrlTemplate: a template knows",
        ),
        (
            format!("{cenc}/clearKeyEncryptionConfiguration/customKeysAcquisitionUrlTemplate"),
            json!("https://k/{ContentKeyId}"),
            "customKeysAcquisitionUrlTemplate: one request",
        ),
        (
            format!("{cenc}/customKeyAcquisitionUrlTemplate"),
            json!("/k"),
            "commonEncryptionCenc.customKeyAcquisitionUrlTemplate: a template",
        ),
        (
            format!("{cbcs}/customKeyAcquisitionUrlTemplate"),
            json!("https://k/"),
            "commonEncryptionCbcs.customKeyAcquisitionUrlTemplate: only keys of the envelope and",
        ),
        (
            format!("{cenc}/clearLeadSeconds"),
            json!(5),
            "commonEncryptionCenc.clearLeadSeconds: Smooth Streaming has no",
        ),
        (
            format!("{cbcs}/clearLeadSeconds"),
            json!(3601),
            "commonEncryptionCbcs.clearLeadSeconds: at most 3600",
        ),
        (
            format!("{cenc}/drm/playReady"),
            Value::Null,
            "commonEncryptionCenc.enabledProtocols.smoothStreaming: a Smooth manifest names keys",
        ),
        (
            format!("{cbcs}/drm"),
            json!({ "marlin": {}, "customSystems": [custom(1)] }),
            "commonEncryptionCbcs.drm: playlists name keys by system",
        ),
        (
            format!("{cenc}/drm/customSystems"),
            json!([custom(1), custom(1)]),
            "commonEncryptionCenc.drm.customSystems[1].systemId: another entry",
        ),
        (
            format!("{cenc}/drm/customSystems"),
            json!([{ "systemId": "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed" }]),
            "drm.customSystems[0].systemId: the system has a member of its own",
        ),
        (
            format!("{cenc}/drm/customSystems"),
            (1..=5).map(custom).collect(),
            "drm.customSystems: at most 4 systems",
        ),
        (
            format!("{cenc}/drm/customSystems"),
            json!([{ "systemId": "1" }]),
            "drm.customSystems[0].systemId: not a GUID",
        ),
        (
            format!("{cenc}/drm/customSystems"),
            json!([{ "systemId": "00000000-1111-2222-3333-444444444444",
                     "data": "A".repeat(8 * 1024) }]),
            "drm.customSystems[0].data: base64 of at most 4096 bytes",
        ),
        (
            format!("{cenc}/drm/customSystems"),
            json!([{ "systemId": "00000000-1111-2222-3333-444444444444", "value": "a\"b" }]),
            "drm.customSystems[0].value: 1 to 128 letters",
        ),
        (
            format!("{cenc}/drm/customSystems"),
            json!([{ "systemId": "00000000-1111-2222-3333-444444444444", "data": "AAAA",
                     "hlsKeyFormat": "urn:uuid:EDEF8BA9-79d6-4ace-a3c8-27dcd51d21ed" }]),
            "drm.customSystems[0].hlsKeyFormat: the system of this format has a member of its own",
        ),
        (
            format!("{cenc}/drm/customSystems"),
            [4, 5]
                .map(|n| {
                    json!({ "systemId": format!("00000000-1111-2222-3333-00000000000{n}"),
                                   "data": "AAAA", "hlsKeyFormat": "com.example" })
                })
                .into(),
            "drm.customSystems[1].hlsKeyFormat: another entry has this format",
        ),
        (
            format!("{cenc}/clearKeyEncryptionConfiguration/hlsKeyFormats"),
            json!(["identity", "identity"]),
            "clearKeyEncryptionConfiguration.hlsKeyFormats: one or both",
        ),
        (
            format!("{cenc}/clearKeyEncryptionConfiguration/hlsKeyFormats"),
            json!([]),
            "clearKeyEncryptionConfiguration.hlsKeyFormats: one or both",
        ),
        (
            format!("{cenc}/contentKeys/defaultKey/outputProtection"),
            json!({ "robustness": { "widevine": vec!["A"; 9] } }),
            "contentKeys.defaultKey.outputProtection.robustness: at most 8 labels",
        ),
        (
            format!("{cenc}/contentKeys/defaultKey/outputProtection"),
            json!({ "hdcpLevel": "TYPE-2" }),
            "contentKeys.defaultKey.outputProtection.hdcpLevel: unknown variant",
        ),
        (
            "/envelopeEncryption/contentKeys/defaultKey/outputProtection".to_owned(),
            json!({}),
            "envelopeEncryption.contentKeys.defaultKey.outputProtection: only Common",
        ),
        ("/envelopeEncryption/drm".to_owned(), json!({}), "envelopeEncryption.drm: systems have"),
    ];
    for (pointer, value, rule) in cases {
        let mut document = complete();
        let (parent, member) = pointer.rsplit_once('/').unwrap_or(("", ""));
        match document.pointer_mut(parent).unwrap() {
            Value::Object(members) if !member.is_empty() => {
                members.insert(member.to_owned(), value);
            }
            Value::Array(entries) => entries[member.parse::<usize>().unwrap()] = value,
            whole => *whole = value,
        }
        let refusal = parse(&document).unwrap_err();
        assert!(refusal.rule.contains(rule), "{pointer}: {refusal}");
    }
    let cut = StreamingPolicy::from_properties("mine", "[").unwrap_err();
    assert!(cut.rule.contains("EOF"), "{cut}");
}

#[test]
fn reserved_and_odd_names_are_refused() {
    for name in ["Predefined_ClearKey", "predefined_x", "Portcullis_Mine", "", "a b", "ü"] {
        let properties = mixed().to_string();
        assert!(StreamingPolicy::from_properties(name, &properties).is_err(), "{name}");
    }
}
