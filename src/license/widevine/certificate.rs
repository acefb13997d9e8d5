//! The certificate to which clients encrypt who they are (widevine.md section 5), in its two forms.

use prost::Message;

use super::proto::{SignedDrmCertificate, SignedMessage, message_type};

/// A service certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCertificate(Vec<u8>);

impl ServiceCertificate {
    /// Takes the bytes of the certificate itself.
    pub(super) fn new(bare: Vec<u8>) -> Self {
        Self(bare)
    }

    /// Reads a file: the certificate itself, or the message in which services send it. Whose it is, only
    /// clients find out.
    pub fn read(file: &[u8]) -> Option<Self> {
        let message = SignedMessage::decode(file).ok();
        let is_answer = |it: &SignedMessage| it.kind == Some(message_type::SERVICE_CERTIFICATE);
        let inner = message.filter(is_answer).and_then(|message| message.msg);
        let bare = inner.unwrap_or_else(|| file.to_vec());
        let read = SignedDrmCertificate::decode(&*bare).ok()?;
        read.drm_certificate.and(read.signature).map(|_| Self(bare))
    }

    /// The certificate itself, as players are configured with it.
    pub fn bare(&self) -> &[u8] {
        &self.0
    }

    /// The answer to a request for it.
    pub fn message(&self) -> Vec<u8> {
        let message = SignedMessage {
            kind: Some(message_type::SERVICE_CERTIFICATE),
            msg: Some(self.0.clone()),
            ..SignedMessage::default()
        };
        message.encode_to_vec()
    }
}
