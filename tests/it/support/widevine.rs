//! Roots and devices of a Widevine-like world of our own, and a key service that trusts them.

use std::collections::HashMap;
use std::sync::OnceLock;

use portcullis::crypto::random::System;
use portcullis::crypto::rsa::PrivateKey;
use portcullis::drm::widevine::PsshData;
use portcullis::ids::KeyId;
use portcullis::license::widevine::maker::{Certified, Maker, Subject};
use portcullis::license::widevine::proto::SignedDrmCertificate;
use portcullis::license::widevine::test_device::{
    Ask, ClientError, Content, Kind, Opened, Session, TestDevice,
};
use portcullis::license::widevine::{LicenseType, SystemRow, Trust};
use portcullis::policy::{ContentKeyPolicy, StreamingPolicy};
use portcullis::protection::Protection;
use prost::Message;
use serde_json::{Value, json};

use super::documents::{open_policy, token_policy};
use super::keys::{self, Answer, KeyService, NOW};

pub(crate) const PROVIDER: &str = "portcullis.test";
pub(crate) const URL: &str = "/keydelivery/Widevine/";

pub(crate) const L1: u32 = 61441;
pub(crate) const L3: u32 = 61443;
const GONE: u32 = 61449;
const SERIAL: &[u8] = b"a revoked serial";
pub(crate) const ENDING_SERIAL: &[u8] = b"a serial that ends";

/// When the device `ending` expires.
pub(crate) const ENDING: i64 = NOW + 55;

/// Everything that is made once.
pub(crate) struct World {
    pub(crate) root: Certified,
    pub(crate) service: Certified,
    devices: Vec<(&'static str, TestDevice)>,
}

impl World {
    pub(crate) fn get() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(Self::make)
    }

    fn make() -> Self {
        let mut random = System::new();
        let mut maker = Maker { random: &mut random, now: NOW };
        let (root, rogue) = (maker.root().unwrap(), maker.root().unwrap());
        let service = maker.service(&root, PROVIDER).unwrap();
        let [l1, l3, gone] = [L1, L3, GONE].map(|id| maker.model(&root, id).unwrap());
        let strange = maker.model(&rogue, L3).unwrap();
        let plain = |system_id| Subject { system_id: Some(system_id), ..Subject::default() };
        let subjects = [
            ("l1", &l1, plain(L1)),
            ("l3", &l3, plain(L3)),
            ("expired", &l3, Subject { expires: Some(NOW - 1), ..plain(L3) }),
            (
                "ending",
                &l3,
                Subject { expires: Some(ENDING), serial: Some(ENDING_SERIAL), ..plain(L3) },
            ),
            ("revoked system", &gone, plain(GONE)),
            ("revoked serial", &l3, Subject { serial: Some(SERIAL), ..plain(L3) }),
            ("wrong system", &l3, plain(L1)),
            ("rogue", &strange, plain(L3)),
        ];
        let mut devices = Vec::new();
        for (name, model, subject) in subjects {
            let level = if name == "l1" { 1 } else { 3 };
            let certified = maker.device_certificate(model, subject).unwrap();
            devices.push((name, maker.device(certified, Kind::Android, level, name)));
        }
        let good = maker.device_certificate(&l3, plain(L3)).unwrap();
        devices.push(("chrome", maker.device(good.clone(), Kind::Chrome, 3, "chrome")));
        let forged = maker.device_certificate(&good, plain(L3)).unwrap();
        devices.push(("forged", maker.device(forged, Kind::Android, 3, "forged")));
        let mut broken = SignedDrmCertificate::decode(&*good.certificate).unwrap();
        broken.signature.as_mut().unwrap()[9] ^= 1;
        let broken = Certified { certificate: broken.encode_to_vec(), ..good };
        devices.push(("bad signature", maker.device(broken, Kind::Android, 3, "bad")));
        Self { root, service, devices }
    }

    pub(crate) fn device(&self, name: &str) -> &TestDevice {
        let found = self.devices.iter().find(|(known, _)| *known == name);
        &found.unwrap_or_else(|| panic!("no device {name}")).1
    }

    pub(crate) fn trust(&self) -> Trust {
        let row = |level, revoked| SystemRow { level, revoked };
        Trust::new(&self.root.certificate)
            .unwrap()
            .with_systems([(L1, row(1, false)), (L3, row(3, false)), (GONE, row(3, true))])
            .without_serials([SERIAL.to_vec()])
            .with_service(PROVIDER, &self.service.certificate, self.service.key.clone())
            .unwrap()
    }
}

/// A content key policy for all who ask, or for bearers of a token, with this template.
pub(crate) fn policy(name: &str, open: bool, template: &Value) -> ContentKeyPolicy {
    let properties = policy_document(name, open, template)["properties"].to_string();
    ContentKeyPolicy::from_properties(name, properties.as_bytes()).unwrap()
}

/// The same as a document.
pub(crate) fn policy_document(name: &str, open: bool, template: &Value) -> Value {
    let of = |kind: &str| format!("#Microsoft.Media.ContentKeyPolicy{kind}");
    let mut document = match open {
        true => open_policy(name),
        false => token_policy(name, json!([])),
    };
    document["properties"]["options"][0]["configuration"] = json!({
        "@odata.type": of("WidevineConfiguration"), "widevineTemplate": template.to_string() });
    document
}

/// A streaming policy `three` whose keys have the labels AUDIO, SD and UHD1.
pub(crate) fn three_keys(block: &str) -> StreamingPolicy {
    let track = |value: &str| {
        json!({ "trackSelections": [{ "property": "FourCC", "operation": "Equal",
                                      "value": value }] })
    };
    let mapping = |label: &str, value| json!({ "label": label, "tracks": [track(value)] });
    let properties = json!({ block: {
        "enabledProtocols": { "dash": true, "hls": true },
        "contentKeys": { "defaultKey": { "label": "AUDIO" },
            "keyToTrackMappings": [mapping("SD", "avc1"), mapping("UHD1", "hvc1")] } } });
    StreamingPolicy::from_properties("three", &properties.to_string()).unwrap()
}

/// A key service with one locator `film` under a policy, and its Common Encryption keys.
pub(crate) struct Service {
    pub(crate) keys: KeyService,
    /// Label, KID, key.
    pub(crate) film: Vec<(String, KeyId, [u8; 16])>,
}

impl Service {
    /// Keys for everybody, under the template.
    pub(crate) async fn open(template: &Value) -> Self {
        Self::start(World::get().trust(), "commonEncryptionCenc", true, template).await
    }

    /// Keys for bearers of tokens.
    pub(crate) async fn with_token(template: &Value) -> Self {
        Self::start(World::get().trust(), "commonEncryptionCenc", false, template).await
    }

    /// The labels are AUDIO, SD and UHD1.
    pub(crate) async fn start(trust: Trust, block: &str, open: bool, template: &Value) -> Self {
        let trust = portcullis::license::Trust { widevine: Some(trust), ..Default::default() };
        let keys = KeyService::start_with(trust).await;
        let streaming = three_keys(block);
        keys.store.create_streaming_policy(&streaming).await.unwrap();
        let policy = policy("widevine", open, template);
        keys.store.create_content_key_policy(&policy).await.unwrap();
        let locator = keys.publish(&keys::request("film", "three", "widevine")).await;
        let records = keys.store.keys_of(locator.id).await.unwrap();
        let key = |kid| records.iter().find(|record| record.kid == kid).unwrap();
        let film = records.iter().map(|record| {
            let opened = keys.store.vault().unwrap(key(record.kid)).unwrap();
            (record.label.clone(), record.kid, *opened.expose())
        });
        let film = film.collect();
        Self { keys, film }
    }

    /// Publishes a locator with a key for `cenc` and one for `cbcs`; their KIDs.
    pub(crate) async fn of_both_schemes(&self, name: &str) -> HashMap<Protection, KeyId> {
        let block = json!({ "enabledProtocols": { "dash": true, "hls": true } });
        let properties = json!({ "commonEncryptionCenc": block, "commonEncryptionCbcs": block });
        let streaming = StreamingPolicy::from_properties("two", &properties.to_string()).unwrap();
        self.keys.store.create_streaming_policy(&streaming).await.unwrap();
        let locator = self.keys.publish(&keys::request(name, "two", "widevine")).await;
        let records = self.keys.store.keys_of(locator.id).await.unwrap();
        records.iter().map(|record| (record.protection, record.kid)).collect()
    }

    /// The KID of a label.
    pub(crate) fn kid(&self, label: &str) -> KeyId {
        self.film.iter().find(|(known, ..)| known == label).unwrap().1
    }

    /// All of KIDs and keys.
    pub(crate) fn expected(&self) -> Vec<(KeyId, [u8; 16])> {
        self.film.iter().map(|(_, kid, key)| (*kid, *key)).collect()
    }

    /// The data of a `pssh` with all keys.
    pub(crate) fn pssh_data(&self) -> Vec<u8> {
        pssh_data(&self.film.iter().map(|(_, kid, _)| *kid).collect::<Vec<_>>())
    }

    pub(crate) async fn post(&self, body: &[u8]) -> Answer {
        self.keys.post(URL, body.to_vec()).await
    }

    /// Asks for the keys in `data` and opens the licence.
    pub(crate) async fn license(&self, device: &str, data: &[u8]) -> Opened {
        let session = ask(device, Content::PsshData(data), LicenseType::Streaming);
        self.opened(&session).await.unwrap()
    }

    /// Sends a challenge that is to be answered.
    pub(crate) async fn opened(&self, session: &Session<'_>) -> Result<Opened, ClientError> {
        let answer = self.post(&session.body).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("cache-control"), "no-store");
        session.open(&answer.body)
    }

    /// Sends a challenge that is to be refused.
    pub(crate) async fn refusal(&self, session: &Session<'_>) -> (u16, String) {
        self.post(&session.body).await.refusal()
    }
}

pub(crate) fn pssh_data(kids: &[KeyId]) -> Vec<u8> {
    let key_ids = kids.iter().map(|kid| kid.as_bytes().to_vec()).collect();
    PsshData { key_ids, ..PsshData::default() }.encode_to_vec()
}

/// A challenge of a device of the world.
pub(crate) fn ask<'w>(
    device: &str,
    content: Content<'_>,
    license_type: LicenseType,
) -> Session<'w> {
    let ask = Ask { content, license_type, privacy: None, time: NOW };
    World::get().device(device).ask(&ask, &mut System::new()).unwrap()
}

/// KIDs and keys of a licence.
pub(crate) fn keys_of(opened: &Opened) -> Vec<(KeyId, [u8; 16])> {
    opened.keys.iter().map(|(kid, key)| (*kid, *key.expose())).collect()
}

/// Another key of the world's devices, for signatures of strangers.
pub(crate) fn other_key() -> &'static PrivateKey {
    &World::get().service.key
}
