//! PlayReady: the whole answer to a challenge, and the operations on P-256 inside of it.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use jiff::Timestamp;
use portcullis::cenc::Scheme;
use portcullis::crypto::ContentKey;
use portcullis::crypto::ecc::{MessagePoint, PrivateKey};
use portcullis::drm::playready::{Header, HeaderKey};
use portcullis::ids::KeyId;
use portcullis::license::playready::client::{self, Question};
use portcullis::license::playready::maker::{Authority, DeviceSpec, Flaw};
use portcullis::license::playready::xmr::{Cipher, Terms};
use portcullis::license::playready::{Extras, Grantable, Request};
use ring::rand::SystemRandom;

const NOW: i64 = 1_800_000_000;

/// Answers to challenges for one key and for two.
pub(crate) fn licences(c: &mut Criterion) {
    let random = SystemRandom::new();
    let authority = Authority::generate(&random).unwrap();
    let spec = DeviceSpec {
        name: "bench",
        security_level: 2000,
        certificate_id: [1; 16],
        flaw: Flaw::None,
    };
    let (device, _) = authority.device(&spec, &random).unwrap();
    let service = authority.into_service([]).unwrap();
    let now = Timestamp::from_second(NOW).unwrap();
    let mut group = c.benchmark_group("playready");
    group.throughput(Throughput::Elements(1));
    for (name, count) in [("licence", 1), ("licence, two keys", 2)] {
        let kids: Vec<KeyId> = (1..=count).map(|n| KeyId::from_bytes([n; 16])).collect();
        let keys = kids.iter().map(|kid| HeaderKey::new(*kid, Scheme::Cenc, [0; 8]));
        let header = Header::new(keys.collect()).to_string();
        let question =
            Question { header: &header, custom_data: None, nonce: [7; 16], time: NOW as u64 };
        let server = service.server_public();
        let body = client::challenge(&device, server, &question, &random).unwrap();
        let grants = kids.iter().map(|kid| Grantable {
            kid: *kid,
            key: ContentKey::from_bytes([9; 16]),
            cipher: Cipher::AesCtr,
            terms: Terms::default(),
        });
        let grants: Vec<Grantable> = grants.collect();
        group.bench_function(name, |b| {
            b.iter(|| {
                let Ok(Request::Acquire(challenge)) = Request::parse(body.as_bytes()) else {
                    panic!("the challenge does not read");
                };
                let device = service.open(&challenge, now).unwrap();
                let pair = (&*challenge, &device);
                black_box(service.respond(pair, &grants, Extras::default(), now, &random).unwrap())
            });
        });
    }
    group.finish();
}

/// An answer for one key verifies four signatures, makes one, decrypts a point, encrypts one, and
/// looks for about two points with a given x.
pub(crate) fn operations(c: &mut Criterion) {
    let random = SystemRandom::new();
    let key = PrivateKey::generate(&random).unwrap();
    let (point, x) = MessagePoint::random(&random).unwrap();
    let (message, encrypted) = ([7; 1500], key.public().encrypt(&point, &random).unwrap());
    let signature = key.sign(&message, &random).unwrap();
    let mut group = c.benchmark_group("p256");
    group.throughput(Throughput::Elements(1));
    group.bench_function("verify (ring)", |b| {
        b.iter(|| assert!(key.public().verifies(&message, &signature)));
    });
    group.bench_function("sign (ring)", |b| {
        b.iter(|| black_box(key.sign(&message, &random).unwrap()));
    });
    group.bench_function("decrypt a point (p256)", |b| {
        b.iter(|| black_box(key.decrypt(&encrypted).unwrap()));
    });
    group.bench_function("encrypt a point (p256)", |b| {
        b.iter(|| black_box(key.public().encrypt(&point, &random).unwrap()));
    });
    group.bench_function("find a point of x (p256)", |b| {
        b.iter(|| black_box(MessagePoint::of_x(&x).is_some()));
    });
    group.finish();
}
