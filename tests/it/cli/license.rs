//! `portcullis license request`: a client of our own against a server of our own.

use portcullis::isobmff::cenc::Pssh;
use serde_json::{Value, json};

use crate::support::documents::{
    KEY_SD, KID_HD, KID_SD, content_key, locator, open_policy, printed, token_policy,
};
use crate::support::server::{DevServer, portcullis};
use crate::support::tls;
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

/// Of the four systems one tells how the address is reached: it is the same code for all.
#[tokio::test(flavor = "multi_thread")]
async fn licences_come_over_https_from_who_has_a_certificate_that_is_believed() {
    let server = server();
    let [known, stranger] = [(); 2].map(|()| tls::certificate());
    let roots = server.data.join("roots.pem");
    std::fs::write(&roots, known.cert.pem()).unwrap();
    for (shown, expected) in [(&known, Some(0)), (&stranger, Some(3))] {
        let address = server.ready.origin.trim_start_matches("http://");
        let url = format!("{}/keydelivery/Widevine/", tls::front(shown, address).await);
        let mut command = portcullis();
        command.args(["license", "request", "--system", "widevine", "--kid", KID_SD, "--url"]);
        let command = command.arg(&url).env("SSL_CERT_FILE", &roots).env_remove("SSL_CERT_DIR");
        let output = command.output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), expected, "{complaint}");
        assert_eq!(output.stdout.is_empty(), expected != Some(0), "{complaint}");
        assert_eq!(complaint.contains("certificate"), expected != Some(0), "{complaint}");
    }
}

#[test]
fn a_clearkey_licence_is_asked_for_as_browsers_do() {
    let server = DevServer::builder().start();
    let policies = [("all", open_policy("all")), ("strict", token_policy("strict", json!([])))];
    for (n, (name, policy)) in policies.into_iter().enumerate() {
        let kid = [KID_SD, KID_HD][n];
        let film = json!({ "assetName": "gate", "defaultContentKeyPolicyName": name,
            "streamingPolicyName": "Portcullis_CencClearKey",
            "contentKeys": [content_key(kid, "cencDefaultKey", KEY_SD)] });
        let documents = vec![policy, locator(&format!("film-{name}"), film)];
        printed(&server.data, &["apply", "-"], &Value::from(documents));
    }
    let url = format!("{}/ClearKey/", server.ready.key_delivery);
    let ask = |more: &[&str]| {
        let fixed = ["license", "request", "--system", "clearkey", "--url", &url];
        let output = portcullis().args(fixed).args(more).output().unwrap();
        let said = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), said(output.stdout), said(output.stderr))
    };
    let key = data_encoding::HEXLOWER.encode(&KEY_SD);
    let line = |kid: &str| format!("{}:{key}\n", kid.replace('-', ""));
    let pssh = Pssh::common(vec![KID_SD.parse().unwrap()]).to_vec();
    let pssh = data_encoding::BASE64.encode(&pssh);
    for named in [["--kid", KID_SD], ["--pssh", &pssh]] {
        assert_eq!(ask(&named), (Some(0), line(KID_SD), String::new()));
    }
    for (more, complaint) in [
        (&["--kid", KID_HD][..], "token-missing"),
        (&["--kid", KID_SD, "--offline"], "license-persistence-not-allowed"),
    ] {
        let (code, keys, said) = ask(more);
        assert_eq!((code, &*keys), (Some(1), ""), "{more:?}");
        assert!(said.contains(complaint), "{said}");
    }
    let (code, _, said) = ask(&["--kid", KID_SD, "--renew"]);
    assert_eq!(code, Some(2), "{said}");
}
