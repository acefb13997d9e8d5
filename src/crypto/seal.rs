//! State that clients keep for the service: sealed, so that they neither read nor change it, and any
//! instance with the same key opens it.
//!
//! Each text gets a key of its own, derived from fresh random bytes, under which AES-256-GCM runs once:
//! unlike with random nonces under one key, the number of texts needs no watching.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use zeroize::Zeroizing;

use super::random::{NoRandomness, Random, array};

/// Bytes of which a key is derived; they lead a sealed text.
const SALT_LEN: usize = 32;

/// Seals and opens under one key.
#[derive(Clone)]
pub struct Sealer(hmac::Key);

impl Sealer {
    /// A sealer for one use of a key that may have others: the label keeps them apart.
    pub fn derive(key: &[u8; 32], label: &[u8]) -> Self {
        let parent = hmac::Key::new(hmac::HMAC_SHA256, key);
        Self(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&parent, label).as_ref()))
    }

    /// Seals a text; what it is for is authenticated with it.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn seal(
        &self,
        random: &mut Random<'_>,
        purpose: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, NoRandomness> {
        let salt = array::<SALT_LEN>(random)?;
        let mut sealed = Vec::with_capacity(SALT_LEN + text.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(text);
        let tag = self
            .key(&salt)
            .seal_in_place_separate_tag(nonce(), Aad::from(purpose), &mut sealed[SALT_LEN..])
            .expect("AES-GCM refuses only inputs of 64 GiB and more");
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for this purpose.
    pub fn open(&self, purpose: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (salt, sealed) = sealed.split_first_chunk::<SALT_LEN>()?;
        let mut text = Zeroizing::new(sealed.to_vec());
        let opened = self.key(salt).open_in_place(nonce(), Aad::from(purpose), &mut text).ok()?;
        let length = opened.len();
        text.truncate(length);
        Some(text)
    }

    fn key(&self, salt: &[u8; SALT_LEN]) -> LessSafeKey {
        let key = hmac::sign(&self.0, salt);
        let key = UnboundKey::new(&AES_256_GCM, key.as_ref());
        LessSafeKey::new(key.expect("a SHA-256 code is as long as the key of AES-256"))
    }
}

/// The one nonce of a key that is used once.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::System;
    use proptest::prelude::*;

    fn sealer(key: u8, label: &str) -> Sealer {
        Sealer::derive(&[key; 32], label.as_bytes())
    }

    #[test]
    fn a_text_opens_under_its_key_label_and_purpose_only() {
        let sealed = sealer(1, "a").seal(&mut System::new(), b"p", b"text").unwrap();
        assert!(!sealed.windows(4).any(|part| part == b"text"));
        assert_eq!(&**sealer(1, "a").open(b"p", &sealed).unwrap(), b"text");
        for (sealer, purpose) in
            [(sealer(2, "a"), "p"), (sealer(1, "b"), "p"), (sealer(1, "a"), "q")]
        {
            assert_eq!(sealer.open(purpose.as_bytes(), &sealed), None);
        }
        assert_eq!(format!("{:?}", sealer(1, "a")), "Sealer(redacted)");
    }

    proptest! {
        #[test]
        fn nothing_that_was_changed_opens(text: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
            let sealed = sealer(1, "a").seal(&mut System::new(), b"p", &text).unwrap();
            let at = at.index(sealed.len());
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            prop_assert_eq!(sealer(1, "a").open(b"p", &changed), None);
            prop_assert_eq!(sealer(1, "a").open(b"p", &sealed[..at]), None);
            prop_assert_eq!(&**sealer(1, "a").open(b"p", &sealed).unwrap(), &*text);
        }
    }
}
