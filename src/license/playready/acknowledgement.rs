//! Acknowledgements: clients that were given a transaction id tell when they have stored their
//! licences.
//!
//! Nothing is kept of a transaction. Its id carries a code that only this service can have made, so
//! that the id of another is told apart. The message is read for the id alone, wherever it stands:
//! the shape of what else clients report is not public.

use data_encoding::BASE64;
use roxmltree::Node;

use super::error::PlayReadyLicenseError as Error;
use super::soap::{MESSAGES, PROTOCOLS, envelope, fixed};
use crate::crypto::cmac::Cmac;

/// Names a response whose licences are to be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionId([u8; 32]);

impl TransactionId {
    pub(super) fn new(id: [u8; 16], key: &Cmac) -> Self {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&id);
        bytes[16..].copy_from_slice(&key.of(&[&id]));
        Self(bytes)
    }

    fn is_by(&self, key: &Cmac) -> bool {
        key.fits(&[&self.0[..16]], &self.0[16..])
    }

    pub(super) fn text(&self) -> String {
        BASE64.encode(&self.0)
    }
}

/// A client has stored its licences.
#[derive(Debug, Clone, Copy)]
pub struct Acknowledgement {
    /// Absent when it is none of the form that this service gives.
    transaction: Option<TransactionId>,
}

impl Acknowledgement {
    pub(super) fn read(message: Node<'_, '_>) -> Result<Self, Error> {
        let id = message.descendants().find(|node| node.has_tag_name((PROTOCOLS, "TransactionID")));
        let id = id.ok_or(Error::Shape("a TransactionID"))?;
        Ok(Self { transaction: fixed(id).map(TransactionId) })
    }

    /// The answer to it, when the transaction is one of this service.
    pub(super) fn answer(&self, key: &Cmac) -> Result<String, Error> {
        if !self.transaction.is_some_and(|transaction| transaction.is_by(key)) {
            return Err(Error::UnknownTransaction);
        }
        Ok(envelope(&format!(
            "<AcknowledgeLicenseResponse xmlns=\"{PROTOCOLS}\"><AcknowledgeLicenseResult>\
             <Response xmlns=\"{MESSAGES}\"></Response></AcknowledgeLicenseResult>\
             </AcknowledgeLicenseResponse>"
        )))
    }
}
