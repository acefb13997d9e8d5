//! The one address for all systems, and the whole ClearKey exchange (clearkey.md sections 5 to 10).

use axum::body::Body;
use axum::http::{Request, StatusCode};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use portcullis::crypto::key::ContentKey;
use portcullis::ids::KeyId;
use portcullis::policy::ContentKeyPolicy;
use portcullis::service::own_key::OwnKey;
use portcullis::service::publish::PublishRequest;
use serde_json::json;

use crate::support::keys::{Answer, KeyService, clearkey_request, request, sign, spec};

const URL: &str = "/keydelivery/license";

/// KID and key of the web platform's tests, in base64url (clearkey.md section 10).
const PLATFORM: [(&str, &str); 2] = [
    ("AAAAAAPS_EEAAAAAAAAAAA", "rzQTSR-sLD46a4jgU4RCBg"),
    ("AAECAwQFBgcICQoLDA0ODw", "691i8WgU0nto7xIq_OSuPA"),
];

fn sixteen(base64url: &str) -> [u8; 16] {
    BASE64URL_NOPAD.decode(base64url.as_bytes()).unwrap().try_into().unwrap()
}

/// Publishes a key of the web platform's tests.
async fn import(service: &KeyService, n: usize, policy: &str) {
    let (kid, key) = PLATFORM[n];
    let own = OwnKey {
        kid: KeyId::from_bytes(sixteen(kid)),
        label: "cencDefaultKey".into(),
        protection: None,
        key: Some(ContentKey::from_bytes(sixteen(key)).into()),
        policy: None,
        crypto_period: None,
        root: false,
    };
    let name = format!("platform-{n}");
    let request = request(&name, "Portcullis_CencClearKey", policy);
    service.publish(&PublishRequest { keys: vec![own], ..request }).await;
}

fn platform_request(kids: &[&str], session: &str) -> String {
    json!({"kids": kids, "type": session}).to_string()
}

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

#[tokio::test]
async fn the_exchanges_of_the_web_platform_tests_are_answered_to_the_letter() {
    let service = KeyService::start().await;
    import(&service, 0, "open").await;
    import(&service, 1, "open").await;
    let [(kid0, key0), (kid1, key1)] = PLATFORM;
    let one =
        format!(r#"{{"keys":[{{"kty":"oct","kid":"{kid0}","k":"{key0}"}}],"type":"temporary"}}"#);
    let both = format!(
        r#"{{"keys":[{{"kty":"oct","kid":"{kid1}","k":"{key1}"}},{{"kty":"oct","kid":"{kid0}","k":"{key0}"}}],"type":"temporary"}}"#
    );
    for url in ["/keydelivery/ClearKey/", URL, "/keydelivery/license/?kid=ignored"] {
        let answer = service.post(url, platform_request(&[kid0], "temporary")).await;
        assert_eq!((answer.status, text(&answer)), (StatusCode::OK, one.as_str()), "{url}");
        let answer = service.post(url, platform_request(&[kid1, kid0], "temporary")).await;
        assert_eq!(text(&answer), both, "{url}");
    }
    let released =
        service.post("/keydelivery/ClearKey/release", json!({"kids": [kid0, kid1]}).to_string());
    let released = released.await;
    assert_eq!(text(&released), json!({"kids": [kid0, kid1]}).to_string());
    // The same list, however it is written.
    let list = json!({"kids": [kid0, format!("{kid0}=="), "AAAA"]}).to_string();
    let released = service.post("/keydelivery/ClearKey/release", list.clone()).await;
    assert_eq!(text(&released), list);
    let nothing = service.post("/keydelivery/ClearKey/release", "{}").await;
    assert_eq!(nothing.refusal(), (400, "clearkey-request-malformed".into()));
}

#[tokio::test]
async fn licences_are_kept_only_where_the_policy_allows_it() {
    let service = KeyService::start().await;
    let keeping = json!({"options": [{
        "configuration": {"@odata.type": "#Microsoft.Media.ContentKeyPolicyClearKeyConfiguration",
            "allowPersistentLicense": true},
        "restriction": {"@odata.type": "#Microsoft.Media.ContentKeyPolicyOpenRestriction"}}]});
    let policy = ContentKeyPolicy::from_properties("keeping", keeping.to_string().as_bytes());
    service.store.create_content_key_policy(&policy.unwrap()).await.unwrap();
    import(&service, 0, "open").await;
    import(&service, 1, "keeping").await;
    let kids = PLATFORM.map(|(kid, _)| kid);
    let ask = |kids: &[&str]| service.post(URL, platform_request(kids, "persistent-license"));
    let refused = ask(&kids[..1]).await.refusal();
    assert_eq!(refused, (403, "license-persistence-not-allowed".into()));
    // Of several keys those that may be kept.
    for asked in [&kids[1..], &kids[..]] {
        let licence = ask(asked).await.json();
        assert_eq!(licence["type"], "persistent-license");
        assert_eq!(licence["keys"].as_array().unwrap().len(), 1);
        assert_eq!(licence["keys"][0]["kid"], kids[1]);
    }
}

#[tokio::test]
async fn a_wrapped_request_gets_a_wrapped_licence_and_refusals_as_they_are() {
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Portcullis_CencClearKey", "token")).await;
    let inner = clearkey_request(&[record.kid]);
    let outer = json!({"rawLicenseRequestBase64": BASE64.encode(inner.as_bytes())}).to_string();
    let plain = service.post(&format!("{URL}?token={}", sign(&spec())), inner).await;
    let answer = service.post(&format!("{URL}?token={}", sign(&spec())), outer.clone()).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::OK, "application/json")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let licence = answer.json()["rawLicenseBase64"].as_str().unwrap().to_owned();
    assert_eq!(BASE64.decode(licence.as_bytes()).unwrap(), plain.body);
    assert_eq!(service.post(URL, outer).await.refusal(), (401, "token-missing".into()));
}

#[tokio::test]
async fn what_no_system_sends_is_told_so() {
    let service = KeyService::start().await;
    for body in [&b""[..], b"hello", &[0; 8], &[0xff; 100]] {
        let refused = service.post(URL, body).await.refusal();
        assert_eq!(refused, (415, "license-request-unknown".into()), "{body:?}");
    }
}

#[tokio::test]
async fn a_mistyped_address_is_told_what_addresses_there_are() {
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Portcullis_CencClearKey", "open")).await;
    let body = clearkey_request(&[record.kid]);
    for path in ["/keydelivery/ClearKey/", "/keydelivery/clearkey/", "/keydelivery/clearkey"] {
        assert_eq!(service.post(path, body.clone()).await.status, 200, "{path}");
    }
    for path in ["/keydelivery/ClearKeys/", "/keydelivery/x/y"] {
        let refused = service.post(path, body.clone()).await;
        assert_eq!(refused.refusal(), (404, "not-found".into()), "{path}");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("ClearKey, PlayReady, Widevine, FairPlay as NAME"), "{detail}");
    }
}

#[tokio::test]
async fn a_cookie_counts_for_pages_of_the_own_site_only() {
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Portcullis_CencClearKey", "token")).await;
    let token = sign(&spec());
    let ask = |cookie: String, more: &[(&'static str, &'static str)]| {
        let mut request = Request::post(URL).header("cookie", cookie).header("host", "tv.example");
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let body = Body::from(clearkey_request(&[record.kid]));
        service.send(request.body(body).unwrap())
    };
    let cookie = format!("a=b; token={token}; c=d");
    for (headers, status) in [
        (&[][..], 200),
        (&[("origin", "https://tv.example")], 200),
        (&[("origin", "https://www.tv.example"), ("sec-fetch-site", "same-site")], 200),
        (&[("origin", "https://evil.example")], 401),
        (&[("origin", "https://tv.example"), ("sec-fetch-site", "cross-site")], 401),
        (&[("origin", "null")], 401),
    ] {
        assert_eq!(ask(cookie.clone(), headers).await.status, status, "{headers:?}");
    }
    let stale = ask("token=rubbish".into(), &[("authorization", "Bearer also.rubbish")]).await;
    assert_eq!(stale.refusal(), (401, "token-malformed".into()));
    let two = ask(format!("token={token}; token=other"), &[]).await;
    assert_eq!(two.refusal(), (400, "token-ambiguous".into()));
}
