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

/// What a CBC chain encrypts next: a block mixed with the one before. Byte for byte, and not as one
/// number: the compiler keeps numbers of this length in two general registers, and the chain would
/// wait for their way to the vector registers and back at each block (a sixth of its speed).
#[inline(always)]
pub(crate) fn xor(block: &[u8; BLOCK], before: &[u8; BLOCK]) -> [u8; BLOCK] {
    std::array::from_fn(|n| block[n] ^ before[n])
}
