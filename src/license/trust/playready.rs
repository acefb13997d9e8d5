//! The section `playready`.

use serde::Deserialize;
use serde_json::Value;

use super::{Files, TrustError, exactly, hex, section};
use crate::crypto::ecc::{FIELD, POINT, PrivateKey};
use crate::license::playready::Service;
use crate::license::playready::certificate::Trust;

/// Bytes of a key file: the private key, then x and y of the public one.
const KEY_FILE: usize = FIELD + POINT;

#[derive(Deserialize)]
struct Section {
    /// The key in whose signature chains of devices end: x and y, in hexadecimal digits.
    root_public: String,
    /// File with the key to which clients encrypt.
    server_key: String,
    /// File with the key that signs responses.
    response_signing_key: String,
    /// File with the certificate chain of that key.
    response_signing_chain: String,
    /// Certificates that are refused, by their ids in hexadecimal digits.
    #[serde(default)]
    revoked_cert_ids: Vec<String>,
}

pub(super) fn read(value: Value, files: &dyn Files) -> Result<Service, TrustError> {
    let section: Section = section("playready", value)?;
    let id = |text: &String| hex("playready.revoked_cert_ids", text);
    let trust = Trust {
        root: hex("playready.root_public", &section.root_public)?,
        revoked: section.revoked_cert_ids.iter().map(id).collect::<Result<_, _>>()?,
    };
    let server_key = key(files, &section.server_key)?;
    let response_key = key(files, &section.response_signing_key)?;
    let chain = files.read(&section.response_signing_chain)?;
    let service = Service::new(trust, server_key, response_key, chain.expose());
    service.map_err(|error| TrustError::new(section.response_signing_chain, error.to_string()))
}

fn key(files: &dyn Files, name: &str) -> Result<PrivateKey, TrustError> {
    let bytes = exactly(files, name, KEY_FILE)?;
    let (private, public) = bytes.expose().split_at(FIELD);
    let read = private.first_chunk().and_then(|private| PrivateKey::from_bytes(private).ok());
    let read = read.filter(|key| key.public().as_bytes() == public);
    read.ok_or_else(|| TrustError::new(name, "not a private key of P-256 with its public key"))
}
