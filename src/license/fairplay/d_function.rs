//! How the key of a device is made of the application secret key (fairplay.md section 1). The real
//! function belongs to the vendor and is not here: whoever has it names a program or a service that
//! applies it.

use std::time::Duration;

use sha2::{Digest, Sha256};
use url::Url;

use super::aes;
use crate::crypto::ContentKey;

/// Bytes of [`Seed::r2`].
pub(super) const R2: usize = 21;

/// What the function D is applied to.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The application secret key.
    pub ask: ContentKey,
    /// R2 of a request.
    pub r2: [u8; R2],
}

/// The function D, or what stands in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DFunction {
    /// AES-128 under the application secret key, of the first 16 bytes of the SHA-256 of R2: what
    /// test clients do.
    StubSha256,
    /// One constant for all devices.
    Fixed(ContentKey),
    /// Somebody else applies it.
    External(External),
}

/// Who applies the function outside of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// The program or the service.
    pub callee: Callee,
    /// How long an answer may take.
    pub limit: Duration,
}

/// A program or a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Callee {
    /// A program and its arguments, never empty; no shell reads them.
    Command(Vec<String>),
    /// An address that takes POST.
    Hook(Url),
}

/// Why an external function gave no key. What it said is in none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FunctionFault {
    /// The program cannot be started or the service not be reached, or it says that it failed.
    #[error("the external D function failed")]
    Failed,
    /// It took longer than it may.
    #[error("the external D function gave no key in time")]
    TimedOut,
    /// The answer is no key.
    #[error("the external D function answered with something else than 32 hexadecimal digits")]
    Answer,
}

impl DFunction {
    /// The key of a device.
    ///
    /// # Errors
    /// [`External`], when that is to be asked.
    pub fn apply(&self, seed: &Seed) -> Result<ContentKey, &External> {
        match self {
            Self::StubSha256 => {
                let digest: [u8; 32] = Sha256::digest(seed.r2).into();
                let mut block = [0; aes::BLOCK];
                block.copy_from_slice(&digest[..aes::BLOCK]);
                Ok(ContentKey::from_bytes(aes::seal_block(&seed.ask, block)))
            }
            Self::Fixed(key) => Ok(key.clone()),
            Self::External(external) => Err(external),
        }
    }
}
