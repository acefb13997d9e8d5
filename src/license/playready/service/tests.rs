use super::super::certificate::Trust;
use super::super::client::{self, Answer, ClientDevice, ClientError, Question};
use super::super::maker::{Authority, DeviceSpec, Flaw, random_id};
use super::super::message::Request;
use super::*;
use crate::cenc::Scheme;
use crate::drm::playready::{Header, HeaderKey, Version};

const NOW: i64 = 1_800_000_000;

struct Side {
    random: SystemRandom,
    trust: Trust,
    service: Service,
    other: Authority,
    device: ClientDevice,
}

fn side(spec: &DeviceSpec<'_>) -> Side {
    let random = SystemRandom::new();
    let (authority, other) =
        (Authority::generate(&random).unwrap(), Authority::generate(&random).unwrap());
    let (device, _) = authority.device(spec, &random).unwrap();
    let trust = authority.trust([]);
    let service = authority.into_service([[9; 16]]).unwrap();
    Side { random, trust, service, other, device }
}

fn spec(security_level: u32) -> DeviceSpec<'static> {
    DeviceSpec { name: "t", security_level, certificate_id: [1; 16], flaw: Flaw::None }
}

fn header(version: Version, kids: &[KeyId], scheme: Scheme) -> String {
    let keys = kids.iter().map(|kid| HeaderKey::new(*kid, scheme, [0; 8])).collect();
    Header { version, ..Header::new(keys) }.to_string()
}

fn question(header: &str) -> Question<'_> {
    let custom_data = Some("<a> & b");
    Question { header, custom_data, nonce: [0xff; 16], time: NOW as u64 }
}

fn kid(n: u8) -> KeyId {
    KeyId::from_bytes([n; 16])
}

impl Side {
    fn ask(&self, header: &str) -> Challenge {
        let server = self.service.server_public();
        let text = client::challenge(&self.device, server, &question(header), &self.random);
        match Request::parse(text.unwrap().as_bytes()).unwrap() {
            Request::Acquire(challenge) => *challenge,
            Request::Acknowledge(_) => panic!("a challenge"),
        }
    }

    fn open(&self, header: &str) -> Result<Device, Error> {
        self.service.open(&self.ask(header), Timestamp::from_second(NOW).unwrap())
    }

    fn get(&self, header: &str, grants: &[Grantable]) -> Result<Answer, Error> {
        let (challenge, now) = (self.ask(header), Timestamp::from_second(NOW).unwrap());
        let device = self.service.open(&challenge, now)?;
        let transaction = Some(self.service.transaction([5; 16]));
        let extras = Extras { custom_data: Some("a > b"), transaction };
        let pair = (&challenge, &device);
        let text = self.service.respond(pair, grants, extras, now, &self.random)?;
        Ok(client::answer(&text, &self.device, &self.trust, &question(header)).unwrap())
    }
}

fn grant(n: u8, security_level: u16) -> Grantable {
    Grantable {
        kid: kid(n),
        key: ContentKey::from_bytes([n; 16]),
        cipher: Cipher::AesCtr,
        terms: Terms { security_level, ..Terms::default() },
    }
}

#[test]
fn every_header_version_leads_to_keys() {
    let side = side(&spec(2000));
    for (version, number, kids, scheme) in [
        (Version::V4_0, 1, &[kid(1)][..], Scheme::Cenc),
        (Version::V4_1, 1, &[kid(1)], Scheme::Cenc),
        (Version::V4_2, 4, &[kid(1), kid(2)], Scheme::Cenc),
        (Version::V4_3, 5, &[kid(1), kid(2)], Scheme::Cbcs),
    ] {
        let header = header(version, kids, scheme);
        let challenge = side.ask(&header);
        assert_eq!((challenge.version, challenge.kids().as_slice()), (number, kids));
        assert_eq!(challenge.custom_data.as_ref().unwrap().as_str(), "<a> & b");
        let cbc = if scheme == Scheme::Cbcs { Cipher::AesCbc } else { Cipher::AesCtr };
        let made_for = |n| Grantable { cipher: cbc, ..grant(n, 2000) };
        let grants: Vec<_> = (1..=kids.len() as u8).map(made_for).collect();
        let answer = side.get(&header, &grants).unwrap();
        for (n, (licence, kid)) in answer.licences.iter().zip(kids).enumerate() {
            assert_eq!((licence.kid, licence.cipher), (*kid, cbc));
            assert_eq!(licence.key, grants[n].key);
            let expected = u128::MAX.wrapping_add(n as u128).to_be_bytes();
            assert_eq!(licence.rights_id, expected, "the nonce counted on");
        }
        assert_eq!(answer.licences.len(), kids.len());
        assert_eq!(answer.custom_data.as_deref(), Some("a > b"));
        let text = client::acknowledgement(&answer.transaction.unwrap());
        let Request::Acknowledge(read) = Request::parse(text.as_bytes()).unwrap() else {
            panic!("an acknowledgement");
        };
        assert!(side.service.acknowledge(&read).unwrap().contains("AcknowledgeLicenseResponse"));
    }
}

#[test]
fn keys_above_the_level_of_a_device_are_left_out() {
    let side = side(&spec(150));
    let header = header(Version::V4_2, &[kid(1), kid(2)], Scheme::Cenc);
    let answer = side.get(&header, &[grant(1, 2000), grant(2, 150)]).unwrap();
    assert_eq!(answer.licences.iter().map(|one| one.kid).collect::<Vec<_>>(), [kid(2)]);
    assert_eq!(side.get(&header, &[grant(1, 2000)]), Err(Error::SecurityLevel));
    let no_play = Terms { play: false, ..Terms::default() };
    let refused = side.get(&header, &[Grantable { terms: no_play, ..grant(1, 150) }]);
    assert_eq!(refused, Err(Error::NoPlay));
}

#[test]
fn devices_that_are_not_believed_are_refused() {
    let header = header(Version::V4_0, &[kid(1)], Scheme::Cenc);
    let flawed = |flaw| side(&DeviceSpec { flaw, ..spec(2000) }).open(&header);
    let level = |device: Result<Device, Error>| device.map(|device| device.security_level);
    assert_eq!(level(side(&spec(3000)).open(&header)), Ok(3000));
    let later = Flaw::Expired(NOW as u32 + 1);
    assert_eq!(level(flawed(later)), Ok(2000));
    let table = [
        (Flaw::Expired(NOW as u32), ChainError::Expired),
        (Flaw::BadSignature, ChainError::Signature),
        (Flaw::Forged, ChainError::Issuer),
    ];
    for (flaw, error) in table {
        assert_eq!(level(flawed(flaw)), Err(Error::Chain(error)), "{flaw:?}");
    }
    let revoked = side(&DeviceSpec { certificate_id: [9; 16], ..spec(2000) });
    assert_eq!(level(revoked.open(&header)), Err(Error::Chain(ChainError::Revoked)));
    let side = side(&spec(2000));
    let (device, _) = side.other.device(&spec(2000), &side.random).unwrap();
    let rogue = Side { device, ..side };
    assert_eq!(level(rogue.open(&header)), Err(Error::Chain(ChainError::UnknownRoot)));
}

#[test]
fn a_challenge_to_another_service_or_by_another_key_is_refused() {
    let side = side(&spec(2000));
    let header = header(Version::V4_0, &[kid(1)], Scheme::Cenc);
    let now = Timestamp::from_second(NOW).unwrap();
    let asked = |device: &ClientDevice, server| {
        let text = client::challenge(device, server, &question(&header), &side.random);
        match Request::parse(text.unwrap().as_bytes()).unwrap() {
            Request::Acquire(challenge) => side.service.open(&challenge, now).unwrap_err(),
            Request::Acknowledge(_) => panic!("a challenge"),
        }
    };
    let elsewhere = side.other.server.public();
    assert_eq!(asked(&side.device, elsewhere), Error::ClientData);
    let (thief, _) = side.other.device(&spec(2000), &side.random).unwrap();
    let stolen = ClientDevice { chain: side.device.chain.clone(), ..thief };
    assert_eq!(asked(&stolen, side.service.server_public()), Error::SignedByAnother);
}

#[test]
fn transactions_of_others_are_unknown() {
    let side = side(&spec(150));
    let read = |id: &str| match Request::parse(client::acknowledgement(id).as_bytes()).unwrap() {
        Request::Acknowledge(read) => side.service.acknowledge(&read).unwrap_err(),
        Request::Acquire(_) => panic!("an acknowledgement"),
    };
    let id = data_encoding::BASE64.encode(&[3; 32]);
    for text in ["", "x", &id] {
        assert_eq!(read(text), Error::UnknownTransaction);
    }
}

#[test]
fn answers_to_others_and_changed_answers_are_refused_by_the_client() {
    let side = side(&spec(2000));
    let header = header(Version::V4_0, &[kid(1)], Scheme::Cenc);
    let (challenge, now) = (side.ask(&header), Timestamp::from_second(NOW).unwrap());
    let device = side.service.open(&challenge, now).unwrap();
    let pair = (&challenge, &device);
    let text = side.service.respond(pair, &[grant(1, 150)], Extras::default(), now, &side.random);
    let text = text.unwrap();
    let ours = question(&header);
    let other = Question { nonce: [0; 16], ..ours };
    let open = |text: &str, trust, question| client::answer(text, &side.device, trust, question);
    assert!(open(&text, &side.trust, &ours).is_ok());
    let refused = open(&text, &side.trust, &other);
    assert_eq!(refused, Err(ClientError::Answer("it is to another question")));
    let changed = text.replace("<Version>1</Version>", "<Version>2</Version>");
    let refused = open(&changed, &side.trust, &ours);
    assert_eq!(refused, Err(ClientError::Answer("its signature does not verify")));
    let refused = open(&text, &side.other.trust([]), &ours);
    assert_eq!(refused, Err(ClientError::Signer(ChainError::UnknownRoot)));
    assert_ne!(random_id(&side.random).unwrap(), random_id(&side.random).unwrap());
}
