//! Ciphers over media bytes, codes over licences, and the types that hold key material.
//!
//! The block cipher is RustCrypto `aes`, which picks AES-NI or VAES at run time; expanded keys are
//! wiped when dropped. Everything encrypts in place.

pub mod cbc;
pub mod chains;
pub mod cmac;
pub mod ctr;
pub mod ecc;
pub mod key;
pub mod pkcs12;
pub mod random;
pub mod root;
pub mod rsa;
pub mod seal;
pub mod storage;
pub mod strands;

pub use key::{ContentKey, Expanded, KeyMaterial};
pub use root::RootKey;

/// Bytes in an AES block.
pub const BLOCK: usize = 16;
