//! A PlayReady root of one's own with its devices, and a key service that believes in it.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use axum::body::Body;
use axum::http::Request;
use data_encoding::BASE64;
use portcullis::cenc::Scheme;
use portcullis::crypto::key::ContentKey;
use portcullis::drm::playready::{Header, HeaderKey, Version};
use portcullis::ids::KeyId;
use portcullis::license::Trust;
use portcullis::license::playready::certificate::Trust as Roots;
use portcullis::license::playready::client::{self, Answer, ClientDevice, ClientError, Question};
use portcullis::license::playready::maker::{Made, make};
use portcullis::policy::ContentKeyPolicy;
use portcullis::service::trust;
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::documents::token_policy;
use super::keys::{self, KeyService, NOW, request};

pub(crate) const URL: &str = "/keydelivery/PlayReady/";

/// The files of a root, in a folder as `drm.dir` names one.
pub(crate) struct World {
    dir: TempDir,
    made: Made,
}

impl World {
    pub(crate) fn get() -> &'static Self {
        static WORLD: LazyLock<World> = LazyLock::new(World::make);
        &WORLD
    }

    fn make() -> Self {
        let made = make(NOW as u64, &SystemRandom::new()).unwrap();
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("playready")).unwrap();
        for (name, content) in &made.files {
            fs::write(dir.path().join("playready").join(name), content.as_slice()).unwrap();
        }
        let document = json!({ "purpose": "drm-test-roots", "version": 1,
            "playready": made.section("playready") });
        fs::write(dir.path().join("trust.json"), document.to_string()).unwrap();
        Self { dir, made }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn trust(&self) -> Trust {
        trust::load(self.dir.path()).unwrap()
    }

    pub(crate) fn device(&self, name: &str) -> ClientDevice {
        let path = self.dir.path().join(format!("playready/device_{name}.prd"));
        ClientDevice::from_file(&fs::read(path).unwrap()).unwrap()
    }

    fn roots(&self) -> Roots {
        Roots { root: self.made.root_public, revoked: Default::default() }
    }
}

/// A content key policy for all who ask, or for bearers of a token, with these templates.
pub(crate) fn policy(name: &str, open: bool, licenses: &Value) -> ContentKeyPolicy {
    let of = |kind: &str| format!("#Microsoft.Media.ContentKeyPolicy{kind}");
    let restriction = match open {
        true => json!({ "@odata.type": of("OpenRestriction") }),
        false => token_policy("x", json!([]))["properties"]["options"][0]["restriction"].clone(),
    };
    let configuration = json!({ "@odata.type": of("PlayReadyConfiguration"),
        "licenses": licenses, "responseCustomData": "hello <you>" });
    let option = json!({ "configuration": configuration, "restriction": restriction });
    let properties = json!({ "options": [option] }).to_string();
    ContentKeyPolicy::from_properties(name, properties.as_bytes()).unwrap()
}

/// A template for every device, with changes.
pub(crate) fn template(changes: &Value) -> Value {
    let mut license = json!({
        "allowTestDevices": true, "licenseType": "NonPersistent", "contentType": "Unspecified",
        "contentKeyLocation": {"@odata.type":
            "#Microsoft.Media.ContentKeyPolicyPlayReadyContentEncryptionKeyFromHeader"},
        "playRight": {
            "digitalVideoOnlyContentRestriction": false,
            "imageConstraintForAnalogComponentVideoRestriction": false,
            "imageConstraintForAnalogComputerMonitorRestriction": false,
            "allowPassingVideoContentToUnknownOutput": "NotAllowed"}});
    for (name, value) in changes.as_object().unwrap() {
        license[name] = value.clone();
    }
    json!([license])
}

/// A header of this version for keys as a scheme uses them.
pub(crate) fn header(version: Version, kids: &[KeyId], scheme: Scheme) -> String {
    let keys = kids.iter().map(|kid| HeaderKey::new(*kid, scheme, [0; 8]));
    Header { version, ..Header::new(keys.collect()) }.to_string()
}

/// A key service with PlayReady, and keys under a policy.
pub(crate) struct Service {
    pub(crate) keys: KeyService,
    /// KID and key of two locators.
    pub(crate) film: Vec<(KeyId, ContentKey)>,
}

impl Service {
    pub(crate) async fn open() -> Self {
        Self::start(World::get().trust(), false, true, &template(&json!({}))).await
    }

    pub(crate) async fn start(trust: Trust, testers: bool, open: bool, licenses: &Value) -> Self {
        let keys = KeyService::start_as(|delivery| {
            let delivery = delivery.with_trust(trust);
            if testers { delivery.for_testers() } else { delivery }
        });
        let keys = keys.await;
        keys.store.create_content_key_policy(&policy("film", open, licenses)).await.unwrap();
        let service = Self { keys, film: Vec::new() };
        let film = service.published(["a", "b"], "Portcullis_CencClearKey").await;
        Self { film, ..service }
    }

    /// The same for `cbcs`.
    pub(crate) async fn cbcs(&self) -> Vec<(KeyId, ContentKey)> {
        self.published(["c", "d"], "Portcullis_CbcsClearKey").await
    }

    async fn published(&self, names: [&str; 2], policy: &str) -> Vec<(KeyId, ContentKey)> {
        let mut film = Vec::new();
        for name in names {
            let (record, key) = self.keys.publish_key(&request(name, policy, "film")).await;
            film.push((record.kid, key));
        }
        film
    }

    pub(crate) fn kids(&self) -> Vec<KeyId> {
        self.film.iter().map(|(kid, _)| *kid).collect()
    }

    /// `KID:KEY` lines as clients print them.
    pub(crate) fn lines(&self) -> Vec<String> {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let line = |(kid, key): &(KeyId, ContentKey)| {
            format!("{}:{}", hex(kid.as_bytes()), hex(key.expose()))
        };
        self.film.iter().map(line).collect()
    }

    /// A 4.0 header for the first key.
    pub(crate) fn one(&self) -> String {
        header(Version::V4_0, &self.kids()[..1], Scheme::Cenc)
    }

    pub(crate) async fn ask(&self, device: &str, header: &str) -> Asked {
        self.ask_at(URL, device, header, None, &[]).await
    }

    pub(crate) async fn ask_at(
        &self,
        uri: &str,
        device: &str,
        header: &str,
        custom_data: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Asked {
        let device = World::get().device(device);
        let question = question(header, custom_data);
        let body = challenge(&device, &question);
        let mut request = Request::post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.keys.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store");
        let text = std::str::from_utf8(&answer.body).unwrap();
        let opened = client::answer(text, &device, &World::get().roots(), &question);
        Asked { answer, opened }
    }
}

pub(crate) fn question<'a>(header: &'a str, custom_data: Option<&'a str>) -> Question<'a> {
    Question { header, custom_data, nonce: [7; 16], time: NOW as u64 }
}

pub(crate) fn challenge(device: &ClientDevice, question: &Question<'_>) -> String {
    let server = portcullis::crypto::ecc::PublicKey::from_bytes(&World::get().made.server_public);
    client::challenge(device, &server.unwrap(), question, &SystemRandom::new()).unwrap()
}

/// The wrapping in which browsers hand over a challenge.
pub(crate) fn key_message(challenge: &str) -> Vec<u8> {
    let text = format!(
        "<PlayReadyKeyMessage type=\"LicenseAcquisition\"><LicenseAcquisition Version=\"1\">\
         <Challenge encoding=\"base64encoded\">{}</Challenge><HttpHeaders/></LicenseAcquisition>\
         </PlayReadyKeyMessage>",
        BASE64.encode(challenge.as_bytes())
    );
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// What came of a question.
pub(crate) struct Asked {
    pub(crate) answer: keys::Answer,
    pub(crate) opened: Result<Answer, ClientError>,
}

impl Asked {
    /// KIDs and keys of the licences.
    pub(crate) fn keys(&self) -> Vec<(KeyId, ContentKey)> {
        assert_eq!(self.answer.status, 200, "{:?}", self.opened);
        let licences = &self.opened.as_ref().unwrap().licences;
        licences.iter().map(|licence| (licence.kid, licence.key.clone())).collect()
    }

    /// HTTP status, reason and status code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        match &self.opened {
            Err(ClientError::Fault { code, reason, text }) => {
                assert!(text.ends_with('.'), "{text}");
                (self.answer.status.as_u16(), reason.clone(), code.clone())
            }
            other => panic!("no fault: {other:?}"),
        }
    }
}
