//! The body of a request: which message it is, in whatever players wrap it.

use std::borrow::Cow;

use data_encoding::BASE64;
use roxmltree::Node;

use super::acknowledgement::Acknowledgement;
use super::challenge::Challenge;
use super::error::PlayReadyLicenseError as Error;
use super::soap::{PROTOCOLS, content, message, text};
use crate::xml;

/// A request to a licence service.
#[derive(Debug)]
pub enum Request {
    /// A client wants licences.
    Acquire(Box<Challenge>),
    /// A client has stored them.
    Acknowledge(Acknowledgement),
}

impl Request {
    /// Reads a body. Browsers wrap messages once, and players that do not unwrap them send that.
    ///
    /// # Errors
    /// [`Error`], with what is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let text = text(body)?;
        let document = xml::parse(&text)?;
        let root = document.root_element();
        match wrapped(root) {
            Some(inner) => Self::of_envelope(&inner?),
            None => Self::of_message(message(root)?),
        }
    }

    /// The message out of what browsers wrap it in.
    ///
    /// # Errors
    /// [`Error`], as of [`Self::parse`].
    pub fn unwrapped(body: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
        let text = text(body)?;
        let document = xml::parse(&text)?;
        let inner = wrapped(document.root_element()).transpose()?;
        Ok(inner.map_or(Cow::Borrowed(body), Cow::Owned))
    }

    fn of_envelope(body: &[u8]) -> Result<Self, Error> {
        let text = text(body)?;
        let document = xml::parse(&text)?;
        Self::of_message(message(document.root_element())?)
    }

    fn of_message(message: Node<'_, '_>) -> Result<Self, Error> {
        if message.has_tag_name((PROTOCOLS, "AcquireLicense")) {
            return Challenge::read(message).map(|challenge| Self::Acquire(Box::new(challenge)));
        }
        if message.has_tag_name((PROTOCOLS, "AcknowledgeLicense")) {
            return Acknowledgement::read(message).map(Self::Acknowledge);
        }
        Err(Error::Shape("AcquireLicense or AcknowledgeLicense"))
    }
}

/// The message in a `PlayReadyKeyMessage`.
fn wrapped(root: Node<'_, '_>) -> Option<Result<Vec<u8>, Error>> {
    if root.tag_name().name() != "PlayReadyKeyMessage" {
        return None;
    }
    let challenge = root.descendants().find(|node| node.tag_name().name() == "Challenge");
    let inner = challenge.and_then(|node| BASE64.decode(content(node).as_bytes()).ok());
    Some(inner.ok_or(Error::Shape("a Challenge in base64")))
}
