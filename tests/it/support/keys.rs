//! A key service in this process: real store, real routes, a clock that tests set.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use portcullis::crypto::key::ContentKey;
use portcullis::ids::KeyId;
use portcullis::keys::{KeyEncryptionKey, KeyRecord};
use portcullis::license::{Trust, clearkey};
use portcullis::policy::{
    ContentKeyPolicy, RequiredClaim, Restriction, Secret, TokenRestriction, VerificationKey,
};
use portcullis::service::delivery::Delivery;
use portcullis::service::publish::{PublishRequest, Publisher, open_policy};
use portcullis::store::{Asset, DATABASE_FILE, Locator, Store};
use portcullis::token::{SigningKey, TokenSpec, make};
use serde_json::{Map, Value};
use tempfile::TempDir;
use tower::ServiceExt;
use zeroize::Zeroizing;

pub const NOW: i64 = 1_800_000_000;
pub const SKEW: Duration = Duration::from_secs(60);
pub const ISSUER: &str = "https://issuer.example";
pub const AUDIENCE: &str = "urn:viewers";
pub const SECRET: &[u8] = b"a token secret of more than thirty-two bytes";

/// A throw-away key of this repository.
pub const RSA_PEM: &str = include_str!("../../../keys/dev/token-rs256.pem");

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

pub fn kek(fill: u8) -> KeyEncryptionKey {
    KeyEncryptionKey::from_bytes(Zeroizing::new([fill; 32]))
}

/// A token restriction of the shared issuer, audience and secret.
pub fn restriction() -> TokenRestriction {
    TokenRestriction {
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        primary_verification_key: VerificationKey::Symmetric {
            key_value: Secret::from_bytes(SECRET.to_vec()),
        },
        alternate_verification_keys: Vec::new(),
        required_claims: Vec::new(),
        restriction_token_type: portcullis::policy::content_key::TokenType::Jwt,
    }
}

pub fn required(claim_type: &str, claim_value: Option<&str>) -> RequiredClaim {
    RequiredClaim { claim_type: claim_type.into(), claim_value: claim_value.map(str::to_owned) }
}

pub fn token_policy(name: &str, restriction: TokenRestriction) -> ContentKeyPolicy {
    ContentKeyPolicy::clear_key(name, Restriction::Token(Box::new(restriction)))
}

/// A token that the shared restriction accepts at [`NOW`].
pub fn spec() -> TokenSpec {
    TokenSpec {
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        expires: at(NOW + 3600),
        not_before: None,
        kid: None,
        claims: Map::new(),
    }
}

pub fn sign(spec: &TokenSpec) -> String {
    let key = SigningKey::Symmetric(Secret::from_bytes(SECRET.to_vec()));
    make(spec, &key).unwrap()
}

/// The ClearKey request that browsers write for these keys.
pub fn clearkey_request(kids: &[KeyId]) -> String {
    let kids: Vec<String> = kids.iter().map(base64url).collect();
    serde_json::json!({"kids": kids, "type": "temporary"}).to_string()
}

pub fn base64url(kid: &KeyId) -> String {
    data_encoding::BASE64URL_NOPAD.encode(kid.as_bytes())
}

pub fn parse_clearkey(body: &[u8]) -> Result<clearkey::Request, clearkey::RequestError> {
    clearkey::Request::parse(body)
}

pub struct KeyService {
    pub dir: TempDir,
    pub store: Store,
    clock: Arc<AtomicI64>,
    router: Router,
}

fn router(
    store: &Store,
    clock: &Arc<AtomicI64>,
    told: impl FnOnce(Delivery) -> Delivery,
) -> Router {
    let reading = Arc::clone(clock);
    let clock = Arc::new(move || at(reading.load(Ordering::Relaxed)));
    let delivery = told(Delivery::new(store.clone(), clock, SKEW));
    portcullis::http::delivery::routes(Arc::new(delivery))
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl KeyService {
    /// An asset `asset` and the content key policies `open` and `token`.
    pub async fn start() -> Self {
        Self::start_with(Trust::default()).await
    }

    /// The same with roots and credentials for licences.
    pub async fn start_with(trust: Trust) -> Self {
        Self::start_as(|delivery| delivery.with_trust(trust)).await
    }

    /// The same with what else a delivery is told.
    pub async fn start_as(told: impl FnOnce(Delivery) -> Delivery) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join(DATABASE_FILE), &kek(1)).await.unwrap();
        let asset = Asset {
            name: "asset".into(),
            dir: PathBuf::from("/media/asset"),
            segment_ms: 6000,
            created: at(NOW),
            storage_encryption: None,
            encrypted: Default::default(),
        };
        store.put_asset(asset).await.unwrap();
        store.create_content_key_policy(&open_policy("open")).await.unwrap();
        let token = token_policy("token", restriction());
        store.create_content_key_policy(&token).await.unwrap();
        let clock = Arc::new(AtomicI64::new(NOW));
        let router = router(&store, &clock, told);
        Self { dir, store, clock, router }
    }

    /// Starts anew over the same store, with other roots, lists and credentials.
    pub fn restart_with(&mut self, trust: Trust) {
        self.restart_as(|delivery| delivery.with_trust(trust));
    }

    /// The same with what else a delivery is told.
    pub fn restart_as(&mut self, told: impl FnOnce(Delivery) -> Delivery) {
        self.router = router(&self.store, &self.clock, told);
    }

    pub fn set_clock(&self, seconds: i64) {
        self.clock.store(seconds, Ordering::Relaxed);
    }

    pub fn database(&self) -> PathBuf {
        self.dir.path().join(DATABASE_FILE)
    }

    pub async fn publish(&self, request: &PublishRequest) -> Locator {
        Publisher::new(self.store.clone()).publish(request, at(NOW)).await.unwrap()
    }

    /// Publishes and gives the one key of the streaming policy, unwrapped too.
    pub async fn publish_key(&self, request: &PublishRequest) -> (KeyRecord, ContentKey) {
        let locator = self.publish(request).await;
        let keys = self.store.keys_of(locator.id).await.unwrap();
        assert_eq!(keys.len(), 1, "the streaming policy has one key");
        (keys[0].clone(), self.store.vault().unwrap(&keys[0]).unwrap())
    }

    /// Serves on a port of its own, for clients that are programs; the address without a path.
    pub async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.send(Request::get(uri).body(Body::empty()).unwrap()).await
    }

    pub async fn get_with(&self, uri: &str, authorization: &str) -> Answer {
        let request = Request::get(uri).header("authorization", authorization);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, uri: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(uri).body(body.into()).unwrap()).await
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status and reason code of a refusal, which must be a well-formed problem document.
    pub fn refusal(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        let code = problem["code"].as_str().unwrap();
        let kind = match code.starts_with("token-") {
            true => "https://dashif.org/drm-problems/insufficient-proof-of-authorization".into(),
            false => format!("urn:portcullis:problem:{code}"),
        };
        assert_eq!(problem["type"], kind);
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(problem["detail"].as_str().unwrap().ends_with('.'));
        (self.status.as_u16(), code.to_owned())
    }
}

/// Publishes `asset` as `name` under a streaming and a content key policy.
pub fn request(name: &str, streaming_policy: &str, content_key_policy: &str) -> PublishRequest {
    PublishRequest {
        asset: "asset".into(),
        name: name.into(),
        streaming_policy: streaming_policy.into(),
        content_key_policy: Some(content_key_policy.into()),
        ..Default::default()
    }
}
