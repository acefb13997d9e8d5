//! Binary certificates: who a device is, and who says so (playready.md section 6). All numbers are
//! big-endian.

mod chain;
mod read;
mod write;

pub use chain::{Chain, ChainError, MAX_CERTIFICATES, Trust};
pub use read::{Certificate, CertificateError, CertifiedKey};
pub use write::{Draft, chain};

use crate::crypto::ecc::{POINT, SIGNATURE};

const CHAIN_MAGIC: &[u8; 4] = b"CHAI";
const CERTIFICATE_MAGIC: &[u8; 4] = b"CERT";
const VERSION: u32 = 1;

/// Bytes in front of the attributes of a certificate.
const FRONT: usize = 16;
/// Bytes in front of the first certificate of a chain.
const CHAIN_FRONT: usize = 20;
/// Bytes of the attribute that closes a certificate.
const SIGNATURE_LEN: usize = 8 + 4 + SIGNATURE + 4 + POINT;

/// The only signature algorithm, and the only type of key: ECDSA on P-256 with SHA-256.
const ECC_256: u16 = 1;
/// Bits of a public key.
const KEY_BITS: u16 = 512;

/// An expiry that never comes.
pub const NEVER: u32 = u32::MAX;

/// Tags of attributes.
mod tag {
    pub(super) const BASIC: u16 = 1;
    pub(super) const DEVICE: u16 = 4;
    pub(super) const FEATURES: u16 = 5;
    pub(super) const KEYS: u16 = 6;
    pub(super) const MANUFACTURER: u16 = 7;
    pub(super) const SIGNATURE: u16 = 8;
    /// The highest tag that is known; those between that are not read say nothing about trust.
    pub(super) const LAST: u16 = 17;
}

/// Says that an attribute may not be skipped by those who do not know it.
const MUST_UNDERSTAND: u16 = 1;

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A client on a computer.
    Pc,
    /// A client in a device.
    Device,
    /// Issues other certificates.
    Issuer,
    /// A client in Silverlight.
    Silverlight,
    /// A client in an application.
    Application,
    /// Signs licences and responses.
    LicenseSigner,
    /// Any other, as its number.
    Other(u32),
}

impl Kind {
    const TABLE: [(Self, u32); 6] = [
        (Self::Pc, 1),
        (Self::Device, 2),
        (Self::Issuer, 4),
        (Self::Silverlight, 7),
        (Self::Application, 8),
        (Self::LicenseSigner, 12),
    ];

    /// The kind of a number.
    pub fn of(number: u32) -> Self {
        let row = Self::TABLE.iter().find(|(_, known)| *known == number);
        row.map_or(Self::Other(number), |(kind, _)| *kind)
    }

    /// The number on the wire.
    pub fn number(self) -> u32 {
        match self {
            Self::Other(number) => number,
            _ => {
                Self::TABLE.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, number)| *number)
            }
        }
    }

    /// Whether licences are given to it.
    pub fn is_client(self) -> bool {
        matches!(self, Self::Pc | Self::Device | Self::Silverlight | Self::Application)
    }
}

/// What a certified key may do.
pub mod usage {
    /// Signs challenges.
    pub const SIGN: u32 = 1;
    /// Licences are encrypted to it.
    pub const ENCRYPT: u32 = 2;
    /// Issues certificates of every kind.
    pub const ISSUER_ALL: u32 = 4;
    /// Issues certificates of clients that are made on the way.
    pub const ISSUER_INDIV: u32 = 5;
    /// Issues certificates of devices.
    pub const ISSUER_DEVICE: u32 = 6;
    /// Issues certificates of licence signers.
    pub const ISSUER_SIGN_LICENSE: u32 = 18;
    /// Signs licences.
    pub const SIGN_LICENSE: u32 = 19;
    /// Signs responses.
    pub const SIGN_RESPONSE: u32 = 20;

    /// Those that issue certificates of clients.
    pub const CLIENT_ISSUERS: &[u32] = &[ISSUER_ALL, ISSUER_INDIV, ISSUER_DEVICE];
    /// Those that issue certificates of signers.
    pub const SIGNER_ISSUERS: &[u32] = &[ISSUER_ALL, ISSUER_SIGN_LICENSE];
}
