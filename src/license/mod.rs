//! Licences: who may have which key, and the bytes in which each system gets it.
//!
//! One decision for all systems: [`access`] finds the option of a policy that answers, [`terms`]
//! says what it gives as [`Rights`]; the writer of a system says it in its own format. What a system
//! needs beside, roots and credentials, is in [`trust`]; what testers may wish instead, in [`tester`].

pub mod access;
pub mod at_hand;
mod base64;
pub mod clearkey;
pub mod fairplay;
mod granted;
pub mod playready;
pub mod recognize;
pub mod rights;
pub mod system;
pub mod terms;
pub mod tester;
pub mod trust;
pub mod upstream;
pub mod widevine;
mod wiped;

pub use access::{Admission, Ask, DecidedBy, Grant, Refusal, admits};
pub use granted::GrantedKey;
pub use rights::Rights;
pub use system::System;
pub use terms::Wanted;
pub use trust::Trust;
