//! XMR, the binary licence: a tree of objects with a key inside (playready.md section 7). All
//! numbers are big-endian.

mod kind;
mod read;
mod terms;
mod write;

pub use kind::ObjectKind;
pub use read::{Opened, XmrError, open};
pub use terms::{LOWEST_LEVELS, Protection, Terms, output};
pub use write::{Cipher, Licence};

const MAGIC: &[u8; 4] = b"XMR\0";
const VERSION: u32 = 3;

/// Bytes in front of the outer container: magic, version, rights id.
const FRONT: usize = 24;
/// Bytes in front of the data of an object: flags, type, length.
const OBJECT_FRONT: usize = 8;
/// Bytes of the signature object, which is the last.
const SIGNATURE_LEN: usize = OBJECT_FRONT + 4 + 16;

/// The type of elliptic curve, of signature and of encrypted key: P-256, AES-CMAC, ElGamal.
const CURVE_P256: u16 = 1;
const SIGNATURE_CMAC: u16 = 1;
const CIPHER_ECC: u16 = 3;
