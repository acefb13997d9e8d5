//! Both sides against each other, and damage of every kind.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::client::{Answer, Device, Draft, Opener, Wish};
use super::maker::{Made, make};
use super::*;
use crate::crypto::ContentKey;
use crate::crypto::random::{System as SystemRandom, array};
use crate::ids::KeyId;
use crate::license::recognize::recognize;
use crate::license::{Rights, System};

const KID: KeyId = KeyId::from_bytes([0xa5; 16]);
const KEY: [u8; 16] = [0x42; 16];
const IV: [u8; 16] = [0x17; 16];

/// The constant key of devices in the vendor's development vectors (fairplay.md section 9).
const DEVELOPMENT_DASK: [u8; 16] = [
    0xd8, 0x7c, 0xe7, 0xa2, 0x60, 0x81, 0xde, 0x2e, 0x8e, 0xb8, 0xac, 0xef, 0x3a, 0x6d, 0xc1, 0x79,
];

struct World {
    credentials: Credentials,
    certificates: [Vec<u8>; 2],
}

fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(|| {
        let Made { files, .. } = make(&mut SystemRandom::new()).unwrap();
        let provider = |at: usize| {
            let key = std::str::from_utf8(&files[at + 1].1).unwrap();
            Provider::new(&files[at].1, key).unwrap()
        };
        let ask = ContentKey::from_bytes([9; 16]);
        World {
            credentials: Credentials::new(vec![provider(0), provider(2)], ask).unwrap(),
            certificates: [files[0].1.to_vec(), files[2].1.to_vec()],
        }
    });
    &WORLD
}

fn wish() -> Wish<'static> {
    Wish { asset: b"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5", ..Wish::default() }
}

/// A device that has its key by this function.
fn device(function: &DFunction) -> Device {
    let r2 = array(&mut SystemRandom::new()).unwrap();
    let seed = Seed { ask: world().credentials.ask().clone(), r2 };
    Device { r2, key: function.apply(&seed).unwrap() }
}

fn draft_of(function: &DFunction, version: SpcVersion, wish: &Wish<'_>) -> Draft {
    let certificate = &world().certificates[version.number() as usize - 1];
    Draft::new(certificate, &device(function), wish, &mut SystemRandom::new()).unwrap()
}

fn draft(version: SpcVersion, wish: &Wish<'_>) -> Draft {
    draft_of(&DFunction::StubSha256, version, wish)
}

fn open_by(function: &DFunction, spc: &[u8]) -> Result<Session, FairPlayError> {
    let opened = world().credentials.open(&Spc::parse(spc)?, &mut SystemRandom::new())?;
    opened.read(&function.apply(&opened.seed()?).unwrap())
}

fn open(spc: &[u8]) -> Result<Session, FairPlayError> {
    open_by(&DFunction::StubSha256, spc)
}

fn terms(rights: &Rights) -> Terms {
    Terms::of(rights, Timestamp::UNIX_EPOCH).unwrap()
}

fn answer(session: &Session, opener: &Opener, rights: &Rights) -> Answer {
    let key = ContentKey::from_bytes(KEY);
    let ckc = session.ckc((KID, &key, IV), &terms(rights), &mut SystemRandom::new()).unwrap();
    assert_eq!(ckc.len() % 16, 28 % 16, "whole cipher blocks behind the header");
    let answer = opener.open(&ckc).unwrap();
    assert_eq!((answer.key.expose(), answer.iv), (&KEY, IV));
    answer
}

fn ask(wish: &Wish<'_>, rights: &Rights) -> Answer {
    let (spc, opener) = draft(SpcVersion::V1, wish).seal(&mut SystemRandom::new()).unwrap();
    answer(&open(&spc).unwrap(), &opener, rights)
}

#[test]
fn both_versions_are_laid_out_as_written_and_answered() {
    for (version, number, hash_at, length) in
        [(SpcVersion::V1, 1, 152, 176), (SpcVersion::V2, 2, 280, 304)]
    {
        let (spc, opener) = draft(version, &wish()).seal(&mut SystemRandom::new()).unwrap();
        assert_eq!(spc[..8], [0, 0, 0, number, 0, 0, 0, 0]);
        let certificate = &world().certificates[usize::from(number) - 1];
        assert_eq!(spc[hash_at..hash_at + 20], certificate::fingerprint(certificate));
        let payload = u32::from_be_bytes(spc[length - 4..length].try_into().unwrap());
        assert_eq!(payload as usize, spc.len() - length);
        let session = open(&spc).unwrap();
        assert_eq!((session.kid(), session.playback()), (Some(KID), None));
        let answer = answer(&session, &opener, &Rights::PLAY);
        assert_eq!((answer.duration, answer.offline, answer.level), (None, None, None));
    }
}

#[test]
fn a_constant_function_opens_what_was_made_under_its_constant() {
    let function = DFunction::Fixed(ContentKey::from_bytes(DEVELOPMENT_DASK));
    let draft = draft_of(&function, SpcVersion::V1, &wish());
    let (spc, opener) = draft.seal(&mut SystemRandom::new()).unwrap();
    let session = open_by(&function, &spc).unwrap();
    answer(&session, &opener, &Rights::PLAY);
    assert_eq!(open(&spc).err(), Some(FairPlayError::Integrity));
}

#[test]
fn what_limits_a_key_stands_in_its_blocks() {
    let rights = Rights {
        license_duration: Some(Duration::from_secs(90)),
        rental_duration: Some(Duration::from_secs(3600)),
        security_level: Some(crate::license::rights::SecurityLevel::HardwareAll),
        ..Rights::PLAY
    };
    for state in [
        PlaybackState::Ready,
        PlaybackState::Playing,
        PlaybackState::Renewing,
        PlaybackState::Other(7),
    ] {
        let wish = Wish { playback: Some((0, state)), ..wish() };
        let answer = ask(&wish, &rights);
        assert_eq!(answer.duration, Some((90, 3600, 0x27b5_9bde)));
        assert_eq!(
            (answer.hdcp, answer.level),
            (Some(0xef72_894c_a789_5b78), Some(0x4e7f_d924_21d5_88b4))
        );
    }
    let kept = Rights {
        persistent: true,
        rental_duration: Some(Duration::from_secs(2_592_000)),
        playback_duration: Some(Duration::from_secs(86_400)),
        ..Rights::PLAY
    };
    for (capabilities, version, length) in [(2, 1, 32), (2 | 8, 2, 48)] {
        let wish = Wish { capabilities: Capabilities(capabilities), ..wish() };
        let offline = ask(&wish, &kept).offline.unwrap();
        let mut expected = [0, 0, 0, version, 0, 0, 0, 0].to_vec();
        expected.extend(KID.as_bytes());
        expected.extend([2_592_000_u32, 86_400].map(u32::to_be_bytes).concat());
        assert_eq!((&offline[..32], offline.len()), (&expected[..], length));
    }
}

#[test]
fn damaged_requests_are_refused_by_a_rule() {
    type Damage = fn(&mut Draft);
    fn set(draft: &mut Draft, tag: u64, value: &[u8]) {
        draft.blocks.iter_mut().find(|block| block.0 == tag).unwrap().1 = value.to_vec();
    }
    fn returns(draft: &mut Draft, tags: &[u64]) {
        let value: Vec<u8> = tags.iter().flat_map(|tag| tag.to_be_bytes()).collect();
        set(draft, tag::RETURN_REQUEST, &value);
    }
    let table: &[(Damage, FairPlayError)] = &[
        (|d| d.certificate = [0; 20], FairPlayError::Certificate),
        (|d| set(d, tag::SK_R1_INTEGRITY, &[0; 16]), FairPlayError::Integrity),
        (|d| set(d, tag::SK_R1, &[0; 112]), FairPlayError::Integrity),
        (|d| set(d, tag::SK_R1, &[0; 111]), FairPlayError::Integrity),
        (|d| set(d, tag::R2, &[0; 20]), FairPlayError::Integrity),
        (|d| set(d, tag::ASSET_ID, b"a"), FairPlayError::Parameter("asset id")),
        (|d| set(d, tag::ASSET_ID, &[b'a'; 201]), FairPlayError::Parameter("asset id")),
        (|d| set(d, tag::VERSION_USED, &[0, 0, 0, 2]), FairPlayError::Protocol),
        (|d| set(d, tag::VERSIONS_SUPPORTED, &[0, 0, 0, 2]), FairPlayError::Protocol),
        (
            |d| set(d, tag::VERSIONS_SUPPORTED, &[0, 0, 0, 1, 0]),
            FairPlayError::Parameter("protocol versions supported"),
        ),
        (|d| d.blocks.push((tag::ASSET_ID, vec![0; 16], 0)), FairPlayError::Duplicate("asset id")),
        (|d| d.blocks.push((tag::OFFLINE_SYNC, vec![0, 0, 0, 1], 0)), FairPlayError::OfflineSync),
        (|d| returns(d, &[0xdead_beef_0000_0000]), FairPlayError::Return),
        (|d| returns(d, &[tag::ASSET_ID, tag::ASSET_ID]), FairPlayError::Return),
        (
            |d| {
                d.blocks.push((tag::HDCP, vec![0; 16], 0));
                returns(d, &[tag::HDCP]);
            },
            FairPlayError::Return,
        ),
        (|d| set(d, tag::RETURN_REQUEST, &[0; 9]), FairPlayError::Parameter("return request")),
    ];
    for version in [SpcVersion::V1, SpcVersion::V2] {
        for (damage, error) in table {
            let mut draft = draft(version, &wish());
            damage(&mut draft);
            let (spc, _) = draft.seal(&mut SystemRandom::new()).unwrap();
            assert_eq!(open(&spc).err(), Some(*error));
        }
    }
    // Without these, nothing shows that whoever sends the request made it.
    let proof = [tag::SK_R1, tag::SK_R1_INTEGRITY, tag::R2];
    for row in tag::TABLE.iter().filter(|row| row.required) {
        let mut draft = draft(SpcVersion::V1, &wish());
        draft.blocks.retain(|block| block.0 != row.tag);
        let (spc, _) = draft.seal(&mut SystemRandom::new()).unwrap();
        let missing = FairPlayError::Missing(row.name);
        let error = if proof.contains(&row.tag) { FairPlayError::Integrity } else { missing };
        assert_eq!(open(&spc).err(), Some(error));
    }
}

#[test]
fn odd_blocks_that_devices_send_do_no_harm() {
    let mut draft = draft(SpcVersion::V1, &wish());
    for block in &mut draft.blocks {
        block.2 += 20;
    }
    draft.blocks.push((tag::OFFLINE_SYNC, vec![0; 28], 0));
    draft.blocks.push((1, vec![3; 3], 0));
    draft.blocks.push((1, Vec::new(), 0));
    draft.blocks.reverse();
    let (spc, opener) = draft.seal(&mut SystemRandom::new()).unwrap();
    answer(&open(&spc).unwrap(), &opener, &Rights::PLAY);
}

#[test]
fn lengths_that_lie_are_refused() {
    let draft = draft(SpcVersion::V1, &wish());
    let block = |length: u32, value: u32, body: usize| {
        [&[3; 8][..], &length.to_be_bytes(), &value.to_be_bytes(), &vec![0; body]].concat()
    };
    for payload in [
        block(16, 17, 16),
        block(32, 4, 16),
        block(0x7fff_fff0, 4, 16),
        block(u32::MAX, u32::MAX, 16),
        block(8, 8, 16),
        [block(16, 16, 16), block(16, 1, 0)].concat(),
    ] {
        let (true_one, _) = draft.payload(&mut SystemRandom::new()).unwrap();
        for (payload, error) in [
            ([&true_one[..], &payload].concat(), FairPlayError::Block),
            ([&payload[..], &true_one].concat(), FairPlayError::Integrity),
        ] {
            let spc = draft.seal_payload(payload, &mut SystemRandom::new()).unwrap();
            assert_eq!(open(&spc).err(), Some(error));
        }
    }
    let spc = draft.seal_payload(Vec::new(), &mut SystemRandom::new()).unwrap();
    assert_eq!(open(&spc).err(), Some(FairPlayError::Integrity));
    for length in [0_u32, 1, 16, u32::MAX] {
        let (mut spc, _) =
            self::draft(SpcVersion::V1, &wish()).seal(&mut SystemRandom::new()).unwrap();
        spc[172..176].copy_from_slice(&length.to_be_bytes());
        assert_eq!(Spc::parse(&spc), Err(FairPlayError::Container));
    }
    for version in [0_u32, 3, 9, u32::MAX] {
        assert_eq!(Spc::parse(&version.to_be_bytes()), Err(FairPlayError::Version(version)));
    }
}

#[test]
fn nothing_shorter_than_a_request_is_one() {
    for version in [SpcVersion::V1, SpcVersion::V2] {
        let (spc, _) = draft(version, &wish()).seal(&mut SystemRandom::new()).unwrap();
        for length in 0..spc.len() {
            assert_eq!(Spc::parse(&spc[..length]), Err(FairPlayError::Container), "{length}");
        }
        assert_eq!(Spc::parse(&[&spc[..], &[0]].concat()), Err(FairPlayError::Container));
    }
}

#[test]
fn every_form_is_read_and_answered_alike() {
    let (spc, _) = draft(SpcVersion::V1, &wish()).seal(&mut SystemRandom::new()).unwrap();
    let base64 = data_encoding::BASE64.encode(&spc);
    let encoded: String = url::form_urlencoded::byte_serialize(base64.as_bytes()).collect();
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
    let url_safe = data_encoding::BASE64URL_NOPAD.encode(&spc);
    for (body, form, names_kid) in [
        (spc.clone(), Form::Raw, false),
        (base64.clone().into_bytes(), Form::Base64, false),
        (lines.join("\r\n").into_bytes(), Form::Base64, false),
        (url_safe.into_bytes(), Form::Base64, false),
        (format!("spc={encoded}").into_bytes(), Form::Fields, false),
        (format!("spc={base64}").into_bytes(), Form::Fields, false),
        (format!("spc={encoded}&assetId={KID}").into_bytes(), Form::Fields, true),
        (format!("{{\"spc\":\"{base64}\"}}").into_bytes(), Form::Json, false),
        (
            format!(" {{\"x\":[], \"assetId\":\"{KID}\",\"spc\":\"{base64}\"}}").into_bytes(),
            Form::Json,
            true,
        ),
    ] {
        let request = Request::parse(&body).unwrap();
        assert_eq!((&request.spc, request.form), (&Spc::parse(&spc).unwrap(), form));
        assert_eq!(request.asset().and_then(super::kid_of), names_kid.then_some(KID));
        let found = recognize(&body).unwrap();
        assert_eq!((found.system, &*found.body), (System::FairPlay, &body[..]), "{form:?}");
    }
    for (body, error) in [
        (&b""[..], FairPlayError::Container),
        (b"?", FairPlayError::Body),
        (b"{}", FairPlayError::Body),
        (b"{\"spc\":1}", FairPlayError::Body),
        (b"spc=", FairPlayError::Container),
        (b"spc=%00", FairPlayError::Body),
        (b"\xff\xff", FairPlayError::Body),
        (b"\0\0\0\x03", FairPlayError::Version(3)),
        (b"AAAAAw==", FairPlayError::Version(3)),
    ] {
        assert_eq!(Request::parse(body), Err(error), "{body:?}");
    }
    for (form, content_type, body) in [
        (Form::Raw, "application/octet-stream", "abc"),
        (Form::Base64, "text/plain", "YWJj"),
        (Form::Fields, "text/plain", "<ckc>YWJj</ckc>"),
        (Form::Json, "application/json", "{\"ckc\":\"YWJj\"}"),
    ] {
        assert_eq!(form.answer(b"abc"), (content_type, body.as_bytes().to_vec()));
    }
}

#[test]
fn certificates_are_read_in_der_and_pem_and_go_with_their_keys() {
    let Made { files, section } = make(&mut SystemRandom::new()).unwrap();
    let key = |at: usize| std::str::from_utf8(&files[at].1).unwrap();
    let base64 = data_encoding::BASE64.encode(&files[0].1);
    let pem = format!("x\n-----BEGIN CERTIFICATE-----\r\n{base64}\n-----END CERTIFICATE-----\n");
    for certificate in [&files[0].1[..], pem.as_bytes()] {
        let provider = Provider::new(certificate, key(1)).unwrap();
        let sha1 = data_encoding::HEXLOWER.encode(provider.sha1());
        assert_eq!(section["certs"]["1024"]["sha1"], sha1);
    }
    let refused = |certificate: &[u8], key: &str| Provider::new(certificate, key).unwrap_err();
    assert_eq!(refused(&files[0].1, key(3)), "the key is not that of the certificate");
    assert_eq!(refused(&files[0].1, "x"), "not an RSA key in PEM");
    assert_eq!(refused(b"x", key(1)), "not a certificate of an RSA key");
    assert_eq!(refused(b"-----BEGIN x", key(1)), "not a certificate in DER or PEM");
    for length in 0..files[0].1.len() {
        drop(Provider::new(&files[0].1[..length], key(1)));
    }
    assert_eq!(world().credentials.certificate(), world().certificates[1]);
}

#[test]
fn certificates_are_read_with_their_keys_from_pkcs12_of_both_generations() {
    const DER: &[u8] = include_bytes!("../../../keys/dev/drm/fairplay/provider2048.der");
    const AES: &[u8] = include_bytes!("../../../keys/dev/fairplay/provider2048-aes.p12");
    const TRIPLE_DES: &[u8] = include_bytes!("../../../keys/dev/fairplay/provider2048-3des.p12");
    for file in [AES, TRIPLE_DES] {
        let providers = Provider::from_pkcs12(file, "portcullis").unwrap();
        let [provider] = &providers[..] else { panic!("one key") };
        assert_eq!(*provider.sha1(), certificate::fingerprint(DER));
        let refused = |file, password| Provider::from_pkcs12(file, password).unwrap_err();
        for password in ["", "Portcullis", "portcullis "] {
            assert_eq!(refused(file, password), "the password does not open the PKCS#12");
        }
    }
    let no_certificate = [0x30, 3, 2, 1, 3];
    let refused = Provider::from_pkcs12(&no_certificate, "portcullis").unwrap_err();
    assert_eq!(refused, "not PKCS#12 in DER");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn damage_anywhere_is_refused_or_does_no_harm(at: prop::sample::Index, bit in 0_u8..8, two: bool) {
        static SPCS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
            [SpcVersion::V1, SpcVersion::V2]
                .map(|version| draft(version, &wish()).seal(&mut SystemRandom::new()).unwrap().0)
        });
        let mut spc = SPCS[usize::from(two)].clone();
        let at = at.index(spc.len());
        spc[at] ^= 1 << bit;
        // What only padding and the reserved field carry is nobody's business.
        if let Ok(session) = open(&spc) {
            prop_assert!(session.asset().len() >= 2);
        }
    }

    #[test]
    fn any_payload_is_read_without_harm(blocks in 0_usize..20, seed: [u8; 16]) {
        let payload: Vec<u8> = (0..blocks * 16).map(|n| seed[n % 16] >> (n % 7)).collect();
        let draft = draft(SpcVersion::V1, &wish());
        let spc = draft.seal_payload(payload, &mut SystemRandom::new()).unwrap();
        prop_assert!(open(&spc).is_err());
    }

    #[test]
    fn any_body_is_read_without_harm(body: Vec<u8>) {
        prop_assert!(Request::parse(&body).is_err());
        let _ = kid_of(&body);
    }
}
