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
    (|d| set(d, tag::SK_R1, &[0; 96]), 403, "fairplay-spc-integrity"),
    (|d| d.blocks.retain(|b| b.0 != tag::R2), 403, "fairplay-spc-integrity"),
    (|d| set(d, tag::ASSET_ID, b"a"), 400, "fairplay-spc-block-value"),
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
            let refused = service.keys.post(&service.url(), spc).await;
            assert_eq!(refused.refusal(), (*status, (*reason).to_owned()), "{version}");
        }
        let draft = World::get().draft(version, &wish);
        let lying = [&[3; 8][..], &[0x7f, 0xff, 0xff, 0xf0, 0, 0, 0, 4], &[0; 16]].concat();
        let (true_one, _) = draft.payload(&mut System::new()).unwrap();
        let payload = [&true_one[..], &lying].concat();
        let spc = draft.seal_payload(payload, &mut System::new()).unwrap();
        let refused = service.keys.post(&service.url(), spc).await;
        assert_eq!(refused.refusal(), (400, "fairplay-spc-block-malformed".into()));
    }
}

/// Else the answers would tell which encrypted keys open, and which payloads look like one.
#[tokio::test]
async fn what_does_not_open_is_told_like_what_opens_to_nothing() {
    let service = Service::open().await;
    for (version, hash) in [(1, 152), (2, 280)] {
        let (spc, _) = service.spc(version);
        let damaged = |at: usize| {
            let mut spc = spc.clone();
            spc[at] ^= 0x80;
            spc
        };
        let draft = World::get().draft(version, &Wish::default());
        let opens = |payload: Vec<u8>| draft.seal_payload(payload, &mut System::new()).unwrap();
        let block = [&[3; 8][..], &16_u32.to_be_bytes(), &4_u32.to_be_bytes(), &[0; 16]].concat();
        let mut answers = Vec::new();
        for spc in [
            damaged(24),
            damaged(hash - 1),
            opens(Vec::new()),
            opens(vec![0xff; 160]),
            opens(vec![0; 160]),
            opens(block),
        ] {
            let refused = service.keys.post(&service.url(), spc).await;
            assert_eq!(refused.refusal(), (403, "fairplay-spc-integrity".into()));
            answers.push(refused.body);
        }
        assert!(answers.iter().all(|body| *body == answers[0]));
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
    for length in 0..spc.len() {
        let refused = service.keys.post(&url, spc[..length].to_vec()).await;
        assert_eq!(refused.refusal(), (400, "fairplay-spc-malformed".into()), "{length}");
    }
    let refused = service.keys.post(&url, vec![0; 65 * 1024]).await;
    assert_eq!(refused.refusal(), (413, "body-too-large".into()));
    let refused = service.keys.post(&format!("{URL}?kid=x"), spc.clone()).await;
    assert_eq!(refused.refusal(), (400, "kid-malformed".into()));
}
