//! Widevine: a licence service in the exact format of the wire (widevine.md), for devices whose
//! certificates chain to a root of the owner's own making. Production devices ask for certificates of
//! the vendor, which come with an agreement; they are served by forwarding.
//!
//! [`Request::parse`] reads, [`Challenge::identify`] proves who asks, [`Issue`] writes a licence,
//! [`Existing::open`] reads what renewals and releases bring back.

mod certificate;
pub mod cloud;
mod content;
mod derive;
mod device;
mod existing;
mod issue;
pub mod maker;
pub mod proto;
mod request;
pub mod test_device;
pub mod test_set;
mod trust;

pub use certificate::ServiceCertificate;
pub use content::{MAX_KIDS, Wanted};
pub use device::{Device, Platform};
pub use existing::{Kept, Opened};
pub use issue::{Issue, IssueError};
pub use request::{Challenge, Existing, LicenseType, Request};
pub use trust::{SystemRow, Trust, TrustError};

use crate::crypto::random::NoRandomness;

/// Why a device gets no licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No certificate, or one that does not read.
    #[error("the client shows no device certificate that reads")]
    Malformed,
    /// A keybox, or a certificate of another kind.
    #[error("only clients with a DRM device certificate are served")]
    Unsupported,
    /// The chain does not hold.
    #[error("the device's certificates do not chain to a root of this service")]
    Untrusted,
    /// A certificate has ended.
    #[error("a certificate of the device has expired")]
    Expired,
    /// The system or the device is on a list.
    #[error("the device or its system is revoked")]
    Revoked,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The body is no request.
    #[error("the body is no Widevine licence request")]
    Malformed,
    /// Too many keys.
    #[error("the licence request asks for more than {MAX_KIDS} keys")]
    TooManyKids,
    /// No key, and no content by another name.
    #[error("the licence request names no key, and neither does its address")]
    NoKids,
    /// No signature.
    #[error("the licence request is not signed")]
    Unsigned,
    /// The signature is another's.
    #[error("the signature of the licence request is not that of the client")]
    Signature,
    /// Encrypted to a certificate of somebody else, or there is none here.
    #[error("the client's identity is encrypted to the certificate of another service")]
    OtherService,
    /// Encrypted to the certificate of this service, but not as it should.
    #[error("the client's identity does not decrypt")]
    Privacy,
    /// There is no certificate to give.
    #[error("this service has no certificate for clients to encrypt to")]
    NoServiceCertificate,
    /// The licence that is to be renewed or released is none of this service.
    #[error("the licence that is to be renewed or released is not one of this service")]
    UnknownLicense,
    /// The licence has ended.
    #[error("the licence that is to be renewed has ended")]
    Ended,
    /// The device is not served.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl RequestError {
    /// The stable reason code.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "widevine-request-malformed",
            Self::TooManyKids => "widevine-request-too-many-kids",
            Self::NoKids => "widevine-request-without-kids",
            Self::Unsigned => "widevine-request-unsigned",
            Self::Signature => "widevine-request-signature-invalid",
            Self::OtherService => "widevine-service-certificate-unknown",
            Self::Privacy => "widevine-client-unreadable",
            Self::NoServiceCertificate => "widevine-service-certificate-missing",
            Self::UnknownLicense => "widevine-license-unknown",
            Self::Ended => "widevine-license-ended",
            Self::Device(DeviceError::Malformed) => "widevine-device-certificate-malformed",
            Self::Device(DeviceError::Unsupported) => "widevine-client-unsupported",
            Self::Device(DeviceError::Untrusted) => "widevine-device-untrusted",
            Self::Device(DeviceError::Expired) => "widevine-device-expired",
            Self::Device(DeviceError::Revoked) => "widevine-device-revoked",
            Self::NoRandomness(_) => "no-randomness",
        }
    }
}
