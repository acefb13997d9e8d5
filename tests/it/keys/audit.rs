//! Every decision leaves one record; no record holds a secret.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use portcullis::ids::KeyId;

use crate::support::keys::{KeyService, clearkey_request, request, sign, spec};
use crate::support::log::{Log, logged};

#[tokio::test]
async fn any_number_of_unknown_keys_in_a_request_leaves_one_record() {
    let log = Log::default();
    let _guard = logged(&log);
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Portcullis_CencClearKey", "open")).await;
    let mut kids: Vec<KeyId> = (0..63).map(|_| KeyId::random()).collect();
    kids.insert(20, record.kid);
    let answer = service.post("/keydelivery/ClearKey/", clearkey_request(&kids)).await;
    assert_eq!(answer.status, 200);
    let records = log.audit();
    assert_eq!(records.len(), 2, "{records:?}");
    assert_eq!(records[0]["reason"], "key-unknown");
    assert_eq!(records[0]["kid"], kids[0].to_string());
    assert_eq!(records[0]["more"], 62);
    assert_eq!(records[1]["kid"], record.kid.to_string());
    assert_eq!(records[1]["message"], "key delivered");
}

#[tokio::test]
async fn each_decision_leaves_one_record_without_key_token_or_query() {
    let log = Log::default();
    let _guard = logged(&log);
    let service = KeyService::start().await;
    let (record, key) =
        service.publish_key(&request("s", "Portcullis_CencClearKey", "token")).await;
    let (token, kid) = (sign(&spec()), record.kid);
    let uri = format!("/keydelivery/?kid={kid}");
    service.get(&uri).await;
    service.get(&format!("{uri}&token={token}")).await;
    service.get_with(&uri, &format!("Bearer {token}x")).await;
    let body = clearkey_request(&[kid]);
    service.post(&format!("/keydelivery/ClearKey/?token={token}"), body).await;

    let expected = [
        ("key refused", "raw", "token-missing"),
        ("key delivered", "raw", ""),
        ("key refused", "raw", "token-signature-invalid"),
        ("key delivered", "clearkey", ""),
    ];
    let records = log.audit();
    assert_eq!(records.len(), expected.len());
    for (found, (message, system, reason)) in records.iter().zip(expected) {
        assert_eq!(found["message"], message);
        assert_eq!(found["system"], system);
        assert_eq!(found["reason"].as_str().unwrap_or_default(), reason);
        assert_eq!(found["kid"], kid.to_string());
        assert_eq!(found["locator"], record.locator.to_string());
    }
    let secrets = [
        token.clone(),
        token.rsplit_once('.').unwrap().1.to_owned(),
        HEXLOWER.encode(key.expose()),
        BASE64.encode(key.expose()),
        BASE64URL_NOPAD.encode(key.expose()),
        "token=".to_owned(),
        format!("{:?}", key.expose()),
    ];
    for secret in secrets {
        assert!(!log.text().contains(&secret), "the log holds {secret}");
    }
}
