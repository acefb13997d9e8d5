//! The public key of an X.509 certificate (RFC 5280 section 4.1), as far as tokens need it.
//!
//! The certificate is a wrapping: the policy names it, so neither its dates nor who signed it matter.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::bytes::der::{Elements, OBJECT_IDENTIFIER, SEQUENCE};
use crate::policy::secret::Secret;

/// A certificate with a key that can verify tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Secret,
    key: PublicKey,
}

/// A public key that can verify tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSAPublicKey, DER.
    Rsa(Vec<u8>),
    /// A point of P-256, uncompressed.
    P256(Vec<u8>),
}

const BIT_STRING: u8 = 0x03;
const VERSION: u8 = 0xa0;
/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// 1.2.840.10045.2.1
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// 1.2.840.10045.3.1.7
const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

impl Certificate {
    /// Reads DER.
    pub fn from_der(der: Secret) -> Option<Self> {
        let key = public_key(der.expose())?;
        Some(Self { der, key })
    }

    /// Its key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

fn public_key(der: &[u8]) -> Option<PublicKey> {
    let mut signed = Elements::new(der).inside(SEQUENCE)?.inside(SEQUENCE)?;
    if signed.tag() == Some(VERSION) {
        signed.content(VERSION)?;
    }
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        signed.element()?;
    }
    let mut info = signed.inside(SEQUENCE)?;
    let mut algorithm = info.inside(SEQUENCE)?;
    let name = algorithm.content(OBJECT_IDENTIFIER)?;
    let (&unused, key) = info.content(BIT_STRING)?.split_first()?;
    match name {
        _ if unused != 0 => None,
        RSA_ENCRYPTION => Some(PublicKey::Rsa(key.to_vec())),
        EC_PUBLIC_KEY if algorithm.content(OBJECT_IDENTIFIER)? == PRIME256V1 => {
            p256(key).map(PublicKey::P256)
        }
        _ => None,
    }
}

/// The bytes of an uncompressed point.
fn p256(point: &[u8]) -> Option<Vec<u8>> {
    (point.len() == 65 && point[0] == 4).then(|| point.to_vec())
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rule = "the base64 of a DER certificate with an RSA or P-256 key is expected";
        let der = Secret::deserialize(deserializer).map_err(|_| de::Error::custom(rule))?;
        Self::from_der(der).ok_or_else(|| de::Error::custom(rule))
    }
}

impl Serialize for Certificate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.der.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA: &str = include_str!("../../../keys/dev/token-rs256-cert.pem");
    const EC: &str = include_str!("../../../keys/dev/token-es256-cert.pem");

    fn der(pem: &str) -> Vec<u8> {
        let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        data_encoding::BASE64.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn keys_of_certificates_are_found() {
        let key = |pem| Certificate::from_der(Secret::from_bytes(der(pem))).unwrap().key;
        assert!(matches!(key(RSA), PublicKey::Rsa(der) if der.len() == 270));
        assert!(matches!(key(EC), PublicKey::P256(point) if point.len() == 65));
    }

    #[test]
    fn no_prefix_and_no_flipped_byte_panics() {
        for pem in [RSA, EC] {
            let whole = der(pem);
            for length in 0..whole.len() {
                let _ = public_key(&whole[..length]);
            }
            for at in 0..whole.len() {
                for flip in [0x01, 0x80, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[at] ^= flip;
                    let _ = public_key(&damaged);
                }
            }
        }
    }
}
