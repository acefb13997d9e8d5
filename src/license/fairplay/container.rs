//! What of an SPC is in the clear (fairplay.md section 2).

use super::FairPlayError;
use super::aes::BLOCK;
use crate::bytes::{Reader, Truncated};
use crate::crypto::rsa::Hash;

/// The layout of an SPC, which goes with the length of the certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpcVersion {
    /// RSA-1024 and SHA-1.
    V1,
    /// RSA-2048 and SHA-256.
    V2,
}

impl SpcVersion {
    /// The number in front of the SPC.
    pub fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// Bytes of the encrypted key: those of the modulus.
    pub fn wrapped_key_len(self) -> usize {
        match self {
            Self::V1 => 128,
            Self::V2 => 256,
        }
    }

    /// The hash of OAEP and of its mask.
    pub fn hash(self) -> Hash {
        match self {
            Self::V1 => Hash::Sha1,
            Self::V2 => Hash::Sha256,
        }
    }

    /// The version for keys of so many bytes.
    pub fn for_key(size: usize) -> Option<Self> {
        [Self::V1, Self::V2].into_iter().find(|version| version.wrapped_key_len() == size)
    }
}

/// An SPC whose payload is still encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spc {
    pub(super) version: SpcVersion,
    pub(super) iv: [u8; BLOCK],
    pub(super) wrapped_key: Vec<u8>,
    pub(super) certificate: [u8; 20],
    pub(super) payload: Vec<u8>,
}

impl Spc {
    /// Reads an SPC.
    ///
    /// # Errors
    /// [`FairPlayError::Version`] and [`FairPlayError::Container`].
    pub fn parse(data: &[u8]) -> Result<Self, FairPlayError> {
        let mut reader = Reader::new(data);
        let version = match reader.u32().map_err(|_| FairPlayError::Container)? {
            1 => SpcVersion::V1,
            2 => SpcVersion::V2,
            other => return Err(FairPlayError::Version(other)),
        };
        let spc = Self::after_version(version, &mut reader);
        spc.map_err(|_| FairPlayError::Container).and_then(|spc| {
            let whole = spc.payload.len().is_multiple_of(BLOCK) && reader.rest().is_empty();
            whole.then_some(spc).ok_or(FairPlayError::Container)
        })
    }

    fn after_version(version: SpcVersion, reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        reader.skip(4)?;
        let iv = reader.array()?;
        let wrapped_key = reader.take(version.wrapped_key_len())?.to_vec();
        let certificate = reader.array()?;
        let length = reader.u32()?;
        let payload = reader.take(length as usize)?.to_vec();
        Ok(Self { version, iv, wrapped_key, certificate, payload })
    }

    /// The layout.
    pub fn version(&self) -> SpcVersion {
        self.version
    }
}
