//! Decryption of fragmented MP4 under every scheme of ISO/IEC 23001-7 and PIFF 1.1.
//!
//! No byte moves: samples are decrypted where they lie, sample entries get their original type
//! back, and boxes that only spoke of protection become `free`. So an index, byte ranges and
//! offsets in the file stay true, and the same code opens a file, an init segment with its
//! segments behind it, or what a server sent.

mod error;
mod keyring;
mod pending;
mod sample;
mod strip;
mod walk;

pub use error::DecryptError;
pub use keyring::{Keyring, ParseKeyError};
pub use walk::{Decryptor, Summary};
