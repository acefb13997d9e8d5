//! PlayReady: the whole answer to a challenge, and the operations on P-256 inside of it.

use std::hint::black_box;

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

use crate::ceiling::{Operation, licence};

const NOW: i64 = 1_800_000_000;

/// Answers to challenges for one key and for two. Each verifies four signatures, makes one, decrypts a
/// point, encrypts one for each key, and looks for about two points with a given x.
pub(crate) fn licences() {
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
    for (name, count) in [("PlayReady", 1), ("PlayReady, two keys", 2)] {
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
        let mut answer = || {
            let Ok(Request::Acquire(challenge)) = Request::parse(body.as_bytes()) else {
                panic!("the challenge does not read");
            };
            let device = service.open(&challenge, now).unwrap();
            let pair = (&*challenge, &device);
            black_box(service.respond(pair, &grants, Extras::default(), now, &random).unwrap());
        };
        beside_operations(name, count.into(), &mut answer);
    }
}

fn beside_operations(name: &str, keys: u32, answer: &mut dyn FnMut()) {
    let random = SystemRandom::new();
    let key = PrivateKey::generate(&random).unwrap();
    let (point, x) = MessagePoint::random(&random).unwrap();
    let (message, encrypted) = ([7; 1500], key.public().encrypt(&point, &random).unwrap());
    let signature = key.sign(&message, &random).unwrap();
    let verify = &mut || assert!(key.public().verifies(&message, &signature));
    let sign = &mut || {
        black_box(key.sign(&message, &random).unwrap());
    };
    let decrypt = &mut || {
        black_box(key.decrypt(&encrypted).unwrap());
    };
    let encrypt = &mut || {
        black_box(key.public().encrypt(&point, &random).unwrap());
    };
    let find = &mut || assert!(black_box(MessagePoint::of_x(&x)).is_some());
    let operation = |times, name, by, run| Operation { times, name, by, run };
    licence(
        name,
        answer,
        &mut [
            operation(4, "P-256 verify", "ring", verify),
            operation(1, "P-256 sign", "ring", sign),
            operation(1, "P-256 decrypt a point", "p256", decrypt),
            operation(keys, "P-256 encrypt a point", "p256", encrypt),
            operation(2, "P-256 find a point of x", "p256", find),
        ],
    );
}
