//! FairPlay by whole URLs, with the client of this repository (fairplay.md).

use axum::body::Body;
use axum::http::Request;
use portcullis::cenc::IvContext;
use portcullis::crypto::random::System;
use portcullis::license::fairplay::client::{Draft, Wish};
use portcullis::license::fairplay::{Capabilities, Form, PlaybackState, tag};
use portcullis::token::TokenSpec;
use serde_json::json;

use crate::support::fairplay::{Service, URL, World, body, policy, unwrap};
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
async fn a_key_that_is_named_inside_alone_is_found_where_the_policy_is_open() {
    let service = Service::open().await;
    for version in [1, 2] {
        for asset in [service.kid.to_string(), format!("skd://{}", service.kid), "film".into()] {
            let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
            for url in [URL, "/keydelivery/license"] {
                let (spc, opener) = service.wished(version, &wish);
                let answer = service.keys.post(url, spc).await;
                assert_eq!(answer.status, 200, "{version} {asset} {url}");
                assert_eq!(opener.open(&answer.body).unwrap().key, service.key);
            }
        }
    }
    let unknown = "0badc0de-0bad-c0de-0bad-c0de0badc0de";
    for (asset, reason) in [(unknown, "key-unknown"), ("other", "fairplay-asset-unknown")] {
        let (spc, _) = service.wished(2, &Wish { asset: asset.as_bytes(), ..Wish::default() });
        let refused = service.keys.post(URL, spc).await;
        assert_eq!(refused.refusal(), (404, reason.into()));
    }
}

#[tokio::test]
async fn no_private_key_works_for_who_would_get_nothing() {
    let service = Service::start(&json!({}), false).await;
    // Opened, it would be refused as damaged.
    let (mut spc, _) = service.spc(2);
    let opened = (403, "fairplay-spc-integrity".to_owned());
    *spc.last_mut().unwrap() ^= 1;
    spc[60] ^= 1;
    let ask = |token: String| {
        let (service, spc) = (&service, spc.clone());
        async move { service.keys.post(&format!("{URL}?token={token}"), spc).await.refusal() }
    };
    let other = TokenSpec { audience: "urn:others".into(), ..spec() };
    for (token, reason) in [
        (String::new(), "token-missing"),
        ("x".into(), "token-malformed"),
        (sign(&TokenSpec { expires: at(NOW - 3600), ..spec() }), "token-expired"),
        (sign(&other), "token-audience-mismatch"),
    ] {
        assert_eq!(ask(token).await, (401, reason.to_owned()));
    }
    assert_eq!(ask(sign(&spec())).await, opened);
    let everybody = policy("everybody", &json!({}), true);
    service.keys.store.create_content_key_policy(&everybody).await.unwrap();
    assert_eq!(ask(String::new()).await.0, 401);
    // With a key for everybody, this may be one.
    service.keys.publish(&request("free", "Portcullis_CbcsClearKey", "everybody")).await;
    assert_eq!(ask(String::new()).await, opened);
}

#[tokio::test]
async fn the_key_that_is_named_inside_counts_and_its_policy_decides() {
    let service = Service::start(&json!({}), false).await;
    let open = policy("everybody", &json!({}), true);
    service.keys.store.create_content_key_policy(&open).await.unwrap();
    let published = request("free", "Portcullis_CbcsClearKey", "everybody");
    let (free, key) = service.keys.publish_key(&published).await;
    let of = |kid: &str, beside: &str| {
        let (spc, opener) = service.wished(1, &Wish { asset: kid.as_bytes(), ..Wish::default() });
        let fields = String::from_utf8(body(Form::Fields, &spc)).unwrap();
        (format!("{fields}&assetId={beside}"), opener)
    };
    let [free, film] = [free.kid, service.kid].map(|kid| kid.to_string());
    let with_token = format!("{URL}?token={}", sign(&spec()));
    for (inside, beside, url, expected) in [
        (&free, &free, URL, &key),
        (&film, &free, &with_token, &service.key),
        (&film, &String::new(), &with_token, &service.key),
    ] {
        let (fields, opener) = of(inside, beside);
        let answer = service.keys.post(url, fields).await;
        assert_eq!(answer.status, 200, "{inside} {beside}");
        assert_eq!(opener.open(&unwrap(Form::Fields, &answer)).unwrap().key, *expected);
    }
    for beside in [&free, &film, &String::new()] {
        let refused = service.keys.post(URL, of(&film, beside).0).await;
        assert_eq!(refused.refusal(), (401, "token-missing".into()), "{beside}");
    }
}

#[tokio::test]
async fn an_asset_may_be_the_name_of_content_with_one_key() {
    let service = Service::open().await;
    let beside = |form: Form, asset: &str, beside: &str| {
        let (spc, opener) = service.wished(2, &Wish { asset: asset.as_bytes(), ..Wish::default() });
        let text = String::from_utf8(body(form, &spc)).unwrap();
        let text = match form {
            Form::Json => text.replace('}', &format!(",\"assetId\":\"{beside}\"}}")),
            _ => format!("{text}&assetId={beside}"),
        };
        (text, opener)
    };
    for (form, inside, name) in [
        (Form::Fields, "no-key", "film"),
        (Form::Fields, "skd://film", "skd%3A%2F%2Ffilm%2F"),
        (Form::Json, "no-key", "film"),
        (Form::Json, "film", "no-key"),
    ] {
        let (text, opener) = beside(form, inside, name);
        let answer = service.keys.post(URL, text).await;
        assert_eq!(answer.status, 200, "{inside} {name}: {:?}", answer.body);
        assert_eq!(opener.open(&unwrap(form, &answer)).unwrap().key, service.key, "{name}");
    }
    let block = json!({ "enabledProtocols": { "hls": true }, "contentKeys": {
        "defaultKey": { "label": "AUDIO" }, "keyToTrackMappings": [{ "label": "SD", "tracks": [
            { "trackSelections": [
                { "property": "FourCC", "operation": "Equal", "value": "avc1" }] }] }] } });
    let two = json!({ "commonEncryptionCbcs": block }).to_string();
    let two = portcullis::policy::StreamingPolicy::from_properties("two", &two).unwrap();
    service.keys.store.create_streaming_policy(&two).await.unwrap();
    service.keys.publish(&request("series", "two", "fairplay")).await;
    for (inside, name, refusal) in [
        ("no-key", "series", (403, "fairplay-asset-of-several-keys")),
        ("series", "no-key", (403, "fairplay-asset-of-several-keys")),
        ("no-key", "other", (404, "fairplay-asset-unknown")),
    ] {
        let refused = service.keys.post(URL, beside(Form::Fields, inside, name).0).await;
        assert_eq!(refused.refusal(), (refusal.0, refusal.1.to_owned()), "{inside} {name}");
    }
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
        (URL.to_owned(), &unknown, 401, "token-missing"),
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
