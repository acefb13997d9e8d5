//! Documents of policies and locators, and what commands say of them.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::filters::command;
use super::keys::{AUDIENCE, ISSUER, SECRET};

pub(crate) const KID_SD: &str = "00000000-0000-4000-8000-00000000005d";
pub(crate) const KID_HD: &str = "00000000-0000-4000-8000-0000000000fd";
pub(crate) const KEY_SD: [u8; 16] = [0x5d; 16];
pub(crate) const KEY_HD: [u8; 16] = [0xfd; 16];

fn document(kind: &str, name: &str, properties: Value) -> Value {
    json!({ "name": name, "type": format!("Microsoft.Media/mediaServices/{kind}"),
            "properties": properties })
}

pub(crate) fn streaming_policy(name: &str, properties: Value) -> Value {
    document("streamingPolicies", name, properties)
}

pub(crate) fn locator(name: &str, properties: Value) -> Value {
    document("streamingLocators", name, properties)
}

/// A content key policy for bearers of a token of the shared issuer with these claims.
pub(crate) fn token_policy(name: &str, claims: Value) -> Value {
    let of = |kind: &str| format!("#Microsoft.Media.ContentKeyPolicy{kind}");
    let key = json!({ "@odata.type": of("SymmetricTokenKey"), "keyValue": BASE64.encode(SECRET) });
    let restriction = json!({ "@odata.type": of("TokenRestriction"), "issuer": ISSUER,
        "audience": AUDIENCE, "restrictionTokenType": "Jwt", "primaryVerificationKey": key,
        "alternateVerificationKeys": null, "requiredClaims": claims });
    let option = json!({ "name": "viewers", "restriction": restriction,
        "configuration": { "@odata.type": of("ClearKeyConfiguration") } });
    document("contentKeyPolicies", name, json!({ "options": [option] }))
}

/// A content key policy for everybody.
pub(crate) fn open_policy(name: &str) -> Value {
    let of =
        |kind: &str| json!({ "@odata.type": format!("#Microsoft.Media.ContentKeyPolicy{kind}") });
    let option = json!({ "restriction": of("OpenRestriction"),
        "configuration": of("ClearKeyConfiguration") });
    document("contentKeyPolicies", name, json!({ "options": [option] }))
}

/// An entry with these conditions: property, value.
pub(crate) fn selection(conditions: &[(&str, &str)]) -> Value {
    let condition = |(property, value): &(&str, &str)| json!({ "property": property, "operation": "Equal", "value": value });
    json!({ "trackSelections": conditions.iter().map(condition).collect::<Vec<_>>() })
}

/// A policy of `cenc` in DASH and HLS: keys for HD, English sound and the rest, German sound in
/// the clear.
pub(crate) fn ladder_policy(name: &str) -> Value {
    let mapping = |label: &str, policy: &str, tracks: Value| json!({ "label": label, "policyName": policy, "tracks": [tracks] });
    streaming_policy(
        name,
        json!({ "commonEncryptionCenc": {
            "enabledProtocols": { "dash": true, "hls": true },
            "clearTracks": [selection(&[("Type", "Audio"), ("Language", "de")])],
            "contentKeys": {
                "defaultKey": { "label": "SD", "policyName": "sd" },
                "keyToTrackMappings": [
                    mapping("HD", "hd", selection(&[("TrackClass", "HD")])),
                    mapping("AUDIO", "sd", selection(&[("FourCC", "mp4a")])),
                ] } } }),
    )
}

pub(crate) fn content_key(kid: &str, label: &str, key: [u8; 16]) -> Value {
    json!({ "id": kid, "labelReferenceInStreamingPolicy": label, "value": BASE64.encode(&key) })
}

/// Policies and a locator `film` over an asset, with own keys for HD and SD. Everybody with a token
/// may have SD, those of tier `hd` HD too.
pub(crate) fn ladder(asset: &str) -> Vec<Value> {
    vec![
        locator(
            "film",
            json!({ "assetName": asset, "streamingPolicyName": "ladder",
                    "contentKeys": [content_key(KID_SD, "SD", KEY_SD),
                                    content_key(KID_HD, "HD", KEY_HD)] }),
        ),
        ladder_policy("ladder"),
        token_policy("sd", json!([])),
        token_policy("hd", json!([{ "claimType": "tier", "claimValue": "hd" }])),
    ]
}

/// What a command prints; it must succeed.
pub(crate) fn printed(data: &Path, arguments: &[&str], input: &Value) -> String {
    let output = command(data, arguments, input);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command says that the input is refused for.
pub(crate) fn refused(data: &Path, arguments: &[&str], input: &Value) -> String {
    let output = command(data, arguments, input);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{input}: {said}");
    said
}

/// A document as `show` prints it.
pub(crate) fn shown(data: &Path, arguments: &[&str]) -> Value {
    let arguments = [&["show"], arguments].concat();
    serde_json::from_str(&printed(data, &arguments, &Value::Null)).unwrap()
}
