//! AES-128-CBC without padding over whole blocks, and single blocks (CBC with an IV of zeros).

use crate::crypto::cbc::Unchain;
use crate::crypto::chains::{Chain, Pattern, encrypt};
use crate::crypto::{ContentKey, Expanded};

pub(super) const BLOCK: usize = 16;

pub(super) fn seal(key: &ContentKey, iv: [u8; BLOCK], data: &mut [u8]) {
    let length = data.len();
    let mut chain = [Chain { start: 0, length, iv }];
    encrypt(&Expanded::new(key), Pattern::FULL, data, &mut chain);
}

pub(super) fn open(key: &ContentKey, iv: [u8; BLOCK], data: &mut [u8]) {
    Unchain::new(&Expanded::new(key), iv).apply(Pattern::FULL, data);
}

pub(super) fn seal_block(key: &ContentKey, mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    seal(key, [0; BLOCK], &mut block);
    block
}

pub(super) fn open_block(key: &ContentKey, mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    open(key, [0; BLOCK], &mut block);
    block
}
