//! PlayReady: a licence service for roots and devices of one's own, in the wire format of
//! Microsoft's (playready.md sections 5 to 10), and the client of such a service.
//!
//! What products know as PlayReady clients trust Microsoft's root only; they are served by passing
//! their requests on to a server that has Microsoft's keys.
//!
//! The order of work follows from the form of a challenge: the content header with the keys' names is
//! in the clear, so a request can be refused before its signature is looked at, and before the
//! private key of the service opens who the client is.

mod acknowledgement;
pub mod certificate;
mod challenge;
pub mod client;
mod custom_data;
mod error;
mod fault;
pub mod maker;
mod message;
pub mod passed;
mod response;
mod rights;
mod service;
mod soap;
pub mod test_server;
pub mod xmr;

pub use acknowledgement::{Acknowledgement, TransactionId};
pub use challenge::{Challenge, MAX_KIDS};
pub use custom_data::CustomToken;
pub use error::{PlayReadyLicenseError, StatusCode};
pub use fault::fault;
pub use message::Request;
pub use response::Extras;
pub use rights::terms;
pub use service::{Device, Grantable, Service};

/// The content type of every answer.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";
