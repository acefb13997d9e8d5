//! One token for some of a film's keys (ams.md section 9), over every system.

use portcullis::cenc::Scheme;
use portcullis::drm::playready::Version;
use portcullis::ids::KeyId;
use portcullis::license::widevine::LicenseType;
use portcullis::license::widevine::test_device::Content;
use portcullis::license::{Trust, fairplay::client::Wish};
use portcullis::policy::content_key::KEY_IDENTIFIER_CLAIM;
use portcullis::policy::{ContentKeyPolicy, StreamingPolicy};
use portcullis::token::TokenSpec;
use serde_json::{Value, json};

use crate::support::documents::token_policy;
use crate::support::keys::{Answer, KeyService, base64url, clearkey_request, request, sign, spec};
use crate::support::{fairplay, playready, widevine};

const LABELS: [&str; 3] = ["AUDIO", "SD", "HD"];

/// A film in `cenc` and in `cbcs`, with a key for each of [`LABELS`].
struct Film {
    service: playready::Service,
    cenc: [KeyId; 3],
    cbcs: [KeyId; 3],
}

/// An option for bearers of tokens for each system.
fn policy() -> ContentKeyPolicy {
    let of = |kind: &str| format!("#Microsoft.Media.ContentKeyPolicy{kind}Configuration");
    let option = |configuration: Value| {
        let mut option = token_policy("x", json!([]))["properties"]["options"][0].clone();
        option["configuration"] = configuration;
        option
    };
    let options = [
        json!({ "@odata.type": of("ClearKey") }),
        json!({ "@odata.type": of("PlayReady"), "licenses": playready::template(&json!({})) }),
        json!({ "@odata.type": of("Widevine"), "widevineTemplate": "{}" }),
        json!({ "@odata.type": of("FairPlay"), "rentalAndLeaseKeyType": "Undefined" }),
    ];
    let properties = json!({ "options": options.map(option) }).to_string();
    ContentKeyPolicy::from_properties("tiers", properties.as_bytes()).unwrap()
}

fn streaming_policy(block: &str) -> StreamingPolicy {
    let mapping = |label: &str, codec: &str| {
        json!({ "label": label, "tracks": [{ "trackSelections": [
            { "property": "FourCC", "operation": "Equal", "value": codec }] }] })
    };
    let properties = json!({ block: {
        "enabledProtocols": { "dash": true, "hls": true },
        "contentKeys": { "defaultKey": { "label": "AUDIO" },
            "keyToTrackMappings": [mapping("SD", "avc1"), mapping("HD", "hvc1")] } } });
    StreamingPolicy::from_properties(block, &properties.to_string()).unwrap()
}

impl Film {
    async fn start() -> Self {
        let keys = KeyService::start_with(Trust {
            widevine: Some(widevine::World::get().trust()),
            playready: playready::World::get().trust().playready,
            fairplay: fairplay::World::get().trust().fairplay,
        });
        let keys = keys.await;
        keys.store.create_content_key_policy(&policy()).await.unwrap();
        let [cenc, cbcs] = [
            Self::published(&keys, "commonEncryptionCenc").await,
            Self::published(&keys, "commonEncryptionCbcs").await,
        ];
        Self { service: playready::Service { keys, film: Vec::new() }, cenc, cbcs }
    }

    async fn published(keys: &KeyService, block: &str) -> [KeyId; 3] {
        keys.store.create_streaming_policy(&streaming_policy(block)).await.unwrap();
        let locator = keys.publish(&request(block, block, "tiers")).await;
        let records = keys.store.keys_of(locator.id).await.unwrap();
        LABELS.map(|label| records.iter().find(|record| record.label == label).unwrap().kid)
    }

    async fn post(&self, system: &str, query: &str, body: Vec<u8>) -> Answer {
        self.service.keys.post(&format!("/keydelivery/{system}/?{query}"), body).await
    }

    /// The keys among these that a system gives for a token, or the reason why it gives none.
    async fn given(
        &self,
        system: &str,
        token: &str,
        kids: &[KeyId],
    ) -> Result<Vec<KeyId>, (u16, String)> {
        let query = format!("token={token}");
        let refused = |answer: &Answer| (answer.status != 200).then(|| answer.refusal());
        match system {
            "ClearKey" => {
                let answer = self.post(system, &query, clearkey_request(kids).into()).await;
                refused(&answer).map_or(Ok(()), Err)?;
                let licence = answer.json();
                let has = |kid: &KeyId| {
                    licence["keys"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .any(|key| key["kid"] == base64url(kid))
                };
                Ok(kids.iter().copied().filter(has).collect())
            }
            "Widevine" => {
                let data = widevine::pssh_data(kids);
                let content = Content::PsshData(&data);
                let session = widevine::ask("l3", content, LicenseType::Streaming);
                let answer = self.post(system, &query, session.body.clone()).await;
                refused(&answer).map_or(Ok(()), Err)?;
                let opened = session.open(&answer.body).unwrap();
                Ok(opened.keys.iter().map(|(kid, _)| *kid).collect())
            }
            "PlayReady" => {
                let header = playready::header(Version::V4_2, kids, Scheme::Cenc);
                let url = format!("{}?{query}", playready::URL);
                let asked = self.service.ask_at(&url, "sl150", &header, None, &[]).await;
                match asked.answer.status.is_success() {
                    true => Ok(asked.keys().into_iter().map(|(kid, _)| kid).collect()),
                    false => Err((asked.refusal().0, asked.refusal().1)),
                }
            }
            _ => self.one_by_one(system, &query, kids).await,
        }
    }

    /// Of systems that give one key at a time.
    async fn one_by_one(
        &self,
        system: &str,
        query: &str,
        kids: &[KeyId],
    ) -> Result<Vec<KeyId>, (u16, String)> {
        let (mut given, mut refusal) = (Vec::new(), None);
        for kid in kids {
            let answer = if system == "FairPlay" {
                let asset = kid.to_string();
                let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
                let draft = fairplay::World::get().draft(2, &wish);
                let (spc, _) = draft.seal(&mut portcullis::crypto::random::System::new()).unwrap();
                self.post(system, &format!("kid={kid}&{query}"), spc).await
            } else {
                self.service.keys.get(&format!("/keydelivery/?kid={kid}&{query}")).await
            };
            match answer.status.is_success() {
                true => given.push(*kid),
                false => refusal = Some(answer.refusal()),
            }
        }
        if given.is_empty() { Err(refusal.unwrap()) } else { Ok(given) }
    }
}

#[tokio::test]
async fn a_token_for_some_keys_gets_those_in_every_system() {
    let film = Film::start().await;
    let audio = [film.cenc[0], film.cbcs[0]].map(|kid| kid.to_string());
    let both = [
        json!(["AUDIO", "SD"]),
        json!([format!("{{{}}}", audio[0]), audio[1].replace('-', "").to_uppercase(), "SD"]),
    ];
    for names in both {
        let claims = json!({ KEY_IDENTIFIER_CLAIM: names }).as_object().unwrap().clone();
        let token = sign(&TokenSpec { claims, ..spec() });
        for (system, kids) in [
            ("raw", film.cenc),
            ("ClearKey", film.cenc),
            ("ClearKey", film.cbcs),
            ("PlayReady", film.cenc),
            ("Widevine", film.cenc),
            ("Widevine", film.cbcs),
            ("FairPlay", film.cbcs),
        ] {
            let given = film.given(system, &token, &kids).await;
            assert_eq!(given.unwrap(), kids[..2], "{system} {names}");
            let refused = film.given(system, &token, &kids[2..]).await.unwrap_err();
            assert_eq!(refused, (403, "token-key-identifier-mismatch".into()), "{system}");
        }
    }
    let claims = json!({ KEY_IDENTIFIER_CLAIM: "HD" }).as_object().unwrap().clone();
    let token = sign(&TokenSpec { claims, ..spec() });
    let given = film.given("Widevine", &token, &film.cenc).await;
    assert_eq!(given.unwrap(), film.cenc[2..]);
}
