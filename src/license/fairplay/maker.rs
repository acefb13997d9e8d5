//! Makes test credentials of a key service: self-signed certificates, their keys and an application
//! secret key, as `trust.json` names them.

use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::certificate::fingerprint;
use crate::crypto::random::{Random, array};
use crate::crypto::rsa::{PrivateKey, RsaError};

/// Test credentials.
pub struct Made {
    /// The section `fairplay` of `trust.json`.
    pub section: Value,
    /// Names of files, as the section has them, and what is in them.
    pub files: Vec<(String, Zeroizing<Vec<u8>>)>,
}

/// Makes certificates of 1024 and of 2048 bits, in the folder `fairplay`.
///
/// # Errors
/// [`RsaError`] when there is no randomness.
pub fn make(random: &mut Random<'_>) -> Result<Made, RsaError> {
    let (mut certs, mut files) = (Map::new(), Vec::new());
    for bits in [1024_usize, 2048] {
        let key = PrivateKey::generate(random, bits)?;
        let der = certificate(&key, &format!("FairPlay test {bits}"), random)?;
        let (cert, pem) =
            (format!("fairplay/provider{bits}.der"), format!("fairplay/provider{bits}_key.pem"));
        certs.insert(
            bits.to_string(),
            json!({ "cert": cert, "key": pem, "sha1": HEXLOWER.encode(&fingerprint(&der)),
                    "spc_version": bits / 1024 }),
        );
        files.push((cert, Zeroizing::new(der)));
        files.push((pem, Zeroizing::new(key.to_pem()?.as_bytes().to_vec())));
    }
    let ask = array::<16>(random).map_err(|_| RsaError::NotSigned)?;
    let section =
        json!({ "certs": certs, "ask": HEXLOWER.encode(&ask), "d_function": "stub-sha256" });
    Ok(Made { section, files })
}

/// A self-signed certificate (RFC 5280 section 4.1) that never ends.
fn certificate(key: &PrivateKey, name: &str, random: &mut Random<'_>) -> Result<Vec<u8>, RsaError> {
    let sequence = |parts: &[&[u8]]| element(0x30, &parts.concat());
    let algorithm = |last, parameters| {
        let oid = [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01][..], &[last]].concat();
        sequence(&[&element(6, &oid), &element(parameters, &[])])
    };
    let bits = |data: &[u8]| element(3, &[&[0], data].concat());
    let common_name = sequence(&[&element(6, &[0x55, 0x04, 0x03]), &element(12, name.as_bytes())]);
    let name = sequence(&[&element(0x31, &common_name)]);
    let dates = sequence(&[&element(23, b"000101000000Z"), &element(24, b"99991231235959Z")]);
    // RSASSA-PSS with all its defaults (RFC 4055 section 3.1): SHA-1 and a salt of 20 bytes.
    let signed_by = algorithm(0x0a, 0x30);
    let public = sequence(&[&algorithm(0x01, 5), &bits(&key.public().to_pkcs1()?)]);
    let mut serial = array::<9>(random).map_err(|_| RsaError::NotSigned)?;
    serial[0] = 1;
    let parts: [&[u8]; 7] = [
        &element(0xa0, &element(2, &[2])),
        &element(2, &serial),
        &signed_by,
        &name,
        &dates,
        &name,
        &public,
    ];
    let body = sequence(&parts);
    let signature = bits(&key.sign(random, &body)?);
    Ok(sequence(&[&body, &signed_by, &signature]))
}

/// An element of DER, of less than 64 KiB.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = (content.len() as u16).to_be_bytes();
    let length = match content.len() {
        0..0x80 => vec![low],
        0x80..0x100 => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [&[tag][..], &length, content].concat()
}
