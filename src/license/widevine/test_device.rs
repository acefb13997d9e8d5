//! A client for tests and for a first look at a deployment: it writes challenges and opens licences
//! as a content decryption module does, with the keys of a device of the owner's own making
//! (widevine.md sections 3 to 8). It protects nothing.

use prost::Message;
use ring::hmac;
use zeroize::Zeroizing;

use super::LicenseType;
use super::derive::{MacKeys, SessionKeys};
use super::proto::{
    ContentIdentification, DrmCertificate, EncryptedClientIdentification, ExistingLicense,
    InitDataContent, KeyContainer, License, LicenseRequest, PsshContent, SignedDrmCertificate,
    SignedMessage, WebmContent, key_type, message_type, request_type,
};
use crate::bytes::{Reader, Writer};
use crate::crypto::cbc::open_padded;
use crate::crypto::chains::seal_padded;
use crate::crypto::random::{Random, array};
use crate::crypto::rsa::{PrivateKey, PublicKey, RsaError};
use crate::crypto::{ContentKey, Expanded, KeyMaterial, RootKey};
use crate::drm::widevine::{EntitledKey, PsshData};
use crate::ids::KeyId;

/// The body of a request for the service certificate.
pub const SERVICE_CERTIFICATE_REQUEST: [u8; 2] = [8, 4];

/// Protocol version that challenges name.
const VERSION_2_1: i32 = 21;

/// What went wrong on the side of the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The file is no device.
    #[error("not a WVD file of version 2 with an RSA key")]
    NotADevice,
    /// What was to be a service certificate is none.
    #[error("the answer holds no service certificate")]
    NotACertificate,
    /// The answer breaks a rule that clients hold it to.
    #[error("the licence is not acceptable: {0}")]
    Answer(&'static str),
    /// The machine.
    #[error("{0}")]
    Machine(String),
}

impl ClientError {
    fn machine(error: impl std::fmt::Display) -> Self {
        Self::Machine(error.to_string())
    }
}

/// How a client spells the identifiers of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 16 random bytes.
    Chrome = 1,
    /// 32 hexadecimal digits.
    Android = 2,
}

/// A device with its private key. Neither it nor what it opens is printed.
#[derive(Debug, Clone)]
pub struct TestDevice {
    /// How it spells the identifiers of its requests.
    pub kind: Kind,
    /// 1 to 3, for people: services go by their own list.
    pub level: u8,
    /// Proves that the device is the one of its certificate.
    pub key: PrivateKey,
    /// A `ClientIdentification`.
    pub client_id: Vec<u8>,
}

/// What a device asks for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Which keys.
    pub content: Content<'a>,
    /// For how long.
    pub license_type: LicenseType,
    /// The service certificate, a `SignedMessage` or a `SignedDrmCertificate`, to encrypt to who asks.
    pub privacy: Option<&'a [u8]>,
    /// Seconds since 1970.
    pub time: i64,
}

/// The four ways to name keys.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// The data of a `pssh`.
    PsshData(&'a [u8]),
    /// Whole boxes.
    Boxes(&'a [u8]),
    /// The header of a WebM track.
    WebM(KeyId),
    /// The header of a WebM track, as initialization data.
    WebMInitData(KeyId),
}

/// A challenge that waits for its licence.
#[derive(Debug, Clone)]
pub struct Session<'d> {
    device: &'d TestDevice,
    /// The body of the request.
    pub body: Vec<u8>,
    msg: Vec<u8>,
    request_id: Vec<u8>,
}

/// A licence whose keys are open.
#[derive(Debug)]
pub struct Opened {
    /// The message.
    pub license: License,
    /// The content keys in its order.
    pub keys: Vec<(KeyId, ContentKey)>,
    /// The root keys in its order.
    pub roots: Vec<(KeyId, RootKey)>,
    macs: Option<MacKeys>,
}

impl TestDevice {
    /// Reads a WVD file of version 2, as the client tools have them.
    ///
    /// # Errors
    /// [`ClientError::NotADevice`].
    pub fn from_wvd(file: &[u8]) -> Result<Self, ClientError> {
        let read = || {
            let mut reader = Reader::new(file.strip_prefix(b"WVD\x02")?);
            let kind = reader.u8().ok()?;
            let level = reader.u8().ok()?;
            reader.u8().ok()?;
            let length = reader.u16().ok()?;
            let key = PrivateKey::from_der(reader.take(length.into()).ok()?).ok()?;
            let length = reader.u16().ok()?;
            let client_id = reader.take(length.into()).ok()?.to_vec();
            let kind = if kind == Kind::Chrome as u8 { Kind::Chrome } else { Kind::Android };
            Some(Self { kind, level, key, client_id })
        };
        read().ok_or(ClientError::NotADevice)
    }

    /// The device as a WVD file of version 2.
    ///
    /// # Errors
    /// [`ClientError::NotADevice`] for a key or an identification longer than the format takes.
    pub fn to_wvd(&self) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        let key = self.key.to_pkcs1().map_err(ClientError::machine)?;
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).map_err(|_| ClientError::NotADevice);
        let mut w = Writer::with_capacity(16 + key.len() + self.client_id.len());
        w.bytes(b"WVD\x02");
        w.bytes(&[self.kind as u8, self.level, 0]);
        w.u16(length(&key)?);
        w.bytes(&key);
        w.u16(length(&self.client_id)?);
        w.bytes(&self.client_id);
        Ok(Zeroizing::new(w.into_vec()))
    }

    /// Writes a challenge.
    ///
    /// # Errors
    /// [`ClientError::NotACertificate`], [`ClientError::Machine`].
    pub fn ask(&self, ask: &Ask<'_>, random: &mut Random<'_>) -> Result<Session<'_>, ClientError> {
        let request_id = self.request_id(random)?;
        let mut request = LicenseRequest {
            content_id: Some(ask.content.identification(ask.license_type, &request_id)),
            kind: Some(request_type::NEW),
            request_time: Some(ask.time),
            protocol_version: Some(VERSION_2_1),
            key_control_nonce: Some(1),
            ..LicenseRequest::default()
        };
        match ask.privacy {
            None => request.client_id = Some(self.client_id.clone()),
            Some(certificate) => {
                request.encrypted_client_id = Some(self.hidden(certificate, random)?);
            }
        }
        let msg = request.encode_to_vec();
        let signature = self.key.sign(random, &msg).map_err(ClientError::machine)?;
        let body = envelope(&msg, signature);
        Ok(Session { device: self, body, msg, request_id })
    }

    fn request_id(&self, random: &mut Random<'_>) -> Result<Vec<u8>, ClientError> {
        let id = array::<16>(random).map_err(ClientError::machine)?;
        Ok(match self.kind {
            Kind::Chrome => id.to_vec(),
            Kind::Android => data_encoding::HEXUPPER.encode(&id).into_bytes(),
        })
    }

    /// Who asks, for the eyes of the service of this certificate.
    fn hidden(
        &self,
        certificate: &[u8],
        random: &mut Random<'_>,
    ) -> Result<EncryptedClientIdentification, ClientError> {
        let service = service_certificate(certificate).ok_or(ClientError::NotACertificate)?;
        let key = service.public_key.as_deref().map(PublicKey::from_pkcs1);
        let key = key.and_then(Result::ok).ok_or(ClientError::NotACertificate)?;
        let privacy_key = Zeroizing::new(array::<16>(random).map_err(ClientError::machine)?);
        let iv = array::<16>(random).map_err(ClientError::machine)?;
        let mut client_id = self.client_id.clone();
        seal_padded(&Expanded::new(&ContentKey::from_bytes(*privacy_key)), iv, &mut client_id);
        let wrapped = key.encrypt(random, &*privacy_key).map_err(ClientError::machine)?;
        Ok(EncryptedClientIdentification {
            provider_id: service.provider_id,
            service_certificate_serial_number: service.serial_number,
            encrypted_client_id: Some(client_id),
            encrypted_client_id_iv: Some(iv.to_vec()),
            encrypted_privacy_key: Some(wrapped),
        })
    }
}

/// The certificate in the answer to [`SERVICE_CERTIFICATE_REQUEST`], or in a file.
fn service_certificate(bytes: &[u8]) -> Option<DrmCertificate> {
    let message = SignedMessage::decode(bytes).ok();
    let message = message.filter(|it| it.kind == Some(message_type::SERVICE_CERTIFICATE));
    let signed = message.and_then(|message| message.msg).unwrap_or_else(|| bytes.to_vec());
    let signed = SignedDrmCertificate::decode(&*signed).ok()?;
    DrmCertificate::decode(signed.drm_certificate.as_deref()?).ok()
}

fn envelope(msg: &[u8], signature: Vec<u8>) -> Vec<u8> {
    let message = SignedMessage {
        kind: Some(message_type::LICENSE_REQUEST),
        msg: Some(msg.to_vec()),
        signature: Some(signature),
        ..SignedMessage::default()
    };
    message.encode_to_vec()
}

impl Content<'_> {
    fn identification(self, license_type: LicenseType, request_id: &[u8]) -> ContentIdentification {
        let license_type = Some(license_type.number());
        let request_id = Some(request_id.to_vec());
        let boxes = |kind, data: &[u8]| InitDataContent {
            init_data_type: Some(kind),
            init_data: Some(data.to_vec()),
            license_type,
            request_id: request_id.clone(),
        };
        let mut content = ContentIdentification::default();
        match self {
            Self::PsshData(data) => {
                let pssh_data = vec![data.to_vec()];
                content.pssh_data = Some(PsshContent { pssh_data, license_type, request_id });
            }
            Self::WebM(kid) => {
                let header = Some(kid.as_bytes().to_vec());
                content.webm_key_id = Some(WebmContent { header, license_type, request_id });
            }
            Self::Boxes(data) => content.init_data = Some(boxes(1, data)),
            Self::WebMInitData(kid) => content.init_data = Some(boxes(2, kid.as_bytes())),
        }
        content
    }
}

impl Session<'_> {
    /// Opens the answer, and holds it to what clients demand of it (widevine.md section 11).
    ///
    /// # Errors
    /// [`ClientError::Answer`].
    pub fn open(&self, answer: &[u8]) -> Result<Opened, ClientError> {
        let message = license_message(answer)?;
        let wrapped = message.session_key.as_deref().unwrap_or_default();
        // The client's own private key: nobody else learns how long this takes.
        let session_key =
            self.device.key.decrypt(&mut crate::crypto::random::System::new(), wrapped);
        let session_key =
            session_key.map_err(|_: RsaError| bad("the session key does not open"))?;
        let session_key = <[u8; 16]>::try_from(&**session_key)
            .map_err(|_| bad("the session key has not 16 bytes"))?;
        let keys = SessionKeys::derive(&session_key, &self.msg);
        let license = verified(&message, &keys.macs)?;
        let id = license.id.clone().unwrap_or_default();
        if id.request_id.as_ref() != Some(&self.request_id) {
            return Err(bad("it answers another request"));
        }
        if license.policy.is_none() || license.license_start_time.is_none() {
            return Err(bad("it has no policy, or no start"));
        }
        let mut opened = Opened { license, keys: Vec::new(), roots: Vec::new(), macs: None };
        for container in &opened.license.key {
            let key = open_key(container, keys.encryption())?;
            match container.kind {
                Some(key_type::SIGNING) => {
                    let macs = <[u8; 64]>::try_from(&**key).map_err(|_| bad("signing keys"))?;
                    opened.macs = Some(MacKeys::new(Zeroizing::new(macs)));
                }
                Some(kind @ (key_type::CONTENT | key_type::ENTITLEMENT)) => {
                    let kid = kid(container)?;
                    match (kind, KeyMaterial::from_slice(&key)) {
                        (key_type::CONTENT, Some(KeyMaterial::Content(key))) => {
                            opened.keys.push((kid, key));
                        }
                        (key_type::ENTITLEMENT, Some(KeyMaterial::Root(key))) => {
                            opened.roots.push((kid, key));
                        }
                        _ => return Err(bad("a key is not as long as those of its type")),
                    }
                }
                _ => return Err(bad("a key of a type that was not asked for")),
            }
        }
        let roots = opened.roots.iter().map(|(kid, _)| kid);
        let kids: std::collections::BTreeSet<_> =
            opened.keys.iter().map(|(kid, _)| kid).chain(roots).collect();
        if kids.len() != opened.keys.len() + opened.roots.len() || kids.is_empty() {
            return Err(bad("it has no key for content, or one twice"));
        }
        Ok(opened)
    }
}

impl Opened {
    /// The content keys that data of a `pssh` hold under root keys of the licence.
    pub fn entitled(&self, data: &PsshData) -> Vec<(KeyId, ContentKey)> {
        let open = |key: &EntitledKey| {
            let (kid, wanted, wrapped) = key.read()?;
            let (_, root) = self.roots.iter().find(|(root, _)| *root == wanted)?;
            Some((kid, root.unwrap(&wrapped)))
        };
        data.entitled_keys.iter().filter_map(open).collect()
    }

    /// The body of a request to renew the licence, or to be free of it.
    ///
    /// # Errors
    /// [`ClientError::Answer`] for a licence without signing keys.
    pub fn again(&self, release: bool, time: i64) -> Result<Vec<u8>, ClientError> {
        let macs = self.macs.as_ref().ok_or(bad("it has no signing keys"))?;
        let existing = ExistingLicense {
            license_id: self.license.id.clone(),
            seconds_since_started: Some(10),
            seconds_since_last_played: Some(1),
        };
        let request = LicenseRequest {
            content_id: Some(ContentIdentification {
                existing_license: Some(existing),
                ..ContentIdentification::default()
            }),
            kind: Some(if release { request_type::RELEASE } else { request_type::RENEWAL }),
            request_time: Some(time),
            protocol_version: Some(VERSION_2_1),
            ..LicenseRequest::default()
        };
        let msg = request.encode_to_vec();
        let signature = hmac::sign(&macs.client(), &msg).as_ref().to_vec();
        Ok(envelope(&msg, signature))
    }

    /// Takes the answer to a renewal: its policy, and the identification for the next.
    ///
    /// # Errors
    /// [`ClientError::Answer`].
    pub fn renewed(&mut self, answer: &[u8]) -> Result<(), ClientError> {
        let macs = self.macs.as_ref().ok_or(bad("it has no signing keys"))?;
        let renewed = verified(&license_message(answer)?, macs)?;
        let version = |license: &License| license.id.as_ref().and_then(|id| id.version);
        if version(&renewed) <= version(&self.license) {
            return Err(bad("its version did not grow"));
        }
        self.license.id = renewed.id;
        self.license.policy = renewed.policy.or(self.license.policy.take());
        self.license.license_start_time = renewed.license_start_time;
        Ok(())
    }
}

fn license_message(answer: &[u8]) -> Result<SignedMessage, ClientError> {
    let message = SignedMessage::decode(answer).map_err(|_| bad("it is no message"))?;
    if message.encode_to_vec() != answer {
        return Err(bad("it is not in the canonical form"));
    }
    match message.kind {
        Some(message_type::LICENSE) => Ok(message),
        _ => Err(bad("it is a message of another type")),
    }
}

fn verified(message: &SignedMessage, macs: &MacKeys) -> Result<License, ClientError> {
    let msg = message.msg.as_deref().unwrap_or_default();
    let core = message.oemcrypto_core_message.as_deref().unwrap_or_default();
    let signature = message.signature.as_deref().unwrap_or_default();
    hmac::verify(&macs.server(), &[core, msg].concat(), signature)
        .map_err(|_| bad("its signature is wrong"))?;
    License::decode(msg).map_err(|_| bad("it does not read"))
}

fn open_key(container: &KeyContainer, key: &Expanded) -> Result<Zeroizing<Vec<u8>>, ClientError> {
    let iv = container.iv.as_deref().unwrap_or_default();
    let iv = <[u8; 16]>::try_from(iv).map_err(|_| bad("a key without an IV of 16 bytes"))?;
    let mut opened = Zeroizing::new(container.key.clone().unwrap_or_default());
    match open_padded(key, iv, &mut opened) {
        true => Ok(opened),
        false => Err(bad("the padding of a key is wrong")),
    }
}

fn kid(container: &KeyContainer) -> Result<KeyId, ClientError> {
    let kid = <[u8; 16]>::try_from(container.id.as_deref().unwrap_or_default());
    kid.map(KeyId::from_bytes).map_err(|_| bad("a KID has not 16 bytes"))
}

fn bad(rule: &'static str) -> ClientError {
    ClientError::Answer(rule)
}
