//! Licences of root keys: which of them a request gets, and what they open.

use jiff::SignedDuration;
use portcullis::cenc::Scheme;
use portcullis::crypto::ContentKey;
use portcullis::drm::widevine::{EntitledKey, PsshData};
use portcullis::ids::KeyId;
use portcullis::keys::{Hierarchy, KeyRecord, Rotation};
use portcullis::license::widevine::LicenseType;
use portcullis::license::widevine::test_device::{Content, Opened};
use portcullis::policy::StreamingPolicy;
use portcullis::protection::Protection;
use portcullis::service::publish::PublishRequest;
use portcullis::token::TokenSpec;
use prost::Message;
use serde_json::{Value, json};

use super::root_keys::policy;
use crate::support::keys::{self, NOW, sign, spec};
use crate::support::widevine::{Service, URL, ask, pssh_data};

/// A key service with a locator under root keys, and what its keys of `cenc` are.
async fn service(open: bool, template: &Value) -> (Service, Vec<KeyRecord>) {
    let service = match open {
        true => Service::open(template).await,
        false => Service::with_token(template).await,
    };
    let properties = policy()["properties"].to_string();
    let policy = StreamingPolicy::from_properties("rooted", &properties).unwrap();
    service.keys.store.create_streaming_policy(&policy).await.unwrap();
    let rotation = Rotation {
        period: Some(SignedDuration::from_secs(60)),
        keys: Some(3),
        hierarchy: Hierarchy::RootLeaf,
        ..Rotation::default()
    };
    let request = keys::request("roots", "rooted", "widevine");
    let request = PublishRequest { rotation: Some(rotation), ..request };
    let locator = service.keys.publish(&request).await;
    let records = service.keys.store.keys_of(locator.id).await.unwrap();
    let cenc = records.iter().filter(|record| record.protection == Protection::Cenc);
    (service, cenc.cloned().collect())
}

/// The root key of a label, and the key of a crypto period.
fn pair<'r>(records: &'r [KeyRecord], label: &str, period: u32) -> (&'r KeyRecord, &'r KeyRecord) {
    let of = |period| {
        let mut own = records.iter().filter(|record| record.label == label);
        own.find(|record| record.crypto_period == period).unwrap()
    };
    (of(None), of(Some(period)))
}

/// What the media of a period say of these labels.
fn data(service: &Service, records: &[KeyRecord], labels: &[&str], period: u32) -> PsshData {
    let vault = service.keys.store.vault();
    let key = |label: &&str| {
        let (root, leaf) = pair(records, label, period);
        let wrapped = vault.root(root).unwrap().wrap(leaf.kid, &vault.unwrap(leaf).unwrap());
        EntitledKey::new(root.kid, leaf.kid, &wrapped)
    };
    PsshData::entitled(labels.iter().map(key).collect(), Scheme::Cenc)
}

fn roots_of(opened: &Opened) -> Vec<KeyId> {
    opened.roots.iter().map(|(kid, _)| *kid).collect()
}

#[tokio::test]
async fn a_licence_has_each_root_once_and_a_renewal_is_of_all_of_them() {
    let renewable = json!({ "policy_overrides": { "can_play": true, "can_renew": true } });
    let (service, records) = service(true, &renewable).await;
    let [audio, video] = ["AUDIO", "VIDEO"].map(|label| pair(&records, label, 0).0.kid);
    let both = |period| data(&service, &records, &["AUDIO", "VIDEO"], period);
    let boxes = [both(0).pssh().to_vec(), both(2).pssh().to_vec()].concat();
    let session = ask("l3", Content::Boxes(&boxes), LicenseType::Streaming);
    let mut opened = service.opened(&session).await.unwrap();
    assert_eq!((roots_of(&opened), opened.keys.len()), (vec![audio, video], 0));
    for period in 0..3 {
        let vault = service.keys.store.vault();
        let leaf = |label| pair(&records, label, period).1;
        let expected =
            ["AUDIO", "VIDEO"].map(leaf).map(|key| (key.kid, vault.unwrap(key).unwrap()));
        let found: Vec<(KeyId, ContentKey)> = opened.entitled(&both(period));
        assert_eq!(found, expected, "{period}");
    }
    let renewal = service.post(&opened.again(false, NOW).unwrap()).await;
    opened.renewed(&renewal.body).unwrap();
    // By the names of the roots, as data of type 1 have it; by that of the content; and what the media
    // do not say: a key of a period.
    let by_roots = PsshData { kind: Some(1), key_ids: vec![video.as_bytes().to_vec()], ..both(0) };
    let by_roots = PsshData { entitled_keys: Vec::new(), ..by_roots };
    let by_name = PsshData { content_id: Some(b"roots".to_vec()), ..PsshData::default() };
    for (data, expected) in [(by_roots, vec![video]), (by_name, vec![audio, video])] {
        let opened = service.license("l3", &data.encode_to_vec()).await;
        assert_eq!((roots_of(&opened), opened.keys.len()), (expected, 0));
    }
    let leaf = pair(&records, "VIDEO", 1).1.kid;
    let opened = service.license("l3", &pssh_data(&[leaf])).await;
    assert_eq!((opened.keys[0].0, opened.roots.len()), (leaf, 0));
}

#[tokio::test]
async fn a_token_for_a_label_opens_its_root_and_no_other() {
    let (service, records) = service(false, &json!({})).await;
    let (root, leaf) = pair(&records, "AUDIO", 1);
    let both = data(&service, &records, &["AUDIO", "VIDEO"], 1).encode_to_vec();
    let video = data(&service, &records, &["VIDEO"], 1).encode_to_vec();
    let url = |spec: &TokenSpec| format!("{URL}?token={}", sign(spec));
    let claim = "urn:microsoft:azure:mediaservices:contentkeyidentifier".to_owned();
    let mut by_label = spec();
    by_label.claims.insert(claim, json!("AUDIO"));
    let by_root = TokenSpec { kid: Some(root.kid), ..spec() };
    let by_leaf = TokenSpec { kid: Some(leaf.kid), ..spec() };
    for (spec, expected) in
        [(&by_label, Some(root.kid)), (&by_root, Some(root.kid)), (&by_leaf, None)]
    {
        let session = ask("l3", Content::PsshData(&both), LicenseType::Streaming);
        let answer = service.keys.post(&url(spec), session.body.clone()).await;
        match expected {
            Some(kid) => assert_eq!(roots_of(&session.open(&answer.body).unwrap()), [kid]),
            None => assert_eq!(answer.refusal().1, "token-key-identifier-mismatch"),
        }
        let session = ask("l3", Content::PsshData(&video), LicenseType::Streaming);
        let answer = service.keys.post(&url(spec), session.body.clone()).await;
        assert_eq!(answer.refusal(), (403, "token-key-identifier-mismatch".to_owned()));
    }
}
