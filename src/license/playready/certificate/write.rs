//! Writing certificates of one's own: for test devices and for the signer of responses.

use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;

use super::{
    CERTIFICATE_MAGIC, CHAIN_FRONT, CHAIN_MAGIC, ECC_256, FRONT, KEY_BITS, Kind, MUST_UNDERSTAND,
    SIGNATURE_LEN, VERSION, tag,
};
use crate::bytes::Writer;
use crate::crypto::ecc::{EccError, PrivateKey, SIGNATURE};

/// Largest licence, largest header and longest chain of licences that a device takes.
const DEVICE_LIMITS: [u32; 3] = [10_240, 15_360, 2];

/// A certificate to be signed.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// Names it in lists of revoked ones.
    pub id: [u8; 16],
    /// Names the client.
    pub client_id: [u8; 16],
    /// What it is for.
    pub kind: Kind,
    /// 150, 2000 or 3000.
    pub security_level: u32,
    /// When it ends, in seconds since 1970; [`super::NEVER`].
    pub expiry: u32,
    /// The keys and what each may do; at least one.
    pub keys: &'a [(&'a PrivateKey, &'a [u32])],
    /// What the client can do.
    pub features: &'a [u32],
    /// Manufacturer, model, version.
    pub names: [&'a str; 3],
}

impl Draft<'_> {
    /// The certificate, signed by `issuer`.
    ///
    /// # Errors
    /// [`EccError::NoRandomness`].
    pub fn sign(&self, issuer: &PrivateKey, random: &SystemRandom) -> Result<Vec<u8>, EccError> {
        let attributes = self.attributes();
        let signed_len = number(FRONT + attributes.len());
        let mut out = Writer::default();
        out.bytes(CERTIFICATE_MAGIC);
        out.u32(VERSION);
        out.u32(signed_len + number(SIGNATURE_LEN));
        out.u32(signed_len);
        out.bytes(&attributes);
        let mut certificate = out.into_vec();
        let signature = issuer.sign(&certificate, random)?;
        let mut value = Writer::default();
        value.u16(ECC_256);
        value.u16(SIGNATURE as u16);
        value.bytes(&signature);
        value.u32(u32::from(KEY_BITS));
        value.bytes(issuer.public().as_bytes());
        certificate.extend(attribute(tag::SIGNATURE, MUST_UNDERSTAND, &value.into_vec()));
        Ok(certificate)
    }

    fn attributes(&self) -> Vec<u8> {
        let mut out = attribute(tag::BASIC, MUST_UNDERSTAND, &self.basic());
        if self.kind == Kind::Device {
            let limits: Vec<u8> =
                DEVICE_LIMITS.iter().flat_map(|limit| limit.to_be_bytes()).collect();
            out.extend(attribute(tag::DEVICE, MUST_UNDERSTAND, &limits));
        }
        if !self.features.is_empty() {
            out.extend(attribute(tag::FEATURES, MUST_UNDERSTAND, &counted(self.features)));
        }
        out.extend(attribute(tag::KEYS, MUST_UNDERSTAND, &self.keys()));
        out.extend(attribute(tag::MANUFACTURER, 0, &self.manufacturer()));
        out
    }

    fn basic(&self) -> Vec<u8> {
        let key: &[u8] = self.keys.first().map_or(&[], |(key, _)| key.public().as_bytes());
        let mut out = Writer::default();
        out.bytes(&self.id);
        out.u32(self.security_level);
        out.u32(0);
        out.u32(self.kind.number());
        out.bytes(digest(&SHA256, key).as_ref());
        out.u32(self.expiry);
        out.bytes(&self.client_id);
        out.into_vec()
    }

    fn keys(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u32(number(self.keys.len()));
        for (key, usages) in self.keys {
            out.u16(ECC_256);
            out.u16(KEY_BITS);
            out.u32(0);
            out.bytes(key.public().as_bytes());
            out.bytes(&counted(usages));
        }
        out.into_vec()
    }

    fn manufacturer(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u32(0);
        for name in self.names {
            // The terminator counts.
            let length = name.len() + 1;
            out.u32(number(length));
            out.bytes(name.as_bytes());
            out.zeros(length.next_multiple_of(4) - name.len());
        }
        out.into_vec()
    }
}

/// Certificates as a chain, the one that all others vouch for first.
pub fn chain(certificates: &[&[u8]]) -> Vec<u8> {
    let length = CHAIN_FRONT + certificates.iter().map(|one| one.len()).sum::<usize>();
    let mut out = Writer::with_capacity(length);
    out.bytes(CHAIN_MAGIC);
    out.u32(VERSION);
    out.u32(number(length));
    out.u32(0);
    out.u32(number(certificates.len()));
    certificates.iter().for_each(|one| out.bytes(one));
    out.into_vec()
}

fn attribute(tag: u16, flags: u16, value: &[u8]) -> Vec<u8> {
    let mut out = Writer::with_capacity(8 + value.len());
    out.u16(flags);
    out.u16(tag);
    out.u32(number(8 + value.len()));
    out.bytes(value);
    out.into_vec()
}

fn counted(numbers: &[u32]) -> Vec<u8> {
    let mut out = Writer::default();
    out.u32(number(numbers.len()));
    numbers.iter().for_each(|one| out.u32(*one));
    out.into_vec()
}

/// Certificates are some hundred bytes long.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
