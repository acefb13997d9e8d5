//! Why no licence is given: reason codes, and the status codes of PlayReady for them (playready.md
//! section 9).

use super::certificate::ChainError;
use crate::crypto::ecc::EccError;
use crate::drm::playready::PlayReadyError;
use crate::xml::XmlError;

/// A status code as clients of PlayReady know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCode(pub u32);

impl StatusCode {
    /// The service failed.
    pub const INTERNAL: Self = Self(0x8004_c600);
    /// The message is malformed, its signature is wrong, or its secrets do not open.
    pub const MALFORMED: Self = Self(0x8004_c601);
    /// The service has its reasons.
    pub const SERVICE_SPECIFIC: Self = Self(0x8004_c604);
    /// The device's certificate is not believed.
    pub const DEVICE_INVALID: Self = Self(0x8004_c035);
    /// The device's certificate is revoked.
    pub const DEVICE_REVOKED: Self = Self(0x8004_c065);
    /// The version of the protocol is not known.
    pub const PROTOCOL_VERSION: Self = Self(0x8004_c60b);
    /// The transaction is not known.
    pub const UNKNOWN_TRANSACTION: Self = Self(0x8004_c610);
}

/// Why no licence is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlayReadyLicenseError {
    /// The body is neither UTF-8 nor UTF-16.
    #[error("the licence request is not text")]
    NotText,
    /// The body is no document.
    #[error("the licence request is not well-formed: {0}")]
    Xml(#[from] XmlError),
    /// The document is something else.
    #[error("the licence request is not a SOAP message with {0}")]
    Shape(&'static str),
    /// The version of the protocol is none of 1 to 5.
    #[error("the licence request has an unknown protocol version")]
    Version,
    /// The content header does not read.
    #[error("the content header of the licence request does not read: {0}")]
    Header(#[from] PlayReadyError),
    /// The content header names no key.
    #[error("the content header of the licence request names no key")]
    NoKids,
    /// The content header names too many.
    #[error("the content header of the licence request names more than 64 keys")]
    TooManyKids,
    /// The content is encrypted with a cipher of old.
    #[error("the content header asks for COCKTAIL, which is not served")]
    Cocktail,
    /// The content header is older than the cipher that it names.
    #[error("the content header names AESCBC, which only headers of version 4.3 may")]
    CbcVersion,
    /// The digest in the signature is not that of the request.
    #[error("the digest of the licence request is not that of its content")]
    Digest,
    /// The signature is not by the key that goes with it.
    #[error("the signature of the licence request does not verify")]
    Signature,
    /// The client's data do not open: they were encrypted to another service, or damaged.
    #[error("the client data do not open with the key of this service")]
    ClientData,
    /// The client's data have no certificate chain.
    #[error("the client data hold no certificate chain")]
    NoChain,
    /// The chain is not believed.
    #[error("{0}")]
    Chain(#[from] ChainError),
    /// The request is signed by a key that is not the device's.
    #[error("the licence request is not signed by the device that it is for")]
    SignedByAnother,
    /// The device has no key to which a licence could be encrypted.
    #[error("the device certificate has no keys for signing and encryption")]
    NoDeviceKey,
    /// The device is below the level of every key.
    #[error("the security level of the device is below what the licence demands")]
    SecurityLevel,
    /// The device cannot take keys for AES-CBC.
    #[error("the device takes no keys for AES-CBC")]
    NoCbc,
    /// It would be of no use.
    #[error("the time of the licence is over")]
    Over,
    /// The policy grants no right to play.
    #[error("the policy grants no right to play")]
    NoPlay,
    /// The licence that is acknowledged is not one of this service.
    #[error("the transaction is not one of this service")]
    UnknownTransaction,
    /// Random bytes are missing, or a key does not work.
    #[error("the licence could not be made")]
    Failed(#[from] EccError),
}

use PlayReadyLicenseError as E;

impl PlayReadyLicenseError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        self.row().0
    }

    /// The status code of PlayReady.
    pub fn status_code(&self) -> StatusCode {
        self.row().1
    }

    fn row(&self) -> (&'static str, StatusCode) {
        let malformed = StatusCode::MALFORMED;
        match self {
            E::NotText | E::Xml(_) | E::Shape(_) => ("playready-request-malformed", malformed),
            E::Version => ("playready-protocol-version", StatusCode::PROTOCOL_VERSION),
            E::Header(_) | E::CbcVersion => ("playready-header-malformed", malformed),
            E::NoKids => ("playready-header-without-kids", malformed),
            E::TooManyKids => ("playready-header-too-many-kids", malformed),
            E::Over => ("playready-license-over", StatusCode::SERVICE_SPECIFIC),
            E::Cocktail => ("playready-cipher-not-served", StatusCode::SERVICE_SPECIFIC),
            E::Digest | E::Signature => ("playready-signature-invalid", malformed),
            E::ClientData | E::NoChain => ("playready-client-data-unreadable", malformed),
            E::Chain(error) => Self::chain_row(*error),
            E::SignedByAnother | E::NoDeviceKey => {
                ("playready-device-key-mismatch", StatusCode::DEVICE_INVALID)
            }
            E::SecurityLevel => ("playready-security-level", StatusCode::SERVICE_SPECIFIC),
            E::NoCbc => ("playready-cbc-not-supported", StatusCode::SERVICE_SPECIFIC),
            E::NoPlay => ("playready-no-play-right", StatusCode::SERVICE_SPECIFIC),
            E::UnknownTransaction => {
                ("playready-transaction-unknown", StatusCode::UNKNOWN_TRANSACTION)
            }
            E::Failed(_) => ("playready-license-failed", StatusCode::INTERNAL),
        }
    }

    fn chain_row(error: ChainError) -> (&'static str, StatusCode) {
        let reason = match error {
            ChainError::Revoked => return ("playready-device-revoked", StatusCode::DEVICE_REVOKED),
            ChainError::Expired => "playready-device-expired",
            ChainError::UnknownRoot => "playready-device-root-unknown",
            _ => "playready-device-certificate-invalid",
        };
        (reason, StatusCode::DEVICE_INVALID)
    }
}
