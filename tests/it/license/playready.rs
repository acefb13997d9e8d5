//! PlayReady licences by whole URLs, with the client of the product.

use axum::body::Body;
use axum::http::Request;
use portcullis::cenc::Scheme;
use portcullis::drm::playready::Version;
use portcullis::ids::KeyId;
use portcullis::license::playready::client;
use portcullis::license::playready::xmr::{Cipher, ObjectKind};
use portcullis::policy::content_key::KEY_IDENTIFIER_CLAIM;
use portcullis::token::TokenSpec;
use serde_json::json;

use crate::support::keys::{NOW, at, request, sign, spec};
use crate::support::playready::{
    Service, URL, World, challenge, header, key_message, question, template,
};

#[tokio::test]
async fn every_header_version_and_several_keys_lead_to_licences() {
    let service = Service::open().await;
    let (cenc, cbcs) = (service.film.clone(), service.cbcs().await);
    for (version, film, scheme) in [
        (Version::V4_0, &cenc[..1], Scheme::Cenc),
        (Version::V4_1, &cenc[..1], Scheme::Cenc),
        (Version::V4_2, &cenc[..], Scheme::Cenc),
        (Version::V4_3, &cenc[..], Scheme::Cenc),
        (Version::V4_3, &cbcs[..], Scheme::Cbcs),
    ] {
        let kids: Vec<KeyId> = film.iter().map(|(kid, _)| *kid).collect();
        let asked = service.ask("sl2000", &header(version, &kids, scheme)).await;
        assert_eq!(asked.keys(), film, "{version:?}");
        let opened = asked.opened.unwrap();
        let cipher = if scheme == Scheme::Cbcs { Cipher::AesCbc } else { Cipher::AesCtr };
        assert!(opened.licences.iter().all(|licence| licence.cipher == cipher && licence.play));
        assert_eq!(opened.custom_data.as_deref(), Some("hello <you>"));
        assert_eq!(opened.transaction, None);
    }
}

#[tokio::test]
async fn licences_say_of_keys_what_the_header_says_and_else_what_the_record_says() {
    let service = Service::open().await;
    let (cenc, cbcs) = (service.film[0].clone(), service.cbcs().await[0].clone());
    let text = |version, kid, scheme| header(version, &[kid], scheme);
    let unsaid = text(Version::V4_3, cbcs.0, Scheme::Cbcs).replace(" ALGID=\"AESCBC\"", "");
    let unsaid_before = text(Version::V4_1, cbcs.0, Scheme::Cenc).replace(" ALGID=\"AESCTR\"", "");
    for (header, key, cipher) in [
        (unsaid, &cbcs, Cipher::AesCbc),
        (unsaid_before, &cbcs, Cipher::AesCtr),
        (text(Version::V4_0, cbcs.0, Scheme::Cenc), &cbcs, Cipher::AesCtr),
        (text(Version::V4_3, cenc.0, Scheme::Cbcs), &cenc, Cipher::AesCbc),
    ] {
        let asked = service.ask("sl2000", &header).await;
        assert_eq!(asked.keys(), std::slice::from_ref(key), "{header}");
        assert_eq!(asked.opened.unwrap().licences[0].cipher, cipher, "{header}");
    }
    for (header, status, reason, code) in [
        (text(Version::V4_0, cbcs.0, Scheme::Cbcs), 400, "header-malformed", "0x8004C601"),
        (text(Version::V4_2, cbcs.0, Scheme::Cbcs), 400, "header-malformed", "0x8004C601"),
    ] {
        // Of this device not even the signature is looked at.
        let refused = service.ask("rogue", &header).await.refusal();
        assert_eq!(refused, (status, format!("playready-{reason}"), code.into()), "{header}");
    }
}

#[tokio::test]
async fn a_licence_that_would_be_over_is_not_issued() {
    let ended = json!({ "licenseType": "Persistent", "expirationDate": at(NOW - 1).to_string() });
    let licenses = template(&ended);
    let service = Service::start(World::get().trust(), false, true, &licenses).await;
    let refused = service.ask("rogue", &service.one()).await.refusal();
    assert_eq!(refused, (403, "playready-license-over".into(), "0x8004C604".into()));
    service.keys.set_clock(NOW - 3);
    assert_eq!(service.ask("sl150", &service.one()).await.keys(), service.film[..1]);
}

#[tokio::test]
async fn keys_that_are_not_known_are_left_out_and_none_is_a_fault() {
    let service = Service::open().await;
    let (known, unknown) = (service.kids()[0], KeyId::random());
    let both = header(Version::V4_2, &[unknown, known], Scheme::Cenc);
    assert_eq!(service.ask("sl150", &both).await.keys(), service.film[..1]);
    let none = header(Version::V4_0, &[unknown], Scheme::Cenc);
    let refused = service.ask("sl150", &none).await.refusal();
    assert_eq!(refused, (404, "key-unknown".into(), "0x8004C604".into()));
}

#[tokio::test]
async fn devices_are_believed_or_refused_with_the_codes_of_playready() {
    let service = Service::open().await;
    for device in ["sl150", "sl2000", "sl3000"] {
        assert_eq!(service.ask(device, &service.one()).await.keys(), service.film[..1], "{device}");
    }
    for (device, reason, code) in [
        ("rogue", "playready-device-root-unknown", "0x8004C035"),
        ("badsig", "playready-device-certificate-invalid", "0x8004C035"),
        ("forged", "playready-device-certificate-invalid", "0x8004C035"),
        ("expired", "playready-device-expired", "0x8004C035"),
        ("revoked", "playready-device-revoked", "0x8004C065"),
    ] {
        let refused = service.ask(device, &service.one()).await.refusal();
        assert_eq!(refused, (403, reason.into(), code.into()), "{device}");
    }
}

#[tokio::test]
async fn a_license_says_what_the_template_says() {
    let licenses = template(&json!({
        "allowTestDevices": false, "licenseType": "Persistent", "gracePeriod": "P1D",
        "relativeExpirationDate": "PT1H", "playRight": {
            "firstPlayExpiration": "PT10M", "scmsRestriction": 2,
            "digitalVideoOnlyContentRestriction": false,
            "imageConstraintForAnalogComponentVideoRestriction": true,
            "imageConstraintForAnalogComputerMonitorRestriction": false,
            "allowPassingVideoContentToUnknownOutput": "AllowedWithVideoConstriction",
            "uncompressedDigitalVideoOpl": 270, "analogVideoOpl": 150 }}));
    let service = Service::start(World::get().trust(), false, true, &licenses).await;
    let refused = service.ask("sl150", &service.one()).await.refusal();
    assert_eq!(refused, (403, "playready-security-level".into(), "0x8004C604".into()));
    let asked = service.ask("sl2000", &service.one()).await;
    let opened = asked.opened.unwrap();
    let licence = &opened.licences[0];
    let end = [0_u32, (NOW + 3600) as u32].map(u32::to_be_bytes).concat();
    let levels = [400_u16, 270, 150, 100, 100].map(u16::to_be_bytes).concat();
    let constrained =
        [&licence.object(ObjectKind::AnalogVideoEntry).unwrap()[..16], &520_000_u32.to_be_bytes()]
            .concat();
    for (kind, data) in [
        (ObjectKind::SecurityLevel, &2000_u16.to_be_bytes()[..]),
        (ObjectKind::Expiration, &end),
        (ObjectKind::GracePeriod, &86_400_u32.to_be_bytes()),
        (ObjectKind::FirstPlayExpiration, &600_u32.to_be_bytes()),
        (ObjectKind::OutputLevels, &levels),
        (ObjectKind::IssueDate, &(NOW as u32).to_be_bytes()),
        (ObjectKind::AnalogVideoEntry, &constrained),
    ] {
        assert_eq!(licence.object(kind), Some(data), "{kind:?}");
    }
    let scms = licence.object(ObjectKind::DigitalAudioEntry).unwrap();
    assert_eq!(&scms[16..], [0, 0, 0, 2]);
    assert!(licence.object(ObjectKind::PlayEnabler).is_some());
    assert_eq!(licence.object(ObjectKind::RightsSettings), None, "it may be stored");
}

#[tokio::test]
async fn a_token_is_taken_from_every_place_and_decides_before_the_device_is_looked_at() {
    let licenses = template(&json!({}));
    let service = Service::start(World::get().trust(), false, false, &licenses).await;
    let token = sign(&spec());
    let late = sign(&TokenSpec { expires: at(NOW - 3600), ..spec() });
    let ams = ams_custom_data(&token);
    let bearer = format!("Bearer {token}");
    let (one, uri) = (service.one(), format!("{URL}?token={token}"));
    let in_header = [("authorization", bearer.as_str())];
    for (uri, custom_data, headers) in [
        (uri.as_str(), None, &[][..]),
        (URL, None, &in_header),
        (URL, Some(ams.as_str()), &[]),
        (URL, Some(bearer.as_str()), &[]),
        (URL, Some(token.as_str()), &[]),
        (uri.as_str(), Some(token.as_str()), &in_header),
        (uri.as_str(), Some("user=7"), &[]),
        (uri.as_str(), Some("com.example.player"), &in_header),
        (uri.as_str(), Some(late.as_str()), &in_header),
    ] {
        let asked = service.ask_at(uri, "sl150", &one, custom_data, headers).await;
        assert_eq!(asked.keys(), service.film[..1], "{custom_data:?}");
    }
    for (device, custom_data, status, reason) in [
        ("sl150", None, 401, "token-missing"),
        ("rogue", None, 401, "token-missing"),
        ("sl150", Some("user=7"), 401, "token-missing"),
        ("sl150", Some("10.0.16384"), 401, "token-missing"),
        ("sl150", Some("Bearer a.b.c"), 401, "token-malformed"),
        ("revoked", Some(late.as_str()), 401, "token-expired"),
    ] {
        let asked = service.ask_at(URL, device, &one, custom_data, &[]).await;
        assert_eq!(asked.refusal(), (status, reason.into(), "0x8004C604".into()));
        assert!(asked.answer.header("www-authenticate").starts_with("Bearer "));
    }
    for declared in [ams_custom_data(&late), format!("Bearer {late}")] {
        let both = service.ask_at(&uri, "sl150", &one, Some(&declared), &[]).await;
        assert_eq!(both.refusal().1, "token-ambiguous");
    }
}

#[tokio::test]
async fn text_of_an_application_is_no_second_token() {
    let service = Service::open().await;
    let uri = format!("{URL}?token={}", sign(&spec()));
    for text in ["com.example.player", "10.0.16384.10011", "a.b.c", "{\"user\":\"a.b.c\"}"] {
        let asked = service.ask_at(&uri, "sl150", &service.one(), Some(text), &[]).await;
        assert_eq!(asked.keys(), service.film[..1], "{text}");
    }
}

fn ams_custom_data(token: &str) -> String {
    format!(
        "<CustomData xmlns=\"http://schemas.microsoft.com/Azure/MediaServices/KeyDelivery/\
         PlayReadyCustomData/v1\"><Token>{token}</Token></CustomData>"
    )
}

#[tokio::test]
async fn a_token_for_one_key_gets_that_key_of_several() {
    let licenses = template(&json!({}));
    let service = Service::start(World::get().trust(), false, true, &licenses).await;
    let claims = json!([{ "claimType": KEY_IDENTIFIER_CLAIM }]);
    let mut policy =
        crate::support::documents::token_policy("strict", claims)["properties"].clone();
    policy["options"][0]["configuration"] = json!({
        "@odata.type": "#Microsoft.Media.ContentKeyPolicyPlayReadyConfiguration",
        "licenses": licenses });
    let properties = policy.to_string();
    let policy =
        portcullis::policy::ContentKeyPolicy::from_properties("strict", properties.as_bytes());
    service.keys.store.create_content_key_policy(&policy.unwrap()).await.unwrap();
    let mut film = Vec::new();
    for name in ["c", "d"] {
        let request = request(name, "Portcullis_CencClearKey", "strict");
        let (record, key) = service.keys.publish_key(&request).await;
        film.push((record.kid, key));
    }
    let token = sign(&TokenSpec { kid: Some(film[1].0), ..spec() });
    let uri = format!("{URL}?token={token}");
    let both = header(Version::V4_2, &[film[0].0, film[1].0], Scheme::Cenc);
    let asked = service.ask_at(&uri, "sl150", &both, None, &[]).await;
    assert_eq!(asked.keys(), film[1..]);
    let other = header(Version::V4_0, &[film[0].0], Scheme::Cenc);
    let refused = service.ask_at(&uri, "sl150", &other, None, &[]).await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (403, "token-key-identifier-mismatch"));
}

#[tokio::test]
async fn what_browsers_wrap_is_understood_at_the_one_url_for_all_systems_too() {
    let service = Service::open().await;
    let one = service.one();
    let question = question(&one, None);
    let body = challenge(&World::get().device("sl150"), &question);
    let marked: Vec<u8> = [&b"\xff\xfe"[..], &key_message(&body)].concat();
    let bodies = [body.clone().into_bytes(), key_message(&body), marked];
    for uri in
        [URL, "/keydelivery/PlayReady", "/keydelivery/license", "/keydelivery/license/?kid=x"]
    {
        for body in &bodies {
            let answer = service.keys.post(uri, body.clone()).await;
            assert_eq!(answer.status, 200, "{uri}");
        }
    }
}

#[tokio::test]
async fn acknowledgements_are_told_from_those_of_others() {
    let service = Service::open().await;
    let body = client::acknowledgement("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let answer = service.keys.post(URL, body).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.status, 404);
    assert!(text.contains("0x8004C610") && text.contains("[playready-transaction-unknown]"));
}

#[tokio::test]
async fn without_credentials_the_system_is_not_served() {
    let service = Service::start(Default::default(), false, true, &template(&json!({}))).await;
    let refused = service.ask("sl150", &service.one()).await.refusal();
    assert_eq!(refused, (501, "license-system-not-served".into(), "0x8004C600".into()));
}

#[tokio::test]
async fn a_key_of_whole_segments_is_no_key_for_licences() {
    let service = Service::open().await;
    let request = request("segments", "Predefined_ClearKey", "film");
    let (record, _) = service.keys.publish_key(&request).await;
    let asked = service.ask("sl150", &header(Version::V4_0, &[record.kid], Scheme::Cenc)).await;
    let refused = asked.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (403, "playready-key-of-other-kind"));
    let get = Request::get(URL).body(Body::empty()).unwrap();
    assert_eq!(service.keys.send(get).await.status, 405);
}
