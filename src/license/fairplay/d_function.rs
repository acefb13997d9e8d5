//! How the key of a device is made of the application secret key (fairplay.md section 1). The real
//! function belongs to the vendor and is not here.

use sha2::{Digest, Sha256};

use super::aes;
use crate::crypto::ContentKey;

/// Bytes of R2, of which the key of a device is made.
pub(super) const R2: usize = 21;

/// A stand-in for the function D.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DFunction {
    /// AES-128 under the application secret key, of the first 16 bytes of the SHA-256 of R2: what
    /// test clients do.
    StubSha256(ContentKey),
    /// One constant for all devices.
    Fixed(ContentKey),
}

impl DFunction {
    pub(super) fn dask(&self, r2: &[u8; R2]) -> ContentKey {
        match self {
            Self::StubSha256(ask) => {
                let digest: [u8; 32] = Sha256::digest(r2).into();
                let mut block = [0; aes::BLOCK];
                block.copy_from_slice(&digest[..aes::BLOCK]);
                ContentKey::from_bytes(aes::seal_block(ask, block))
            }
            Self::Fixed(key) => key.clone(),
        }
    }
}
