//! A request as it came in, read but not believed: nothing here needs a key (widevine.md sections 3
//! and 4).

use prost::Message;

use super::RequestError;
use super::content::Wanted;
use super::proto::{
    EncryptedClientIdentification, LicenseIdentification, LicenseRequest, SignedMessage,
    message_type, request_type,
};

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// For the certificate to which it is to encrypt who it is.
    ServiceCertificate,
    /// For a licence.
    License(Challenge),
    /// For more time, or to be free of a licence that it has.
    Existing(Existing),
}

/// The type of a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LicenseType {
    /// For this session.
    Streaming,
    /// To be kept.
    Offline,
    /// As the service decides.
    Automatic,
}

impl LicenseType {
    pub(super) fn read(value: Option<i32>) -> Result<Self, RequestError> {
        match value {
            None | Some(1) => Ok(Self::Streaming),
            Some(2) => Ok(Self::Offline),
            Some(3) => Ok(Self::Automatic),
            Some(_) => Err(RequestError::Malformed),
        }
    }

    /// The number on the wire.
    pub(super) fn number(self) -> i32 {
        match self {
            Self::Streaming => 1,
            Self::Offline => 2,
            Self::Automatic => 3,
        }
    }
}

/// A request for a licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// What is signed, and what keys are derived from.
    pub(super) msg: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) client: Client,
    /// What it asks for.
    pub wanted: Wanted,
    /// The client's clock in seconds since 1970; it may be wrong.
    pub request_time: Option<i64>,
}

/// Who asks, still unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Client {
    Clear(Vec<u8>),
    Encrypted(EncryptedClientIdentification),
}

/// A request about a licence that the client has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    pub(super) msg: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) id: LicenseIdentification,
    /// Whether the licence is given back rather than renewed.
    pub is_release: bool,
}

impl Request {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let message = SignedMessage::decode(body).map_err(|_| RequestError::Malformed)?;
        match message.kind {
            Some(message_type::SERVICE_CERTIFICATE_REQUEST) => Ok(Self::ServiceCertificate),
            Some(message_type::LICENSE_REQUEST) => Self::licence(message),
            _ => Err(RequestError::Malformed),
        }
    }

    fn licence(message: SignedMessage) -> Result<Self, RequestError> {
        let msg = message.msg.ok_or(RequestError::Malformed)?;
        let signature = message.signature.ok_or(RequestError::Unsigned)?;
        let request = LicenseRequest::decode(&*msg).map_err(|_| RequestError::Malformed)?;
        let content = request.content_id.ok_or(RequestError::Malformed)?;
        match request.kind {
            Some(request_type::NEW) => {
                let client = match (request.client_id, request.encrypted_client_id) {
                    (Some(client), None) => Client::Clear(client),
                    (None, Some(client)) => Client::Encrypted(client),
                    _ => return Err(RequestError::Malformed),
                };
                let wanted = Wanted::read(&content)?;
                let request_time = request.request_time;
                Ok(Self::License(Challenge { msg, signature, client, wanted, request_time }))
            }
            Some(kind @ (request_type::RENEWAL | request_type::RELEASE)) => {
                let id = content.existing_license.and_then(|existing| existing.license_id);
                let id = id.ok_or(RequestError::Malformed)?;
                let is_release = kind == request_type::RELEASE;
                Ok(Self::Existing(Existing { msg, signature, id, is_release }))
            }
            _ => Err(RequestError::Malformed),
        }
    }
}
