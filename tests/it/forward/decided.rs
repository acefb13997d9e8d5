//! Our own decision comes first: what it refuses never reaches the other server.

use axum::body::Body;
use axum::http::Request;
use data_encoding::BASE64;
use jiff::SignedDuration;
use portcullis::crypto::random::System;
use portcullis::drm::widevine::{EntitledKey, PsshData};
use portcullis::ids::KeyId;
use portcullis::keys::{Hierarchy, Rotation};
use portcullis::license::fairplay::client::Wish;
use portcullis::license::upstream::Protocol;
use portcullis::license::widevine::LicenseType;
use portcullis::license::widevine::test_device::Content;
use portcullis::policy::ContentKeyPolicy;
use portcullis::service::publish::PublishRequest;
use portcullis::service::upstream::Settings;
use prost::Message;
use serde_json::{Value, json};

use crate::support::fairplay::World;
use crate::support::keys::{NOW, at, base64url, clearkey_request, request, sign, spec};
use crate::support::log::{Log, logged};
use crate::support::playready::template;
use crate::support::upstream::{
    CBCS, CENC, Choice, Server, Service, every_system, properties, reply,
};
use crate::support::widevine::{ask, pssh_data};

const URL: &str = "/keydelivery/ClearKey/";

#[tokio::test]
async fn what_is_refused_here_is_not_passed_on() {
    let server = Server::start(|_| reply(200, "application/json", "{}")).await;
    let service = Service::of(server.settings(Protocol::Https), false).await;
    let (kid, _) = service.cenc().await;
    let (other, _) = service.key("other", CENC).await;
    let own = service.keys.publish_key(&request("own", CENC, "token")).await.0.kid;
    let unknown = KeyId::random();
    let mut late = spec();
    late.expires = at(NOW - 3600);
    let mut narrow = spec();
    narrow.kid = Some(kid);
    let [good, late, narrow] = [spec(), late, narrow].map(|spec| sign(&spec));
    for (token, kids, status, reason) in [
        ("", vec![kid], 401, "token-missing"),
        ("nonsense", vec![kid], 401, "token-malformed"),
        (late.as_str(), vec![kid], 401, "token-expired"),
        (good.as_str(), vec![unknown], 404, "key-unknown"),
        (good.as_str(), vec![kid, unknown], 404, "key-unknown"),
        (good.as_str(), vec![kid, own], 403, "license-of-several-servers"),
        (narrow.as_str(), vec![kid, other], 403, "token-key-identifier-mismatch"),
    ] {
        let url = format!("{URL}?token={token}");
        let refused = service.keys.post(&url, clearkey_request(&kids)).await;
        assert_eq!(refused.refusal(), (status, reason.into()), "{kids:?}");
    }
    assert!(server.seen().is_empty() && server.connections() == 0);
    for token in [&good, &narrow] {
        let url = format!("{URL}?token={token}");
        assert_eq!(service.keys.post(&url, clearkey_request(&[kid])).await.status, 200);
    }
    assert_eq!(server.seen().len(), 2);
}

/// The other server reads the whole request, and may go by a name in it.
#[tokio::test]
async fn content_of_other_keys_is_not_asked_for_beside_a_key() {
    let server = Server::start(|_| reply(200, "application/octet-stream", "licence")).await;
    let service = Service::of(server.settings(Protocol::Https), true).await;
    let (kid, _) = service.cenc().await;
    service.key("free", CBCS).await;
    let protected = service.keys.publish_key(&request("protected", CENC, "token")).await.0;
    let address = format!("/keydelivery/Widevine/?kid={kid}");
    let post = async |address: &str, kids: &[&[u8]], content_id: Option<&[u8]>| {
        let key_ids = kids.iter().map(|id| id.to_vec()).collect();
        let content_id = content_id.map(<[u8]>::to_vec);
        let data = PsshData { key_ids, content_id, ..PsshData::default() }.encode_to_vec();
        let session = ask("l3", Content::PsshData(&data), LicenseType::Streaming);
        service.keys.post(address, session.body).await
    };
    let (own, locator) = (kid.as_bytes().as_slice(), *protected.locator.as_bytes());
    let spelled = protected.kid.to_string();
    for (kids, content_id) in [
        (&[own][..], Some(&b"protected"[..])),
        (&[], Some(b"protected")),
        (&[own], Some(b"free")),
        (&[own], Some(&locator)),
        (&[own], Some(protected.kid.as_bytes())),
        (&[own, spelled.as_bytes()], Some(b"film")),
    ] {
        let refused = post(&address, kids, content_id).await;
        let expected = (403, "license-of-other-content".into());
        assert_eq!(refused.refusal(), expected, "{kids:?} {content_id:?}");
    }
    assert!(server.seen().is_empty());
    for (kids, content_id) in [
        (&[own][..], Some(&b"film"[..])),
        (&[own], Some(b"a name of the vendor")),
        (&[], Some(b"film")),
        (&[], Some(own)),
    ] {
        let answer = post("/keydelivery/Widevine/", kids, content_id).await;
        assert_eq!(answer.body, "licence", "{kids:?} {content_id:?}");
    }
}

/// Groups of contents are named in fields of their own.
#[tokio::test]
async fn groups_of_other_content_are_not_asked_for() {
    let server = Server::start(|_| reply(200, "application/octet-stream", "licence")).await;
    let service = Service::of(server.settings(Protocol::Https), true).await;
    let (kid, _) = service.cenc().await;
    let protected = service.keys.publish_key(&request("protected", CENC, "token")).await.0.kid;
    let key_ids = vec![kid.as_bytes().to_vec()];
    let other = || protected.as_bytes().to_vec();
    for data in [
        PsshData { group_ids: vec![other()], ..PsshData::default() },
        PsshData { grouped_license: Some(other()), ..PsshData::default() },
    ] {
        let data = PsshData { key_ids: key_ids.clone(), ..data }.encode_to_vec();
        let session = ask("l3", Content::PsshData(&data), LicenseType::Streaming);
        let refused = service.keys.post("/keydelivery/Widevine/", session.body).await;
        assert_eq!(refused.refusal(), (403, "license-of-other-content".into()));
    }
    assert!(server.seen().is_empty());
}

/// The address names the key; what stands beside the SPC names no other, in whatever spelling.
#[tokio::test]
async fn a_fairplay_request_names_one_key() {
    let server = Server::start(|_| reply(200, "application/octet-stream", "licence")).await;
    let service = Service::of(server.settings(Protocol::Https), true).await;
    let (kid, _) = service.key("free", CBCS).await;
    let protected = service.keys.publish_key(&request("protected", CBCS, "token")).await.0.kid;
    let (spc, _) = World::get().draft(2, &Wish::default()).seal(&mut System::new()).unwrap();
    let base64 = BASE64.encode(&spc);
    let json = |others: &str| format!(r#"{{"spc":"{base64}"{others}}}"#);
    let encoded: String = url::form_urlencoded::byte_serialize(base64.as_bytes()).collect();
    let fields = |others: &str| format!("spc={encoded}{others}");
    let address = format!("/keydelivery/FairPlay/?kid={kid}");
    let other = "license-of-other-content";
    for (body, status, reason) in [
        (json(&format!(r#","assetId":"{protected}""#)), 403, other),
        (json(r#","assetId":"protected""#), 403, other),
        (fields(&format!("&assetId={protected}")), 403, other),
        (json(&format!(r#","assetID":"{protected}""#)), 400, "fairplay-request-malformed"),
        (fields(&format!("&assetId={kid}&assetid={protected}")), 400, "fairplay-request-malformed"),
    ] {
        let refused = service.keys.post(&address, body.clone()).await;
        assert_eq!(refused.refusal(), (status, reason.into()), "{body}");
    }
    assert!(server.seen().is_empty());
    for body in [
        json(&format!(r#","assetId":"{kid}","more":1"#)),
        json(r#","assetId":"free""#),
        fields("&assetId=a+name+of+the+vendor"),
    ] {
        assert_eq!(service.keys.post(&address, body.clone()).await.body, "licence", "{body}");
    }
}

/// Keys that stand in the request wrapped are keys that it names, and root keys stay here.
#[tokio::test]
async fn neither_wrapped_keys_of_others_nor_root_keys_go_on() {
    let server = Server::start(|_| reply(200, "application/octet-stream", "licence")).await;
    let service = Service::of(server.settings(Protocol::Https), true).await;
    let (kid, _) = service.cenc().await;
    let protected = service.keys.publish_key(&request("protected", CENC, "token")).await.0.kid;
    let rotation = Rotation {
        period: Some(SignedDuration::from_secs(60)),
        keys: Some(1),
        hierarchy: Hierarchy::RootLeaf,
        ..Rotation::default()
    };
    let rooted = request("rooted", "Predefined_MultiDrmCencStreaming", "elsewhere");
    let rooted = PublishRequest { rotation: Some(rotation), ..rooted };
    let rooted = service.keys.publish(&rooted).await;
    let records = service.keys.store.keys_of(rooted.id).await.unwrap();
    let [root, leaf] = &records[..] else { panic!("{records:?}") };
    let bytes = |kid: KeyId| Some(kid.as_bytes().to_vec());
    for (root, wrapped, reason) in [
        (None, Some(protected), "license-of-other-content"),
        (Some(protected), Some(kid), "policy-option-missing"),
        (Some(root.kid), Some(leaf.kid), "key-is-root"),
    ] {
        let key = EntitledKey {
            entitlement_key_id: root.and_then(bytes),
            key_id: wrapped.and_then(bytes),
            ..EntitledKey::default()
        };
        let key_ids = bytes(kid).into_iter().collect();
        let data = PsshData { key_ids, entitled_keys: vec![key], ..PsshData::default() };
        let data = data.encode_to_vec();
        let session = ask("l3", Content::PsshData(&data), LicenseType::Streaming);
        let refused = service.keys.post("/keydelivery/Widevine/", session.body).await;
        assert_eq!(refused.refusal().1, reason);
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn nothing_goes_on_that_was_not_decided_on() {
    let server = Server::start(|_| reply(200, "application/json", "{}")).await;
    let service = Service::of(server.settings(Protocol::Https), true).await;
    let (kid, _) = service.cenc().await;
    let name = base64url(&kid);
    let sent = json!({ "kids": ["AAAA", name, name], "KIDS": ["AAAA"], "more": 1 });
    let answer = service.keys.post(URL, sent.to_string()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(server.seen()[0].body, clearkey_request(&[kid]));
}

#[tokio::test]
async fn a_key_whose_licences_are_made_elsewhere_is_not_given_out_here() {
    let server = Server::start(|_| reply(200, "application/json", "{}")).await;
    let service = Service::of(server.settings(Protocol::Https), true).await;
    let (kid, _) = service.cenc().await;
    let refused = service.keys.get(&format!("/keydelivery/?kid={kid}")).await;
    assert_eq!(refused.refusal(), (403, "license-made-elsewhere".into()));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn each_option_has_its_own_server_or_none() {
    let [one, two] = ["one", "two"]
        .map(|name| Server::start(move |_| reply(200, "application/octet-stream", name)));
    let (one, two) = (one.await, two.await);
    let mut choices = every_system();
    choices[2].upstream = Some("second");
    let servers =
        [("vendor", one.settings(Protocol::Https)), ("second", two.settings(Protocol::Https))];
    let service = Service::with(&servers, true, &choices).await;
    let (kid, _) = service.cenc().await;
    let clearkey = service.keys.post(URL, clearkey_request(&[kid])).await;
    assert_eq!(clearkey.body, "one");
    let data = pssh_data(&[kid]);
    let widevine = ask("l3", Content::PsshData(&data), LicenseType::Streaming);
    let answer = service.keys.post("/keydelivery/Widevine/", widevine.body).await;
    assert_eq!(answer.body, "two");
    let own = service.keys.publish_key(&request("own", CENC, "open")).await.0.kid;
    let answer = service.keys.post(URL, clearkey_request(&[own])).await;
    assert_eq!(answer.json()["keys"].as_array().unwrap().len(), 1, "made here");
    assert_eq!((one.seen().len(), two.seen().len()), (1, 1));
}

#[tokio::test]
async fn the_audit_names_the_server_and_nothing_secret_is_logged() {
    let log = Log::default();
    let _guard = logged(&log);
    let dir = tempfile::tempdir().unwrap();
    let secret_file = dir.path().join("secret");
    std::fs::write(&secret_file, "hunter2hunter2").unwrap();
    let server = Server::start(|_| reply(200, "application/json", "{}")).await;
    let headers = [("X-All".to_owned(), "{secret} {token} {keys} literal0".to_owned())];
    let settings = Settings {
        secret_file: Some(secret_file),
        headers: headers.into(),
        failures: 2,
        ..server.settings(Protocol::Https)
    };
    let service = Service::of(settings, false).await;
    let (kid, key) = service.cenc().await;
    let token = sign(&spec());
    let url = format!("{URL}?token={token}");
    let post = || service.keys.post(&url, clearkey_request(&[kid]));
    post().await;
    server.becomes(|_| reply(503, "text/plain", "what went wrong inside"));
    post().await;
    post().await;
    post().await;
    let records = log.audit();
    let told: Vec<(&str, &str)> = records
        .iter()
        .map(|record| {
            (record["message"].as_str().unwrap(), record["reason"].as_str().unwrap_or(""))
        })
        .collect();
    let refused = |reason| ("key refused", reason);
    let failed = refused("upstream-failed");
    assert_eq!(told, [("key delivered", ""), failed, failed, refused("upstream-unavailable")]);
    assert_eq!(records[0]["upstream"], "vendor");
    let text = log.text();
    assert!(text.contains("licence server is left alone"));
    let key = data_encoding::HEXLOWER.encode(key.expose());
    for secret in ["hunter2", "literal0", "inside", "customer=7", &token, &key] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn policies_are_judged_when_they_are_stored() {
    let refusal = |choice: Choice| {
        let properties = properties(true, &[choice]).to_string();
        let policy = ContentKeyPolicy::from_properties("p", properties.as_bytes());
        policy.err().map(|error| error.rule).unwrap_or_default()
    };
    let choice = |kind, members: Value| Choice { kind, members, upstream: Some("vendor") };
    let undefined = |member: &str, value: Value| {
        let mut members = json!({ "rentalAndLeaseKeyType": "Undefined" });
        members[member] = value;
        members
    };
    for (choice, rule) in [
        (choice("ClearKey", json!({})), ""),
        (choice("Widevine", json!({ "widevineTemplate": "{}" })), ""),
        (choice("PlayReady", json!({ "licenses": [] })), ""),
        (choice("FairPlay", undefined("leaseDuration", json!(0))), ""),
        (
            choice("ClearKey", json!({ "allowPersistentLicense": true })),
            "options[0].configuration.allowPersistentLicense: not with upstream",
        ),
        (
            choice("PlayReady", json!({ "licenses": [], "responseCustomData": "x" })),
            "options[0].configuration.responseCustomData: not with upstream",
        ),
        (
            choice("PlayReady", json!({ "licenses": template(&json!({})) })),
            "options[0].configuration.licenses: not with upstream",
        ),
        (
            choice("FairPlay", undefined("leaseDuration", json!(5))),
            "options[0].configuration.leaseDuration: not with upstream",
        ),
        (
            choice("FairPlay", undefined("hdcpLevel", json!("TYPE-1"))),
            "options[0].configuration.hdcpLevel: not with upstream",
        ),
        (
            Choice { upstream: Some("two words"), ..choice("ClearKey", json!({})) },
            "options[0].upstream: a name has",
        ),
        (
            Choice { upstream: None, ..choice("PlayReady", json!({ "licenses": [] })) },
            "options[0].configuration.licenses: 1 to",
        ),
    ] {
        let told = refusal(choice);
        assert!(told.starts_with(rule) && told.is_empty() == rule.is_empty(), "{rule}: {told}");
    }
}

#[tokio::test]
async fn a_token_that_no_header_line_holds_is_refused() {
    let server = Server::start(|_| reply(200, "application/json", "{}")).await;
    let headers = [("X-Token".to_owned(), "{token}".to_owned())];
    let settings = Settings { headers: headers.into(), ..server.settings(Protocol::Https) };
    let service = Service::of(settings, true).await;
    let (kid, _) = service.cenc().await;
    for (token, status) in [("a%0D%0AX-Admin:1", 400), ("plain", 200)] {
        let asked = Request::post(format!("{URL}?token={token}"));
        let asked = asked.body(Body::from(clearkey_request(&[kid]))).unwrap();
        assert_eq!(service.keys.send(asked).await.status, status, "{token}");
    }
    assert_eq!(server.seen().len(), 1);
}
