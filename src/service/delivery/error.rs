//! Why a key was not delivered.

use jiff::Timestamp;

use crate::keys::VaultError;
use crate::license::Refusal;
use crate::service::upstream::UpstreamError;
use crate::store::StoreError;

/// Why a key was not delivered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeliveryError {
    /// No locator has a key of that identifier. Told to everybody: identifiers are random, and
    /// public in every manifest of the content that they protect.
    #[error("there is no key with this identifier")]
    UnknownKey,
    /// The content key policy refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The locator is outside its time.
    #[error("the stream of this key is not available at this time")]
    LocatorNotActive,
    /// The key is of a crypto period to come. Told to those alone who may have it then.
    #[error("the key is given out from {0} on, when its crypto period is near")]
    NotYetValid(Timestamp),
    /// The client wants to keep a licence and the policy gives no right to.
    #[error("the content key policy does not allow persistent licences")]
    PersistenceNotAllowed,
    /// The key wraps others, and what is asked for has no place for it. Told to those alone who may have
    /// it.
    #[error("this is a root key, which only Widevine licences that this server makes give out")]
    RootKey,
    /// The server has no roots and credentials for the system (`drm.dir`).
    #[error("this server has no credentials for licences of this system")]
    NotServed,
    /// Licences of the key are made by another server, and not in this form.
    #[error("the content key policy leaves licences of this key to another server")]
    MadeElsewhere,
    /// A request is passed on whole, and to one server.
    #[error(
        "the keys of the request are given out by different servers; ask for each of them alone"
    )]
    SeveralServers,
    /// What is passed on names content with keys that were not decided on.
    #[error(
        "the request also names content with other keys; the licence is made by another server"
    )]
    OtherContent,
    /// The other server gave no licence.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The stored key does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl DeliveryError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownKey => "key-unknown",
            Self::Refused(refusal) => refusal.reason(),
            Self::LocatorNotActive => "locator-not-active",
            Self::NotYetValid(_) => "key-not-yet-valid",
            Self::PersistenceNotAllowed => "license-persistence-not-allowed",
            Self::RootKey => "key-is-root",
            Self::NotServed => "license-system-not-served",
            Self::MadeElsewhere => "license-made-elsewhere",
            Self::SeveralServers => "license-of-several-servers",
            Self::OtherContent => "license-of-other-content",
            Self::Upstream(error) => error.reason(),
            Self::Store(StoreError::Busy) => "store-busy",
            Self::Store(_) => "store-failed",
            Self::Vault(_) => "key-unreadable",
        }
    }

    /// Whether we failed, rather than refused.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Vault(_))
    }
}

impl From<StoreError> for DeliveryError {
    fn from(error: StoreError) -> Self {
        match error {
            // A key whose locator or policy was deleted in between is gone like any other.
            StoreError::NotFound { .. } => Self::UnknownKey,
            other => Self::Store(other),
        }
    }
}
