//! Who asks: the device behind a challenge, proven (widevine.md sections 4 and 5).

use prost::Message;

use super::proto::{ClientIdentification, EncryptedClientIdentification, FileHashes};
use super::request::{Challenge, Client};
use super::trust::{Service, Standing, Trust};
use super::{DeviceError, RequestError};
use crate::crypto::cbc::open_padded;
use crate::crypto::random::{Random, array};
use crate::crypto::rsa::{Hash, PublicKey};
use crate::crypto::{ContentKey, Expanded};
use crate::license::rights::{Hdcp, Rights, SecurityLevel};

/// `ClientIdentification.type` of a device certificate.
const DEVICE_CERTIFICATE: i32 = 1;

/// Entries of client information that are looked at.
const MAX_INFO: usize = 32;

/// A device that proved itself, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Session keys are encrypted to it.
    pub(super) key: PublicKey,
    /// The certified facts.
    pub system_id: u32,
    /// Serial number of its certificate.
    pub serial: Vec<u8>,
    /// What times and lists are asked about when it renews a licence.
    pub(super) standing: Standing,
    /// The best level of a key that it is given.
    pub level: SecurityLevel,
    /// What it says that its outputs can do at best; signed, not certified.
    pub max_hdcp: Option<Hdcp>,
    /// Version of the interface behind which it keeps keys.
    pub oem_crypto_version: Option<u32>,
    /// Whether the browser around it shows hashes of its files, and whether a test key signed any.
    pub platform: Platform,
    /// The model, as it calls itself.
    pub model: Option<String>,
    /// Whether it keeps a token of an earlier licence.
    pub keeps_token: bool,
}

/// What a browser shows of its own files; nobody here can verify it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Nothing.
    Unknown,
    /// Hashes of files.
    Shown,
    /// Hashes of files, some of which are signed for tests.
    ShownForTests,
}

impl Device {
    /// Whether it keeps keys as safe as these rights demand.
    pub fn suits(&self, rights: &Rights) -> bool {
        suits(self.level, rights)
    }
}

/// Whether a device of this level keeps keys as safe as these rights demand.
pub(super) fn suits(level: SecurityLevel, rights: &Rights) -> bool {
    rights.security_level.is_none_or(|least| least <= level)
}

impl Challenge {
    /// Proves who sent the challenge; `now` in seconds since 1970. In privacy mode this uses the
    /// private key of the service, so it comes after everything that may refuse.
    ///
    /// # Errors
    /// [`RequestError::Device`] for devices that are not served, others for what does not read.
    pub fn identify(
        &self,
        trust: &Trust,
        now: i64,
        random: &mut Random<'_>,
    ) -> Result<Device, RequestError> {
        let client = match &self.client {
            Client::Clear(client) => ClientIdentification::decode(&**client),
            Client::Encrypted(client) => {
                let service = trust.service().ok_or(RequestError::OtherService)?;
                ClientIdentification::decode(&*client.open(service, random)?)
            }
        };
        let client = client.map_err(|_| self.client.unreadable())?;
        if client.kind != Some(DEVICE_CERTIFICATE) {
            return Err(DeviceError::Unsupported.into());
        }
        let token = client.token.as_deref().ok_or(DeviceError::Malformed)?;
        let proven = trust.verify(token, now)?;
        if !proven.key.verifies(Hash::Sha1, &self.msg, &self.signature) {
            return Err(RequestError::Signature);
        }
        let capabilities = client.client_capabilities.as_ref();
        let model = client.client_info.iter().take(MAX_INFO);
        let mut model = model.filter(|info| info.name.as_deref() == Some("model_name"));
        Ok(Device {
            key: proven.key,
            system_id: proven.standing.system_id,
            serial: proven.serial,
            standing: proven.standing,
            level: proven.level,
            max_hdcp: capabilities.and_then(|capabilities| hdcp(capabilities.max_hdcp_version?)),
            oem_crypto_version: capabilities.and_then(|c| c.oem_crypto_api_version),
            platform: platform(client.vmp_data.as_deref()),
            model: model.next().and_then(|info| info.value.clone()),
            keeps_token: client.provider_client_token.is_some(),
        })
    }
}

impl Client {
    /// The error of an identification that is none. In privacy mode it is that of what does not
    /// open: whoever guesses at the key is told nothing.
    fn unreadable(&self) -> RequestError {
        match self {
            Self::Clear(_) => RequestError::Malformed,
            Self::Encrypted(_) => RequestError::Privacy,
        }
    }
}

impl EncryptedClientIdentification {
    fn open(&self, service: &Service, random: &mut Random<'_>) -> Result<Vec<u8>, RequestError> {
        if self.provider_id.as_deref() != Some(service.provider_id.as_str()) {
            return Err(RequestError::OtherService);
        }
        let iv = self.encrypted_client_id_iv.as_deref().unwrap_or_default();
        let iv = <[u8; 16]>::try_from(iv).map_err(|_| RequestError::Malformed)?;
        let mut client = self.encrypted_client_id.clone().ok_or(RequestError::Malformed)?;
        let wrapped = self.encrypted_privacy_key.as_deref().ok_or(RequestError::Malformed)?;
        if !client.len().is_multiple_of(16) {
            return Err(RequestError::Malformed);
        }
        // A key that does not open is replaced by one that nobody knows, so that the way on is the same.
        let another = array(random)?;
        let opened = service.key.decrypt(random, wrapped);
        let key = opened.ok().and_then(|key| key.as_slice().try_into().ok()).unwrap_or(another);
        let key = Expanded::new(&ContentKey::from_bytes(key));
        open_padded(&key, iv, &mut client).then_some(client).ok_or(RequestError::Privacy)
    }
}

/// The numbers of `OutputProtection.hdcp` and `ClientCapabilities.max_hdcp_version`.
const HDCP: &[(i32, Hdcp)] = &[
    (0, Hdcp::None),
    (1, Hdcp::V1),
    (2, Hdcp::V2),
    (3, Hdcp::V2_1),
    (4, Hdcp::V2_2),
    (5, Hdcp::V2_3),
    (255, Hdcp::NoDigitalOutput),
];

fn hdcp(number: i32) -> Option<Hdcp> {
    HDCP.iter().find(|(known, _)| *known == number).map(|(_, hdcp)| *hdcp)
}

/// The number of an HDCP version.
pub(super) fn hdcp_number(hdcp: Hdcp) -> Option<i32> {
    HDCP.iter().find(|(_, known)| *known == hdcp).map(|(number, _)| *number)
}

fn platform(vmp: Option<&[u8]>) -> Platform {
    let hashes = vmp.and_then(|vmp| FileHashes::decode(vmp).ok());
    let Some(hashes) = hashes.filter(|hashes| !hashes.signatures.is_empty()) else {
        return Platform::Unknown;
    };
    let for_tests = hashes.signatures.iter().any(|file| file.test_signing == Some(true));
    if for_tests { Platform::ShownForTests } else { Platform::Shown }
}
