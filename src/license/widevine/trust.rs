//! Which devices are trusted (widevine.md section 5): those whose certificates chain to a configured
//! root. The vendor's root certifies no such service as this: production devices are not served, they
//! are forwarded to the vendor's own.

use std::collections::{HashMap, HashSet};

use prost::Message;

use super::proto::{DrmCertificate, SignedDrmCertificate, certificate_type};
use super::{DeviceError, RequestError, ServiceCertificate};
use crate::crypto::rsa::{Hash, PrivateKey, PublicKey, RsaError};
use crate::license::rights::SecurityLevel;

/// Certificates from a device up to, and without, the root.
const MAX_DEPTH: usize = 3;

/// `DrmCertificate.algorithm` of RSA.
const RSA: i32 = 1;

/// What a licence service for Widevine is configured with.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Where chains end; `None` takes any device, for development.
    root: Option<PublicKey>,
    systems: HashMap<u32, SystemRow>,
    revoked_serials: HashSet<Vec<u8>>,
    service: Option<Service>,
}

/// What is known of the devices of one system id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemRow {
    /// The level, 1 (best) to 3: no device says it of itself.
    pub level: u8,
    /// Whether no device of the system is served any more.
    pub revoked: bool,
}

/// To whom clients in privacy mode show who they are.
#[derive(Debug, Clone)]
pub(super) struct Service {
    /// The name in the certificate.
    pub(super) provider_id: String,
    /// A `SignedDrmCertificate`, as clients get it.
    pub(super) certificate: Vec<u8>,
    pub(super) key: PrivateKey,
}

/// A part of the configuration does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The root is no certificate.
    #[error("the root is no certificate with an RSA key")]
    Root,
    /// The service certificate is none.
    #[error("this is no certificate of a service")]
    Service,
    /// The certificate is that of another service.
    #[error("the service certificate names another provider")]
    Provider,
    /// The key is another's.
    #[error("the service key is not the one in the service certificate")]
    ServiceKey,
    /// Clients would refuse the service certificate.
    #[error("the service certificate is not signed by the root")]
    ServiceSigner,
}

impl TrustError {
    /// The member of `trust.json` that is wrong.
    pub fn member(self) -> &'static str {
        match self {
            Self::Root => "root_cert",
            Self::Service | Self::ServiceSigner => "service_cert",
            Self::Provider => "provider_id",
            Self::ServiceKey => "service_key",
        }
    }
}

impl Trust {
    /// Devices whose chain ends in the root, a `SignedDrmCertificate`.
    ///
    /// # Errors
    /// [`TrustError::Root`].
    pub fn new(root: &[u8]) -> Result<Self, TrustError> {
        let root = Certificate::read(root).ok_or(TrustError::Root)?;
        let root = root.key().map_err(|_| TrustError::Root)?;
        Ok(Self { root: Some(root), ..Self::any_device() })
    }

    /// Any device, whoever made it: for development only. Chains have to hold in themselves.
    pub fn any_device() -> Self {
        Self { root: None, systems: HashMap::new(), revoked_serials: HashSet::new(), service: None }
    }

    /// The same, but for any device.
    #[must_use]
    pub fn for_any_device(self) -> Self {
        Self { root: None, ..self }
    }

    /// With the levels of systems; devices of others count as level 3.
    #[must_use]
    pub fn with_systems(mut self, systems: impl IntoIterator<Item = (u32, SystemRow)>) -> Self {
        self.systems.extend(systems);
        self
    }

    /// Without the devices of these serial numbers.
    #[must_use]
    pub fn without_serials(mut self, serials: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.revoked_serials.extend(serials);
        self
    }

    /// With the certificate (a `SignedDrmCertificate`) of the service of this name, and its key.
    ///
    /// # Errors
    /// [`TrustError`], also when the certificate is not of the root.
    pub fn with_service(
        mut self,
        provider_id: &str,
        certificate: &[u8],
        key: PrivateKey,
    ) -> Result<Self, TrustError> {
        let read = Certificate::read(certificate).ok_or(TrustError::Service)?;
        if read.body.kind != Some(certificate_type::SERVICE) {
            return Err(TrustError::Service);
        }
        if read.body.provider_id.as_deref() != Some(provider_id) {
            return Err(TrustError::Provider);
        }
        if read.key() != Ok(key.public()) {
            return Err(TrustError::ServiceKey);
        }
        if self.root.as_ref().is_some_and(|root| !read.is_signed_by(root)) {
            return Err(TrustError::ServiceSigner);
        }
        let provider_id = provider_id.to_owned();
        self.service = Some(Service { provider_id, certificate: certificate.to_vec(), key });
        Ok(self)
    }

    /// Whether any device is taken.
    pub fn is_any_device(&self) -> bool {
        self.root.is_none()
    }

    /// The certificate to which clients encrypt who they are.
    ///
    /// # Errors
    /// [`RequestError::NoServiceCertificate`].
    pub fn service_certificate(&self) -> Result<ServiceCertificate, RequestError> {
        let service = self.service.as_ref().ok_or(RequestError::NoServiceCertificate)?;
        Ok(ServiceCertificate::new(service.certificate.clone()))
    }

    pub(super) fn service(&self) -> Option<&Service> {
        self.service.as_ref()
    }

    /// Checks the chain of a device and gives what it proves. What costs nothing is checked first:
    /// times and lists, then signatures from the root down, so that no key does work before
    /// it is certified.
    pub(super) fn verify(&self, token: &[u8], now: i64) -> Result<Verified, DeviceError> {
        let chain = chain(token)?;
        let leaf = chain.first().ok_or(DeviceError::Malformed)?;
        check_shape(&chain)?;
        let serial = leaf.body.serial_number.clone().unwrap_or_default();
        let standing = Standing::of(&chain).ok_or(DeviceError::Untrusted)?;
        let level = self.level_of(&standing, now)?;
        let key = self.certified_key(&chain)?;
        Ok(Verified { key, serial, standing, level })
    }

    /// What times and lists say by now of a device: the best level of a key that it is given. `now`
    /// in seconds since 1970.
    ///
    /// # Errors
    /// [`DeviceError::Expired`], [`DeviceError::Revoked`].
    pub(super) fn level_of(
        &self,
        standing: &Standing,
        now: i64,
    ) -> Result<SecurityLevel, DeviceError> {
        let system = self.systems.get(&standing.system_id);
        if standing.expires.is_some_and(|expires| expires <= now) {
            return Err(DeviceError::Expired);
        }
        let mut serials = standing.serials.iter();
        if system.is_some_and(|system| system.revoked)
            || serials.any(|serial| self.revoked_serials.contains(serial))
        {
            return Err(DeviceError::Revoked);
        }
        Ok(level(system.map_or(3, |row| row.level)))
    }

    /// The key of the first certificate, when each is signed by the next, the last by the root.
    fn certified_key(&self, chain: &[Certificate]) -> Result<PublicKey, DeviceError> {
        let mut signer = self.root.clone();
        for certificate in chain.iter().rev() {
            if signer.as_ref().is_some_and(|signer| !certificate.is_signed_by(signer)) {
                return Err(DeviceError::Untrusted);
            }
            signer = Some(certificate.key().map_err(|_| DeviceError::Malformed)?);
        }
        signer.ok_or(DeviceError::Malformed)
    }
}

/// What a chain proves.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) key: PublicKey,
    pub(super) serial: Vec<u8>,
    pub(super) standing: Standing,
    pub(super) level: SecurityLevel,
}

/// What of a chain times and lists are asked about. Licences bring it back, so that each renewal asks
/// anew.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Standing {
    #[prost(uint32, tag = "1")]
    pub(super) system_id: u32,
    /// Of all certificates that have one.
    #[prost(bytes = "vec", repeated, tag = "2")]
    serials: Vec<Vec<u8>>,
    /// When the first certificate ends, in seconds since 1970.
    #[prost(int64, optional, tag = "3")]
    expires: Option<i64>,
}

impl Standing {
    fn of(chain: &[Certificate]) -> Option<Self> {
        let bodies = || chain.iter().map(|certificate| &certificate.body);
        let system_id = bodies().next()?.system_id?;
        let serials = bodies().filter_map(|body| body.serial_number.clone()).collect();
        // No time and time 0 both mean that it does not end.
        let ends = bodies().filter_map(|body| body.expiration_time_seconds.filter(|at| *at != 0));
        Some(Self { system_id, serials, expires: ends.min() })
    }
}

/// The best key container level that a device of this level is given: software keeps keys and
/// decoder at most, hardware keys, or all.
fn level(level: u8) -> SecurityLevel {
    match level {
        1 => SecurityLevel::HardwareAll,
        2 => SecurityLevel::HardwareCrypto,
        _ => SecurityLevel::SoftwareDecode,
    }
}

/// A certificate that reads.
struct Certificate {
    signed: SignedDrmCertificate,
    body: DrmCertificate,
}

impl Certificate {
    fn read(bytes: &[u8]) -> Option<Self> {
        let signed = SignedDrmCertificate::decode(bytes).ok()?;
        let body = DrmCertificate::decode(signed.drm_certificate.as_deref()?).ok()?;
        Some(Self { signed, body })
    }

    fn key(&self) -> Result<PublicKey, RsaError> {
        match (self.body.algorithm, &self.body.public_key) {
            (None | Some(RSA), Some(key)) => PublicKey::from_pkcs1(key),
            _ => Err(RsaError::BadKey),
        }
    }

    fn is_signed_by(&self, signer: &PublicKey) -> bool {
        let hash = match self.signed.hash_algorithm {
            None | Some(0 | 1) => Hash::Sha1,
            Some(2) => Hash::Sha256,
            Some(3) => Hash::Sha384,
            Some(_) => return false,
        };
        let message = self.signed.drm_certificate.as_deref().unwrap_or_default();
        signer.verifies(hash, message, self.signed.signature.as_deref().unwrap_or_default())
    }
}

/// The certificates from the device up.
fn chain(token: &[u8]) -> Result<Vec<Certificate>, DeviceError> {
    let mut chain = Vec::with_capacity(MAX_DEPTH);
    let mut next = Some(token.to_vec());
    while let Some(bytes) = next {
        if chain.len() == MAX_DEPTH {
            return Err(DeviceError::Untrusted);
        }
        let mut certificate = Certificate::read(&bytes).ok_or(DeviceError::Malformed)?;
        next = certificate.signed.signer.take();
        chain.push(certificate);
    }
    Ok(chain)
}

/// A device under models, all of one system. A device certifies no other, a model does nothing but.
fn check_shape(chain: &[Certificate]) -> Result<(), DeviceError> {
    let [leaf, models @ ..] = chain else { return Err(DeviceError::Malformed) };
    let is = |certificate: &Certificate, kind| certificate.body.kind == Some(kind);
    let fits = is(leaf, certificate_type::DEVICE)
        && !models.is_empty()
        && models.iter().all(|model| is(model, certificate_type::DEVICE_MODEL))
        && models.iter().all(|model| model.body.system_id == leaf.body.system_id);
    if fits { Ok(()) } else { Err(DeviceError::Untrusted) }
}
