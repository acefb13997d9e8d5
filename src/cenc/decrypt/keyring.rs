//! The keys at hand.

use std::collections::HashMap;

use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

use crate::crypto::{ContentKey, Expanded};
use crate::ids::KeyId;

/// Content keys by KID.
#[derive(Debug, Default)]
pub struct Keyring(HashMap<KeyId, Expanded>);

/// A key that does not read. The text is not repeated: it may hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// There is no colon.
    #[error("a key is written KID:KEY, both as 32 hexadecimal digits")]
    NoPair,
    /// What stands before the colon.
    #[error("the KID before the colon is no GUID of 32 hexadecimal digits")]
    Kid,
    /// What stands behind the colon.
    #[error("the key behind the colon has not 32 hexadecimal digits")]
    Key,
}

impl Keyring {
    /// Adds a key written `KID:KEY`, or as packagers have it, `label=LABEL:key_id=KID:key=KEY`.
    ///
    /// # Errors
    /// [`ParseKeyError`].
    pub fn add(&mut self, pair: &str) -> Result<(), ParseKeyError> {
        let pair = pair.trim();
        let named = |name| pair.split(':').find_map(|part: &str| part.strip_prefix(name));
        let named = named("key_id=").zip(named("key="));
        let (kid, key) = named.or_else(|| pair.split_once(':')).ok_or(ParseKeyError::NoPair)?;
        let kid = kid.parse().map_err(|_| ParseKeyError::Kid)?;
        let key = HEXLOWER_PERMISSIVE.decode(key.as_bytes()).map(Zeroizing::new);
        let key = key.ok().and_then(|key| key.first_chunk().filter(|_| key.len() == 16).copied());
        self.insert(kid, &ContentKey::from_bytes(key.ok_or(ParseKeyError::Key)?));
        Ok(())
    }

    /// Adds a key.
    pub fn insert(&mut self, kid: KeyId, key: &ContentKey) {
        self.0.insert(kid, Expanded::new(key));
    }

    /// The key, when there is just one.
    pub fn only(&self) -> Option<&Expanded> {
        self.0.values().next().filter(|_| self.0.len() == 1)
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = (KeyId, &Expanded)> {
        self.0.iter().map(|(kid, key)| (*kid, key))
    }

    /// The key of that KID.
    pub fn get(&self, kid: KeyId) -> Option<&Expanded> {
        self.0.get(&kid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_read_with_and_without_hyphens_and_refusals_do_not_repeat_them() {
        let kid = "9eb4050d-e44b-4802-932e-27d75083e266";
        let key = "166634c675823c235a4a9446fad52e4d";
        let mut keys = Keyring::default();
        keys.add(&format!("{kid}:{key}")).unwrap();
        keys.add(&format!(" {}:{} ", kid.replace('-', ""), key.to_uppercase())).unwrap();
        assert!(keys.get(kid.parse().unwrap()).is_some());
        let other = "00112233445566778899aabbccddeeff";
        keys.add(&format!("label=HD:key_id={other}:key={key}")).unwrap();
        assert!(keys.get(other.parse().unwrap()).is_some());
        for (pair, refusal) in [
            (key.to_owned(), ParseKeyError::NoPair),
            (format!("x:{key}"), ParseKeyError::Kid),
            (format!("{kid}:{key}00"), ParseKeyError::Key),
            (format!("{kid}:"), ParseKeyError::Key),
        ] {
            assert_eq!(keys.add(&pair), Err(refusal));
            assert!(!refusal.to_string().contains(key));
        }
    }
}
