//! A chain of certificates, the client's first, and whether it ends at a root that is trusted.

use std::collections::HashSet;

use super::{CHAIN_FRONT, CHAIN_MAGIC, Certificate, CertificateError, Kind, NEVER, VERSION, usage};
use crate::bytes::{Reader, Truncated};
use crate::crypto::ecc::{POINT, verifies};

/// Certificates of a chain at most.
pub const MAX_CERTIFICATES: usize = 6;

/// Why a chain is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The bytes are no chain.
    #[error("the certificate chain does not read: {0}")]
    Malformed(#[from] CertificateError),
    /// The last certificate is by somebody else.
    #[error("the certificate chain ends at a root that this service does not know")]
    UnknownRoot,
    /// A signature is not by the one it names.
    #[error("the signature of a certificate is not by its issuer")]
    Signature,
    /// A certificate was issued by one that may not, or the chain has another order.
    #[error("a certificate was issued by one that may not issue it")]
    Issuer,
    /// A certificate is of a higher level than its issuer.
    #[error("a certificate has a higher security level than its issuer")]
    Level,
    /// A certificate has ended.
    #[error("a certificate of the chain has expired")]
    Expired,
    /// A certificate is revoked.
    #[error("a certificate of the chain is revoked")]
    Revoked,
    /// The first certificate is for something else.
    #[error("the first certificate of the chain is of another kind")]
    Kind,
}

/// Who is believed.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The key that signs the last certificate of every chain.
    pub root: [u8; POINT],
    /// Ids of certificates that are no longer believed.
    pub revoked: HashSet<[u8; 16]>,
}

/// A chain as it was read: believed only once it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain<'a>(Vec<Certificate<'a>>);

impl<'a> Chain<'a> {
    /// Reads a chain.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, CertificateError> {
        let mut reader = Reader::new(bytes);
        if &reader.array()? != CHAIN_MAGIC || reader.u32()? != VERSION {
            return Err(CertificateError("a chain starts with CHAI and version 1"));
        }
        let length = usize::try_from(reader.u32()?).map_err(|_| Truncated)?;
        let (_flags, count) = (reader.u32()?, reader.u32()?);
        if length != bytes.len() || length < CHAIN_FRONT {
            return Err(Truncated.into());
        }
        let count =
            usize::try_from(count).ok().filter(|count| (1..=MAX_CERTIFICATES).contains(count));
        let count = count.ok_or(CertificateError("a chain has one to six certificates"))?;
        let read = (0..count).map(|_| Certificate::read(&mut reader));
        let certificates = read.collect::<Result<_, _>>()?;
        if !reader.rest().is_empty() {
            return Err(Truncated.into());
        }
        Ok(Self(certificates))
    }

    /// The certificate of the client or signer itself.
    pub fn leaf(&self) -> &Certificate<'a> {
        // A chain is read with one certificate at least.
        &self.0[0]
    }

    /// Verifies the chain of a client at a time in seconds since 1970. What costs nothing is looked
    /// at first.
    ///
    /// # Errors
    /// [`ChainError`], with the first rule that is broken.
    pub fn verify_client(&self, trust: &Trust, now: u64) -> Result<(), ChainError> {
        if !self.leaf().kind.is_client() {
            return Err(ChainError::Kind);
        }
        self.verify(trust, usage::CLIENT_ISSUERS, now)
    }

    /// Verifies the chain of one who signs responses.
    ///
    /// # Errors
    /// As [`Self::verify_client`].
    pub fn verify_signer(&self, trust: &Trust, now: u64) -> Result<(), ChainError> {
        if self.leaf().kind != Kind::LicenseSigner {
            return Err(ChainError::Kind);
        }
        self.verify(trust, usage::SIGNER_ISSUERS, now)
    }

    fn verify(&self, trust: &Trust, issuing: &[u32], now: u64) -> Result<(), ChainError> {
        let certificates = &self.0;
        if certificates.last().is_none_or(|last| last.issuer != trust.root) {
            return Err(ChainError::UnknownRoot);
        }
        if certificates.iter().any(|certificate| trust.revoked.contains(&certificate.id)) {
            return Err(ChainError::Revoked);
        }
        let ended = |expiry: u32| expiry != NEVER && u64::from(expiry) <= now;
        if certificates.iter().any(|certificate| ended(certificate.expiry)) {
            return Err(ChainError::Expired);
        }
        for (child, parent) in certificates.iter().zip(&certificates[1..]) {
            let issues = |usages: &[u32]| usages.iter().any(|usage| issuing.contains(usage));
            let owns =
                parent.keys.iter().any(|key| key.point == child.issuer && issues(&key.usages));
            if parent.kind != Kind::Issuer || !owns {
                return Err(ChainError::Issuer);
            }
            if parent.security_level < child.security_level {
                return Err(ChainError::Level);
            }
        }
        let signed = |one: &Certificate<'_>| verifies(&one.issuer, one.signed, &one.signature);
        if certificates.iter().rev().all(signed) { Ok(()) } else { Err(ChainError::Signature) }
    }
}
