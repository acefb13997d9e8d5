//! AES-CBC, taken off again: the way back from [`super::chains`].
//!
//! Unlike encryption, one chain can be decrypted in parallel: every block needs only the cipher
//! text before it.

use aes::Aes128;
use cbc::Decryptor;
use cipher::{Array, BlockModeDecrypt, InnerIvInit};

use super::chains::Pattern;
use super::{BLOCK, Expanded};

/// A chain that is being decrypted.
pub struct Unchain<'k>(Decryptor<&'k Aes128>);

impl<'k> Unchain<'k> {
    /// Starts a chain.
    pub fn new(key: &'k Expanded, iv: [u8; BLOCK]) -> Self {
        Self(Decryptor::inner_iv_init(key.cipher(), &iv.into()))
    }

    /// Decrypts the next range in place: the pattern starts anew, the chain goes on. Bytes behind
    /// the last whole block stay as they are.
    pub fn apply(&mut self, pattern: Pattern, range: &mut [u8]) {
        for run in pattern.runs(range) {
            let (blocks, _) = run.as_chunks_mut::<BLOCK>();
            self.0.decrypt_blocks(Array::cast_slice_from_core_mut(blocks));
        }
    }
}

/// Decrypts data that are one chain with padding (RFC 8216 section 4.3.2.4) and takes the padding
/// off. `false` when that is wrong, as it nearly always is under another key; the data are of no use
/// then.
#[must_use]
pub fn open_padded(key: &Expanded, iv: [u8; BLOCK], data: &mut Vec<u8>) -> bool {
    Unchain::new(key, iv).apply(Pattern::FULL, data);
    let padding = data.last().copied().unwrap_or(0);
    let clear = data.len().checked_sub(usize::from(padding));
    let whole = data.len().is_multiple_of(BLOCK) && (1..=BLOCK as u8).contains(&padding);
    match clear.filter(|_| whole) {
        Some(length) if data[length..].iter().all(|byte| *byte == padding) => {
            data.truncate(length);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ContentKey;
    use crate::crypto::chains::{Chain, encrypt};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_encrypted_comes_back(length in 0_usize..2000, patterned: bool, iv: [u8; 16]) {
            let key = Expanded::new(&ContentKey::from_bytes([7; 16]));
            let pattern = if patterned { Pattern::ONE_IN_TEN } else { Pattern::FULL };
            let plain: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut data = plain.clone();
            encrypt(&key, pattern, &mut data, &mut [Chain { start: 0, length, iv }]);
            prop_assert_eq!(data == plain, length < BLOCK);
            Unchain::new(&key, iv).apply(pattern, &mut data);
            prop_assert_eq!(data, plain);
        }
    }
}
