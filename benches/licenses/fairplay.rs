//! FairPlay: the whole answer to an SPC of either version, and the RSA operation inside of it.

use std::hint::black_box;

use portcullis::crypto::ContentKey;
use portcullis::crypto::random::{System, array};
use portcullis::crypto::rsa::PrivateKey;
use portcullis::ids::KeyId;
use portcullis::license::Rights;
use portcullis::license::fairplay::client::{Device, Draft, Wish};
use portcullis::license::fairplay::maker::make;
use portcullis::license::fairplay::{
    Credentials, DFunction, Provider, Request, Seed, SpcVersion, Terms,
};

use crate::ceiling::{Operation, licence};

const VERSIONS: [SpcVersion; 2] = [SpcVersion::V1, SpcVersion::V2];

pub(crate) fn licences() {
    let random = &mut System::new();
    // A certificate and its key, of 1024 and then of 2048 bits.
    let files = make(random).unwrap().files;
    let pem = |at: usize| std::str::from_utf8(&files[at].1).unwrap();
    let provider = |at: usize| Provider::new(&files[at].1, pem(at + 1)).unwrap();
    let ask = ContentKey::from_bytes([9; 16]);
    let credentials = Credentials::new(vec![provider(0), provider(2)], ask.clone()).unwrap();
    let function = DFunction::StubSha256;
    let seed = Seed { ask, r2: array(random).unwrap() };
    let device = Device { r2: seed.r2, key: function.apply(&seed).unwrap() };
    let kid = KeyId::from_bytes([1; 16]);
    let asset = kid.to_string();
    let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
    let (key, iv) = (ContentKey::from_bytes([7; 16]), [3; 16]);
    let terms = Terms::of(&Rights::PLAY, jiff::Timestamp::UNIX_EPOCH).unwrap();

    for (at, version) in [1, 3].into_iter().zip(VERSIONS) {
        let certificate = credentials.certificate_for(version).unwrap();
        let draft = Draft::new(certificate, &device, &wish, random).unwrap();
        let (spc, opener) = draft.seal(random).unwrap();
        let answer = |random: &mut System| {
            let spc = Request::parse(&spc).unwrap().spc;
            let opened = credentials.open(&spc, random).unwrap();
            let device_key = function.apply(&opened.seed().unwrap()).unwrap();
            let session = opened.read(&device_key).unwrap();
            session.ckc((kid, &key, iv), &terms, random).unwrap()
        };
        assert_eq!(opener.open(&answer(random)).unwrap().key, key);
        let (private, hash) = (PrivateKey::from_pem(pem(at)).unwrap(), version.hash());
        let encrypted = private.public().encrypt_oaep(hash, random, &[7; 16]).unwrap();
        let operation = Operation {
            times: 1,
            name: ["RSA-1024 private (OAEP)", "RSA-2048 private (OAEP)"][at / 2],
            by: "rsa",
            run: &mut || {
                let random = &mut System::new();
                black_box(private.decrypt_oaep(hash, random, &encrypted).unwrap());
            },
        };
        let name = format!("FairPlay, SPC {}", version.number());
        licence(&name, &mut || drop(black_box(answer(&mut System::new()))), &mut [operation]);
    }
}
