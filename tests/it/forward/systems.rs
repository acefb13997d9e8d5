//! A PlayReady server and a key server module for FairPlay, each played by another service of ours:
//! devices open what comes back through the one that passes requests on.

use data_encoding::BASE64;
use portcullis::cenc::Scheme;
use portcullis::crypto::random::System;
use portcullis::drm::playready::Version;
use portcullis::license::fairplay::Form;
use portcullis::license::fairplay::client::Wish;
use portcullis::license::playready::{StatusCode, fault};
use portcullis::license::upstream::Protocol;
use portcullis::service::delivery::Delivery;
use portcullis::service::upstream::Settings;
use serde_json::json;

use crate::support::fairplay::{self, body, unwrap};
use crate::support::keys::{sign, spec};
use crate::support::playready::{self, challenge, header, key_message, question};
use crate::support::upstream::{CBCS, CENC, Choice, Server, Service, reply};

fn playready_option() -> Choice {
    Choice { kind: "PlayReady", members: json!({ "licenses": [] }), upstream: Some("vendor") }
}

fn fairplay_option() -> Choice {
    let members = json!({ "rentalAndLeaseKeyType": "Undefined" });
    Choice { kind: "FairPlay", members, upstream: Some("vendor") }
}

#[tokio::test]
async fn a_playready_device_gets_its_licence_through_the_proxy() {
    let vendor = playready::Service::open().await;
    let url = format!("{}{}", vendor.keys.listen().await, playready::URL);
    let settings = Settings::new(Protocol::PlayReady, url.parse().unwrap());
    let proxy = Service::with(&[("vendor", settings)], true, &[playready_option()]).await;
    let (kid, key) = vendor.film[0].clone();
    proxy.adopt(CENC, [("cencDefaultKey".to_owned(), kid, key)]).await;
    let proxied = playready::Service { keys: proxy.keys, film: vendor.film.clone() };
    let asked = proxied.ask("sl2000", &vendor.one()).await;
    assert_eq!(asked.keys(), vendor.film[..1]);
    let revoked = proxied.ask("revoked", &vendor.one()).await;
    assert_eq!(revoked.refusal().0, 403, "the fault of the server, with its status");
    assert_eq!(revoked.refusal().1, "playready-device-revoked");
    let two = header(Version::V4_2, &vendor.kids(), Scheme::Cenc);
    let partly = proxied.ask("sl2000", &two).await;
    assert_eq!(partly.refusal().1, "key-unknown", "a challenge is passed on whole or not at all");
}

#[tokio::test]
async fn soap_goes_on_unwrapped_and_faults_come_back() {
    let server = Server::start(|_| reply(500, "text/xml", fault_text())).await;
    let settings = Settings {
        headers: [("X-Custom-Data".to_owned(), "{kids}".to_owned())].into(),
        failures: 1,
        ..server.settings(Protocol::PlayReady)
    };
    let service = Service::with(&[("vendor", settings)], true, &[playready_option()]).await;
    let (kid, _) = service.cenc().await;
    let device = playready::World::get().device("sl2000");
    let soap = challenge(&device, &question(&header(Version::V4_0, &[kid], Scheme::Cenc), None));
    for sent in [soap.clone().into_bytes(), key_message(&soap)] {
        let answer = service.keys.post(playready::URL, sent).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (500, fault_text().as_bytes()));
        assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
    }
    for seen in server.seen() {
        assert_eq!(seen.body, soap, "byte for byte: the client has signed it");
        assert_eq!(seen.header("content-type"), "text/xml; charset=utf-8");
        assert!(seen.header("soapaction").contains("AcquireLicense"));
        assert_eq!(seen.header("x-custom-data"), kid.to_string());
    }
    for (status, body, expected) in [
        (200, "<html></html>", (502, "upstream-answer-malformed")),
        (200, "", (502, "upstream-answer-malformed")),
        (403, "no", (403, "upstream-refused")),
    ] {
        server.becomes(move |_| reply(status, "text/html", body));
        let settings = server.settings(Protocol::PlayReady);
        let other = Service::with(&[("vendor", settings)], true, &[playready_option()]).await;
        let (kid, key) = other.cenc().await;
        let proxied = playready::Service { keys: other.keys, film: vec![(kid, key)] };
        let (status, reason, _) = proxied.ask("sl2000", &proxied.one()).await.refusal();
        assert_eq!((status, &*reason), expected, "in the system's own form");
    }
}

fn fault_text() -> String {
    fault(StatusCode::INTERNAL, "theirs", "A fault of theirs")
}

#[tokio::test]
async fn a_fairplay_key_comes_out_of_the_module_in_every_pair_of_forms() {
    const FORMS: [Form; 4] = [Form::Raw, Form::Base64, Form::Fields, Form::Json];
    let module = fairplay::Service::open().await;
    let url = format!("{}{}", module.keys.listen().await, module.url());
    for taken in FORMS {
        let settings = Settings {
            body: Some(taken),
            ..Settings::new(Protocol::FairPlay, url.parse().unwrap())
        };
        let proxy = Service::with(&[("vendor", settings)], true, &[fairplay_option()]).await;
        let key = (LABEL.to_owned(), module.kid, module.key.clone());
        proxy.adopt(CBCS, [key]).await;
        for sent in FORMS {
            let (spc, opener) = module.spc(2);
            let answer = proxy.keys.post(&module.url(), body(sent, &spc)).await;
            assert_eq!(answer.status, 200, "{taken:?} {sent:?}: {:?}", answer.body);
            assert_eq!(opener.open(&unwrap(sent, &answer)).unwrap().key, module.key);
        }
    }
}

#[tokio::test]
async fn an_spc_that_was_opened_here_goes_to_no_other_server() {
    let server = Server::start(|_| reply(200, "text/plain", "no ckc")).await;
    let settings = server.settings(Protocol::FairPlay);
    let own = |delivery: Delivery| delivery.with_trust(fairplay::World::get().trust());
    let service = Service::told(&[("vendor", settings)], true, &[fairplay_option()], own).await;
    let (kid, _) = service.key("film", CBCS).await;
    let asset = kid.to_string();
    let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
    let (spc, _) = fairplay::World::get().draft(2, &wish).seal(&mut System::new()).unwrap();
    let refused = service.keys.post(fairplay::URL, spc.clone()).await;
    assert_eq!(refused.refusal(), (403, "license-made-elsewhere".into()));
    assert!(server.seen().is_empty());
    // Named outside, the key is decided on before anything is opened.
    let beside = format!("{}&assetId={kid}", String::from_utf8(body(Form::Fields, &spc)).unwrap());
    let refused = service.keys.post(fairplay::URL, beside).await;
    assert_eq!(refused.refusal(), (502, "upstream-answer-malformed".into()));
    assert_eq!(server.seen()[0].body, spc);
    let certificate = |query: String| {
        let path = format!("/keydelivery/FairPlay/certificate{query}");
        let keys = &service.keys;
        async move { keys.get(&path).await }
    };
    let own = fairplay::World::get().certificate(2);
    assert_eq!(certificate(String::new()).await.body, own);
    let refused = certificate(format!("?kid={kid}")).await.refusal();
    assert_eq!(refused, (501, "license-system-not-served".into()), "the other server has none");
}

/// The label of the one key of [`CBCS`].
const LABEL: &str = "cbcsDefaultKey";

#[tokio::test]
async fn the_module_gets_the_spc_and_players_its_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let certificate_file = dir.path().join("fps.cer");
    std::fs::write(&certificate_file, fairplay::World::get().certificate(2)).unwrap();
    let server = Server::start(|_| reply(200, "text/plain", "no ckc")).await;
    let settings = Settings {
        body: Some(Form::Fields),
        certificate_file: Some(certificate_file),
        ..server.settings(Protocol::FairPlay)
    };
    let service = Service::with(&[("vendor", settings)], false, &[fairplay_option()]).await;
    let (kid, _) = service.key("film", CBCS).await;
    let certificate = service.keys.get("/keydelivery/FairPlay/certificate").await;
    assert_eq!(certificate.body, fairplay::World::get().certificate(2));
    let module = fairplay::Service::open().await;
    let (spc, _) = module.spc(1);
    let url = format!("{}?kid={kid}", fairplay::URL);
    let refused = service.keys.post(&url, body(Form::Json, &spc)).await;
    assert_eq!(refused.refusal(), (401, "token-missing".into()));
    assert!(server.seen().is_empty());
    let url = format!("{url}&token={}", sign(&spec()));
    let refused = service.keys.post(&url, body(Form::Json, &spc)).await;
    assert_eq!(refused.refusal(), (502, "upstream-answer-malformed".into()));
    let seen = &server.seen()[0];
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    let fields: Vec<_> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
    let expected = [("spc", BASE64.encode(&spc)), ("assetId", kid.to_string())];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value)));
}
