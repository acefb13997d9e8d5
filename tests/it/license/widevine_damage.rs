//! Widevine: whatever happens to a request on its way, the answer is a quick refusal.

use std::time::Instant;

use portcullis::crypto::random::System;
use portcullis::license::widevine::test_device::{Ask, Content};
use portcullis::license::widevine::{LicenseType, Request};
use proptest::prelude::*;
use serde_json::json;

use crate::support::keys::NOW;
use crate::support::widevine::{Service, World};

/// A challenge in the clear, one in privacy mode, a renewal.
async fn bodies(service: &Service) -> [Vec<u8>; 3] {
    let data = service.pssh_data();
    let challenge = |privacy| {
        let content = Content::PsshData(&data);
        let ask = Ask { content, license_type: LicenseType::Streaming, privacy, time: NOW };
        World::get().device("l3").ask(&ask, &mut System::new()).unwrap().body
    };
    let renewal = service.license("l3", &data).await.again(false, NOW).unwrap();
    [challenge(None), challenge(Some(&World::get().service.certificate)), renewal]
}

fn template() -> serde_json::Value {
    json!({ "policy_overrides": { "can_play": true, "can_renew": true } })
}

/// Far more than a refusal takes, in a build for tests on a busy machine.
const PATIENCE_MS: u128 = 1000;

async fn is_refused(service: &Service, body: &[u8]) {
    let began = Instant::now();
    let answer = service.post(body).await;
    assert!(answer.status.is_client_error(), "{} for {body:02x?}", answer.status);
    answer.refusal();
    assert!(began.elapsed().as_millis() < PATIENCE_MS, "{:?}", began.elapsed());
}

#[tokio::test]
async fn every_prefix_is_refused() {
    let service = Service::open(&template()).await;
    for body in bodies(&service).await {
        for length in 0..body.len() {
            is_refused(&service, &body[..length]).await;
        }
    }
}

#[test]
fn flipped_bits_are_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (service, bodies) = runtime.block_on(async {
        let service = Service::open(&template()).await;
        let bodies = bodies(&service).await;
        (service, bodies)
    });
    let strategy = (0..bodies.len(), any::<prop::sample::Index>(), 0_u8..8);
    proptest!(ProptestConfig::with_cases(300), |((which, at, bit) in strategy)| {
        let mut body = bodies[which].clone();
        let at = at.index(body.len());
        body[at] ^= 1 << bit;
        // Its first two bytes may make it a request of another kind, which is one.
        prop_assume!(!matches!(Request::parse(&body), Ok(Request::ServiceCertificate)));
        runtime.block_on(is_refused(&service, &body));
    });
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Request::parse(&body);
    }
}
