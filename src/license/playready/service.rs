//! The licence service: who asks is looked at, and what he may have is written.

use std::fmt;

use data_encoding::BASE64;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::acknowledgement::{Acknowledgement, TransactionId};
use super::certificate::{Chain, ChainError, Trust, usage};
use super::challenge::Challenge;
use super::error::PlayReadyLicenseError as Error;
use super::response::{self, Extras};
use super::xmr::{Cipher, Licence, Terms};
use crate::crypto::cmac::Cmac;
use crate::crypto::ecc::{EccError, PrivateKey, PublicKey};
use crate::crypto::key::ContentKey;
use crate::ids::KeyId;

/// Separates the key of transaction ids from other uses of the service's private key.
const TRANSACTIONS: &[u8] = b"portcullis playready transactions";

/// Keys and trust of a licence service.
pub struct Service {
    trust: Trust,
    /// Clients encrypt who they are to it.
    server_key: PrivateKey,
    response_key: PrivateKey,
    /// Of the response key; base64.
    response_chain: String,
    transactions: Cmac,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service(redacted)")
    }
}

/// A client that was believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// 150, 2000 or 3000.
    pub security_level: u32,
    /// Names its certificate.
    pub certificate_id: [u8; 16],
    /// Names the client.
    pub client_id: [u8; 16],
    /// Manufacturer, model, version.
    pub names: Option<[String; 3]>,
    /// It takes keys for AES-CBC.
    pub cbc: bool,
    /// Licences are encrypted to it.
    encryption: PublicKey,
}

/// A key that may be given, and on what terms.
#[derive(Debug)]
pub struct Grantable {
    /// The key's name.
    pub kid: KeyId,
    /// The key.
    pub key: ContentKey,
    /// What it is made for.
    pub cipher: Cipher,
    /// What is allowed.
    pub terms: Terms,
}

impl Device {
    /// Whether the device may have a key.
    ///
    /// # Errors
    /// [`Error`], with what speaks against it.
    pub fn may_have(&self, grant: &Grantable) -> Result<(), Error> {
        if self.security_level < u32::from(grant.terms.security_level) {
            return Err(Error::SecurityLevel);
        }
        if grant.cipher == Cipher::AesCbc && !self.cbc {
            return Err(Error::NoCbc);
        }
        if grant.terms.play { Ok(()) } else { Err(Error::NoPlay) }
    }
}

impl Service {
    /// A service with these keys; `response_chain` is of the response key and ends at the root.
    ///
    /// # Errors
    /// [`ChainError`] when clients would not believe the chain.
    pub fn new(
        trust: Trust,
        server_key: PrivateKey,
        response_key: PrivateKey,
        response_chain: &[u8],
    ) -> Result<Self, ChainError> {
        let chain = Chain::read(response_chain)?;
        // Responses are not refused here for a date: clients look at it.
        chain.verify_signer(&trust, 0)?;
        if chain.leaf().key_for(usage::SIGN_RESPONSE) != Some(response_key.public().as_bytes()) {
            return Err(ChainError::Signature);
        }
        let secret = Zeroizing::new([TRANSACTIONS, server_key.expose()].concat());
        let mut key = Zeroizing::new([0; 16]);
        key.copy_from_slice(&digest(&SHA256, &secret).as_ref()[..16]);
        let response_chain = BASE64.encode(response_chain);
        let transactions = Cmac::new(&key);
        Ok(Self { trust, server_key, response_key, response_chain, transactions })
    }

    /// Who is believed.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The key to which clients encrypt who they are.
    pub fn server_public(&self) -> &PublicKey {
        self.server_key.public()
    }

    /// Looks at who asks. The signature of the challenge comes before the use of the private key.
    ///
    /// # Errors
    /// [`Error`], with the first rule that is broken.
    pub fn open(&self, challenge: &Challenge, now: Timestamp) -> Result<Device, Error> {
        if !challenge.is_signed() {
            return Err(Error::Signature);
        }
        let client = challenge.open(&self.server_key)?;
        let chain = Chain::read(&client.chain).map_err(ChainError::from)?;
        chain.verify_client(&self.trust, seconds(now))?;
        let leaf = chain.leaf();
        let signing = leaf.key_for(usage::SIGN).ok_or(Error::NoDeviceKey)?;
        if *signing != challenge.public_key {
            return Err(Error::SignedByAnother);
        }
        let encryption = leaf.key_for(usage::ENCRYPT).map(PublicKey::from_bytes);
        let encryption = encryption.and_then(Result::ok).ok_or(Error::NoDeviceKey)?;
        Ok(Device {
            security_level: leaf.security_level,
            certificate_id: leaf.id,
            client_id: leaf.client_id,
            names: leaf.names.clone(),
            cbc: client.cbc,
            encryption,
        })
    }

    /// Writes licences for those of the keys that the device may have.
    ///
    /// # Errors
    /// [`Error`] when that is none, with the reason of the first; [`Error::Failed`].
    pub fn respond(
        &self,
        (challenge, device): (&Challenge, &Device),
        grants: &[Grantable],
        extras: Extras<'_>,
        now: Timestamp,
        random: &SystemRandom,
    ) -> Result<String, Error> {
        let mut licences: Vec<Vec<u8>> = Vec::with_capacity(grants.len());
        let mut refusal = None;
        for grant in grants {
            if let Err(error) = device.may_have(grant) {
                refusal.get_or_insert(error);
                continue;
            }
            let number = licences.len() as u128;
            let licence = Licence {
                rights_id: rights_id(challenge.nonce, number, grant.terms.persistent, random)?,
                issued: clipped(now),
                kid: grant.kid,
                cipher: grant.cipher,
                key: &grant.key,
                terms: &grant.terms,
            };
            licences.push(licence.write(&device.encryption, random)?);
        }
        if licences.is_empty() {
            return Err(refusal.unwrap_or(Error::NoKids));
        }
        let signer = (&self.response_key, self.response_chain.as_str());
        Ok(response::write(&licences, challenge.nonce, extras, signer, random)?)
    }

    /// A name for a response that is to be acknowledged.
    pub fn transaction(&self, id: [u8; 16]) -> TransactionId {
        TransactionId::new(id, &self.transactions)
    }

    /// Answers an acknowledgement.
    ///
    /// # Errors
    /// [`Error::UnknownTransaction`].
    pub fn acknowledge(&self, acknowledgement: &Acknowledgement) -> Result<String, Error> {
        acknowledgement.answer(&self.transactions)
    }
}

/// The licences of a response that are not stored count on from the client's nonce.
fn rights_id(
    nonce: Option<[u8; 16]>,
    number: u128,
    persistent: bool,
    random: &SystemRandom,
) -> Result<[u8; 16], EccError> {
    match nonce {
        Some(nonce) if !persistent => {
            Ok(u128::from_be_bytes(nonce).wrapping_add(number).to_be_bytes())
        }
        _ => {
            let mut id = [0; 16];
            random.fill(&mut id).map_err(|_| EccError::NoRandomness)?;
            Ok(id)
        }
    }
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}

/// Licences count seconds in 32 bits; the highest number means that a date is open.
pub(super) fn clipped(time: Timestamp) -> u32 {
    u32::try_from(seconds(time)).unwrap_or(u32::MAX).min(u32::MAX - 1)
}

#[cfg(test)]
mod tests;
