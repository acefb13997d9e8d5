//! AES-CBC over many buffers at once, each with a key and an IV of its own.
//!
//! [`super::chains`] does this for the chains of one buffer, which share a key. Buffers that share
//! one advance in step inside the cipher's backend as those do. Where keys differ each has a backend
//! of its own: all are opened, one inside the other, and called for a block at a time; the
//! processor still works on blocks of several chains at once, at half the speed.

use aes::Aes128;
use cipher::{BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser};

use super::{BLOCK, Expanded, xor};

/// How many chains advance in step; measured best on AES-NI and VAES machines.
pub const LANES: usize = 8;

/// A buffer that is encrypted as one chain.
#[derive(Debug)]
pub struct Strand<'a> {
    /// The key of this chain.
    pub key: &'a Expanded,
    /// The IV; afterwards the last encrypted block, with which a cut chain is continued.
    pub iv: [u8; BLOCK],
    /// What is encrypted in place; bytes behind the last whole block stay as they are.
    pub data: &'a mut [u8],
}

/// Encrypts all strands in place and leaves in each the IV to continue with. Fastest with
/// [`LANES`] strands or more, all under one key, of about the same length, and at different
/// places in their memory pages: the first cache has few places for equal ones.
pub fn encrypt(strands: &mut [Strand<'_>]) {
    let Some((first, others)) = strands.split_first() else { return };
    let key = first.key;
    if others.iter().all(|other| other.key == key) {
        key.cipher().encrypt_with_backend(OneKey(strands));
    } else {
        for group in strands.chunks_mut(LANES) {
            let keys: Vec<&Expanded> = group.iter().map(|strand| strand.key).collect();
            Opening { keys: &keys, opened: [None; LANES], strands: group }.go_on();
        }
    }
}

/// An opened cipher.
trait Cipher {
    /// Encrypts the next block of a chain; `state` is the one before.
    fn step(&self, state: &mut [u8; BLOCK], bytes: &mut [u8; BLOCK]);
}

struct Opened<'b, B>(&'b B);

impl<B: BlockCipherEncBackend<BlockSize = <Aes128 as BlockSizeUser>::BlockSize>> Cipher
    for Opened<'_, B>
{
    #[inline(always)]
    fn step(&self, state: &mut [u8; BLOCK], bytes: &mut [u8; BLOCK]) {
        let mut block = xor(bytes, state).into();
        self.0.encrypt_block_inplace(&mut block);
        *state = block.into();
        *bytes = *state;
    }
}

/// Strands that share a key.
struct OneKey<'s, 'a>(&'s mut [Strand<'a>]);

impl BlockSizeUser for OneKey<'_, '_> {
    type BlockSize = <Aes128 as BlockSizeUser>::BlockSize;
}

impl BlockCipherEncClosure for OneKey<'_, '_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = Self::BlockSize>>(self, backend: &B) {
        let opened = Opened(backend);
        advance(self.0.iter_mut().map(|strand| Lane::of(&opened, strand)));
    }
}

/// Opens one cipher after the other, and runs the strands inside the last.
struct Opening<'o, 's, 'a> {
    /// Keys still to open; as many are open as are missing.
    keys: &'o [&'o Expanded],
    opened: [Option<&'o dyn Cipher>; LANES],
    strands: &'s mut [Strand<'a>],
}

impl Opening<'_, '_, '_> {
    fn go_on(self) {
        match self.keys.split_first() {
            Some((key, keys)) => key.cipher().encrypt_with_backend(Opening { keys, ..self }),
            None => {
                let opened = self.opened.into_iter().flatten();
                let lanes =
                    opened.zip(self.strands).map(|(cipher, strand)| Lane::of(cipher, strand));
                advance(lanes);
            }
        }
    }
}

impl BlockSizeUser for Opening<'_, '_, '_> {
    type BlockSize = <Aes128 as BlockSizeUser>::BlockSize;
}

impl BlockCipherEncClosure for Opening<'_, '_, '_> {
    fn call<B: BlockCipherEncBackend<BlockSize = Self::BlockSize>>(self, backend: &B) {
        let cipher = Opened(backend);
        let mut opened = self.opened;
        opened[self.strands.len() - self.keys.len() - 1] = Some(&cipher);
        Opening { keys: self.keys, opened, strands: self.strands }.go_on();
    }
}

/// A strand that is being encrypted.
struct Lane<'a, C: ?Sized> {
    cipher: &'a C,
    iv: &'a mut [u8; BLOCK],
    blocks: &'a mut [[u8; BLOCK]],
}

impl<'a, C: Cipher + ?Sized> Lane<'a, C> {
    #[inline(always)]
    fn of(cipher: &'a C, strand: &'a mut Strand<'_>) -> Self {
        let (blocks, _) = strand.data.as_chunks_mut();
        Self { cipher, iv: &mut strand.iv, blocks }
    }

    /// The next blocks of the lane, at most as many as are left.
    fn take(&mut self, count: usize) -> &'a mut [[u8; BLOCK]] {
        let blocks = std::mem::take(&mut self.blocks);
        let (front, rest) = blocks.split_at_mut(count);
        self.blocks = rest;
        front
    }
}

/// Runs all lanes, [`LANES`] at a time.
#[inline(always)]
fn advance<'a, C: Cipher + ?Sized + 'a>(lanes: impl Iterator<Item = Lane<'a, C>>) {
    let mut waiting = lanes.filter(|lane| !lane.blocks.is_empty()).fuse();
    let mut lanes: Vec<Lane<'_, C>> = Vec::with_capacity(LANES);
    loop {
        lanes.retain(|lane| !lane.blocks.is_empty());
        lanes.extend(waiting.by_ref().take(LANES - lanes.len()));
        match lanes.len() {
            0 => break,
            1 => in_step::<C, 1>(&mut lanes),
            2 => in_step::<C, 2>(&mut lanes),
            3 => in_step::<C, 3>(&mut lanes),
            4 => in_step::<C, 4>(&mut lanes),
            5 => in_step::<C, 5>(&mut lanes),
            6 => in_step::<C, 6>(&mut lanes),
            7 => in_step::<C, 7>(&mut lanes),
            _ => in_step::<C, 8>(&mut lanes),
        }
    }
}

/// As many steps as each of the lanes can take. Their number is known to the compiler, which keeps
/// what the lanes chain on in registers.
#[inline(always)]
fn in_step<C: Cipher + ?Sized, const N: usize>(lanes: &mut [Lane<'_, C>]) {
    let Some(lanes) = lanes.first_chunk_mut::<N>() else { return };
    let steps = lanes.iter().map(|lane| lane.blocks.len()).min().unwrap_or(0);
    let mut states: [[u8; BLOCK]; N] = std::array::from_fn(|n| *lanes[n].iv);
    let ciphers: [&C; N] = std::array::from_fn(|n| lanes[n].cipher);
    let mut blocks = lanes.each_mut().map(|lane| lane.take(steps));
    for step in 0..steps {
        for ((cipher, state), blocks) in ciphers.iter().zip(&mut states).zip(&mut blocks) {
            cipher.step(state, &mut blocks[step]);
        }
    }
    for (lane, state) in lanes.iter_mut().zip(states) {
        *lane.iv = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ContentKey;
    use cipher::{BlockModeEncrypt, KeyIvInit};
    use proptest::prelude::*;

    /// One chain by the stock mode.
    fn reference(key: [u8; BLOCK], iv: [u8; BLOCK], data: &mut [u8]) {
        let mut chain = cbc::Encryptor::<Aes128>::new(&key.into(), &iv.into());
        for block in data.as_chunks_mut::<BLOCK>().0 {
            chain.encrypt_block(block.into());
        }
    }

    proptest! {
        #[test]
        fn strands_equal_chains_of_their_own(
            lengths in proptest::collection::vec(0_usize..700, 0..30),
            keys in 1_u8..10,
            cut in 0_usize..40,
        ) {
            let cut = cut * BLOCK;
            let keys: Vec<[u8; BLOCK]> = (0..lengths.len() as u8).map(|n| [n % keys; BLOCK]).collect();
            let expanded: Vec<Expanded> =
                keys.iter().map(|key| Expanded::new(&ContentKey::from_bytes(*key))).collect();
            let plain: Vec<Vec<u8>> =
                lengths.iter().map(|length| (0..*length).map(|n| n as u8).collect()).collect();
            let (mut expected, mut actual) = (plain.clone(), plain);
            for (n, data) in expected.iter_mut().enumerate() {
                reference(keys[n], [n as u8; BLOCK], data);
            }
            let mut ivs: Vec<[u8; BLOCK]> = (0..lengths.len() as u8).map(|n| [n; BLOCK]).collect();
            // In two parts: the second goes on with what the first left.
            for part in [0..cut, cut..usize::MAX] {
                let mut strands: Vec<Strand<'_>> = actual
                    .iter_mut()
                    .zip(&expanded)
                    .zip(&ivs)
                    .map(|((data, key), iv)| {
                        let (start, end) = (part.start.min(data.len()), part.end.min(data.len()));
                        Strand { key, iv: *iv, data: &mut data[start..end] }
                    })
                    .collect();
                encrypt(&mut strands);
                ivs = strands.iter().map(|strand| strand.iv).collect();
            }
            prop_assert_eq!(actual, expected);
        }
    }
}
