//! Widevine: what is asked for in every published form is given, with the rights of the template.

use data_encoding::HEXLOWER;
use portcullis::crypto::random::System;
use portcullis::drm::widevine::PsshData;
use portcullis::ids::{KeyId, SystemId};
use portcullis::isobmff::cenc::Pssh;
use portcullis::license::widevine::proto::{License, OutputProtection, Policy};
use portcullis::license::widevine::test_device::{Ask, Content, SERVICE_CERTIFICATE_REQUEST};
use portcullis::license::widevine::{LicenseType, Trust};
use portcullis::protection::Protection;
use prost::Message;
use serde_json::json;

use crate::support::keys::{self, NOW, sign, spec};
use crate::support::widevine::{Service, URL, World, ask, keys_of, pssh_data};

#[tokio::test]
async fn every_trusted_device_gets_the_keys_in_both_modes() {
    let service = Service::open(&json!({})).await;
    let data = service.pssh_data();
    let certificate = service.post(&SERVICE_CERTIFICATE_REQUEST).await;
    assert_eq!(certificate.status, 200);
    for device in ["l1", "l3", "chrome"] {
        for privacy in [None, Some(&*certificate.body), Some(&*World::get().service.certificate)] {
            let content = Content::PsshData(&data);
            let license_type = LicenseType::Streaming;
            let ask = Ask { content, license_type, privacy, time: NOW };
            let device = World::get().device(device);
            let session = device.ask(&ask, &mut System::new()).unwrap();
            let shows_itself =
                session.body.windows(100).any(|part| part == &device.client_id[..100]);
            assert_eq!(shows_itself, privacy.is_none());
            let opened = service.opened(&session).await.unwrap();
            assert_eq!(keys_of(&opened), service.expected());
        }
    }
}

#[tokio::test]
async fn the_certificate_has_an_address_of_its_own() {
    let service = Service::open(&json!({})).await;
    let answer = service.keys.get("/keydelivery/Widevine/certificate").await;
    assert_eq!(answer.status, 200);
    assert_eq!(&*answer.body, &*World::get().service.certificate);
}

#[tokio::test]
async fn keys_are_found_in_every_form_of_initialization_data() {
    let service = Service::open(&json!({})).await;
    let data = service.pssh_data();
    let kids: Vec<KeyId> = service.film.iter().map(|(_, kid, _)| *kid).collect();
    let boxed = |key_ids: Vec<KeyId>, data: &[u8]| {
        Pssh { system: SystemId::WIDEVINE, key_ids, data: data.to_vec() }.to_vec()
    };
    let digits = PsshData {
        key_ids: kids.iter().map(|kid| HEXLOWER.encode(kid.as_bytes()).into_bytes()).collect(),
        ..PsshData::default()
    };
    let digits = digits.encode_to_vec();
    let other = [Pssh::common(vec![KeyId::from_bytes([9; 16])]).to_vec(), boxed(vec![], &data)];
    let twice = [boxed(vec![], &data), boxed(kids.clone(), &data)].concat();
    let forms = [
        Content::PsshData(&data),
        Content::PsshData(&digits),
        Content::PsshData(&boxed(vec![], &data)),
        Content::PsshData(&boxed(kids.clone(), &[])),
        Content::Boxes(&boxed(vec![], &data)),
        Content::Boxes(&boxed(kids.clone(), &[])),
        Content::Boxes(&other.concat()),
        Content::Boxes(&twice),
        Content::Boxes(&data),
    ];
    for content in forms {
        let session = ask("l3", content, LicenseType::Streaming);
        let opened = service.opened(&session).await.unwrap();
        assert_eq!(keys_of(&opened), service.expected(), "{content:?}");
    }
    for content in [Content::WebM(kids[1]), Content::WebMInitData(kids[1])] {
        let session = ask("l3", content, LicenseType::Streaming);
        let opened = service.opened(&session).await.unwrap();
        assert_eq!(keys_of(&opened), service.expected()[1..2], "{content:?}");
    }
}

#[tokio::test]
async fn content_without_kids_is_found_by_its_name_or_by_the_address() {
    let service = Service::open(&json!({})).await;
    let locator = service.keys.store.locator_by_name("film").await.unwrap().id;
    let one = service.expected()[1..2].to_vec();
    let named = |content_id: &[u8]| PsshData {
        content_id: Some(content_id.to_vec()),
        ..PsshData::default()
    };
    let kid = one[0].0;
    for (content_id, expected) in [
        (b"film".to_vec(), service.expected()),
        (locator.to_string().into_bytes(), service.expected()),
        (locator.as_bytes().to_vec(), service.expected()),
        (kid.as_bytes().to_vec(), one.clone()),
        (HEXLOWER.encode(kid.as_bytes()).into_bytes(), one.clone()),
    ] {
        let opened = service.license("l3", &named(&content_id).encode_to_vec()).await;
        assert_eq!(keys_of(&opened), expected, "{content_id:?}");
    }
    for content_id in [&b"other"[..], &[0xff; 20], &[7; 16]] {
        let data = named(content_id).encode_to_vec();
        let session = ask("l3", Content::PsshData(&data), LicenseType::Streaming);
        assert_eq!(service.refusal(&session).await, (404, "key-unknown".into()));
    }
    // The address counts where the data name no key, and only there.
    let url = format!("{URL}?kid={kid}");
    for (data, expected) in [
        (vec![], one.clone()),
        (named(b"film").encode_to_vec(), one),
        (service.pssh_data(), service.expected()),
    ] {
        let session = ask("l3", Content::PsshData(&data), LicenseType::Streaming);
        let answer = service.keys.post(&url, session.body.clone()).await;
        assert_eq!(keys_of(&session.open(&answer.body).unwrap()), expected);
    }
    let session = ask("l3", Content::PsshData(&[]), LicenseType::Streaming);
    let refusal = service.refusal(&session).await;
    assert_eq!(refusal, (400, "widevine-request-without-kids".into()));
}

#[tokio::test]
async fn unknown_keys_are_left_out_and_the_order_is_that_of_the_request() {
    let service = Service::open(&json!({})).await;
    let expected: Vec<_> = service.expected().into_iter().rev().collect();
    let mut kids: Vec<KeyId> = expected.iter().map(|(kid, _)| *kid).collect();
    kids.insert(1, KeyId::from_bytes([0xbd; 16]));
    kids.push(kids[0]);
    let opened = service.license("l3", &pssh_data(&kids)).await;
    assert_eq!(keys_of(&opened), expected);
}

#[tokio::test]
async fn a_token_is_asked_for_and_read() {
    let service = Service::with_token(&json!({})).await;
    let data = service.pssh_data();
    let session = ask("l3", Content::PsshData(&data), LicenseType::Streaming);
    assert_eq!(service.refusal(&session).await, (401, "token-missing".into()));
    let url = format!("{URL}?token={}", sign(&spec()));
    let answer = service.keys.post(&url, session.body.clone()).await;
    assert_eq!(keys_of(&session.open(&answer.body).unwrap()), service.expected());
    // A token for one key gets that one.
    let kid = service.kid("SD");
    let url =
        format!("{URL}?token={}", sign(&portcullis::token::TokenSpec { kid: Some(kid), ..spec() }));
    let answer = service.keys.post(&url, session.body.clone()).await;
    assert_eq!(answer.status, 200);
}

/// Labels and rights of three keys.
fn tiers() -> serde_json::Value {
    json!({
        "content_key_specs": [
            { "track_type": "AUDIO", "security_level": 1 },
            { "track_type": "SD", "security_level": 2,
              "required_output_protection": { "hdcp": "HDCP_V1", "cgms_flags": "COPY_ONCE" } },
            { "track_type": "UHD1", "security_level": 5,
              "required_output_protection": { "hdcp": "HDCP_V2_2" } }],
        "session_init": { "provider_session_token": "c2Vzc2lvbg==",
                          "provider_client_token": "Y2xpZW50" },
        "policy_overrides": { "can_play": true, "license_duration_seconds": 3600,
            "playback_duration_seconds": 600, "rental_duration_seconds": 60 } })
}

#[tokio::test]
async fn the_template_is_in_the_licence() {
    let service = Service::open(&tiers()).await;
    let License { id, policy, key, license_start_time, provider_client_token, .. } =
        service.license("l1", &service.pssh_data()).await.license;
    let expected = Policy {
        can_play: Some(true),
        can_persist: Some(false),
        can_renew: Some(false),
        license_duration_seconds: Some(3600),
        playback_duration_seconds: Some(600),
        rental_duration_seconds: Some(60),
        ..Policy::default()
    };
    assert_eq!(policy, Some(expected));
    assert_eq!(license_start_time, Some(NOW));
    let id = id.unwrap();
    assert_eq!((id.kind, id.version), (Some(1), Some(0)));
    assert_eq!(id.provider_session_token.as_deref(), Some(&b"session"[..]));
    assert_eq!(provider_client_token.as_deref(), Some(&b"client"[..]));
    let mut found: Vec<_> = key
        .into_iter()
        .map(|key| (key.track_label.unwrap(), key.level, key.required_protection))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let hdcp = |hdcp, cgms_flags| OutputProtection {
        hdcp: Some(hdcp),
        cgms_flags,
        disable_analog_output: None,
    };
    assert_eq!(
        found,
        [
            ("AUDIO".to_owned(), Some(1), None),
            ("SD".to_owned(), Some(2), Some(hdcp(1, Some(2)))),
            ("UHD1".to_owned(), Some(5), Some(hdcp(4, None))),
        ]
    );
}

#[tokio::test]
async fn keys_for_better_devices_are_left_out() {
    let service = Service::open(&tiers()).await;
    let of = |opened: &portcullis::license::widevine::test_device::Opened| {
        let labels = opened.license.key.iter().map(|key| key.track_label.clone().unwrap());
        let mut labels: Vec<_> = labels.collect();
        labels.sort();
        labels
    };
    let data = service.pssh_data();
    assert_eq!(of(&service.license("l1", &data).await), ["AUDIO", "SD", "UHD1"]);
    assert_eq!(of(&service.license("l3", &data).await), ["AUDIO", "SD"]);
    let data = pssh_data(&[service.kid("UHD1")]);
    let session = ask("l3", Content::PsshData(&data), LicenseType::Streaming);
    let refusal = service.refusal(&session).await;
    assert_eq!(refusal, (403, "widevine-device-level-too-low".into()));
}

#[tokio::test]
async fn cbcs_is_said_and_cenc_is_not() {
    for (block, scheme) in
        [("commonEncryptionCenc", None), ("commonEncryptionCbcs", Some(0x6362_6373))]
    {
        let service = Service::start(World::get().trust(), block, true, &json!({})).await;
        let opened = service.license("l3", &service.pssh_data()).await;
        assert_eq!(opened.license.protection_scheme, scheme);
    }
}

#[tokio::test]
async fn a_licence_has_keys_of_one_scheme() {
    let service = Service::open(&json!({})).await;
    let film = service.of_both_schemes("both").await;
    let [cenc, cbcs] = [Protection::Cenc, Protection::Cbcs].map(|protection| film[&protection]);
    let named = |kids: &[KeyId], scheme: Option<&[u8; 4]>| PsshData {
        protection_scheme: scheme.map(|scheme| u32::from_be_bytes(*scheme)),
        content_id: kids.is_empty().then(|| b"both".to_vec()),
        ..PsshData::decode(&*pssh_data(kids)).unwrap()
    };
    for (kids, scheme, expected) in [
        (&[][..], None, cenc),
        (&[], Some(b"cenc"), cenc),
        (&[], Some(b"cbcs"), cbcs),
        (&[], Some(b"none"), cenc),
        (&[cbcs, cenc], None, cbcs),
        (&[cenc, cbcs], None, cenc),
        (&[cenc, cbcs], Some(b"cbcs"), cbcs),
    ] {
        let data = named(kids, scheme).encode_to_vec();
        let opened = service.license("l3", &data).await;
        let given: Vec<_> = opened.keys.iter().map(|(kid, _)| *kid).collect();
        assert_eq!(given, [expected], "{kids:?} {scheme:?}");
        let said = (expected == cbcs).then_some(0x6362_6373);
        assert_eq!(opened.license.protection_scheme, said);
    }
    for (kids, refusal) in [
        (&[cenc][..], (403, "widevine-scheme-mismatch".to_owned())),
        (&[], (404, "key-unknown".to_owned())),
    ] {
        let data = named(kids, Some(b"cens")).encode_to_vec();
        let session = ask("rogue", Content::PsshData(&data), LicenseType::Streaming);
        assert_eq!(service.refusal(&session).await, refusal);
    }
}

#[tokio::test]
async fn a_key_of_whole_segments_is_no_key_for_licences() {
    let service = Service::open(&json!({})).await;
    let segments = keys::request("segments", "Predefined_ClearKey", "widevine");
    let (record, _) = service.keys.publish_key(&segments).await;
    let data = pssh_data(&[record.kid]);
    let session = ask("rogue", Content::PsshData(&data), LicenseType::Streaming);
    let refusal = service.refusal(&session).await;
    assert_eq!(refusal, (403, "widevine-key-of-other-kind".into()));
    let data = pssh_data(&[record.kid, service.kid("SD")]);
    let opened = service.license("l3", &data).await;
    assert_eq!(keys_of(&opened), service.expected()[1..2]);
}

#[tokio::test]
async fn a_name_that_holds_the_type_of_a_box_is_no_box() {
    let service = Service::open(&json!({})).await;
    let named = keys::request("mypssh", "Portcullis_CencClearKey", "widevine");
    let (record, _) = service.keys.publish_key(&named).await;
    let data = PsshData { content_id: Some(b"mypssh".to_vec()), ..PsshData::default() };
    let data = data.encode_to_vec();
    assert_eq!(&data[4..8], b"pssh");
    for content in [Content::PsshData(&data), Content::Boxes(&data)] {
        let session = ask("l3", content, LicenseType::Streaming);
        let opened = service.opened(&session).await.unwrap();
        assert_eq!(opened.keys[0].0, record.kid);
    }
}

fn kept() -> serde_json::Value {
    json!({ "policy_overrides": { "can_play": true, "can_persist": true, "can_renew": true,
        "license_duration_seconds": 100, "renewal_delay_seconds": 50,
        "renewal_retry_interval_seconds": 5, "renewal_recovery_duration_seconds": 20,
        "renewal_server_url": "https://renew.example/", "renew_with_usage": true } })
}

#[tokio::test]
async fn licences_are_kept_where_the_template_allows_it() {
    let service = Service::open(&kept()).await;
    let data = service.pssh_data();
    for (asked, given) in
        [(LicenseType::Offline, 2), (LicenseType::Automatic, 2), (LicenseType::Streaming, 1)]
    {
        let session = ask("l3", Content::PsshData(&data), asked);
        let opened = service.opened(&session).await.unwrap();
        assert_eq!(opened.license.id.unwrap().kind, Some(given), "{asked:?}");
        assert_eq!(opened.license.key[0].kind, Some(1), "the signing key comes first");
    }
    let service = Service::open(&json!({})).await;
    let data = service.pssh_data();
    let session = ask("l3", Content::PsshData(&data), LicenseType::Offline);
    let refusal = service.refusal(&session).await;
    assert_eq!(refusal, (403, "license-persistence-not-allowed".into()));
    let session = ask("l3", Content::PsshData(&data), LicenseType::Automatic);
    let opened = service.opened(&session).await.unwrap();
    assert_eq!(opened.license.id.as_ref().unwrap().kind, Some(1));
    assert!(opened.again(false, NOW).is_err(), "nothing signs a renewal");
}

#[tokio::test]
async fn a_licence_is_renewed_again_and_again_until_it_has_ended() {
    let service = Service::open(&kept()).await;
    let mut opened = service.license("l3", &service.pssh_data()).await;
    let policy = opened.license.policy.clone().unwrap();
    assert_eq!(policy.renewal_server_url.as_deref(), Some("https://renew.example/"));
    assert_eq!((policy.renewal_delay_seconds, policy.renew_with_usage), (Some(50), Some(true)));
    for (round, seconds) in [(1, 50), (2, 140), (3, 255)] {
        service.keys.set_clock(NOW + seconds);
        let answer = service.post(&opened.again(false, NOW).unwrap()).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        opened.renewed(&answer.body).unwrap();
        let License { id, policy, license_start_time, .. } = &opened.license;
        assert_eq!(id.as_ref().unwrap().version, Some(round));
        assert_eq!(policy.as_ref().unwrap().license_duration_seconds, Some(100));
        assert_eq!(*license_start_time, Some(NOW + seconds));
    }
    // 100 seconds and 20 of recovery behind the last renewal.
    service.keys.set_clock(NOW + 255 + 121);
    let refusal = service.post(&opened.again(false, NOW).unwrap()).await.refusal();
    assert_eq!(refusal, (403, "widevine-license-ended".into()));
    // It can be given back all the same.
    let answer = service.post(&opened.again(true, NOW).unwrap()).await;
    opened.renewed(&answer.body).unwrap();
    assert_eq!(opened.license.id.unwrap().version, Some(4));
}

#[tokio::test]
async fn the_policy_decides_anew_on_renewals() {
    let service = Service::with_token(&kept()).await;
    let data = service.pssh_data();
    let session = ask("l3", Content::PsshData(&data), LicenseType::Streaming);
    let url = format!("{URL}?token={}", sign(&spec()));
    let answer = service.keys.post(&url, session.body.clone()).await;
    let opened = session.open(&answer.body).unwrap();
    let renewal = opened.again(false, NOW).unwrap();
    assert_eq!(service.post(&renewal).await.refusal(), (401, "token-missing".into()));
    assert_eq!(service.keys.post(&url, renewal.clone()).await.status, 200);
    // A release gives nothing away, so it needs no token.
    assert_eq!(service.post(&opened.again(true, NOW).unwrap()).await.status, 200);

    let mut template = kept();
    template["policy_overrides"]["can_renew"] = json!(false);
    let stricter = crate::support::widevine::policy("widevine", true, &template);
    service.keys.store.put_content_key_policy(&stricter).await.unwrap();
    let refusal = service.post(&renewal).await.refusal();
    assert_eq!(refusal, (403, "widevine-renewal-not-allowed".into()));
}

#[tokio::test]
async fn any_device_is_taken_in_development_only() {
    let trust = World::get().trust().for_any_device();
    assert!(trust.is_any_device() && Trust::any_device().is_any_device());
    let service = Service::start(trust, "commonEncryptionCenc", true, &json!({})).await;
    let opened = service.license("rogue", &service.pssh_data()).await;
    assert_eq!(keys_of(&opened), service.expected());
    for device in ["revoked serial", "expired", "bad signature", "forged"] {
        let data = service.pssh_data();
        let session = ask(device, Content::PsshData(&data), LicenseType::Streaming);
        assert_eq!(service.refusal(&session).await.0, 403, "{device}");
    }
}
