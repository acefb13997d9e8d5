//! Switches for testers in the query of key and licence addresses: on a development server only.

use std::time::{Duration, Instant};

use data_encoding::{BASE64, BASE64URL_NOPAD};
use portcullis::license::fairplay::client::Wish;
use portcullis::license::fairplay::{PlaybackState, tag};
use portcullis::license::playready::xmr::ObjectKind;
use portcullis::license::tester::TABLE;
use portcullis::license::widevine::LicenseType;
use portcullis::license::widevine::test_device::Content;
use portcullis::license::{System, Trust};
use portcullis::service::delivery::Delivery;
use serde_json::json;

use crate::support::keys::{KeyService, NOW, clearkey_request, request, sign, spec};
use crate::support::{fairplay, playready, widevine};

fn inverted(key: &[u8; 16]) -> [u8; 16] {
    key.map(|byte| !byte)
}

/// A service for testers with one key, given to everybody or to bearers of a token.
async fn clearkey(policy: &str) -> (KeyService, String, [u8; 16]) {
    let service = KeyService::start_as(Delivery::for_testers).await;
    let published = request("s", "Portcullis_CencClearKey", policy);
    let (record, key) = service.publish_key(&published).await;
    (service, record.kid.to_string(), *key.expose())
}

#[tokio::test]
async fn a_wrong_key_comes_by_every_address_that_gives_keys() {
    let (service, kid, key) = clearkey("open").await;
    let body = clearkey_request(&[kid.parse().unwrap()]);
    let wrong = BASE64URL_NOPAD.encode(&inverted(&key));
    for path in ["/keydelivery/", "/keydelivery/ClearKey/", "/keydelivery/license"] {
        let licence = service.post(&format!("{path}?test-key=wrong"), body.clone()).await.json();
        assert_eq!(licence["keys"][0]["k"], wrong, "{path}");
    }
    let wrapped = json!({"rawLicenseRequestBase64": BASE64.encode(body.as_bytes())}).to_string();
    let answer = service.post("/keydelivery/license?test-key=wrong", wrapped).await.json();
    let licence = BASE64.decode(answer["rawLicenseBase64"].as_str().unwrap().as_bytes()).unwrap();
    assert!(String::from_utf8(licence).unwrap().contains(&wrong));
    let raw = service.get(&format!("/keydelivery/?kid={kid}&test-key=wrong")).await;
    assert_eq!(raw.body, inverted(&key)[..]);
    let right = service.get(&format!("/keydelivery/?kid={kid}")).await;
    assert_eq!(right.body, key[..]);
}

#[tokio::test]
async fn an_answer_can_be_late_and_any_refusal() {
    let (service, kid, key) = clearkey("open").await;
    let began = Instant::now();
    let late = service.get(&format!("/keydelivery/?kid={kid}&test-delay=300")).await;
    assert_eq!(late.body, key[..]);
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    for status in [400, 401, 404, 429, 503, 599] {
        let url = format!("/keydelivery/ClearKey/?test-status={status}");
        let refused = service.post(&url, clearkey_request(&[kid.parse().unwrap()])).await;
        assert_eq!(refused.refusal(), (status, "test-status".into()));
    }
}

#[tokio::test]
async fn the_policy_decides_who_may_ask_all_the_same() {
    let (service, kid, key) = clearkey("token").await;
    let url = format!("/keydelivery/?kid={kid}&test-key=wrong");
    assert_eq!(service.get(&url).await.refusal(), (401, "token-missing".into()));
    let given = service.get(&format!("{url}&token={}", sign(&spec()))).await;
    assert_eq!(given.body, inverted(&key)[..]);
}

#[tokio::test]
async fn what_cannot_be_wished_is_refused_by_name() {
    let (service, kid, _) = clearkey("open").await;
    for (switch, reason) in [
        ("test-dealy=1", "test-switch-unknown"),
        ("test-delay=99999", "test-switch-value"),
        ("test-status=200", "test-switch-value"),
        ("test-key=right", "test-switch-value"),
        ("test-key=wrong&test-key=wrong", "test-switch-repeated"),
        ("test-expires=0", "test-switch-not-expressed"),
        ("test-level=test", "test-switch-not-expressed"),
    ] {
        let url = format!("/keydelivery/ClearKey/?{switch}");
        let refused = service.post(&url, clearkey_request(&[kid.parse().unwrap()])).await;
        assert_eq!(refused.refusal(), (400, reason.into()), "{switch}");
        let name = switch.split_once('=').unwrap().0;
        assert!(refused.json()["detail"].as_str().unwrap().contains(name), "{switch}");
    }
}

#[tokio::test]
async fn a_server_for_viewers_knows_no_switch() {
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Predefined_ClearKey", "open")).await;
    for switch in TABLE {
        let url = format!("/keydelivery/?kid={}&{}=1", record.kid, switch.name);
        assert_eq!(service.get(&url).await.refusal(), (400, "test-switch-not-served".into()));
    }
    let known = service.get(&format!("/keydelivery/?kid={}&test=1&tests-key=1", record.kid)).await;
    assert_eq!(known.status, 200);
}

#[tokio::test]
async fn clearkey_licences_may_be_kept_or_not() {
    let (service, kid, _) = clearkey("open").await;
    let kid = BASE64URL_NOPAD.encode(kid.parse::<portcullis::ids::KeyId>().unwrap().as_bytes());
    let body = json!({"kids": [kid], "type": "persistent-license"}).to_string();
    let ask = |word: &str| {
        let url = format!("/keydelivery/ClearKey/?test-persistent={word}");
        let (service, body) = (&service, body.clone());
        async move { service.post(&url, body).await }
    };
    assert_eq!(ask("yes").await.json()["type"], "persistent-license");
    assert_eq!(ask("no").await.refusal(), (403, "license-persistence-not-allowed".into()));
}

#[tokio::test]
async fn playready_licences_are_as_wished() {
    let trust = playready::World::get().trust();
    let service =
        playready::Service::start(trust, true, true, &playready::template(&json!({}))).await;
    let one = service.one();
    let ask = |switch: &str| {
        let uri = format!("{}?{switch}", playready::URL);
        let (service, one) = (&service, &one);
        async move { service.ask_at(&uri, "sl2000", one, None, &[]).await }
    };
    let wrong = ask("test-key=wrong").await.keys();
    assert_eq!(wrong[0].1.expose(), &inverted(service.film[0].1.expose()));
    let licence = &ask("test-expires=60").await.opened.unwrap().licences[0];
    let end = u32::try_from(NOW + 60).unwrap().to_be_bytes();
    let object = licence.object(ObjectKind::Expiration).unwrap();
    assert!(object.ends_with(&end), "{object:?}");
    let stored = |asked: playready::Asked| {
        asked.opened.unwrap().licences[0].object(ObjectKind::RightsSettings).is_none()
    };
    assert!(stored(ask("test-persistent=yes").await));
    assert!(!stored(ask("test-persistent=no").await));
    for (switch, status, reason) in [
        ("test-expires=0", 403, "playready-license-over"),
        ("test-level=hw-all", 403, "playready-security-level"),
        ("test-status=429", 429, "test-status"),
        ("test-status=503", 503, "test-status"),
        ("test-level=3000", 400, "test-switch-value"),
    ] {
        let (found, code, _) = ask(switch).await.refusal();
        assert_eq!((found, &*code), (status, reason), "{switch}");
    }
}

#[tokio::test]
async fn widevine_licences_are_as_wished() {
    let mut service = widevine::Service::open(&json!({})).await;
    let trust = Trust { widevine: Some(widevine::World::get().trust()), ..Default::default() };
    service.keys.restart_as(|delivery| delivery.with_trust(trust).for_testers());
    let data = service.pssh_data();
    let session = widevine::ask("l3", Content::PsshData(&data), LicenseType::Streaming);
    let ask = async |switch: &str| {
        let url = format!("{}?{switch}", widevine::URL);
        service.keys.post(&url, session.body.clone()).await
    };
    let opened = session.open(&ask("test-key=wrong").await.body).unwrap();
    let wrong = service.expected().into_iter().map(|(kid, key)| (kid, inverted(&key)));
    assert_eq!(widevine::keys_of(&opened), wrong.collect::<Vec<_>>());
    let url = "test-expires=60&test-persistent=yes&test-level=sw-crypto";
    let opened = session.open(&ask(url).await.body).unwrap();
    let policy = opened.license.policy.unwrap();
    assert_eq!((policy.license_duration_seconds, policy.can_persist), (Some(60), Some(true)));
    for (switch, status, reason) in [
        ("test-expires=0", 403, "widevine-license-over"),
        ("test-level=hw-all", 403, "widevine-device-level-too-low"),
        ("test-status=503", 503, "test-status"),
    ] {
        assert_eq!(ask(switch).await.refusal(), (status, reason.into()), "{switch}");
    }
}

#[tokio::test]
async fn fairplay_keys_are_as_wished() {
    let mut service = fairplay::Service::open().await;
    let trust = fairplay::World::get().trust();
    service.keys.restart_as(|delivery| delivery.with_trust(trust).for_testers());
    let asset = service.kid.to_string();
    let wish = Wish {
        asset: asset.as_bytes(),
        playback: Some((NOW as u32, PlaybackState::Ready)),
        ..Wish::default()
    };
    let (spc, opener) = service.wished(2, &wish);
    let ask = async |switch: &str| {
        service.keys.post(&format!("{}&{switch}", service.url()), spc.clone()).await
    };
    let wrong = opener.open(&ask("test-key=wrong").await.body).unwrap();
    assert_eq!(wrong.key.expose(), &inverted(service.key.expose()));
    for (switch, duration) in [
        ("test-expires=90", Some((90, 0, tag::LEASE))),
        ("test-persistent=yes", Some((0, 0, tag::PERSIST))),
        ("test-persistent=no", None),
    ] {
        let opened = opener.open(&ask(switch).await.body).unwrap();
        assert_eq!(opened.duration, duration, "{switch}");
    }
    assert!(opener.open(&ask("test-level=hw-all").await.body).unwrap().level.is_some());
    for (switch, status, reason) in
        [("test-expires=0", 403, "fairplay-rights-over"), ("test-status=503", 503, "test-status")]
    {
        assert_eq!(ask(switch).await.refusal(), (status, reason.into()), "{switch}");
    }
}

#[test]
fn the_documentation_shows_every_switch() {
    let docs = include_str!("../../../docs/LICENCES.md");
    for switch in TABLE {
        let names: Vec<_> = switch.systems.iter().map(|system| system.name()).collect();
        let systems = match switch.systems.contains(&System::Raw) {
            true => "all".to_owned(),
            false => names.join(", "),
        };
        let row =
            format!("| `{}` | {} | {} | {systems} |", switch.name, switch.values, switch.does);
        assert!(docs.contains(&row), "no row {row}");
    }
}
