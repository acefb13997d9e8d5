//! A licence server of somebody else, over real HTTP, and a key service that passes requests on to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use axum::serve::ListenerExt;
use portcullis::crypto::key::ContentKey;
use portcullis::ids::KeyId;
use portcullis::license::upstream::Protocol;
use portcullis::policy::ContentKeyPolicy;
use portcullis::service::delivery::Delivery;
use portcullis::service::own_key::OwnKey;
use portcullis::service::publish::PublishRequest;
use portcullis::service::upstream::{Settings, Upstreams};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::documents::token_policy;
use super::keys::{KeyService, request};

/// What a server was sent.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What a server answers, and how long it takes to.
pub(crate) struct Reply {
    pub(crate) after: Duration,
    pub(crate) answer: Response<Body>,
}

/// An answer at once.
pub(crate) fn reply(status: u16, content_type: &str, body: impl Into<Body>) -> Reply {
    let answer = Response::builder().status(status).header("content-type", content_type);
    Reply { after: Duration::ZERO, answer: answer.body(body.into()).unwrap() }
}

type Answers = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A running server; it ends with the test.
pub(crate) struct Server {
    address: String,
    answers: Arc<Mutex<Arc<Answers>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn start(answers: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap().to_string(),
            answers: Arc::new(Mutex::new(Arc::new(answers))),
            seen: Arc::default(),
            connections: Arc::default(),
        };
        let counted = Arc::clone(&server.connections);
        let listener = listener.tap_io(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let router = server.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// Answers and remembers.
    fn router(&self) -> Router {
        let (answers, seen) = (Arc::clone(&self.answers), Arc::clone(&self.seen));
        Router::new().fallback(move |request: Request| async move {
            let (head, body) = request.into_parts();
            let one = Seen {
                method: head.method.to_string(),
                uri: head.uri.to_string(),
                headers: head.headers,
                body: to_bytes(body, usize::MAX).await.unwrap(),
            };
            seen.lock().unwrap().push(one.clone());
            let answers = Arc::clone(&answers.lock().unwrap());
            let reply = answers(&one);
            tokio::time::sleep(reply.after).await;
            reply.answer
        })
    }

    /// Answers otherwise from now on.
    pub(crate) fn becomes(&self, answers: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        *self.answers.lock().unwrap() = Arc::new(answers);
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/license?customer=7", self.address)
    }

    /// How to reach it, with the defaults of everything else.
    pub(crate) fn settings(&self, protocol: Protocol) -> Settings {
        Settings::new(protocol, self.url().parse().unwrap())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// A type of option with the server that makes its licences.
pub(crate) struct Choice {
    pub(crate) kind: &'static str,
    pub(crate) members: Value,
    pub(crate) upstream: Option<&'static str>,
}

/// An option of each system that leaves licences to the server `vendor`.
pub(crate) fn every_system() -> Vec<Choice> {
    let kinds = [
        ("ClearKey", json!({})),
        ("PlayReady", json!({ "licenses": [] })),
        ("Widevine", json!({ "widevineTemplate": "{}" })),
        ("FairPlay", json!({ "rentalAndLeaseKeyType": "Undefined" })),
    ];
    kinds.map(|(kind, members)| Choice { kind, members, upstream: Some("vendor") }).into()
}

/// The properties of a content key policy with these options, for all who ask or for bearers of a token.
pub(crate) fn properties(open: bool, choices: &[Choice]) -> Value {
    let of = |kind: &str| format!("#Microsoft.Media.ContentKeyPolicy{kind}");
    let restriction = match open {
        true => json!({ "@odata.type": of("OpenRestriction") }),
        false => token_policy("x", json!([]))["properties"]["options"][0]["restriction"].clone(),
    };
    let option = |Choice { kind, members, upstream }: &Choice| {
        let mut configuration = members.clone();
        configuration["@odata.type"] = of(&format!("{kind}Configuration")).into();
        json!({ "configuration": configuration, "restriction": restriction, "upstream": upstream })
    };
    json!({ "options": choices.iter().map(option).collect::<Vec<_>>() })
}

/// A key service whose licences are made elsewhere.
pub(crate) struct Service {
    pub(crate) keys: KeyService,
}

impl Service {
    /// With one server, `vendor`, for every system.
    pub(crate) async fn of(settings: Settings, open: bool) -> Self {
        Self::with(&[("vendor", settings)], open, &every_system()).await
    }

    /// With these servers, and a policy `elsewhere` of these options.
    pub(crate) async fn with(servers: &[(&str, Settings)], open: bool, choices: &[Choice]) -> Self {
        Self::told(servers, open, choices, |delivery| delivery).await
    }

    /// The same with what else a delivery is told.
    pub(crate) async fn told(
        servers: &[(&str, Settings)],
        open: bool,
        choices: &[Choice],
        told: impl FnOnce(Delivery) -> Delivery,
    ) -> Self {
        let all = servers.iter().map(|(name, settings)| ((*name).to_owned(), settings.clone()));
        let upstreams = Upstreams::open(&all.collect()).unwrap();
        let keys = KeyService::start_as(|delivery| told(delivery.with_upstreams(upstreams))).await;
        let properties = properties(open, choices).to_string();
        let policy = ContentKeyPolicy::from_properties("elsewhere", properties.as_bytes()).unwrap();
        keys.store.create_content_key_policy(&policy).await.unwrap();
        Self { keys }
    }

    /// A key for samples under `cenc` or, as FairPlay has them, `cbcs`.
    pub(crate) async fn key(&self, name: &str, streaming: &str) -> (KeyId, ContentKey) {
        let (record, key) = self.keys.publish_key(&request(name, streaming, "elsewhere")).await;
        (record.kid, key)
    }

    /// The same keys as another service has, by label.
    pub(crate) async fn adopt(
        &self,
        streaming: &str,
        keys: impl IntoIterator<Item = (String, KeyId, ContentKey)>,
    ) {
        let own = keys.into_iter().map(|(label, kid, key)| OwnKey {
            kid,
            label,
            protection: None,
            crypto_period: None,
            root: false,
            key: Some(key.into()),
            policy: None,
        });
        let request = request("adopted", streaming, "elsewhere");
        self.keys.publish(&PublishRequest { keys: own.collect(), ..request }).await;
    }

    pub(crate) async fn cenc(&self) -> (KeyId, ContentKey) {
        self.key("film", CENC).await
    }
}

pub(crate) const CENC: &str = "Portcullis_CencClearKey";
pub(crate) const CBCS: &str = "Portcullis_CbcsClearKey";
