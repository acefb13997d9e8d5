//! FairPlay Streaming: requests (SPC) in, content key messages (CKC) out (fairplay.md).
//!
//! A test key service in the exact wire format. Devices of the vendor ask only in the name of a
//! certificate that the vendor signed, and their keys come out of a function that is the vendor's
//! (D): whoever has no agreement with it can serve the clients of [`client`] and their like.
//!
//! [`body`] finds the request in what was sent, `container` reads what of it is in the clear,
//! [`Credentials`] open it with the private key of the certificate, the key of the device
//! ([`DFunction`]) makes a [`Session`] of it, and `ckc` writes the answer, with what `terms` makes of
//! the rights.

mod aes;
mod asset;
pub mod body;
mod certificate;
mod ckc;
pub mod client;
mod container;
mod d_function;
mod error;
pub mod maker;
mod pkcs12;
mod service;
mod session;
pub mod tag;
mod terms;
mod tllv;

pub use asset::{kid_of, name_of};
pub use body::{Form, Request};
pub use container::{Spc, SpcVersion};
pub use d_function::{Callee, DFunction, External, FunctionFault, Seed};
pub use error::FairPlayError;
pub use service::{Credentials, Provider, Service};
pub use session::{Capabilities, Opened, PlaybackState, Session};
pub use terms::Terms;

#[cfg(test)]
mod tests;
