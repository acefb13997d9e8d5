//! Makes roots, certificates of services and test devices (widevine.md section 5). Nothing made here
//! chains to the vendor's root: real clients refuse such services, real services such devices.

use prost::Message;

use super::proto::{
    ClientCapabilities, ClientIdentification, DrmCertificate, NameValue, SignedDrmCertificate,
    certificate_type,
};
use super::test_device::{ClientError, Kind, TestDevice};
use crate::crypto::random::{NoRandomness, Random, array};
use crate::crypto::rsa::{PrivateKey, PublicKey, RsaError};

/// Bits of a root key, and of all others.
const ROOT_BITS: usize = 3072;
const BITS: usize = 2048;

/// A certificate with its private key.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The private key.
    pub key: PrivateKey,
    /// A `SignedDrmCertificate`, with the certificates between it and the root inside.
    pub certificate: Vec<u8>,
}

/// What is certified.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// Of a device and its model: which list of levels it is on.
    pub system_id: Option<u32>,
    /// Of a service: its name.
    pub provider_id: Option<&'a str>,
    /// Random when absent.
    pub serial: Option<&'a [u8]>,
    /// Seconds since 1970; absent: it does not end.
    pub expires: Option<i64>,
}

/// A certificate or a device could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// No random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// No key.
    #[error(transparent)]
    Rsa(#[from] RsaError),
    /// No device file.
    #[error(transparent)]
    Device(#[from] ClientError),
}

/// Makes certificates at one time.
pub struct Maker<'r> {
    /// Where keys come from.
    pub random: &'r mut Random<'r>,
    /// Seconds since 1970.
    pub now: i64,
}

impl Maker<'_> {
    /// A root that certifies itself.
    ///
    /// # Errors
    /// [`MakeError`].
    pub fn root(&mut self) -> Result<Certified, MakeError> {
        let key = PrivateKey::generate(self.random, ROOT_BITS)?;
        let certificate = self.certificate(
            certificate_type::ROOT,
            &key.public(),
            Subject::default(),
            &key,
            None,
        )?;
        Ok(Certified { key, certificate })
    }

    /// A service, under the root.
    ///
    /// # Errors
    /// [`MakeError`].
    pub fn service(&mut self, root: &Certified, provider_id: &str) -> Result<Certified, MakeError> {
        let subject = Subject { provider_id: Some(provider_id), ..Subject::default() };
        self.certified(certificate_type::SERVICE, subject, &root.key, None)
    }

    /// A model of devices, under the root.
    ///
    /// # Errors
    /// [`MakeError`].
    pub fn model(&mut self, root: &Certified, system_id: u32) -> Result<Certified, MakeError> {
        let subject = Subject { system_id: Some(system_id), ..Subject::default() };
        self.certified(certificate_type::DEVICE_MODEL, subject, &root.key, None)
    }

    /// The certificate of a device, signed by whoever is said to.
    ///
    /// # Errors
    /// [`MakeError`].
    pub fn device_certificate(
        &mut self,
        signer: &Certified,
        subject: Subject<'_>,
    ) -> Result<Certified, MakeError> {
        let within = Some(&*signer.certificate);
        self.certified(certificate_type::DEVICE, subject, &signer.key, within)
    }

    /// A device of this name, with its certificate; `level` is 1 to 3.
    pub fn device(
        &mut self,
        certified: Certified,
        kind: Kind,
        level: u8,
        name: &str,
    ) -> TestDevice {
        let info = [
            ("company_name", "Portcullis"),
            ("model_name", name),
            ("architecture_name", "x86-64"),
            ("device_name", name),
            ("product_name", "test device"),
            ("widevine_cdm_version", "0.0-test"),
        ];
        let client_id = ClientIdentification {
            kind: Some(1),
            token: Some(certified.certificate),
            client_info: info.map(|(name, value)| named(name, value)).to_vec(),
            provider_client_token: None,
            client_capabilities: Some(ClientCapabilities {
                session_token: Some(true),
                max_hdcp_version: Some(if level == 1 { 4 } else { 0 }),
                oem_crypto_api_version: Some(16),
                ..ClientCapabilities::default()
            }),
            vmp_data: None,
        };
        TestDevice { kind, level, key: certified.key, client_id: client_id.encode_to_vec() }
    }

    fn certified(
        &mut self,
        kind: i32,
        subject: Subject<'_>,
        signer: &PrivateKey,
        within: Option<&[u8]>,
    ) -> Result<Certified, MakeError> {
        let key = PrivateKey::generate(self.random, BITS)?;
        let certificate = self.certificate(kind, &key.public(), subject, signer, within)?;
        Ok(Certified { key, certificate })
    }

    fn certificate(
        &mut self,
        kind: i32,
        key: &PublicKey,
        subject: Subject<'_>,
        signer: &PrivateKey,
        within: Option<&[u8]>,
    ) -> Result<Vec<u8>, MakeError> {
        let serial = match subject.serial {
            Some(serial) => serial.to_vec(),
            None => array::<16>(self.random)?.to_vec(),
        };
        let certificate = DrmCertificate {
            kind: Some(kind),
            serial_number: Some(serial),
            creation_time_seconds: Some(self.now),
            public_key: Some(key.to_pkcs1()?),
            system_id: subject.system_id,
            provider_id: subject.provider_id.map(str::to_owned),
            service_types: subject.provider_id.map(|_| 1).into_iter().collect(),
            algorithm: None,
            expiration_time_seconds: subject.expires,
        };
        let certificate = certificate.encode_to_vec();
        let signed = SignedDrmCertificate {
            signature: Some(signer.sign(self.random, &certificate)?),
            drm_certificate: Some(certificate),
            signer: within.map(<[u8]>::to_vec),
            hash_algorithm: None,
        };
        Ok(signed.encode_to_vec())
    }
}

fn named(name: &str, value: &str) -> NameValue {
    NameValue { name: Some(name.to_owned()), value: Some(value.to_owned()) }
}
