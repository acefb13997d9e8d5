//! Roots and devices of one's own, in the files that the tools for tests read.
//!
//! Nothing made here ends at a vendor's root: real clients do not believe such services, and real
//! services do not believe such devices.

use std::fmt;

use data_encoding::HEXLOWER;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::certificate::{Draft, Kind, NEVER, Trust, chain, usage};
use super::client::ClientDevice;
use super::service::Service;
use crate::crypto::ecc::{EccError, PrivateKey};

/// Secure clock (4), revocation lists (9), PlayReady 3 (13).
const FEATURES: &[u32] = &[4, 9, 13];

/// A root with the service under it.
pub struct Authority {
    /// Issues all that is below.
    pub root: PrivateKey,
    /// Clients encrypt who they are to it.
    pub server: PrivateKey,
    /// Signs responses.
    pub signer: PrivateKey,
    /// The chain of the signer.
    pub signer_chain: Vec<u8>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(redacted)")
    }
}

/// What is wrong with a device; tests need those that are to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// Its certificate ended at this time, in seconds since 1970.
    Expired(u32),
    /// The signature of its certificate is wrong.
    BadSignature,
    /// Its certificate was issued by the key of another device.
    Forged,
}

/// A device to be made.
#[derive(Debug, Clone, Copy)]
pub struct DeviceSpec<'a> {
    /// The model.
    pub name: &'a str,
    /// 150, 2000 or 3000.
    pub security_level: u32,
    /// Names its certificate.
    pub certificate_id: [u8; 16],
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl Authority {
    /// New keys.
    ///
    /// # Errors
    /// [`EccError::NoRandomness`].
    pub fn generate(random: &SystemRandom) -> Result<Self, EccError> {
        let key = || PrivateKey::generate(random);
        let (root, server, signer, issuer) = (key()?, key()?, key()?, key()?);
        let names = ["Portcullis", "Licence signer", "1"];
        let sign = |kind, keys: &[(&PrivateKey, &[u32])], by| {
            draft((kind, 150), keys, names, random)?.sign(by, random)
        };
        let usages = &[usage::SIGN_RESPONSE, usage::SIGN_LICENSE];
        let leaf = sign(Kind::LicenseSigner, &[(&signer, usages)], &issuer)?;
        let issuing = &[usage::ISSUER_SIGN_LICENSE];
        let above = sign(Kind::Issuer, &[(&issuer, issuing)], &root)?;
        let signer_chain = chain(&[&leaf, &above]);
        Ok(Self { root, server, signer, signer_chain })
    }

    /// What a service of this authority believes.
    pub fn trust(&self, revoked: impl IntoIterator<Item = [u8; 16]>) -> Trust {
        Trust { root: *self.root.public().as_bytes(), revoked: revoked.into_iter().collect() }
    }

    /// The service of this authority.
    ///
    /// # Errors
    /// [`super::certificate::ChainError`], which the chain made by [`Self::generate`] never gives.
    pub fn into_service(
        self,
        revoked: impl IntoIterator<Item = [u8; 16]>,
    ) -> Result<Service, super::certificate::ChainError> {
        let trust = self.trust(revoked);
        Service::new(trust, self.server, self.signer, &self.signer_chain)
    }

    /// A device, and the key that issued its certificate.
    ///
    /// # Errors
    /// [`EccError::NoRandomness`].
    pub fn device(
        &self,
        spec: &DeviceSpec<'_>,
        random: &SystemRandom,
    ) -> Result<(ClientDevice, PrivateKey), EccError> {
        let key = || PrivateKey::generate(random);
        let (link, group, signing, encryption) = (key()?, key()?, key()?, key()?);
        let level = spec.security_level;
        let names = ["Portcullis", spec.name, "1"];
        let issuer = |key: &PrivateKey, usages: &[u32], by| {
            draft((Kind::Issuer, level), &[(key, usages)], names, random)?.sign(by, random)
        };
        let link_certificate = issuer(&link, &[usage::ISSUER_ALL], &self.root)?;
        let group_certificate = issuer(&group, &[usage::ISSUER_DEVICE], &link)?;
        let leaf = |signing: &PrivateKey, encryption: &PrivateKey, by| {
            let keys: &[(_, &[u32])] =
                &[(signing, &[usage::SIGN]), (encryption, &[usage::ENCRYPT])];
            let draft = draft((Kind::Device, level), keys, names, random)?;
            let expiry = if let Flaw::Expired(time) = spec.flaw { time } else { NEVER };
            let id = spec.certificate_id;
            Draft { id, expiry, features: FEATURES, ..draft }.sign(by, random)
        };
        let mut certificate = leaf(&signing, &encryption, &group)?;
        if spec.flaw == Flaw::BadSignature {
            flip_signature(&mut certificate);
        }
        if spec.flaw == Flaw::Forged {
            let (own_signing, own_encryption) = (key()?, key()?);
            let own = leaf(&own_signing, &own_encryption, &signing)?;
            let chain = chain(&[&own, &certificate, &group_certificate, &link_certificate]);
            let device = ClientDevice { chain, encryption: own_encryption, signing: own_signing };
            return Ok((device, group));
        }
        let chain = chain(&[&certificate, &group_certificate, &link_certificate]);
        Ok((ClientDevice { chain, encryption, signing }, group))
    }
}

/// The last bytes of a certificate are the number of bits and the key of the issuer; the signature
/// is in front of them.
fn flip_signature(certificate: &mut [u8]) {
    let behind = 4 + crate::crypto::ecc::POINT;
    if let Some(byte) =
        certificate.len().checked_sub(behind + 1).and_then(|at| certificate.get_mut(at))
    {
        *byte ^= 1;
    }
}

fn draft<'a>(
    (kind, security_level): (Kind, u32),
    keys: &'a [(&'a PrivateKey, &'a [u32])],
    names: [&'a str; 3],
    random: &SystemRandom,
) -> Result<Draft<'a>, EccError> {
    let (id, client_id) = (random_id(random)?, random_id(random)?);
    let expiry = NEVER;
    Ok(Draft { id, client_id, kind, security_level, expiry, keys, features: &[], names })
}

/// A random name for a certificate.
///
/// # Errors
/// [`EccError::NoRandomness`].
pub fn random_id(random: &SystemRandom) -> Result<[u8; 16], EccError> {
    let mut id = [0; 16];
    random.fill(&mut id).map_err(|_| EccError::NoRandomness)?;
    Ok(id)
}

const SERVER_KEY: &str = "server_key.bin";
const RESPONSE_KEY: &str = "response_signing_key.bin";
const RESPONSE_CHAIN: &str = "response_signing_chain.bin";

/// Devices that every authority makes: file name, level, flaw.
const DEVICES: &[(&str, u32, Flaw)] = &[
    ("device_sl150", 150, Flaw::None),
    ("device_sl2000", 2000, Flaw::None),
    ("device_sl3000", 3000, Flaw::None),
    ("device_badsig", 2000, Flaw::BadSignature),
    ("device_forged", 2000, Flaw::Forged),
];

/// The files of an authority and of its devices.
#[derive(Debug)]
pub struct Made {
    /// Name in the folder and content.
    pub files: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// Public key of the root.
    pub root_public: [u8; 64],
    /// Public key of a second root that a service must not believe.
    pub rogue_root_public: [u8; 64],
    /// Public key to which clients encrypt who they are.
    pub server_public: [u8; 64],
    /// Ids of revoked certificates.
    pub revoked: Vec<[u8; 16]>,
}

impl Made {
    /// The section `playready` of `trust.json`, the files lying in `folder`. The second root is in it
    /// for test clients alone.
    pub fn section(&self, folder: &str) -> Value {
        let file = |name: &str| format!("{folder}/{name}");
        let revoked: Vec<String> = self.revoked.iter().map(|id| HEXLOWER.encode(id)).collect();
        json!({
            "root_public": HEXLOWER.encode(&self.root_public),
            "rogue_root_public": HEXLOWER.encode(&self.rogue_root_public),
            "server_public": HEXLOWER.encode(&self.server_public),
            "server_key": file(SERVER_KEY),
            "response_signing_key": file(RESPONSE_KEY),
            "response_signing_chain": file(RESPONSE_CHAIN),
            "revoked_cert_ids": revoked,
        })
    }
}

/// Makes a root, the keys of a service and devices to be accepted and refused; `now` in seconds
/// since 1970.
///
/// # Errors
/// [`EccError::NoRandomness`].
pub fn make(now: u64, random: &SystemRandom) -> Result<Made, EccError> {
    let (authority, rogue) = (Authority::generate(random)?, Authority::generate(random)?);
    let pair =
        |key: &PrivateKey| Zeroizing::new([&key.expose()[..], key.public().as_bytes()].concat());
    let mut files = vec![
        ("root_key.bin".to_owned(), pair(&authority.root)),
        (SERVER_KEY.to_owned(), pair(&authority.server)),
        (RESPONSE_KEY.to_owned(), pair(&authority.signer)),
        (RESPONSE_CHAIN.to_owned(), Zeroizing::new(authority.signer_chain.clone())),
    ];
    let mut device = |by: &Authority, name: &str, security_level, certificate_id, flaw| {
        let spec = DeviceSpec { name, security_level, certificate_id, flaw };
        let (device, group) = by.device(&spec, random)?;
        files.push((format!("{name}.prd"), device.to_file(&group)));
        Ok::<_, EccError>(())
    };
    for (name, level, flaw) in DEVICES {
        device(&authority, name, *level, random_id(random)?, *flaw)?;
    }
    let yesterday = u32::try_from(now.saturating_sub(86_400)).unwrap_or(NEVER - 1);
    device(&authority, "device_expired", 2000, random_id(random)?, Flaw::Expired(yesterday))?;
    let revoked = random_id(random)?;
    device(&authority, "device_revoked", 2000, revoked, Flaw::None)?;
    device(&rogue, "device_rogue", 2000, random_id(random)?, Flaw::None)?;
    Ok(Made {
        files,
        root_public: *authority.root.public().as_bytes(),
        rogue_root_public: *rogue.root.public().as_bytes(),
        server_public: *authority.server.public().as_bytes(),
        revoked: vec![revoked],
    })
}
