//! FairPlay under credentials that a content key policy holds (ams.md section 13).

use data_encoding::BASE64;
use portcullis::crypto::ContentKey;
use portcullis::crypto::random::System;
use portcullis::license::Trust;
use portcullis::license::fairplay::client::{Opener, Wish};
use portcullis::license::fairplay::{self, DFunction};
use serde_json::{Value, json};

use crate::support::documents::{printed, refused};
use crate::support::fairplay::{Service, URL, World, draft, policy};
use crate::support::keys::request;
use crate::support::server::DevServer;

const CERTIFICATE: &[u8] = include_bytes!("../../../keys/dev/drm/fairplay/provider2048.der");
const PKCS12: [&[u8]; 2] = [
    include_bytes!("../../../keys/dev/fairplay/provider2048-aes.p12"),
    include_bytes!("../../../keys/dev/fairplay/provider2048-3des.p12"),
];
const PASSWORD: &str = "portcullis";
const ASK: [u8; 16] = *b"an ask of policy";

/// Members of an option that holds its own credentials.
fn own(pkcs12: &[u8], password: &str) -> Value {
    json!({ "ask": BASE64.encode(&ASK), "fairPlayPfx": BASE64.encode(pkcs12),
            "fairPlayPfxPassword": password })
}

fn spc(service: &Service) -> (Vec<u8>, Opener) {
    let asset = service.kid.to_string();
    let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
    draft(CERTIFICATE, &ContentKey::from_bytes(ASK), &wish).seal(&mut System::new()).unwrap()
}

/// A server that knows the function alone.
fn bare() -> Trust {
    let service = fairplay::Service { credentials: None, function: DFunction::StubSha256 };
    Trust { fairplay: Some(service.into()), ..Trust::default() }
}

#[tokio::test]
async fn the_option_answers_under_its_own_credentials_alone() {
    for pkcs12 in PKCS12 {
        for trust in [bare(), World::get().trust()] {
            let service = Service::start_with(trust, &own(pkcs12, PASSWORD), true).await;
            let certificate = format!("{URL}certificate?kid={}", service.kid);
            assert_eq!(service.keys.get(&certificate).await.body, CERTIFICATE);
            for _ in 0..2 {
                let (spc, opener) = spc(&service);
                let answer = service.keys.post(&service.url(), spc).await;
                assert_eq!(answer.status, 200, "{:?}", answer.body);
                assert_eq!(opener.open(&answer.body).unwrap().key, service.key);
            }
            let of_the_server = service.spc(2).0;
            let refused = service.keys.post(&service.url(), of_the_server).await;
            assert_eq!(refused.refusal(), (403, "fairplay-certificate-unknown".into()));
        }
    }
}

#[tokio::test]
async fn other_keys_keep_to_the_credentials_of_the_server() {
    let service = Service::start(&own(PKCS12[0], PASSWORD), true).await;
    service.keys.store.create_content_key_policy(&policy("other", &json!({}), true)).await.unwrap();
    let published = request("other", "Portcullis_CbcsClearKey", "other");
    let (record, key) = service.keys.publish_key(&published).await;
    let other = Service { kid: record.kid, key, ..service };
    let (spc, opener) = other.spc(2);
    let answer = other.keys.post(&other.url(), spc).await;
    assert_eq!(opener.open(&answer.body).unwrap().key, other.key);
    for url in [format!("{URL}certificate?kid={}", other.kid), format!("{URL}certificate")] {
        assert_eq!(other.keys.get(&url).await.body, World::get().certificate(2));
    }
    let unknown = format!("{URL}certificate?kid=00000000-0000-4000-8000-000000000000");
    assert_eq!(other.keys.get(&unknown).await.refusal(), (404, "key-unknown".into()));
    let malformed = format!("{URL}certificate?kid=x");
    assert_eq!(other.keys.get(&malformed).await.refusal(), (400, "kid-malformed".into()));
}

#[tokio::test]
async fn a_server_that_knows_only_the_function_has_nothing_for_other_policies() {
    let service = Service::start_with(bare(), &json!({}), true).await;
    let refused = service.keys.post(&service.url(), service.spc(1).0).await;
    assert_eq!(refused.refusal(), (501, "license-system-not-served".into()));
    let refused = service.keys.get(&format!("{URL}certificate")).await;
    assert_eq!(refused.refusal(), (501, "license-system-not-served".into()));
}

#[tokio::test]
async fn stored_credentials_that_do_not_open_are_a_failure_of_the_server() {
    for option in [own(PKCS12[0], "another"), own(b"x", PASSWORD)] {
        let service = Service::start(&option, true).await;
        for _ in 0..2 {
            let refused = service.keys.post(&service.url(), spc(&service).0).await;
            let expected = (500, "fairplay-policy-credentials-unreadable".to_owned());
            assert_eq!(refused.refusal(), expected);
        }
    }
}

/// The document of a policy with one option that says this.
fn document(option: &Value) -> Value {
    let properties = policy("own", option, true).to_properties_with_secrets();
    let properties: Value = serde_json::from_str(&properties).unwrap();
    json!({ "name": "own", "type": "contentKeyPolicies", "properties": properties })
}

#[test]
fn credentials_are_judged_when_they_are_applied_and_never_shown() {
    let server = DevServer::builder().start();
    for (option, rule) in [
        (own(PKCS12[0], "hunter2"), "the password does not open the PKCS#12"),
        (own(b"hunter2", PASSWORD), "not PKCS#12 in DER"),
        (own(CERTIFICATE, PASSWORD), "not PKCS#12 in DER"),
    ] {
        let said = refused(&server.data, &["apply", "-"], &document(&option));
        assert!(said.contains("options[0].configuration.fairPlayPfx"), "{said}");
        assert!(said.contains(rule) && !said.contains("hunter2"), "{said}");
    }
    let secrets = own(PKCS12[1], PASSWORD);
    printed(&server.data, &["apply", "-"], &document(&secrets));
    let quoted: Vec<String> = secrets.as_object().unwrap().values().map(Value::to_string).collect();
    for arguments in [&["show", "content-key-policy", "own"][..], &["list", "content-key-policies"]]
    {
        let said = printed(&server.data, arguments, &Value::Null);
        assert!(said.contains("own"), "{said}");
        assert!(!quoted.iter().any(|secret| said.contains(secret)), "{said}");
    }
    let pfx = secrets["fairPlayPfx"].as_str().unwrap().as_bytes();
    for file in std::fs::read_dir(&server.data).unwrap().map(Result::unwrap) {
        let content = std::fs::read(file.path()).unwrap_or_default();
        assert!(!content.windows(64).any(|window| window == &pfx[..64]), "{file:?}");
    }
}
