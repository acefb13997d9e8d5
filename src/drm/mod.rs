//! What protection systems are told: the data of their `pssh` boxes, written for streams and read
//! from files and licence requests.
//!
//! The W3C common system has no data: [`crate::isobmff::cenc::Pssh::common`] is all of it. FairPlay
//! has no `pssh`.

pub mod describe;
mod named;
pub mod playready;
pub mod widevine;

pub use named::is_for;
