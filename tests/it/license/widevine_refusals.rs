//! Widevine: who gets no licence, and for which reason.

use portcullis::crypto::chains::seal_padded;
use portcullis::crypto::random::System;
use portcullis::crypto::{ContentKey, Expanded};
use portcullis::drm::widevine::PsshData;
use portcullis::license::widevine::LicenseType;
use portcullis::license::widevine::maker::Maker;
use portcullis::license::widevine::proto::{
    ContentIdentification, DrmCertificate, LicenseRequest, PsshContent, SignedDrmCertificate,
    SignedMessage,
};
use portcullis::license::widevine::test_device::{Ask, Content, SERVICE_CERTIFICATE_REQUEST};
use prost::Message;
use serde_json::json;

use crate::support::keys::{KeyService, NOW, request};
use crate::support::widevine::{PROVIDER, Service, URL, World, ask, other_key, pssh_data};
use portcullis::ids::KeyId;

#[tokio::test]
async fn devices_that_do_not_prove_themselves_get_nothing() {
    let service = Service::open(&json!({})).await;
    let data = service.pssh_data();
    for (device, reason) in [
        ("rogue", "untrusted"),
        ("forged", "untrusted"),
        ("bad signature", "untrusted"),
        ("wrong system", "untrusted"),
        ("expired", "expired"),
        ("revoked system", "revoked"),
        ("revoked serial", "revoked"),
    ] {
        let session = ask(device, Content::PsshData(&data), LicenseType::Streaming);
        let refusal = service.refusal(&session).await;
        assert_eq!(refusal, (403, format!("widevine-device-{reason}")), "{device}");
    }
}

/// A challenge, changed in the envelope.
fn changed(body: &[u8], change: impl Fn(&mut SignedMessage)) -> Vec<u8> {
    let mut message = SignedMessage::decode(body).unwrap();
    change(&mut message);
    message.encode_to_vec()
}

/// A challenge, changed within and signed again by the device.
fn signed_again(body: &[u8], change: impl Fn(&mut LicenseRequest)) -> Vec<u8> {
    changed(body, |message| {
        let mut request = LicenseRequest::decode(&**message.msg.as_ref().unwrap()).unwrap();
        change(&mut request);
        let msg = request.encode_to_vec();
        let key = &World::get().device("l3").key;
        message.signature = Some(key.sign(&mut System::new(), &msg).unwrap());
        message.msg = Some(msg);
    })
}

fn content(request: &mut LicenseRequest) -> &mut PsshContent {
    request.content_id.as_mut().unwrap().pssh_data.as_mut().unwrap()
}

#[tokio::test]
async fn requests_that_are_not_what_they_should_be_are_refused_by_a_rule() {
    let service = Service::open(&json!({})).await;
    let data = service.pssh_data();
    let good = ask("l3", Content::PsshData(&data), LicenseType::Streaming).body;
    let many: Vec<KeyId> = (0..65_u8).map(|n| KeyId::from_bytes([n; 16])).collect();
    let many = pssh_data(&many);
    let nested = nested(20_000);
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", vec![], "request-malformed"),
        ("garbage", vec![0xff; 64], "request-malformed"),
        ("half", good[..good.len() / 2].to_vec(), "request-malformed"),
        ("a licence", changed(&good, |m| m.kind = Some(2)), "request-malformed"),
        ("no type", changed(&good, |m| m.kind = None), "request-malformed"),
        ("no message", changed(&good, |m| m.msg = None), "request-malformed"),
        ("no signature", changed(&good, |m| m.signature = None), "request-unsigned"),
        (
            "empty signature",
            changed(&good, |m| m.signature = Some(vec![])),
            "request-signature-invalid",
        ),
        (
            "signed by another",
            changed(&good, |m| {
                let signed = other_key().sign(&mut System::new(), m.msg.as_ref().unwrap());
                m.signature = Some(signed.unwrap());
            }),
            "request-signature-invalid",
        ),
        (
            "one bit of the signature",
            changed(&good, |m| m.signature.as_mut().unwrap()[7] ^= 1),
            "request-signature-invalid",
        ),
        (
            "65 keys",
            signed_again(&good, |r| content(r).pssh_data = vec![many.clone()]),
            "request-too-many-kids",
        ),
        (
            "the same over several data",
            signed_again(&good, |r| {
                content(r).pssh_data =
                    (0..80_u8).map(|n| pssh_data(&[KeyId::from_bytes([n; 16])])).collect();
            }),
            "request-too-many-kids",
        ),
        ("no content", signed_again(&good, |r| r.content_id = None), "request-malformed"),
        (
            "empty content",
            signed_again(&good, |r| r.content_id = Some(ContentIdentification::default())),
            "request-malformed",
        ),
        (
            "data that are none",
            signed_again(&good, |r| content(r).pssh_data = vec![vec![0xff; 9]]),
            "request-malformed",
        ),
        (
            "a box that lies",
            signed_again(&good, |r| {
                content(r).pssh_data = vec![b"\0\0\0\xffpssh\0\0\0\0".to_vec()]
            }),
            "request-malformed",
        ),
        (
            "no request id",
            signed_again(&good, |r| content(r).request_id = None),
            "request-malformed",
        ),
        (
            "long request id",
            signed_again(&good, |r| content(r).request_id = Some(vec![1; 257])),
            "request-malformed",
        ),
        (
            "odd licence type",
            signed_again(&good, |r| content(r).license_type = Some(4)),
            "request-malformed",
        ),
        ("odd request type", signed_again(&good, |r| r.kind = Some(4)), "request-malformed"),
        ("no client", signed_again(&good, |r| r.client_id = None), "request-malformed"),
        (
            "two clients",
            signed_again(&good, |r| r.encrypted_client_id = Some(Default::default())),
            "request-malformed",
        ),
        (
            "a client that is none",
            signed_again(&good, |r| r.client_id = Some(vec![0xff])),
            "request-malformed",
        ),
        ("a keybox", signed_again(&good, |r| r.client_id = Some(vec![8, 0])), "client-unsupported"),
        (
            "no certificate",
            signed_again(&good, |r| r.client_id = Some(vec![8, 1])),
            "device-certificate-malformed",
        ),
        (
            "certificates within certificates",
            signed_again(&good, |r| {
                r.client_id = Some([&[8, 1, 0x12][..], &varint(nested.len()), &nested].concat());
            }),
            "device-untrusted",
        ),
        ("a renewal of nothing", signed_again(&good, |r| r.kind = Some(2)), "request-malformed"),
    ];
    for (name, body, reason) in table {
        let (status, code) = service.post(&body).await.refusal();
        let expected =
            if reason.contains("client-") || reason.contains("untrusted") { 403 } else { 400 };
        assert_eq!((status, &*code), (expected, &*format!("widevine-{reason}")), "{name}");
    }
    let long = service.post(&vec![8; 64 * 1024 + 1]).await.refusal();
    assert_eq!(long, (413, "body-too-large".into()));
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Certificates whose signers are such certificates, and so on.
fn nested(length: usize) -> Vec<u8> {
    let body = DrmCertificate { kind: Some(2), ..Default::default() }.encode_to_vec();
    let mut nested = Vec::new();
    while nested.len() < length {
        let signer = Some(nested).filter(|signer| !signer.is_empty());
        let signed = SignedDrmCertificate {
            drm_certificate: Some(body.clone()),
            signer,
            ..Default::default()
        };
        nested = signed.encode_to_vec();
    }
    nested
}

/// Who asks, as bytes.
fn ask_in_the_clear(data: &[u8]) -> Vec<u8> {
    let body = ask("l3", Content::PsshData(data), LicenseType::Streaming).body;
    let message = SignedMessage::decode(&*body).unwrap();
    let request = LicenseRequest::decode(&*message.msg.unwrap()).unwrap();
    request.client_id.unwrap()
}

#[tokio::test]
async fn who_is_encrypted_to_another_service_stays_unknown() {
    let service = Service::open(&json!({})).await;
    let data = service.pssh_data();
    let world = World::get();
    let ask = |privacy: &[u8]| {
        let content = Content::PsshData(&data);
        let license_type = LicenseType::Streaming;
        let ask = Ask { content, license_type, privacy: Some(privacy), time: NOW };
        world.device("l3").ask(&ask, &mut System::new()).unwrap().body
    };
    let mut random = System::new();
    let mut maker = Maker { random: &mut random, now: NOW };
    let elsewhere = maker.service(&world.root, "other.test").unwrap();
    let impostor = maker.service(&world.root, PROVIDER).unwrap();
    let good = ask(&world.service.certificate);
    let clear = ask_in_the_clear(&data);
    let table = [
        (
            "a key that does not open beside a client under a key that anybody can guess",
            signed_again(&good, |r| {
                let hidden = r.encrypted_client_id.as_mut().unwrap();
                let iv = hidden.encrypted_client_id_iv.as_deref().unwrap();
                let key = Expanded::new(&ContentKey::from_bytes([0; 16]));
                let mut client = clear.clone();
                seal_padded(&key, iv.try_into().unwrap(), &mut client);
                hidden.encrypted_client_id = Some(client);
                hidden.encrypted_privacy_key = Some(vec![1; 256]);
            }),
            "client-unreadable",
        ),
        ("another provider", ask(&elsewhere.certificate), "service-certificate-unknown"),
        ("another key", ask(&impostor.certificate), "client-unreadable"),
        (
            "a damaged key",
            signed_again(&good, |r| {
                r.encrypted_client_id.as_mut().unwrap().encrypted_privacy_key.as_mut().unwrap()
                    [20] ^= 1;
            }),
            "client-unreadable",
        ),
        (
            "a short key",
            signed_again(&good, |r| {
                r.encrypted_client_id.as_mut().unwrap().encrypted_privacy_key = Some(vec![1; 10]);
            }),
            "client-unreadable",
        ),
        (
            "a damaged end",
            signed_again(&good, |r| {
                let client =
                    r.encrypted_client_id.as_mut().unwrap().encrypted_client_id.as_mut().unwrap();
                *client.last_mut().unwrap() ^= 1;
            }),
            "client-unreadable",
        ),
        (
            "half a block",
            signed_again(&good, |r| {
                r.encrypted_client_id.as_mut().unwrap().encrypted_client_id.as_mut().unwrap().pop();
            }),
            "request-malformed",
        ),
        (
            "a short IV",
            signed_again(&good, |r| {
                r.encrypted_client_id.as_mut().unwrap().encrypted_client_id_iv = Some(vec![1; 15]);
            }),
            "request-malformed",
        ),
    ];
    for (name, body, reason) in table {
        let refusal = service.post(&body).await.refusal();
        assert_eq!(refusal, (400, format!("widevine-{reason}")), "{name}");
    }
}

#[tokio::test]
async fn renewals_of_others_and_of_other_services_are_refused() {
    let template = json!({ "policy_overrides": { "can_play": true, "can_renew": true } });
    let service = Service::open(&template).await;
    let opened = service.license("l3", &service.pssh_data()).await;
    let renewal = opened.again(false, NOW).unwrap();
    let forged = changed(&renewal, |message| message.signature.as_mut().unwrap()[3] ^= 1);
    let refusal = service.post(&forged).await.refusal();
    assert_eq!(refusal, (400, "widevine-request-signature-invalid".into()));
    let session = |request: &mut LicenseRequest| {
        let existing = request.content_id.as_mut().unwrap().existing_license.as_mut().unwrap();
        existing.license_id.as_mut().unwrap().session_id.as_mut().unwrap()[40] ^= 1;
    };
    let refusal = service.post(&signed_again(&renewal, session)).await.refusal();
    assert_eq!(refusal, (400, "widevine-license-unknown".into()));
}

#[tokio::test]
async fn a_token_is_looked_at_before_the_device() {
    let service = Service::with_token(&json!({})).await;
    let data = service.pssh_data();
    let session = ask("rogue", Content::PsshData(&data), LicenseType::Streaming);
    assert_eq!(service.refusal(&session).await, (401, "token-missing".into()));
    let data = pssh_data(&[KeyId::from_bytes([1; 16])]);
    let session = ask("rogue", Content::PsshData(&data), LicenseType::Streaming);
    assert_eq!(service.refusal(&session).await, (404, "key-unknown".into()));
}

#[tokio::test]
async fn content_is_looked_for_after_the_token_is_read_and_found_once_it_is_there() {
    let service = Service::with_token(&json!({})).await;
    let named = |name: &str| {
        let content_id = Some(name.as_bytes().to_vec());
        let data = PsshData { content_id, ..PsshData::default() }.encode_to_vec();
        ask("l3", Content::PsshData(&data), LicenseType::Streaming)
    };
    let later = named("later");
    let unknown = (404, "key-unknown".to_owned());
    let answer = service.keys.post(&format!("{URL}?token=a&token=b"), later.body.clone()).await;
    assert_eq!(answer.refusal(), (400, "token-ambiguous".to_owned()));
    for _ in 0..2 {
        assert_eq!(service.refusal(&later).await, unknown);
    }
    let store = &service.keys.store;
    for _ in 0..2 {
        let locator = service.keys.publish(&request("later", "three", "widevine")).await;
        for session in [&later, &named(&locator.id.to_string())] {
            assert_eq!(service.refusal(session).await, (401, "token-missing".to_owned()));
        }
        store.delete_locator(locator.id).await.unwrap();
        assert_eq!(service.refusal(&later).await, unknown);
    }
}

#[tokio::test]
async fn without_credentials_there_is_no_service() {
    let service = KeyService::start().await;
    let answer = service.post(URL, SERVICE_CERTIFICATE_REQUEST.to_vec()).await;
    assert_eq!(answer.refusal().1, "license-system-not-served");
}
