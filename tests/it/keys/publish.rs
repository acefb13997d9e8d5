//! Locators and their keys come into being together, once.

use std::time::Duration;

use portcullis::ids::LocatorId;
use portcullis::package::steering::Steering;
use portcullis::policy::{ContentKeyPolicy, Restriction, StreamingPolicy};
use portcullis::service::origin::{CacheSizes, Origin};
use portcullis::service::publish::{
    PublishError, PublishRequest, Publisher, default_token_policy, open_policy,
};
use portcullis::service::streams::Catalog;
use portcullis::store::{Kind, StoreError};

use crate::support::keys::{KeyService, NOW, at, request};

fn publisher(service: &KeyService) -> Publisher {
    Publisher::new(service.store.clone())
}

#[tokio::test]
async fn every_label_of_the_streaming_policy_gets_its_own_random_key() {
    let service = KeyService::start().await;
    let json = r#"{"defaultContentKeyPolicyName": "open",
        "envelopeEncryption": {"enabledProtocols": {"hls": true}},
        "commonEncryptionCenc": {"enabledProtocols": {"dash": true},
            "contentKeys": {"defaultKey": {"label": "mine", "policyName": "token"}}}}"#;
    let policy = StreamingPolicy::from_properties("both", json).unwrap();
    service.store.create_streaming_policy(&policy).await.unwrap();
    let asked = PublishRequest { content_key_policy: None, ..request("s", "both", "") };
    let locator = service.publish(&asked).await;
    assert_eq!(locator.content_key_policy.as_deref(), Some("open"));
    let keys = service.store.keys_of(locator.id).await.unwrap();
    let seen: Vec<_> = keys.iter().map(|key| (key.label.as_str(), key.policy.as_deref())).collect();
    assert_eq!(seen, [("mine", Some("token")), ("aesDefaultKey", None)]);
    let opened: Vec<_> =
        keys.iter().map(|key| service.store.vault().unwrap(key).unwrap()).collect();
    assert_ne!(opened[0], opened[1]);
    assert_ne!(keys[0].kid, keys[1].kid);
}

#[tokio::test]
async fn clear_streams_have_no_keys_and_need_no_content_key_policy() {
    let service = KeyService::start().await;
    let clear = request("s", "Predefined_ClearStreamingOnly", "");
    let clear = PublishRequest { content_key_policy: None, ..clear };
    let locator = service.publish(&clear).await;
    assert!(service.store.keys_of(locator.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn publishing_once_gives_what_is_there_or_says_what_differs() {
    let service = KeyService::start().await;
    let asked = request("s", "Predefined_ClearKey", "open");
    let first = publisher(&service).publish_once(&asked, at(NOW)).await.unwrap();
    let again = publisher(&service).publish_once(&asked, at(NOW + 5)).await.unwrap();
    assert_eq!(first, again);
    let table = [
        (request("s", "Portcullis_CencClearKey", "open"), "streamingPolicyName"),
        (request("s", "Predefined_ClearKey", "token"), "defaultContentKeyPolicyName"),
        (PublishRequest { id: Some(LocatorId::random()), ..asked.clone() }, "streamingLocatorId"),
        (PublishRequest { end: Some(at(NOW)), ..asked }, "endTime"),
    ];
    for (asked, expected) in table {
        match publisher(&service).publish_once(&asked, at(NOW)).await {
            Err(PublishError::Different { differs, .. }) => assert_eq!(differs, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_and_leaves_nothing() {
    let service = KeyService::start().await;
    let good = request("s", "Predefined_ClearKey", "open");
    let missing =
        |member: &str, kind: Kind, name: &str| format!("{member}: {kind} {name} does not exist");
    let table = [
        (
            request("a/b", "Predefined_ClearKey", "open"),
            "name: streaming locator \"a/b\": a name has 1 to 128 letters, digits, hyphens, underscores \
             and dots"
                .into(),
        ),
        (
            PublishRequest { asset: "x".into(), ..good.clone() },
            missing("assetName", Kind::Asset, "x"),
        ),
        (request("s", "x", "open"), missing("streamingPolicyName", Kind::StreamingPolicy, "x")),
        (
            request("s", "Predefined_ClearKey", "x"),
            missing("defaultContentKeyPolicyName", Kind::ContentKeyPolicy, "x"),
        ),
        (
            PublishRequest { content_key_policy: None, ..good.clone() },
            "defaultContentKeyPolicyName: key aesDefaultKey needs a content key policy: name one for \
             the locator"
                .into(),
        ),
        (
            PublishRequest { start: Some(at(NOW)), end: Some(at(NOW)), ..good },
            "endTime: the end of the locator is not after its start".into(),
        ),
    ];
    for (asked, message) in table {
        let refusal = publisher(&service).publish(&asked, at(NOW)).await.unwrap_err();
        assert_eq!(refusal.to_string(), message);
    }
    assert!(service.store.locators().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_generated_token_policy_keeps_its_first_secret() {
    let service = KeyService::start().await;
    let policy = |name| default_token_policy(name, "urn:i", "urn:a").unwrap();
    let first = publisher(&service).policy_once(&policy("fresh")).await.unwrap();
    let again = publisher(&service).policy_once(&policy("fresh")).await.unwrap();
    assert_eq!(first, again);
    assert_ne!(secret(&first), secret(&policy("fresh")));
    assert_eq!(secret(&first).len(), 64);
    let open = publisher(&service).policy_once(&open_policy("open")).await.unwrap();
    assert_eq!(open, open_policy("open"));
}

fn secret(policy: &ContentKeyPolicy) -> Vec<u8> {
    let Restriction::Token(restriction) = &policy.options[0].restriction else {
        panic!("a token restriction is expected");
    };
    match &restriction.primary_verification_key {
        portcullis::policy::VerificationKey::Symmetric { key_value } => key_value.expose().into(),
        _ => panic!("a symmetric key is expected"),
    }
}

#[tokio::test]
async fn a_locator_identifier_may_be_chosen_and_used_again_after_deletion() {
    let service = KeyService::start().await;
    let id = LocatorId::random();
    let chosen = PublishRequest { id: Some(id), ..request("s", "Predefined_ClearKey", "open") };
    let (first, _) = service.publish_key(&chosen).await;
    let taken = PublishRequest { name: "t".into(), ..chosen.clone() };
    match publisher(&service).publish(&taken, at(NOW)).await {
        Err(PublishError::Store(StoreError::AlreadyExists { kind: Kind::Locator, name })) => {
            assert_eq!(name, id.to_string());
        }
        other => panic!("{other:?}"),
    }
    service.store.delete_locator(id).await.unwrap();
    let (second, _) = service.publish_key(&chosen).await;
    assert_ne!(first.kid, second.kid);
}

#[tokio::test]
async fn the_public_list_is_made_at_most_once_a_second() {
    let service = KeyService::start().await;
    let caches = CacheSizes { indexes: 1 << 20, documents: 1 << 20, plans: 1 << 20 };
    let clock = std::sync::Arc::new(|| at(NOW));
    let origin = Origin::new(service.store.clone(), clock, caches, Steering::default());
    let catalog = Catalog::new(service.store.clone(), origin, "http://gateway.example".into());
    let names = async || -> Vec<String> {
        let list = catalog.listed(at(NOW)).await.unwrap();
        list.iter().map(|stream| stream.name.clone()).collect()
    };
    let publish = async |name| {
        let asked = request(name, "Predefined_ClearKey", "open");
        service.publish(&asked).await;
    };
    publish("s").await;
    assert_eq!(names().await, ["s"]);
    publish("t").await;
    assert_eq!(names().await, ["s"]);
    assert_eq!(catalog.streams(at(NOW)).await.unwrap().len(), 2);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(names().await, ["s", "t"]);
}
