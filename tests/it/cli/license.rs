//! `portcullis license request`: a client of our own against a server of our own.

use serde_json::{Value, json};

use crate::support::documents::{KEY_SD, KID_SD, content_key, locator, printed};
use crate::support::server::{DevServer, portcullis};
use crate::support::widevine::policy_document;

/// A server that takes any device, with one key for everybody.
fn server() -> DevServer {
    let server = DevServer::builder().switch("--any-device").start();
    let template = json!({ "policy_overrides": {
        "can_play": true, "can_persist": true, "can_renew": true } });
    let film = json!({ "assetName": "gate", "defaultContentKeyPolicyName": "widevine",
        "streamingPolicyName": "Predefined_MultiDrmCencStreaming",
        "contentKeys": [content_key(KID_SD, "cencDefaultKey", KEY_SD)] });
    let documents = [policy_document("widevine", true, &template), locator("film", film)];
    printed(&server.data, &["apply", "-"], &Value::from(documents.to_vec()));
    server
}

/// Exit code, output and complaint.
fn asked(server: &DevServer, kid: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let url = format!("{}/Widevine/", server.ready.key_delivery);
    let fixed = ["license", "request", "--system", "widevine", "--url", &url, "--kid", kid];
    let output = portcullis().args(fixed).args(more).output().unwrap();
    let said = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), said(output.stdout), said(output.stderr))
}

#[test]
fn a_generated_device_gets_keys_renews_and_gives_back() {
    let server = server();
    let key = data_encoding::HEXLOWER.encode(&KEY_SD);
    let line = format!("{}:{key}\n", KID_SD.replace('-', ""));
    for more in [&[][..], &["--privacy"], &["--offline", "--renew", "--release"]] {
        let (code, keys, complaint) = asked(&server, KID_SD, more);
        assert_eq!((code, &*keys), (Some(0), &*line), "{complaint}");
    }
    let (code, keys, complaint) = asked(&server, "00000000-0000-4000-8000-000000000001", &[]);
    assert_eq!((code, &*keys), (Some(1), ""));
    assert!(complaint.contains("key-unknown"), "{complaint}");
}
