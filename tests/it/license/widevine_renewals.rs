//! Widevine: a renewal is decided anew, on every key of the licence and on the device that has it.

use portcullis::license;
use portcullis::license::widevine::LicenseType;
use portcullis::license::widevine::test_device::{Content, Opened};
use portcullis::license::widevine::{SystemRow, Trust};
use portcullis::service::publish::PublishRequest;
use portcullis::token::TokenSpec;
use serde_json::{Value, json};

use crate::support::keys::{NOW, at, request, sign, spec};
use crate::support::widevine::{
    ENDING, ENDING_SERIAL, L1, L3, Service, URL, World, ask, pssh_data,
};

/// A renewable licence of three keys, of which the last is for the best devices.
fn renewable() -> Value {
    json!({
        "content_key_specs": [
            { "track_type": "AUDIO", "security_level": 1 },
            { "track_type": "SD", "security_level": 1 },
            { "track_type": "UHD1", "security_level": 5 }],
        "policy_overrides": { "can_play": true, "can_renew": true } })
}

async fn renewed(service: &Service, opened: &Opened) -> (u16, String) {
    let answer = service.post(&opened.again(false, NOW).unwrap()).await;
    match answer.status.as_u16() {
        200 => (200, String::new()),
        _ => answer.refusal(),
    }
}

fn refused(reason: &str) -> (u16, String) {
    (403, reason.to_owned())
}

fn renewed_ok() -> (u16, String) {
    (200, String::new())
}

#[tokio::test]
async fn a_token_for_one_key_renews_no_licence_of_three() {
    let service = Service::with_token(&renewable()).await;
    let data = service.pssh_data();
    let session = ask("l1", Content::PsshData(&data), LicenseType::Streaming);
    let url = |kid| format!("{URL}?token={}", sign(&TokenSpec { kid, ..spec() }));
    let answer = service.keys.post(&url(None), session.body.clone()).await;
    let renewal = session.open(&answer.body).unwrap().again(false, NOW).unwrap();
    let answer = service.keys.post(&url(Some(service.kid("SD"))), renewal.clone()).await;
    assert_eq!(answer.refusal().1, "token-key-identifier-mismatch");
    assert_eq!(service.keys.post(&url(None), renewal).await.status, 200);
}

#[tokio::test]
async fn a_licence_is_not_renewed_behind_the_end_of_any_of_its_locators() {
    let service = Service::open(&renewable()).await;
    let keys = &service.keys;
    let ends = PublishRequest { end: Some(at(NOW + 50)), ..request("b", "three", "widevine") };
    let ending = keys.publish(&ends).await;
    let ending = keys.store.keys_of(ending.id).await.unwrap();
    let both = pssh_data(&[service.kid("SD"), ending[0].kid]);
    let opened = service.license("l1", &both).await;
    assert_eq!(opened.keys.len(), 2);
    keys.set_clock(NOW + 49);
    assert_eq!(renewed(&service, &opened).await, renewed_ok());
    keys.set_clock(NOW + 50);
    assert_eq!(renewed(&service, &opened).await, refused("locator-not-active"));
    let rest = service.license("l1", &both).await;
    assert_eq!(rest.keys.len(), 1, "a new licence has what is left");
    assert_eq!(renewed(&service, &rest).await, renewed_ok());
}

#[tokio::test]
async fn lists_are_asked_anew() {
    let mut service = Service::open(&renewable()).await;
    let data = service.pssh_data();
    let best = service.license("l1", &data).await;
    let other = service.license("ending", &data).await;
    assert_eq!((best.keys.len(), other.keys.len()), (3, 2));
    let row = |level, revoked| SystemRow { level, revoked };
    let trust = || World::get().trust();
    let level = "widevine-device-level-too-low";
    let revoked = "widevine-device-revoked";
    let table: [(Trust, _, _); 4] = [
        (trust(), renewed_ok(), renewed_ok()),
        (trust().with_systems([(L1, row(3, false))]), refused(level), renewed_ok()),
        (trust().with_systems([(L3, row(3, true))]), renewed_ok(), refused(revoked)),
        (trust().without_serials([ENDING_SERIAL.to_vec()]), renewed_ok(), refused(revoked)),
    ];
    for (trust, of_best, of_other) in table {
        service.keys.restart_with(license::Trust { widevine: Some(trust), ..Default::default() });
        assert_eq!(renewed(&service, &best).await, of_best);
        assert_eq!(renewed(&service, &other).await, of_other);
    }
}

#[tokio::test]
async fn a_renewal_brings_back_the_device_of_the_first_licence_and_its_end() {
    let service = Service::open(&renewable()).await;
    let mut opened = service.license("ending", &service.pssh_data()).await;
    for clock in [ENDING - 20, ENDING - 1] {
        service.keys.set_clock(clock);
        let answer = service.post(&opened.again(false, NOW).unwrap()).await;
        opened.renewed(&answer.body).unwrap();
    }
    service.keys.set_clock(ENDING);
    assert_eq!(renewed(&service, &opened).await, refused("widevine-device-expired"));
}
