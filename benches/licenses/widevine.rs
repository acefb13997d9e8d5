//! Widevine: a licence for two keys, with and without privacy mode, and the RSA operations inside of it.

use std::hint::black_box;

use portcullis::crypto::ContentKey;
use portcullis::crypto::random::System;
use portcullis::crypto::rsa::Hash;
use portcullis::crypto::seal::Sealer;
use portcullis::drm::widevine::PsshData;
use portcullis::ids::KeyId;
use portcullis::license::widevine::maker::{Maker, Subject};
use portcullis::license::widevine::test_device::{Ask, Content, Kind};
use portcullis::license::widevine::{Issue, LicenseType, Request, SystemRow, Trust};
use portcullis::license::{Admission, Ask as Question, GrantedKey, System as KeySystem, Wanted};
use portcullis::policy::ContentKeyPolicy;
use portcullis::protection::Protection;
use portcullis::token::At;
use prost::Message;

use crate::ceiling::{Operation, licence};

const NOW: i64 = 1_800_000_000;
const SYSTEM_ID: u32 = 61443;
const POLICY: &[u8] = br##"{"options": [{
    "configuration": {"@odata.type": "#Microsoft.Media.ContentKeyPolicyWidevineConfiguration",
                      "widevineTemplate": "{}"},
    "restriction": {"@odata.type": "#Microsoft.Media.ContentKeyPolicyOpenRestriction"}}]}"##;

/// Two keys that everybody may have.
fn granted() -> Vec<GrantedKey> {
    let policy = ContentKeyPolicy::from_properties("open", POLICY).unwrap();
    let now = jiff::Timestamp::from_second(NOW).unwrap();
    let at = At { now, skew: std::time::Duration::ZERO };
    let ask = Question { system: KeySystem::Widevine, token: None, at };
    let admission = Admission::new(policy.into(), &ask);
    let granted = [1, 2].map(|n| {
        let kid = KeyId::from_bytes([n; 16]);
        let grant = admission.grant(&Wanted { kid, label: "SD" }).unwrap();
        GrantedKey {
            kid,
            label: "SD".to_owned(),
            protection: Protection::Cenc,
            key: ContentKey::from_bytes([n; 16]).into(),
            rights: grant.rights,
            by: grant.by,
        }
    });
    granted.into()
}

pub(crate) fn licences() {
    let (mut making, random) = (System::new(), &mut System::new());
    let mut maker = Maker { random: &mut making, now: NOW };
    let root = maker.root().unwrap();
    let service = maker.service(&root, "bench").unwrap();
    let model = maker.model(&root, SYSTEM_ID).unwrap();
    let subject = Subject { system_id: Some(SYSTEM_ID), ..Subject::default() };
    let certified = maker.device_certificate(&model, subject).unwrap();
    let device = maker.device(certified, Kind::Android, 3, "bench");
    let trust = Trust::new(&root.certificate)
        .and_then(|trust| trust.with_service("bench", &service.certificate, service.key.clone()))
        .unwrap()
        .with_systems([(SYSTEM_ID, SystemRow { level: 3, revoked: false })]);
    let keys = granted();
    let kids: Vec<KeyId> = keys.iter().map(|key| key.kid).collect();
    let data = PsshData {
        key_ids: kids.iter().map(|kid| kid.as_bytes().to_vec()).collect(),
        ..PsshData::default()
    };
    let data = data.encode_to_vec();
    let now = jiff::Timestamp::from_second(NOW).unwrap();
    let sealer = Sealer::derive(&[1; 32], b"bench");

    let message = [7; 1500];
    let (public, of_root) = (device.key.public(), root.key.public());
    let signature = device.key.sign(random, &message).unwrap();
    let by_root = root.key.sign(random, &message).unwrap();
    let encrypted = public.encrypt(random, &[7; 16]).unwrap();
    for (name, privacy) in
        [("Widevine, two keys", None), ("Widevine, privacy mode", Some(&*service.certificate))]
    {
        let content = Content::PsshData(&data);
        let ask = Ask { content, license_type: LicenseType::Streaming, privacy, time: NOW };
        let session = device.ask(&ask, random).unwrap();
        let mut answer = || {
            let Ok(Request::License(challenge)) = Request::parse(&session.body) else {
                panic!("the challenge does not read");
            };
            let random = &mut System::new();
            let device = challenge.identify(&trust, NOW, random).unwrap();
            let (challenge, device) = (&challenge, &device);
            let issue = Issue { challenge, device, keys: &keys, now, sealer: &sealer };
            black_box(issue.license(random).unwrap());
        };
        let verify = &mut || assert!(public.verifies(Hash::Sha1, &message, &signature));
        let verify_root = &mut || assert!(of_root.verifies(Hash::Sha1, &message, &by_root));
        let random = (&mut System::new(), &mut System::new());
        let encrypt = &mut || drop(black_box(public.encrypt(random.0, &[7; 16]).unwrap()));
        let decrypt = &mut || drop(black_box(device.key.decrypt(random.1, &encrypted).unwrap()));
        let operation = |times, name, run| Operation { times, name, by: "rsa", run };
        licence(
            name,
            &mut answer,
            &mut [
                operation(2, "RSA-2048 public (PSS)", verify),
                operation(1, "RSA-3072 public (PSS)", verify_root),
                operation(1, "RSA-2048 public (OAEP)", encrypt),
                operation(privacy.is_some().into(), "RSA-2048 private (OAEP)", decrypt),
            ],
        );
    }
}
