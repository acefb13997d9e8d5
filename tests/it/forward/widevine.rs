//! The vendor's cloud for Widevine, played by another service of ours behind the cloud's protocol: it
//! checks the envelope, and devices open the licences that it makes (widevine.md section 9).

use std::fs;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use cipher::{Array, BlockModeDecrypt, KeyIvInit};
use data_encoding::BASE64;
use portcullis::crypto::key::ContentKey;
use portcullis::crypto::random::System;
use portcullis::license::upstream::Protocol;
use portcullis::license::widevine::LicenseType;
use portcullis::license::widevine::test_device::{Ask, Content, Session};
use portcullis::service::upstream::Settings;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::keys::{NOW, sign, spec};
use crate::support::upstream::{Choice, Server, Service, reply};
use crate::support::widevine::{self, URL, World, keys_of, three_keys};

const KEY: [u8; 32] = [0x1a; 32];
const IV: [u8; 16] = [0x2b; 16];

/// The vendor, and a proxy whose requests it takes.
struct Proxy {
    vendor: Arc<widevine::Service>,
    service: Service,
    seen: Arc<Mutex<Vec<Value>>>,
    _files: TempDir,
}

impl Proxy {
    async fn start(template: &Value, open: bool) -> Self {
        Self::start_with(template, open, &hex(&KEY)).await
    }

    /// With the signing key that the proxy uses.
    async fn start_with(template: &Value, open: bool, key: &str) -> Self {
        let terms = json!({ "policy_overrides": { "can_play": true, "can_renew": true } });
        let vendor = Arc::new(widevine::Service::open(&terms).await);
        let seen = Arc::default();
        let url = listen(cloud(Arc::clone(&vendor), Arc::clone(&seen))).await;
        let files = tempfile::tempdir().unwrap();
        let [secret_file, certificate_file] =
            ["secret", "certificate"].map(|it| files.path().join(it));
        fs::write(&secret_file, format!("{key} {}\n", hex(&IV))).unwrap();
        fs::write(&certificate_file, &World::get().service.certificate).unwrap();
        let settings = Settings {
            provider: Some("widevine_test".into()),
            secret_file: Some(secret_file),
            certificate_file: Some(certificate_file),
            ..Settings::new(Protocol::WidevineCloud, url.parse().unwrap())
        };
        let service = Service::with(&[("vendor", settings)], open, &[choice(template)]).await;
        let streaming = three_keys("commonEncryptionCenc");
        service.keys.store.create_streaming_policy(&streaming).await.unwrap();
        let keys = vendor
            .film
            .iter()
            .map(|(label, kid, key)| (label.clone(), *kid, ContentKey::from_bytes(*key)));
        service.adopt("three", keys).await;
        Self { vendor, service, seen, _files: files }
    }

    fn challenge(&self, privacy: Option<&[u8]>) -> Session<'static> {
        let data = self.vendor.pssh_data();
        let content = Content::PsshData(&data);
        let ask = Ask { content, license_type: LicenseType::Streaming, privacy, time: NOW };
        World::get().device("l3").ask(&ask, &mut System::new()).unwrap()
    }

    /// The inner messages that the cloud was sent.
    fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }
}

fn choice(template: &Value) -> Choice {
    let members = json!({ "widevineTemplate": template.to_string() });
    Choice { kind: "Widevine", members, upstream: Some("vendor") }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/cenc/getlicense/widevine_test", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn cloud(vendor: Arc<widevine::Service>, seen: Arc<Mutex<Vec<Value>>>) -> Router {
    Router::new().fallback(move |body: Bytes| async move {
        let envelope: Value = serde_json::from_slice(&body).unwrap();
        let part = |name: &str| BASE64.decode(envelope[name].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(envelope["signer"], "widevine_test");
        let inner = part("request");
        if !is_signed(&inner, &part("signature")) {
            return json!({ "status": "SIGNATURE_FAILED" }).to_string();
        }
        let inner: Value = serde_json::from_slice(&inner).unwrap();
        seen.lock().unwrap().push(inner.clone());
        let payload = BASE64.decode(inner["payload"].as_str().unwrap().as_bytes()).unwrap();
        let answer = vendor.post(&payload).await;
        match answer.status.as_u16() {
            200 => json!({ "status": "OK", "license": BASE64.encode(&answer.body),
                           "make": "x", "security_level": 3 }),
            _ => json!({ "status": "ACCESS_DENIED" }),
        }
        .to_string()
    })
}

/// Whether the signature is what the account's key makes of the message.
fn is_signed(message: &[u8], signature: &[u8]) -> bool {
    let (blocks, []) = signature.as_chunks::<16>() else { return false };
    let mut blocks = blocks.to_vec();
    let mut chain = cbc::Decryptor::<aes::Aes256>::new(&KEY.into(), &IV.into());
    chain.decrypt_blocks(Array::cast_slice_from_core_mut(&mut blocks));
    let expected = [Sha1::digest(message).as_slice(), &[12; 12]].concat();
    blocks.as_flattened() == expected
}

#[tokio::test]
async fn a_device_gets_its_keys_through_the_cloud() {
    let template = json!({ "content_key_specs": [
            { "track_type": "SD", "security_level": 1 },
            { "track_type": "uhd1", "security_level": 3,
              "required_output_protection": { "hdcp": "HDCP_V2_2", "cgms_flags": "COPY_ONCE" } }],
        "policy_overrides": { "can_play": true, "can_persist": true, "license_duration_seconds": 600,
            "can_renew": true, "renewal_delay_seconds": 60, "renewal_server_url": "https://a.example" },
        "session_init": { "provider_session_token": "AAEC" } });
    let proxy = Proxy::start(&template, false).await;
    let url = format!("{URL}?token={}", sign(&spec()));
    let session = proxy.challenge(None);
    let refused = proxy.service.keys.post(URL, session.body.clone()).await;
    assert_eq!(refused.refusal(), (401, "token-missing".into()));
    assert!(proxy.seen().is_empty(), "refused here");
    let answer = proxy.service.keys.post(&url, session.body.clone()).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    let opened = session.open(&answer.body).unwrap();
    assert_eq!(keys_of(&opened), proxy.vendor.expected());

    let spec = |n: usize, level: Option<u8>, hdcp: &str, cgms: &str| {
        let (label, kid, key) = &proxy.vendor.film[n];
        let mut spec = json!({ "track_type": label, "key_id": BASE64.encode(kid.as_bytes()),
            "key": BASE64.encode(key),
            "required_output_protection": { "hdcp": hdcp, "cgms_flags": cgms } });
        if let Some(level) = level {
            spec["security_level"] = level.into();
        }
        spec
    };
    let labels: Vec<&str> = proxy.vendor.film.iter().map(|(label, ..)| &**label).collect();
    assert_eq!(labels, ["AUDIO", "SD", "UHD1"]);
    let inner = &proxy.seen()[0];
    // The template says nothing of AUDIO, which may be any of its kinds.
    let most = ("HDCP_V2_2", "COPY_ONCE");
    assert_eq!(
        *inner,
        json!({
        "payload": BASE64.encode(&session.body),
        "content_id": BASE64.encode(proxy.vendor.film[0].1.as_bytes()),
        "provider": "widevine_test",
        "content_key_specs": [spec(0, Some(3), most.0, most.1),
            spec(1, Some(1), "HDCP_NONE", "CGMS_NONE"), spec(2, Some(3), most.0, most.1)],
        "use_policy_overrides_exclusively": true,
        "policy_overrides": { "can_play": true, "can_persist": true, "can_renew": true,
            "license_duration_seconds": 600, "rental_duration_seconds": 0,
            "playback_duration_seconds": 0, "renewal_server_url": "https://a.example",
            "renewal_delay_seconds": 60, "renewal_retry_interval_seconds": 0,
            "renewal_recovery_duration_seconds": 0, "renew_with_usage": false },
        "session_init": { "provider_session_token": "AAEC",
            "override_provider_client_token": false } })
    );
}

#[tokio::test]
async fn clients_hide_from_the_proxy_behind_the_vendor_s_certificate() {
    let proxy = Proxy::start(&json!({}), true).await;
    let certificate = proxy.service.keys.post(URL, vec![8, 4]).await;
    assert_eq!(certificate.status, 200);
    let bare = proxy.service.keys.get(&format!("{URL}certificate")).await;
    assert_eq!(bare.body, World::get().service.certificate);
    assert!(proxy.seen().is_empty(), "answered here");
    for privacy in [&certificate.body, &bare.body] {
        let session = proxy.challenge(Some(&privacy[..]));
        let answer = proxy.service.keys.post(URL, session.body.clone()).await;
        assert_eq!(keys_of(&session.open(&answer.body).unwrap()), proxy.vendor.expected());
    }
}

#[tokio::test]
async fn licences_are_renewed_where_they_were_made() {
    let proxy = Proxy::start(&json!({}), true).await;
    let session = proxy.challenge(None);
    let answer = proxy.service.keys.post(URL, session.body.clone()).await;
    let mut opened = session.open(&answer.body).unwrap();
    let renewal = opened.again(false, NOW + 5).unwrap();
    let refused = proxy.service.keys.post(URL, renewal.clone()).await;
    assert_eq!(refused.refusal(), (400, "widevine-license-unknown".into()), "no key is named");
    let url = format!("{URL}?kid={}", proxy.vendor.kid("SD"));
    let answer = proxy.service.keys.post(&url, renewal.clone()).await;
    assert_eq!(answer.status, 200);
    opened.renewed(&answer.body).unwrap();
    assert_eq!(proxy.seen()[1]["payload"], BASE64.encode(&renewal));
}

#[tokio::test]
async fn a_registered_policy_decides_where_the_template_says_nothing_else() {
    for (template, overrides, exclusively) in [
        (json!({ "policy_name": "gold" }), false, false),
        (json!({ "policy_name": "gold", "policy_overrides": { "can_play": true } }), true, false),
        (
            json!({ "policy_name": "gold", "policy_overrides": { "can_play": true },
                    "use_policy_overrides_exclusively": true }),
            true,
            true,
        ),
    ] {
        let proxy = Proxy::start(&template, true).await;
        let session = proxy.challenge(None);
        let answer = proxy.service.keys.post(URL, session.body.clone()).await;
        assert_eq!(answer.status, 200, "{template}");
        let inner = &proxy.seen()[0];
        assert_eq!(inner["policy_name"], "gold");
        assert_eq!(inner["policy_overrides"].is_object(), overrides, "{template}");
        assert_eq!(inner["use_policy_overrides_exclusively"], exclusively, "{template}");
    }
}

#[tokio::test]
async fn what_the_cloud_refuses_is_told_from_what_it_cannot_do() {
    let proxy = Proxy::start_with(&json!({}), true, &"77".repeat(32)).await;
    let session = proxy.challenge(None);
    let refused = proxy.service.keys.post(URL, session.body.clone()).await;
    assert_eq!(refused.refusal(), (502, "upstream-failed".into()), "our key is wrong");
    let proxy = Proxy::start(&json!({}), true).await;
    let data = proxy.vendor.pssh_data();
    let rogue = widevine::ask("rogue", Content::PsshData(&data), LicenseType::Streaming);
    let refused = proxy.service.keys.post(URL, rogue.body).await;
    assert_eq!(refused.refusal(), (403, "upstream-refused".into()), "no device of theirs");
}

#[tokio::test]
async fn what_a_server_cannot_be_told_is_not_passed_on() {
    let server = Server::start(|_| reply(200, "application/octet-stream", "licence")).await;
    let settings = server.settings(Protocol::Https);
    for (template, status) in [
        (json!({}), 200),
        (json!({ "policy_overrides": { "can_play": true, "license_duration_seconds": 5 } }), 403),
        (json!({ "content_key_specs": [{ "security_level": 5 }] }), 403),
    ] {
        let servers = [("vendor", settings.clone())];
        let service = Service::with(&servers, true, &[choice(&template)]).await;
        let data = widevine::pssh_data(&[service.cenc().await.0]);
        let session = widevine::ask("l3", Content::PsshData(&data), LicenseType::Streaming);
        let answer = service.keys.post(URL, session.body).await;
        assert_eq!(answer.status, status, "{template}");
        if status == 403 {
            assert_eq!(answer.refusal().1, "upstream-rights-not-expressed");
        }
    }
    assert_eq!(server.seen().len(), 1);
}
