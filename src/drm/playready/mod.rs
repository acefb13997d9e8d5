//! PlayReady's content header (playready.md sections 2 to 4): the PlayReady Object, which lies in
//! `pssh` boxes and manifests, and the WRMHEADER inside.

mod error;
mod header;
mod object;
mod read;

use cipher::BlockCipherEncrypt;

pub use error::PlayReadyError;
pub use header::{Algorithm, CustomAttributes, Header, HeaderKey, Version};
pub use object::{Object, Record};

use crate::crypto::Expanded;
use crate::ids::KeyId;

/// Bytes of a checksum.
pub const CHECKSUM_LEN: usize = 8;

/// A key id in the byte order of Windows GUIDs: the first three fields are reversed.
pub fn guid_order(kid: KeyId) -> [u8; 16] {
    swap(*kid.as_bytes())
}

/// The key id whose bytes are in GUID order.
pub fn from_guid_order(bytes: [u8; 16]) -> KeyId {
    KeyId::from_bytes(swap(bytes))
}

fn swap([a, b, c, d, e, f, g, h, rest @ ..]: [u8; 16]) -> [u8; 16] {
    let mut out = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    out[8..].copy_from_slice(&rest);
    out
}

/// Tells clients whether they have got the right key: the front of the key id, encrypted under it.
/// Defined for AES-CTR only.
pub fn checksum(kid: KeyId, key: &Expanded) -> [u8; CHECKSUM_LEN] {
    let mut block = guid_order(kid);
    key.cipher().encrypt_block((&mut block).into());
    let [a, b, c, d, e, f, g, h, ..] = block;
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ContentKey;
    use data_encoding::{BASE64, HEXLOWER};

    #[test]
    fn key_ids_are_swapped_as_in_playready_section_2() {
        let kid: KeyId = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6".parse().unwrap();
        let swapped = guid_order(kid);
        assert_eq!(HEXLOWER.encode(&swapped), "ae4f1df8ec7dd011a76500a0c91e6bf6");
        assert_eq!(from_guid_order(swapped), kid);
        let kid: KeyId = "00010203-0405-0607-0809-0a0b0c0d0e0f".parse().unwrap();
        assert_eq!(BASE64.encode(&guid_order(kid)), "AwIBAAUEBwYICQoLDA0ODw==");
    }

    /// The header of a public test stream; its key is made of the published test key seed.
    #[test]
    fn the_checksum_is_that_of_a_published_header() {
        let guid = BASE64.decode(b"AmfjCTOPbEOl3WD/5mcecA==").unwrap();
        let kid = from_guid_order(guid.try_into().unwrap());
        let key = HEXLOWER.decode(b"b42ca3172ee4e69bf51848a59db9cd13").unwrap();
        let key = Expanded::new(&ContentKey::from_bytes(key.try_into().unwrap()));
        assert_eq!(BASE64.encode(&checksum(kid, &key)), "BGw1aYZ1YXM=");
    }
}
