//! FairPlay requests that are broken: each refused by its rule, at the address.

use portcullis::crypto::random::System;
use portcullis::license::fairplay::client::{Draft, Wish};
use portcullis::license::fairplay::{Form, tag};

use crate::support::fairplay::{Service, URL, World, body, returns, set};

type Damage = fn(&mut Draft);

/// Damage inside of what is encrypted.
const INSIDE: &[(Damage, u16, &str)] = &[
    (|d| set(d, tag::SK_R1_INTEGRITY, &[0; 16]), 403, "fairplay-spc-integrity"),
    (|d| set(d, tag::SK_R1, &[0; 112]), 403, "fairplay-spc-integrity"),
    (|d| d.certificate = [0; 20], 403, "fairplay-certificate-unknown"),
    (|d| set(d, tag::SK_R1, &[0; 96]), 400, "fairplay-spc-block-value"),
    (|d| d.blocks.push((tag::R2, vec![0; 21], 0)), 400, "fairplay-spc-block-repeated"),
    (|d| d.blocks.retain(|b| b.0 != tag::ANTI_REPLAY), 400, "fairplay-spc-block-missing"),
    (|d| returns(d, &[0xdead]), 400, "fairplay-spc-return-request"),
    (|d| set(d, tag::VERSION_USED, &[0, 0, 0, 9]), 400, "fairplay-protocol-version"),
    (
        |d| d.blocks.push((tag::OFFLINE_SYNC, vec![0, 0, 0, 1], 0)),
        400,
        "fairplay-offline-sync-not-served",
    ),
];

#[tokio::test]
async fn damage_inside_is_refused_by_its_rule() {
    let service = Service::open().await;
    let asset = service.kid.to_string();
    let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
    for version in [1, 2] {
        for (damage, status, reason) in INSIDE {
            let mut draft = World::get().draft(version, &wish);
            damage(&mut draft);
            let (spc, _) = draft.seal(&mut System::new()).unwrap();
            for url in [service.url().as_str(), URL] {
                let refused = service.keys.post(url, spc.clone()).await;
                assert_eq!(refused.refusal(), (*status, (*reason).to_owned()), "{version}");
            }
        }
        let draft = World::get().draft(version, &wish);
        let lying = [&[3; 8][..], &[0x7f, 0xff, 0xff, 0xf0, 0, 0, 0, 4], &[0; 16]].concat();
        let spc = draft.seal_payload(lying, &mut System::new()).unwrap();
        let refused = service.keys.post(&service.url(), spc).await;
        assert_eq!(refused.refusal(), (400, "fairplay-spc-block-malformed".into()));
    }
}

#[tokio::test]
async fn damage_outside_is_refused_before_anything_is_looked_up() {
    let service = Service::open().await;
    let (spc, _) = service.spc(2);
    let mut nine = spc.clone();
    nine[3] = 9;
    for (spc, reason) in [
        (&spc[..spc.len() - 40], "fairplay-spc-malformed"),
        (&[], "fairplay-spc-malformed"),
        (&nine, "fairplay-spc-version"),
        (&[0, 0, 0, 3, 0, 0, 0, 0], "fairplay-spc-version"),
    ] {
        for form in [Form::Raw, Form::Base64, Form::Fields, Form::Json] {
            // A key that nobody knows would be 404.
            let url = format!("{URL}?kid=0badc0de-0bad-c0de-0bad-c0de0badc0de");
            let refused = service.keys.post(&url, body(form, spc)).await;
            assert_eq!(refused.refusal(), (400, reason.into()), "{form:?}");
        }
    }
    let (url, spc) = (service.url(), service.spc(1).0);
    for (text, reason) in [
        (&b"{\"spc\":7}"[..], "fairplay-request-malformed"),
        (b"abcd", "fairplay-spc-malformed"),
        (b"spc=*", "fairplay-request-malformed"),
        (b"\xff\xfe<", "fairplay-request-malformed"),
    ] {
        let refused = service.keys.post(&url, text.to_vec()).await;
        assert_eq!(refused.refusal(), (400, reason.into()), "{text:?}");
    }
    for length in (0..spc.len()).step_by(37) {
        let refused = service.keys.post(&url, spc[..length].to_vec()).await;
        assert_eq!(refused.refusal(), (400, "fairplay-spc-malformed".into()), "{length}");
    }
    let refused = service.keys.post(&url, vec![0; 65 * 1024]).await;
    assert_eq!(refused.refusal(), (413, "body-too-large".into()));
    let refused = service.keys.post(&format!("{URL}?kid=x"), spc.clone()).await;
    assert_eq!(refused.refusal(), (400, "kid-malformed".into()));
}
