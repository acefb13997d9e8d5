//! A key service with FairPlay credentials of its own making, and the client for it.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use data_encoding::{BASE64, HEXLOWER};
use portcullis::crypto::key::ContentKey;
use portcullis::crypto::random::{System, array};
use portcullis::ids::KeyId;
use portcullis::license::Trust;
use portcullis::license::fairplay::client::{Answer, Device, Draft, Opener, Wish};
use portcullis::license::fairplay::{self, DFunction, Form, Seed, maker, tag};
use portcullis::policy::ContentKeyPolicy;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::keys::{self, KeyService, request};

pub(crate) const URL: &str = "/keydelivery/FairPlay/";

/// A folder with `trust.json`, made once.
pub(crate) struct World {
    dir: TempDir,
    certificates: [Vec<u8>; 2],
    ask: ContentKey,
}

impl World {
    pub(crate) fn get() -> &'static Self {
        static WORLD: LazyLock<World> = LazyLock::new(World::make);
        &WORLD
    }

    fn make() -> Self {
        let made = maker::make(&mut System::new()).unwrap();
        let dir = TempDir::new().unwrap();
        std::fs::create_dir(dir.path().join("fairplay")).unwrap();
        for (name, content) in &made.files {
            std::fs::write(dir.path().join(name), content.as_slice()).unwrap();
        }
        let trust = json!({ "purpose": "drm-test-roots", "version": 1, "fairplay": made.section });
        std::fs::write(dir.path().join("trust.json"), trust.to_string()).unwrap();
        let ask = HEXLOWER.decode(made.section["ask"].as_str().unwrap().as_bytes()).unwrap();
        let ask = ContentKey::from_bytes(ask.try_into().unwrap());
        Self { dir, certificates: [made.files[0].1.to_vec(), made.files[2].1.to_vec()], ask }
    }

    /// The same credentials, with another function.
    pub(crate) fn trust_with(&self, function: DFunction) -> Trust {
        let trust = self.trust();
        let service = trust.fairplay.as_deref().cloned().unwrap();
        Trust { fairplay: Some(Arc::new(fairplay::Service { function, ..service })), ..trust }
    }

    /// The application secret key.
    pub(crate) fn ask(&self) -> &ContentKey {
        &self.ask
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn trust(&self) -> Trust {
        portcullis::service::trust::load(self.dir()).unwrap()
    }

    /// The certificate for SPCs of this version.
    pub(crate) fn certificate(&self, version: usize) -> &[u8] {
        &self.certificates[version - 1]
    }

    pub(crate) fn draft(&self, version: usize, wish: &Wish<'_>) -> Draft {
        draft(self.certificate(version), &self.ask, wish)
    }
}

/// What a test device wishes of whoever has this certificate and this application secret key.
pub(crate) fn draft(certificate: &[u8], ask: &ContentKey, wish: &Wish<'_>) -> Draft {
    let random = &mut System::new();
    let seed = Seed { ask: ask.clone(), r2: array(random).unwrap() };
    let device = Device { r2: seed.r2, key: DFunction::StubSha256.apply(&seed).unwrap() };
    Draft::new(certificate, &device, wish, random).unwrap()
}

/// A service with a key of a `cbcs` stream.
pub(crate) struct Service {
    pub(crate) keys: KeyService,
    pub(crate) kid: KeyId,
    pub(crate) key: ContentKey,
}

impl Service {
    /// With an option of FairPlay that says this beside, for anybody or for bearers of a token.
    pub(crate) async fn start(option: &Value, open: bool) -> Self {
        Self::start_with(World::get().trust(), option, open).await
    }

    pub(crate) async fn start_with(trust: Trust, option: &Value, open: bool) -> Self {
        let keys = KeyService::start_with(trust).await;
        let policy = policy("fairplay", option, open);
        keys.store.create_content_key_policy(&policy).await.unwrap();
        let published = request("film", "Portcullis_CbcsClearKey", "fairplay");
        let (record, key) = keys.publish_key(&published).await;
        Self { keys, kid: record.kid, key }
    }

    pub(crate) async fn open() -> Self {
        Self::start(&json!({}), true).await
    }

    pub(crate) fn url(&self) -> String {
        format!("{URL}?kid={}", self.kid)
    }

    /// An SPC for the key, and what opens the answer.
    pub(crate) fn spc(&self, version: usize) -> (Vec<u8>, Opener) {
        let asset = self.kid.to_string();
        self.wished(version, &Wish { asset: asset.as_bytes(), ..Wish::default() })
    }

    pub(crate) fn wished(&self, version: usize, wish: &Wish<'_>) -> (Vec<u8>, Opener) {
        World::get().draft(version, wish).seal(&mut System::new()).unwrap()
    }

    /// The answer to a client that wishes this.
    pub(crate) async fn ask(&self, wish: &Wish<'_>) -> Answer {
        let asset = self.kid.to_string();
        let (spc, opener) = self.wished(2, &Wish { asset: asset.as_bytes(), ..wish.clone() });
        let answer = self.keys.post(&self.url(), spc).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let opened = opener.open(&answer.body).unwrap();
        assert_eq!(opened.key, self.key);
        opened
    }
}

/// A content key policy with one option, of FairPlay.
pub(crate) fn policy(name: &str, option: &Value, open: bool) -> ContentKeyPolicy {
    let of = |kind: &str| format!("#Microsoft.Media.ContentKeyPolicy{kind}");
    let mut configuration = json!({ "@odata.type": of("FairPlayConfiguration"),
        "rentalAndLeaseKeyType": "Undefined" });
    for (member, value) in option.as_object().unwrap() {
        configuration[member] = value.clone();
    }
    let restriction = match open {
        true => json!({ "@odata.type": of("OpenRestriction") }),
        false => super::documents::token_policy("x", json!([]))["properties"]["options"][0]
            ["restriction"]
            .clone(),
    };
    let options = json!({ "options": [
        { "configuration": configuration, "restriction": restriction }] });
    ContentKeyPolicy::from_properties(name, options.to_string().as_bytes()).unwrap()
}

/// The body of a form.
pub(crate) fn body(form: Form, spc: &[u8]) -> Vec<u8> {
    let base64 = BASE64.encode(spc);
    match form {
        Form::Raw => spc.to_vec(),
        Form::Base64 => base64.into_bytes(),
        Form::Fields => {
            let encoded: String = url::form_urlencoded::byte_serialize(base64.as_bytes()).collect();
            format!("spc={encoded}").into_bytes()
        }
        Form::Json => json!({ "spc": base64 }).to_string().into_bytes(),
    }
}

/// The content key message out of an answer, which must be in the form of the request.
pub(crate) fn unwrap(form: Form, answer: &keys::Answer) -> Vec<u8> {
    let text = || std::str::from_utf8(&answer.body).unwrap();
    let (content_type, base64) = match form {
        Form::Raw => {
            assert_eq!(answer.header("content-type"), "application/octet-stream");
            return answer.body.to_vec();
        }
        Form::Base64 => ("text/plain", text()),
        Form::Fields => {
            let inner = text().strip_prefix("<ckc>").and_then(|rest| rest.strip_suffix("</ckc>"));
            ("text/plain", inner.unwrap())
        }
        Form::Json => {
            let inner = text().strip_prefix("{\"ckc\":\"").and_then(|it| it.strip_suffix("\"}"));
            ("application/json", inner.unwrap())
        }
    };
    assert_eq!(answer.header("content-type"), content_type);
    BASE64.decode(base64.as_bytes()).unwrap()
}

/// Sets the value of a block.
pub(crate) fn set(draft: &mut Draft, tag: u64, value: &[u8]) {
    let block = draft.blocks.iter_mut().find(|block| block.0 == tag);
    block.unwrap().1 = value.to_vec();
}

/// Asks for the return of blocks.
pub(crate) fn returns(draft: &mut Draft, tags: &[u64]) {
    let value: Vec<u8> = tags.iter().flat_map(|tag| tag.to_be_bytes()).collect();
    set(draft, tag::RETURN_REQUEST, &value);
}
