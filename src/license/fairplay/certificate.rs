//! Provider certificates: nothing of them is looked at but the key, and they do not expire.

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use crate::crypto::rsa::PublicKey;
use crate::policy::Secret;
use crate::policy::content_key::x509;

/// The DER of a certificate in DER or PEM; what is no PEM is taken for DER.
pub(super) fn der(file: &[u8]) -> Option<Vec<u8>> {
    let Some(text) = std::str::from_utf8(file).ok().filter(|text| text.contains("-----BEGIN"))
    else {
        return Some(file.to_vec());
    };
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_whitespace().collect();
    BASE64.decode(body.as_bytes()).ok()
}

/// The RSA key in a certificate.
pub(super) fn public_key(der: &[u8]) -> Option<PublicKey> {
    let certificate = x509::Certificate::from_der(Secret::from_bytes(der.to_vec()))?;
    match certificate.key() {
        x509::PublicKey::Rsa(key) => PublicKey::from_pkcs1(key).ok(),
        x509::PublicKey::P256(_) => None,
    }
}

/// What requests name a certificate by.
pub(super) fn fingerprint(der: &[u8]) -> [u8; 20] {
    Sha1::digest(der).into()
}
