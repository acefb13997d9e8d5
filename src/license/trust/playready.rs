//! The section `playready`.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{Files, TrustError, exactly, hex, section};
use crate::policy::Secret;

/// Bytes of a key file: the private key, then x and y of the public one.
const KEY_FILE: usize = 32 + 64;

/// What a PlayReady licence service trusts and proves itself by. Points of P-256 are x and y, 32
/// bytes each.
#[derive(Debug, Clone)]
pub struct PlayReadyTrust {
    /// The key in whose signature chains of devices end.
    pub root_public: [u8; 64],
    /// The key to which clients encrypt: private key (32 bytes) and public key (64).
    pub server_key: Secret,
    /// The key that signs responses: private key (32 bytes) and public key (64).
    pub response_signing_key: Secret,
    /// The certificate chain of the key that signs responses.
    pub response_signing_chain: Vec<u8>,
    /// Certificates that are refused, by their id.
    pub revoked_cert_ids: BTreeSet<[u8; 16]>,
}

#[derive(Deserialize)]
struct Section {
    root_public: String,
    server_key: String,
    response_signing_key: String,
    response_signing_chain: String,
    #[serde(default)]
    revoked_cert_ids: Vec<String>,
}

impl PlayReadyTrust {
    pub(super) fn read(value: Value, files: &dyn Files) -> Result<Self, TrustError> {
        let section: Section = section("playready", value)?;
        let id = |text: &String| hex("playready.revoked_cert_ids", text);
        let chain = files.read(&section.response_signing_chain)?;
        Ok(Self {
            root_public: hex("playready.root_public", &section.root_public)?,
            server_key: exactly(files, &section.server_key, KEY_FILE)?,
            response_signing_key: exactly(files, &section.response_signing_key, KEY_FILE)?,
            response_signing_chain: chain.expose().to_vec(),
            revoked_cert_ids: section.revoked_cert_ids.iter().map(id).collect::<Result<_, _>>()?,
        })
    }
}
