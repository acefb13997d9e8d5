//! Content keys that are made of a seed and a key's name (playready.md section 4).

use ring::digest::{Context, SHA256};

use crate::crypto::key::ContentKey;
use crate::drm::playready::guid_order;
use crate::ids::KeyId;

/// Bytes of a seed that count; a seed has at least so many.
pub(super) const USED: usize = 30;

/// The key of this name under a seed; `None` for a seed that is too short.
pub fn content_key(seed: &[u8], kid: KeyId) -> Option<ContentKey> {
    let (seed, kid) = (seed.get(..USED)?, guid_order(kid));
    let kid = kid.as_slice();
    let hashes = [&[seed, kid][..], &[seed, kid, seed], &[seed, kid, seed, kid]].map(|parts| {
        let mut context = Context::new(&SHA256);
        parts.iter().for_each(|part| context.update(part));
        context.finish()
    });
    let mut key = [0; 16];
    for hash in &hashes {
        let halves = hash.as_ref().split_at(16);
        let folded = halves.0.iter().zip(halves.1);
        key.iter_mut().zip(folded).for_each(|(out, (a, b))| *out ^= a ^ b);
    }
    Some(ContentKey::from_bytes(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::{BASE64, HEXLOWER};

    /// The published test key seed, and the key whose checksum a public stream has.
    #[test]
    fn the_key_of_a_public_test_stream_comes_out() {
        let seed = BASE64.decode(b"XVBovsmzhP9gRIZxWfFta3VVRPzVEWmJsazEJ46I").unwrap();
        let guid = BASE64.decode(b"AmfjCTOPbEOl3WD/5mcecA==").unwrap();
        let kid = crate::drm::playready::from_guid_order(guid.try_into().unwrap());
        let key = content_key(&seed, kid).unwrap();
        assert_eq!(HEXLOWER.encode(key.expose()), "b42ca3172ee4e69bf51848a59db9cd13");
        assert!(content_key(&seed[..29], kid).is_none());
    }
}
