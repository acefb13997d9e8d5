//! What can be wrong with PlayReady data.

use crate::bytes::Truncated;
use crate::xml::XmlError;

/// PlayReady data that break a rule of the header specification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlayReadyError {
    /// The data end inside the object.
    #[error("PlayReady Object: the data end too early")]
    Truncated,
    /// The first field of the object lies.
    #[error("PlayReady Object: the length field is not the length of the data")]
    Length,
    /// The object is larger than clients take.
    #[error("PlayReady Object: it is larger than 15 KiB")]
    TooLarge,
    /// The object has no record of type 1.
    #[error("PlayReady Object: there is no header in it")]
    NoHeader,
    /// The header is no text.
    #[error("PlayReady header: it is not UTF-16")]
    Utf16,
    /// The header is no document.
    #[error("PlayReady header: {0}")]
    Xml(#[from] XmlError),
    /// The document is something else.
    #[error("PlayReady header: the root is not WRMHEADER, or has no DATA")]
    Root,
    /// The version is none of the table.
    #[error("PlayReady header: the version is not one of 4.0.0.0, 4.1.0.0, 4.2.0.0, 4.3.0.0")]
    Version,
    /// A key id is not 16 bytes in base64.
    #[error("PlayReady header: a KID is not 16 bytes in base64")]
    Kid,
    /// A checksum is not base64.
    #[error("PlayReady header: a CHECKSUM is not base64")]
    Checksum,
    /// An algorithm is none of the table.
    #[error("PlayReady header: an ALGID is not one of AESCTR, AESCBC, COCKTAIL")]
    Algorithm,
    /// Custom attributes are no XML, or too long.
    #[error("PlayReady custom attributes are well-formed XML elements of at most 1,024 bytes")]
    CustomAttributes,
}

impl From<Truncated> for PlayReadyError {
    fn from(Truncated: Truncated) -> Self {
        Self::Truncated
    }
}
