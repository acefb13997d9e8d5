//! How long the refusal of a damaged challenge takes, by the whole way behind the socket: routes,
//! policy, and what work of private keys the damage lets through.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use jiff::Timestamp;
use portcullis::crypto::random::{System, array};
use portcullis::drm::playready::{Header, HeaderKey};
use portcullis::drm::widevine::PsshData;
use portcullis::http::delivery::routes;
use portcullis::ids::KeyId;
use portcullis::keys::KeyEncryptionKey;
use portcullis::license::Trust;
use portcullis::license::fairplay::SpcVersion;
use portcullis::license::fairplay::client::{Device, Draft, Wish};
use portcullis::license::playready::client::{ClientDevice, Question, challenge};
use portcullis::license::widevine::LicenseType;
use portcullis::license::widevine::test_device::{Ask, Content, TestDevice};
use portcullis::policy::{ContentKeyPolicy, Restriction};
use portcullis::service::delivery::{Delivery, system_clock};
use portcullis::service::publish::{PublishRequest, Publisher};
use portcullis::service::trust;
use portcullis::store::{Asset, DATABASE_FILE, Store};
use prost::Message;
use ring::rand::SystemRandom;
use tempfile::TempDir;
use tower::ServiceExt;
use zeroize::Zeroizing;

use crate::ceiling::micros;

/// Expected at most.
const EXPECTED: f64 = 5_000.0;

const ROUNDS: usize = 5;

/// A path and a challenge that is answered there.
struct Good {
    name: &'static str,
    path: String,
    body: Vec<u8>,
    /// The byte whose damage is found last, from the end.
    deepest: usize,
}

/// A server with a key of each scheme for everybody.
struct Server {
    routes: Router,
    cenc: KeyId,
    cbcs: KeyId,
    _dir: TempDir,
}

impl Server {
    async fn start(trust: Trust) -> Self {
        let dir = TempDir::new().unwrap();
        let kek = KeyEncryptionKey::from_bytes(Zeroizing::new([1; 32]));
        let store = Store::open(&dir.path().join(DATABASE_FILE), &kek).await.unwrap();
        let asset = Asset {
            name: "asset".into(),
            dir: PathBuf::from("/media/asset"),
            segment_ms: 6000,
            created: Timestamp::now(),
            storage_encryption: None,
            encrypted: Default::default(),
        };
        store.put_asset(asset).await.unwrap();
        let policy = ContentKeyPolicy::every_system("open", Restriction::Open {});
        store.create_content_key_policy(&policy).await.unwrap();
        let publisher = Publisher::new(store.clone());
        let mut kids = Vec::new();
        for policy in ["Portcullis_CencClearKey", "Portcullis_CbcsClearKey"] {
            let request = PublishRequest {
                asset: "asset".into(),
                name: policy.into(),
                streaming_policy: policy.into(),
                content_key_policy: Some("open".into()),
                ..Default::default()
            };
            let locator = publisher.publish(&request, Timestamp::now()).await.unwrap();
            kids.push(store.keys_of(locator.id).await.unwrap()[0].kid);
        }
        let delivery = Delivery::new(store, system_clock(), std::time::Duration::ZERO);
        let routes = routes(delivery.with_trust(trust).into());
        Self { routes, cenc: kids[0], cbcs: kids[1], _dir: dir }
    }

    async fn status(&self, path: &str, body: &[u8]) -> u16 {
        let request = Request::post(format!("/keydelivery/{path}"));
        let request = request.body(Body::from(body.to_vec())).unwrap();
        self.routes.clone().oneshot(request).await.unwrap().status().as_u16()
    }
}

fn widevine(dir: &Path, trust: &Trust, server: &Server, privacy: bool) -> Vec<u8> {
    let file = std::fs::read(dir.join("widevine/device_l3.wvd")).unwrap();
    let key_ids = vec![server.cenc.as_bytes().to_vec()];
    let data = PsshData { key_ids, ..PsshData::default() }.encode_to_vec();
    let certificate = trust.widevine.as_ref().unwrap().service_certificate().ok();
    let ask = Ask {
        content: Content::PsshData(&data),
        license_type: LicenseType::Streaming,
        privacy: certificate.as_ref().filter(|_| privacy).map(|certificate| certificate.bare()),
        time: Timestamp::now().as_second(),
    };
    TestDevice::from_wvd(&file).unwrap().ask(&ask, &mut System::new()).unwrap().body
}

fn playready(dir: &Path, trust: &Trust, server: &Server) -> Vec<u8> {
    let file = std::fs::read(dir.join("playready/device_sl2000.prd")).unwrap();
    let key = HeaderKey::new(server.cenc, portcullis::cenc::Scheme::Cenc, [0; 8]);
    let header = Header::new(vec![HeaderKey { checksum: None, ..key }]).to_string();
    let time = Timestamp::now().as_second() as u64;
    let question = Question { header: &header, custom_data: None, nonce: [7; 16], time };
    let public = trust.playready.as_ref().unwrap().server_public();
    let device = ClientDevice::from_file(&file).unwrap();
    challenge(&device, public, &question, &SystemRandom::new()).unwrap().into_bytes()
}

fn fairplay(trust: &Trust, server: &Server, version: SpcVersion) -> Vec<u8> {
    let (service, random) = (trust.fairplay.as_ref().unwrap(), &mut System::new());
    let credentials = service.credentials.as_ref().unwrap();
    let seed = portcullis::license::fairplay::Seed {
        ask: credentials.ask().clone(),
        r2: array(random).unwrap(),
    };
    let device = Device { r2: seed.r2, key: service.function.apply(&seed).unwrap() };
    let asset = server.cbcs.to_string();
    let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
    let certificate = credentials.certificate_for(version).unwrap();
    Draft::new(certificate, &device, &wish, random).unwrap().seal(random).unwrap().0
}

fn challenges(dir: &Path, trust: &Trust, server: &Server) -> Vec<Good> {
    let good = |name, path: &str, body, deepest| Good { name, path: path.into(), body, deepest };
    let kids = data_encoding::BASE64URL_NOPAD.encode(server.cenc.as_bytes());
    let clearkey = format!(r#"{{"kids":["{kids}"],"type":"temporary"}}"#).into_bytes();
    let of_key = format!("FairPlay/?kid={}", server.cbcs);
    let soap = playready(dir, trust, server);
    let signature = soap.windows(16).rposition(|it| it == b"<SignatureValue>").unwrap();
    let in_signature = soap.len() - signature - 20;
    vec![
        good("ClearKey", "ClearKey/", clearkey, 1),
        good("PlayReady", "PlayReady/", soap, in_signature),
        good("Widevine", "Widevine/", widevine(dir, trust, server, false), 1),
        good("Widevine, privacy mode", "Widevine/", widevine(dir, trust, server, true), 1),
        // All opens, and the integrity value does not hold.
        good("FairPlay, SPC 1", &of_key, fairplay(trust, server, SpcVersion::V1), 622),
        good("FairPlay, SPC 2", &of_key, fairplay(trust, server, SpcVersion::V2), 622),
    ]
}

/// Three kinds of damage to each: cut off, a byte in the middle, and the byte that is looked at last.
pub(crate) fn refusals() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys/dev/drm");
    let trust = trust::load(&dir).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::start(trust.clone()));
    println!("\nanswers to damaged challenges, behind the socket, in microseconds\n");
    for Good { name, path, body, deepest } in challenges(&dir, &trust, &server) {
        let status = runtime.block_on(server.status(&path, &body));
        assert_eq!(status, 200, "{name}: undamaged");
        let flipped = |at: usize| {
            let mut body = body.clone();
            body[at] ^= 1;
            body
        };
        // Where the parts of a request come in any order, the damage may hit what carries nothing.
        let deepest = (deepest..body.len()).step_by(16);
        let tells = |at: usize| runtime.block_on(server.status(&path, &flipped(at))) != 200;
        let deepest = deepest.map(|back| body.len() - back).find(|at| tells(*at)).unwrap();
        let damaged = [
            ("cut off", body[..body.len() - 1].to_vec()),
            ("in the middle", flipped(body.len() / 2)),
            ("looked at last", flipped(deepest)),
        ];
        for (damage, body) in damaged {
            let status = runtime.block_on(server.status(&path, &body));
            // What carries nothing may be damaged, and is answered.
            assert!(status < 500, "{name}, {damage}: {status}");
            let least = (0..ROUNDS).map(|_| {
                micros(&mut || assert_eq!(runtime.block_on(server.status(&path, &body)), status))
            });
            let least = least.fold(f64::INFINITY, f64::min);
            let verdict = if least <= EXPECTED { "met" } else { "MISSED" };
            println!(
                "{:48} {least:8.0} us, at most {EXPECTED:.0}: {verdict}",
                format!("{name}, {damage} ({status})")
            );
        }
    }
}
