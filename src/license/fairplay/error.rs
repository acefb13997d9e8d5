//! Why there is no content key message.

use super::FunctionFault;
use crate::crypto::random::NoRandomness;

/// Why there is no content key message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FairPlayError {
    /// The body holds no SPC in any of the forms.
    #[error("the body holds no SPC: raw, base64, spc=base64 or JSON with spc is expected")]
    Body,
    /// The container does not fit its lengths.
    #[error("the SPC is cut off or its lengths do not fit")]
    Container,
    /// A version of SPC that is not served.
    #[error("SPC of version {0}; versions 1 and 2 are served")]
    Version(u32),
    /// The request is for the holder of another certificate.
    #[error("the SPC is for a provider certificate that is not of this service")]
    Certificate,
    /// A block does not fit its lengths.
    #[error("a block of the SPC does not fit its lengths")]
    Block,
    /// A known block is there twice.
    #[error("a block of the SPC is there twice: {0}")]
    Duplicate(&'static str),
    /// A block is missing.
    #[error("a block of the SPC is missing: {0}")]
    Missing(&'static str),
    /// A block has a value that it cannot have.
    #[error("a block of the SPC has an impossible value: {0}")]
    Parameter(&'static str),
    /// A block that is to be returned is not there, is named twice or is one that the answer has
    /// anyway.
    #[error("the SPC asks for the return of what it does not hold, or twice")]
    Return,
    /// Nothing of the request opens, or nothing shows that whoever sends it made it.
    #[error("the SPC does not open, or its integrity value does not fit")]
    Integrity,
    /// A protocol that is not served, or that the client itself does not list.
    #[error("the SPC uses a protocol version that is not served")]
    Protocol,
    /// Reports of keys that are kept are not understood.
    #[error("reports of offline keys are not served")]
    OfflineSync,
    /// No key is named.
    #[error("neither the address (?kid=) nor the asset id in the SPC or beside it names a key")]
    Asset,
    /// The asset id names content with more keys than one.
    #[error("the asset id names content with several keys; name the key")]
    SeveralKeys,
    /// The asset id names another key than the address.
    #[error("the SPC is for another key than the request names")]
    OtherAsset,
    /// The key is not one of FairPlay streams.
    #[error("this key is of a stream that FairPlay does not know; it knows cbcs")]
    OtherKind,
    /// The rights cannot be said to this client.
    #[error("the rights to this key cannot be told to this client: {0}")]
    NotExpressed(&'static str),
    /// The rights are over.
    #[error("the rights to this key have ended")]
    Over,
    /// The credentials that the policy holds do not open.
    #[error("the credentials of the content key policy do not open")]
    Credentials,
    /// There is no key of the device.
    #[error(transparent)]
    Function(#[from] FunctionFault),
    /// There is no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl FairPlayError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        self.row().0
    }

    /// The number that the vendor's own module gives for it, for logs.
    pub fn vendor_status(&self) -> Option<i32> {
        self.row().1
    }

    fn row(&self) -> (&'static str, Option<i32>) {
        match self {
            Self::Body => ("fairplay-request-malformed", None),
            Self::Container => ("fairplay-spc-malformed", Some(-42581)),
            Self::Version(_) => ("fairplay-spc-version", Some(-42580)),
            Self::Certificate => ("fairplay-certificate-unknown", Some(-42605)),
            Self::Block => ("fairplay-spc-block-malformed", Some(-42581)),
            Self::Duplicate(_) => ("fairplay-spc-block-repeated", Some(-42591)),
            Self::Missing(_) => ("fairplay-spc-block-missing", Some(-42583)),
            Self::Parameter(_) => ("fairplay-spc-block-value", Some(-42585)),
            Self::Return => ("fairplay-spc-return-request", Some(-42583)),
            Self::Integrity => ("fairplay-spc-integrity", Some(-42589)),
            Self::Protocol => ("fairplay-protocol-version", Some(-42590)),
            Self::OfflineSync => ("fairplay-offline-sync-not-served", None),
            Self::Asset => ("fairplay-asset-unknown", Some(-42584)),
            Self::SeveralKeys => ("fairplay-asset-of-several-keys", Some(-42584)),
            Self::OtherAsset => ("fairplay-asset-of-other-key", Some(-42584)),
            Self::OtherKind => ("fairplay-key-of-other-kind", Some(-42584)),
            Self::NotExpressed(_) => ("fairplay-rights-not-expressed", None),
            Self::Over => ("fairplay-rights-over", None),
            Self::Credentials => ("fairplay-policy-credentials-unreadable", None),
            Self::Function(FunctionFault::Failed) => ("fairplay-d-function-failed", None),
            Self::Function(FunctionFault::TimedOut) => ("fairplay-d-function-timed-out", None),
            Self::Function(FunctionFault::Answer) => ("fairplay-d-function-answer", None),
            Self::NoRandomness(_) => ("store-failed", None),
        }
    }
}
