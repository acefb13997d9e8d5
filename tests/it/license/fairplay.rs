//! FairPlay by whole URLs, with the client of this repository (fairplay.md).

use axum::body::Body;
use axum::http::Request;
use portcullis::cenc::IvContext;
use portcullis::crypto::random::System;
use portcullis::license::fairplay::client::{Draft, Wish};
use portcullis::license::fairplay::{Capabilities, Form, PlaybackState, tag};
use serde_json::json;

use crate::support::fairplay::{Service, URL, World, body, unwrap};
use crate::support::keys::{NOW, at, request, sign, spec};

const FORMS: [Form; 4] = [Form::Raw, Form::Base64, Form::Fields, Form::Json];

#[tokio::test]
async fn both_versions_are_answered_in_the_form_of_the_request() {
    let service = Service::open().await;
    let iv = IvContext::new(service.kid, b"any track").constant();
    for version in [1, 2] {
        for form in FORMS {
            for path in [URL, "/keydelivery/FairPlay", "/keydelivery/license"] {
                let url = format!("{path}?kid={}", service.kid);
                let (spc, opener) = service.spc(version);
                let answer = service.keys.post(&url, body(form, &spc)).await;
                assert_eq!(answer.status, 200, "{version} {form:?} {url}");
                assert_eq!(answer.header("cache-control"), "no-store");
                let opened = opener.open(&unwrap(form, &answer)).unwrap();
                assert_eq!((&opened.key, opened.iv), (&service.key, iv));
                assert_eq!((opened.duration, opened.hdcp), (None, Some(tag::HDCP_TYPE_0)));
            }
        }
    }
}

#[tokio::test]
async fn the_address_names_the_key_of_an_asset_that_is_called_otherwise() {
    let service = Service::open().await;
    for (asset, url, status) in [
        ("film", service.url(), 200),
        ("film", format!("{URL}?KID={}", service.kid), 200),
        ("00000000-0000-4000-8000-000000000000", service.url(), 403),
    ] {
        let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
        let (spc, _) = service.wished(1, &wish);
        assert_eq!(service.keys.post(&url, spc).await.status, status, "{asset} {url}");
    }
    let skd = format!("skd://host/keydelivery/FairPlay/?kid={}", service.kid);
    let (spc, opener) = service.wished(2, &Wish { asset: skd.as_bytes(), ..Wish::default() });
    let answer = service.keys.post(&service.url(), spc).await;
    assert_eq!(opener.open(&answer.body).unwrap().key, service.key);
}

#[tokio::test]
async fn a_key_that_is_named_inside_alone_is_not_looked_for() {
    let service = Service::open().await;
    for version in [1, 2] {
        let (spc, _) = service.spc(version);
        let hash = if version == 1 { 152 } else { 280 };
        // Opened, each would be refused as another.
        for at in [hash - 1, hash, spc.len() - 1] {
            let mut damaged = spc.clone();
            damaged[at] ^= 1;
            for spc in [&spc, &damaged] {
                let refused = service.keys.post(URL, spc.clone()).await;
                assert_eq!(refused.refusal(), (404, "fairplay-asset-unknown".into()));
            }
        }
    }
}

#[tokio::test]
async fn an_asset_beside_the_spc_names_the_key_and_that_in_the_spc_counts() {
    let service = Service::open().await;
    let beside = |kid: &str, spc: &[u8]| {
        format!("{}&assetId={kid}", String::from_utf8(body(Form::Fields, spc)).unwrap())
    };
    let (spc, _) = service.spc(1);
    let answer = service.keys.post(URL, beside(&service.kid.to_string(), &spc)).await;
    assert_eq!(answer.status, 200);
    let published = request("b", "Portcullis_CbcsClearKey", "fairplay");
    let other = service.keys.publish_key(&published).await.0.kid.to_string();
    let refused = service.keys.post(URL, beside(&other, &spc)).await;
    assert_eq!(refused.refusal(), (403, "fairplay-asset-of-other-key".into()));
}

#[tokio::test]
async fn players_get_the_certificate_to_which_they_encrypt() {
    let service = Service::open().await;
    let answer = service.keys.get("/keydelivery/FairPlay/certificate").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.body, World::get().certificate(2));
    let get = service.keys.get(URL).await;
    assert_eq!(get.status, 405);
}

#[tokio::test]
async fn a_token_decides_before_the_spc_is_opened() {
    let service = Service::start(&json!({}), false).await;
    let url = service.url();
    let (spc, opener) = service.spc(2);
    let bearer = format!("Bearer {}", sign(&spec()));
    let asked = Request::post(&url).header("authorization", bearer);
    let answer = service.keys.send(asked.body(Body::from(spc.clone())).unwrap()).await;
    assert_eq!(opener.open(&answer.body).unwrap().key, service.key);
    let token = sign(&spec());
    let answer = service.keys.post(&format!("{url}&token={token}"), spc.clone()).await;
    assert_eq!(opener.open(&answer.body).unwrap().key, service.key);
    let mut late = spec();
    late.expires = at(NOW - 3600);
    let late = sign(&late);
    let mut unknown = spc.clone();
    unknown[290] ^= 1;
    for (url, body, status, reason) in [
        (url.clone(), &spc, 401, "token-missing"),
        (URL.to_owned(), &unknown, 404, "fairplay-asset-unknown"),
        (format!("{URL}?token={token}"), &unknown, 404, "fairplay-asset-unknown"),
        (format!("{url}&token=x"), &spc, 401, "token-malformed"),
        (format!("{url}&token={late}"), &spc, 401, "token-expired"),
        (url.clone(), &unknown, 401, "token-missing"),
        (format!("{url}&token={token}"), &unknown, 403, "fairplay-certificate-unknown"),
    ] {
        let refused = service.keys.post(&url, body.clone()).await;
        assert_eq!(refused.refusal(), (status, reason.into()), "{url}");
    }
}

#[tokio::test]
async fn what_the_option_says_of_time_stands_in_the_answer() {
    let kept = |kind: &str| json!({ "rentalAndLeaseKeyType": kind, "rentalDuration": 3600 });
    let mut dual = kept("DualExpiry");
    dual["offlineRentalConfiguration"] =
        json!({ "storageDurationSeconds": 2_592_000, "playbackDurationSeconds": 86_400 });
    let lease = json!({ "leaseDuration": 90 });
    for (option, capabilities, duration) in [
        (&json!({}), 2, None),
        (&lease, 0, Some((90, 0, tag::LEASE))),
        (&kept("PersistentUnlimited"), 2, Some((0, 0, tag::PERSIST))),
        (&kept("PersistentLimited"), 2, Some((0, 3600, tag::PERSIST_LIMITED))),
        (&dual, 0, Some((0, 2_592_000, tag::PERSIST_LIMITED))),
        (&dual, 2, None),
    ] {
        let service = Service::start(option, true).await;
        for state in [PlaybackState::Ready, PlaybackState::Playing, PlaybackState::Renewing] {
            let wish = Wish {
                playback: Some((NOW as u32, state)),
                capabilities: Capabilities(capabilities),
                ..Wish::default()
            };
            let answer = service.ask(&wish).await;
            assert_eq!(answer.duration, duration, "{option}");
            let offline = answer.offline.map(|offline| offline[24..32].to_vec());
            let expected = [2_592_000_u32, 86_400].map(u32::to_be_bytes).concat();
            assert_eq!(offline, (*option == dual && capabilities == 2).then_some(expected));
        }
    }
}

#[tokio::test]
async fn a_client_that_cannot_be_limited_gets_nothing() {
    let dual = json!({ "rentalAndLeaseKeyType": "DualExpiry", "offlineRentalConfiguration":
        { "storageDurationSeconds": 2_592_000, "playbackDurationSeconds": 86_400 } });
    // Without capabilities, and without a word about them.
    let clients: [fn(&mut Draft); 2] =
        [|_| {}, |draft| draft.blocks.retain(|block| block.0 != tag::CAPABILITIES)];
    for option in [json!({ "leaseDuration": 90 }), dual] {
        let service = Service::start(&option, true).await;
        let asset = service.kid.to_string();
        let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
        for client in clients {
            let mut draft = World::get().draft(1, &wish);
            client(&mut draft);
            let (spc, _) = draft.seal(&mut System::new()).unwrap();
            let refused = service.keys.post(&service.url(), spc).await;
            assert_eq!(refused.refusal(), (403, "fairplay-rights-not-expressed".into()));
        }
    }
}

#[tokio::test]
async fn outputs_are_those_of_the_option() {
    for (level, expected) in
        [("NONE", tag::HDCP_NONE), ("TYPE-0", tag::HDCP_TYPE_0), ("TYPE-1", tag::HDCP_TYPE_1)]
    {
        let service = Service::start(&json!({ "hdcpLevel": level }), true).await;
        assert_eq!(service.ask(&Wish::default()).await.hdcp, Some(expected), "{level}");
    }
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_name() {
    let own = json!({ "ask": "AAECAwQFBgcICQoLDA0ODw==", "fairPlayPfx": "AAAA" });
    let service = Service::start(&own, true).await;
    let refused = service.keys.post(&service.url(), service.spc(1).0).await;
    assert_eq!(refused.refusal(), (501, "fairplay-policy-credentials-not-served".into()));

    let bare = Service::start_with(Default::default(), &json!({}), true).await;
    let refused = bare.keys.post(&bare.url(), bare.spc(1).0).await;
    assert_eq!(refused.refusal(), (501, "license-system-not-served".into()));
    let refused = bare.keys.get("/keydelivery/FairPlay/certificate").await;
    assert_eq!(refused.refusal(), (501, "license-system-not-served".into()));

    let service = Service::open().await;
    for policy in ["Predefined_ClearKey", "Portcullis_CencClearKey"] {
        let published = service.keys.publish_key(&request(policy, policy, "fairplay")).await;
        let kid = published.0.kid.to_string();
        let wish = Wish { asset: kid.as_bytes(), ..Wish::default() };
        let (spc, _) = service.wished(1, &wish);
        let refused = service.keys.post(&format!("{URL}?kid={kid}"), spc).await;
        assert_eq!(refused.refusal(), (403, "fairplay-key-of-other-kind".into()));
    }
}
