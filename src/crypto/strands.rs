//! AES-CBC over many buffers at once, each with a key and an IV of its own.
//!
//! [`super::chains`] does this for the chains of one buffer, which share a key. Buffers that share
//! one advance in step inside the cipher's backend as those do. Where keys differ each has a backend
//! of its own: all are opened, one inside the other, and called for a block at a time; the
//! processor still works on blocks of several chains at once, at half the speed.

use aes::Aes128;
use cipher::{BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser};

use super::{BLOCK, Expanded};

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
/// [`LANES`] strands or more, all under one key and of about the same length.
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
        let mixed = u128::from_ne_bytes(*bytes) ^ u128::from_ne_bytes(*state);
        let mut block = mixed.to_ne_bytes().into();
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
    blocks: std::slice::IterMut<'a, [u8; BLOCK]>,
}

impl<'a, C: Cipher + ?Sized> Lane<'a, C> {
    #[inline(always)]
    fn of(cipher: &'a C, strand: &'a mut Strand<'_>) -> Self {
        let (blocks, _) = strand.data.as_chunks_mut();
        Self { cipher, iv: &mut strand.iv, blocks: blocks.iter_mut() }
    }

    #[inline(always)]
    fn step(&mut self) {
        if let Some(bytes) = self.blocks.next() {
            self.cipher.step(self.iv, bytes);
        }
    }
}

/// Runs all lanes, [`LANES`] at a time.
#[inline(always)]
fn advance<'a, C: Cipher + ?Sized + 'a>(lanes: impl Iterator<Item = Lane<'a, C>>) {
    let mut waiting = lanes.filter(|lane| lane.blocks.len() > 0);
    let mut lanes: [Option<Lane<'_, C>>; LANES] = std::array::from_fn(|_| waiting.next());
    // As many steps as every lane can take without being refilled.
    while let Some(steps) = lanes.iter().flatten().map(|lane| lane.blocks.len()).min() {
        for _ in 0..steps {
            lanes.iter_mut().flatten().for_each(Lane::step);
        }
        for lane in &mut lanes {
            if lane.as_ref().is_some_and(|lane| lane.blocks.len() == 0) {
                *lane = waiting.next();
            }
        }
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
