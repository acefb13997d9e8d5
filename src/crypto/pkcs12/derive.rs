//! Keys out of passwords, as PKCS#12 has it for itself (RFC 7292 appendix B.2).

use sha2::Digest;
use zeroize::Zeroizing;

/// What is derived, by its number (appendix B.3).
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// Derives `N` bytes; `block` is that of the hash.
pub(super) fn derive<D: Digest, const N: usize>(
    (purpose, block): (Purpose, usize),
    password: &str,
    salt: &[u8],
    rounds: u32,
) -> Zeroizing<[u8; N]> {
    let password = wide(password);
    let filled = |text: &[u8]| {
        let length = text.len().next_multiple_of(block);
        text.iter().copied().cycle().take(length).collect::<Vec<u8>>()
    };
    let mut input = Zeroizing::new(filled(salt));
    input.extend(Zeroizing::new(filled(&password)).iter());
    let diversifier = vec![purpose as u8; block];
    let mut derived = Zeroizing::new([0; N]);
    let mut written = 0;
    while written < N {
        let mut hash = D::new().chain_update(&diversifier).chain_update(&input[..]).finalize();
        for _ in 1..rounds {
            hash = D::digest(&hash);
        }
        let length = hash.len().min(N - written);
        derived[written..written + length].copy_from_slice(&hash[..length]);
        written += length;
        let addend: Vec<u8> = hash.iter().copied().cycle().take(block).collect();
        input.chunks_exact_mut(block).for_each(|chunk| add_and_one(chunk, &addend));
    }
    derived
}

/// The password in UTF-16, big-endian, with the zero at its end.
fn wide(password: &str) -> Zeroizing<Vec<u8>> {
    let mut wide = Zeroizing::new(Vec::with_capacity(2 * password.len() + 2));
    wide.extend(password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes));
    wide
}

/// Adds both numbers and one, modulo their length.
fn add_and_one(number: &mut [u8], addend: &[u8]) {
    let mut carry = 1;
    for (digit, addend) in number.iter_mut().zip(addend).rev() {
        let sum = u16::from(*digit) + u16::from(*addend) + carry;
        *digit = sum as u8;
        carry = sum >> 8;
    }
}
