//! Key delivery by whole URLs.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use data_encoding::BASE64URL_NOPAD;
use portcullis::ids::KeyId;
use portcullis::policy::content_key::KEY_IDENTIFIER_CLAIM;
use portcullis::policy::{PolicyOption, TokenRestriction};
use portcullis::service::publish::PublishRequest;
use portcullis::token::TokenSpec;
use serde_json::json;

use crate::support::keys::{
    KeyService, NOW, at, base64url, clearkey_request, request, required, restriction, sign, spec,
    token_policy,
};

const STREAMING_POLICIES: [&str; 3] =
    ["Predefined_ClearKey", "Portcullis_CencClearKey", "Portcullis_CbcsClearKey"];

#[tokio::test]
async fn raw_keys_are_sixteen_bytes_whatever_the_protection_and_the_spelling() {
    let service = KeyService::start().await;
    for policy in STREAMING_POLICIES {
        let (record, key) = service.publish_key(&request(policy, policy, "open")).await;
        let kid = record.kid.to_string();
        let uris = [
            format!("/keydelivery/?kid={kid}"),
            format!("/keydelivery?KID={}", kid.to_uppercase()),
            format!("/keydelivery/?x=1&Kid={}", kid.replace('-', "")),
        ];
        for uri in uris {
            for answer in [service.get(&uri).await, service.post(&uri, "").await] {
                assert_eq!(answer.status, StatusCode::OK, "{uri}");
                assert_eq!(answer.body, &key.expose()[..]);
                assert_eq!(answer.header("content-type"), "application/octet-stream");
                assert_eq!(answer.header("cache-control"), "no-store");
            }
        }
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_key() {
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Predefined_ClearKey", "token")).await;
    let uri = format!("/keydelivery/?kid={}", record.kid);
    let head = |uri: &str| Request::head(uri).body(Body::empty()).unwrap();
    assert_eq!(service.send(head(&uri)).await.status, StatusCode::UNAUTHORIZED);
    let answer = service.send(head(&format!("{uri}&token={}", sign(&spec())))).await;
    assert_eq!((answer.status, answer.header("content-length")), (StatusCode::OK, "16"));
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn a_token_is_taken_from_every_place() {
    let service = KeyService::start().await;
    let (record, key) = service.publish_key(&request("s", "Predefined_ClearKey", "token")).await;
    let uri = format!("/keydelivery/?kid={}", record.kid);
    let token = sign(&spec());
    for authorization in [format!("Bearer {token}"), format!("Bearer={token}"), token.clone()] {
        let answer = service.get_with(&uri, &authorization).await;
        assert_eq!(answer.body, &key.expose()[..], "{}", &authorization[..8]);
    }
    assert_eq!(service.get(&format!("{uri}&token={token}")).await.body, &key.expose()[..]);
}

#[tokio::test]
async fn refusals_of_raw_keys_have_their_status_and_reason() {
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Predefined_ClearKey", "token")).await;
    let kid = record.kid;
    let late = sign(&TokenSpec { expires: at(NOW - 3600), ..spec() });
    let stranger = sign(&TokenSpec { issuer: "https://other.example".into(), ..spec() });
    let (good, other) = (sign(&spec()), KeyId::random());
    let table = [
        (format!("?kid={kid}"), 401, "token-missing"),
        (format!("?kid={kid}&token="), 401, "token-missing"),
        (format!("?kid={kid}&token=rubbish"), 401, "token-malformed"),
        (format!("?kid={kid}&token={late}"), 401, "token-expired"),
        (format!("?kid={kid}&token={stranger}"), 401, "token-issuer-mismatch"),
        (format!("?kid={kid}&token={good}&token={late}"), 400, "token-ambiguous"),
        (format!("?kid={other}&token={good}"), 404, "key-unknown"),
        (format!("?kid={other}"), 404, "key-unknown"),
        (format!("?kid={kid}&KID={kid}"), 400, "kid-repeated"),
        ("?kid=".into(), 400, "kid-malformed"),
        ("?kid=%00%ff".into(), 400, "kid-malformed"),
        (format!("?kid={{{kid}}}"), 400, "kid-malformed"),
        ("".into(), 400, "kid-missing"),
        (format!("?token={good}"), 400, "kid-missing"),
    ];
    for (query, status, code) in table {
        let answer = service.get(&format!("/keydelivery/{query}")).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{query}");
        let challenged = status == 401 || code == "token-ambiguous";
        assert_eq!(answer.header("www-authenticate").starts_with("Bearer "), challenged);
    }
}

#[tokio::test]
async fn what_no_token_would_change_has_no_challenge() {
    let service = KeyService::start().await;
    let later = PublishRequest {
        start: Some(at(NOW + 3600)),
        ..request("later", "Predefined_ClearKey", "open")
    };
    let later = service.publish_key(&later).await.0.kid;
    let now = service.publish_key(&request("now", "Predefined_ClearKey", "open")).await.0.kid;
    let kept = json!({ "kids": [base64url(&now)], "type": "persistent-license" }).to_string();
    for (answer, code) in [
        (service.get(&format!("/keydelivery/?kid={later}")).await, "locator-not-active"),
        (service.post("/keydelivery/ClearKey/", kept).await, "license-persistence-not-allowed"),
    ] {
        assert_eq!(answer.refusal(), (403, code.to_owned()));
        assert_eq!(answer.header("www-authenticate"), "", "{code}");
    }
}

#[tokio::test]
async fn a_valid_token_that_does_not_cover_the_key_is_forbidden() {
    let service = KeyService::start().await;
    let rules = vec![required(KEY_IDENTIFIER_CLAIM, None), required("tier", Some("hd"))];
    let restriction = TokenRestriction { required_claims: rules, ..restriction() };
    let policy = token_policy("strict", restriction);
    service.store.create_content_key_policy(&policy).await.unwrap();
    let (record, _) = service.publish_key(&request("s", "Predefined_ClearKey", "strict")).await;
    let claims = |tier: &str| json!({"tier": tier}).as_object().unwrap().clone();
    let hd = TokenSpec { kid: Some(record.kid), claims: claims("hd"), ..spec() };
    let table = [
        (hd.clone(), 200, ""),
        (TokenSpec { claims: claims("sd"), ..hd.clone() }, 403, "token-claim-mismatch"),
        (TokenSpec { kid: None, ..hd.clone() }, 403, "token-claim-missing"),
        (TokenSpec { kid: Some(KeyId::random()), ..hd }, 403, "token-key-identifier-mismatch"),
    ];
    for (spec, status, code) in table {
        let bearer = format!("Bearer {}", sign(&spec));
        let answer = service.get_with(&format!("/keydelivery/?kid={}", record.kid), &bearer).await;
        if status == 200 {
            assert_eq!(answer.status, StatusCode::OK);
        } else {
            assert_eq!(answer.refusal(), (status, code.to_owned()));
            assert!(answer.header("www-authenticate").contains("insufficient_scope"));
        }
    }
}

#[tokio::test]
async fn the_first_option_that_accepts_the_token_answers() {
    let service = KeyService::start().await;
    let mut policy =
        token_policy("two", TokenRestriction { audience: "urn:a".into(), ..restriction() });
    let second = token_policy("x", TokenRestriction { audience: "urn:b".into(), ..restriction() });
    policy.options.extend(second.options.into_iter().map(|option: PolicyOption| option));
    service.store.create_content_key_policy(&policy).await.unwrap();
    let (record, _) = service.publish_key(&request("s", "Predefined_ClearKey", "two")).await;
    let uri = format!("/keydelivery/?kid={}", record.kid);
    for (audience, status) in [("urn:a", 200), ("urn:b", 200), ("urn:c", 401)] {
        let token = sign(&TokenSpec { audience: audience.into(), ..spec() });
        let answer = service.get_with(&uri, &format!("Bearer {token}")).await;
        assert_eq!(answer.status.as_u16(), status, "{audience}");
    }
}

#[tokio::test]
async fn a_clearkey_licence_is_what_strict_parsers_accept() {
    let service = KeyService::start().await;
    let (cenc, cenc_key) =
        service.publish_key(&request("a", "Portcullis_CencClearKey", "open")).await;
    let (cbcs, cbcs_key) =
        service.publish_key(&request("b", "Portcullis_CbcsClearKey", "open")).await;
    let entry = |kid: &KeyId, key: &[u8]| {
        format!(
            r#"{{"kty":"oct","kid":"{}","k":"{}"}}"#,
            base64url(kid),
            BASE64URL_NOPAD.encode(key)
        )
    };
    let expected = format!(
        r#"{{"keys":[{},{}],"type":"temporary"}}"#,
        entry(&cbcs.kid, cbcs_key.expose()),
        entry(&cenc.kid, cenc_key.expose())
    );
    let body = clearkey_request(&[cbcs.kid, KeyId::random(), cenc.kid]);
    for path in
        ["/ClearKey/", "/ClearKey", "/license", "/ClearKey/?kid=whatever", "/", "?kid=whatever"]
    {
        let answer = service.post(&format!("/keydelivery{path}"), body.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.body, expected.as_bytes());
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn clearkey_gives_what_is_granted_and_never_an_empty_set() {
    let service = KeyService::start().await;
    let (open, _) = service.publish_key(&request("a", "Portcullis_CencClearKey", "open")).await;
    let (token, _) = service.publish_key(&request("b", "Portcullis_CencClearKey", "token")).await;
    let unknown = KeyId::random();
    let ask =
        async |kids: &[KeyId]| service.post("/keydelivery/ClearKey/", clearkey_request(kids)).await;
    let partial = ask(&[token.kid, open.kid, unknown]).await;
    assert_eq!(partial.json()["keys"].as_array().unwrap().len(), 1);
    assert_eq!(partial.json()["keys"][0]["kid"], base64url(&open.kid));
    let refusal = |status, code: &str| (status, code.to_owned());
    assert_eq!(ask(&[unknown]).await.refusal(), refusal(404, "key-unknown"));
    assert_eq!(ask(&[token.kid, unknown]).await.refusal(), refusal(401, "token-missing"));
}

#[tokio::test]
async fn clearkey_licences_hold_no_keys_of_whole_segments() {
    let service = KeyService::start().await;
    let (segments, _) = service.publish_key(&request("a", "Predefined_ClearKey", "open")).await;
    let (samples, _) = service.publish_key(&request("b", "Portcullis_CencClearKey", "open")).await;
    let ask =
        async |kids: &[KeyId]| service.post("/keydelivery/ClearKey/", clearkey_request(kids)).await;
    let refused = ask(&[segments.kid]).await.refusal();
    assert_eq!(refused, (403, "clearkey-key-of-other-kind".into()));
    let licence = ask(&[segments.kid, samples.kid]).await.json();
    assert_eq!(licence["keys"].as_array().unwrap().len(), 1);
    assert_eq!(licence["keys"][0]["kid"], base64url(&samples.kid));
}

#[tokio::test]
async fn bad_licence_requests_are_refused_by_a_rule() {
    let service = KeyService::start().await;
    let (open, _) = service.publish_key(&request("a", "Portcullis_CencClearKey", "open")).await;
    let persistent = clearkey_request(&[open.kid]).replace("temporary", "persistent-license");
    let large = format!(r#"{{"kids":["{}"]}}"#, "A".repeat(70_000));
    let table = [
        ("ClearKey/", "".to_owned(), 400, "clearkey-request-malformed"),
        ("ClearKey/", r#"{"kids":[]}"#.into(), 400, "clearkey-request-without-kids"),
        ("ClearKey/", r#"{"kids":["*"]}"#.into(), 400, "clearkey-request-kid-not-base64url"),
        ("ClearKey/", r#"{"kids":["AAAA"]}"#.into(), 404, "key-unknown"),
        ("ClearKey/", persistent, 403, "license-persistence-not-allowed"),
        ("ClearKey/", large, 413, "body-too-large"),
        ("license", "\u{8}\u{4}".into(), 501, "license-system-not-served"),
        ("license", "".into(), 415, "license-request-unknown"),
        ("license", " {} ".into(), 400, "clearkey-request-malformed"),
    ];
    for (path, body, status, code) in table {
        let answer = service.post(&format!("/keydelivery/{path}"), body).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()));
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_the_allowed_ones() {
    let service = KeyService::start().await;
    let answer = service.get("/keydelivery/ClearKey/").await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
    let delete = Request::delete("/keydelivery/?kid=x").body(Body::empty()).unwrap();
    let answer = service.send(delete).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET,HEAD,POST"));
}

#[tokio::test]
async fn keys_are_delivered_only_while_their_locator_is_active() {
    let service = KeyService::start().await;
    let limited = PublishRequest {
        start: Some(at(NOW)),
        end: Some(at(NOW + 100)),
        ..request("s", "Predefined_ClearKey", "open")
    };
    let (record, _) = service.publish_key(&limited).await;
    let uri = format!("/keydelivery/?kid={}", record.kid);
    for (seconds, status) in [(NOW - 1, 403), (NOW, 200), (NOW + 99, 200), (NOW + 100, 403)] {
        service.set_clock(seconds);
        let answer = service.get(&uri).await;
        assert_eq!(answer.status.as_u16(), status, "{seconds}");
        if status == 403 {
            assert_eq!(answer.refusal().1, "locator-not-active");
        }
    }
    service.set_clock(NOW);
    service.store.delete_locator(record.locator).await.unwrap();
    assert_eq!(service.get(&uri).await.refusal(), (404, "key-unknown".into()));
}

#[tokio::test]
async fn a_changed_policy_acts_at_once_on_all_locators_that_use_it() {
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Predefined_ClearKey", "open")).await;
    let uri = format!("/keydelivery/?kid={}", record.kid);
    assert_eq!(service.get(&uri).await.status, StatusCode::OK);
    service.store.put_content_key_policy(&token_policy("open", restriction())).await.unwrap();
    assert_eq!(service.get(&uri).await.refusal(), (401, "token-missing".into()));
}

#[tokio::test]
async fn a_stored_key_that_was_altered_is_not_delivered() {
    let service = KeyService::start().await;
    let (first, _) = service.publish_key(&request("a", "Predefined_ClearKey", "open")).await;
    let (second, _) = service.publish_key(&request("b", "Predefined_ClearKey", "open")).await;
    let url = format!("sqlite:{}", service.database().display());
    let mut db = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
    let swap = "UPDATE content_keys SET wrapped =
        (SELECT wrapped FROM content_keys WHERE kid = $1) WHERE kid = $2";
    let (from, to) = (first.kid.to_string(), second.kid.to_string());
    sqlx::query(swap).bind(from).bind(to).execute(&mut db).await.unwrap();
    let kek = crate::support::keys::kek(1);
    let reopened = portcullis::store::Store::open(&service.database(), &kek).await.unwrap();
    let record = reopened.key(second.kid).await.unwrap();
    assert!(reopened.vault().unwrap(&record).is_err());
}
