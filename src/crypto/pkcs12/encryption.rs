//! Ciphers under passwords: those of PKCS#12 itself (RFC 7292 appendix C), which old programs write,
//! and PBES2 (RFC 8018 section 6.2) with AES or 3DES.

use std::num::NonZeroU32;

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cipher::{BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, InvalidLength, KeyInit};
use des::TdesEde3;
use rc2::Rc2;
use ring::pbkdf2;
use sha1::Sha1;
use zeroize::Zeroizing;

use super::Pkcs12Error;
use super::derive::{Purpose, derive};
use crate::bytes::der::{Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};

/// 1.2.840.113549.1.12.1, and one number more.
const OF_PKCS12: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1];
/// 1.2.840.113549.1.5.13 and .12
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12];
/// 1.2.840.113549.2, and one number more: HMAC with a hash.
const HMAC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2];
/// 1.2.840.113549.3.7
const TRIPLE_DES_CBC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 7];
/// 2.16.840.1.101.3.4.1, and one number more.
const AES: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1];

/// A cipher in CBC.
#[derive(Clone, Copy)]
enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    TripleDes,
    Rc2Of40,
    Rc2Of128,
}

/// How the key is made of the password.
#[derive(Clone, Copy)]
enum Derivation<'a> {
    /// Key and IV, by the way of PKCS#12.
    OfPkcs12,
    /// The key by PBKDF2; the IV stands in the file.
    Pbkdf2 { hash: pbkdf2::Algorithm, iv: &'a [u8] },
}

/// A cipher with all that opens it but the password.
pub(super) struct Scheme<'a> {
    cipher: Cipher,
    derivation: Derivation<'a>,
    salt: &'a [u8],
    rounds: NonZeroU32,
}

impl<'a> Scheme<'a> {
    pub(super) fn read(mut algorithm: Elements<'a>) -> Result<Self, Pkcs12Error> {
        let name = algorithm.content(OBJECT_IDENTIFIER).ok_or(Pkcs12Error::Malformed)?;
        let parameters = algorithm.inside(SEQUENCE).ok_or(Pkcs12Error::Malformed)?;
        if name == PBES2 {
            return Self::pbes2(parameters);
        }
        let cipher = match name.strip_prefix(OF_PKCS12) {
            Some([3]) => Cipher::TripleDes,
            Some([5]) => Cipher::Rc2Of128,
            Some([6]) => Cipher::Rc2Of40,
            _ => return Err(Pkcs12Error::Unsupported),
        };
        Self::with_salt(parameters, cipher, Derivation::OfPkcs12).ok_or(Pkcs12Error::Malformed)
    }

    fn with_salt(
        mut parameters: Elements<'a>,
        cipher: Cipher,
        derivation: Derivation<'a>,
    ) -> Option<Self> {
        let salt = parameters.content(OCTET_STRING)?;
        Some(Self { cipher, derivation, salt, rounds: NonZeroU32::new(parameters.number()?)? })
    }

    fn pbes2(mut parameters: Elements<'a>) -> Result<Self, Pkcs12Error> {
        const BAD: Pkcs12Error = Pkcs12Error::Malformed;
        let mut derivation = parameters.inside(SEQUENCE).ok_or(BAD)?;
        let mut encryption = parameters.inside(SEQUENCE).ok_or(BAD)?;
        if derivation.content(OBJECT_IDENTIFIER).ok_or(BAD)? != PBKDF2 {
            return Err(Pkcs12Error::Unsupported);
        }
        let how = derivation.inside(SEQUENCE).ok_or(BAD)?;
        let name = encryption.content(OBJECT_IDENTIFIER).ok_or(BAD)?;
        let cipher = match (name, name.strip_prefix(AES)) {
            (TRIPLE_DES_CBC, _) => Cipher::TripleDes,
            (_, Some([2])) => Cipher::Aes128,
            (_, Some([22])) => Cipher::Aes192,
            (_, Some([42])) => Cipher::Aes256,
            _ => return Err(Pkcs12Error::Unsupported),
        };
        let iv = encryption.content(OCTET_STRING).ok_or(BAD)?;
        let derivation = Derivation::Pbkdf2 { hash: hash_of(how)?, iv };
        Self::with_salt(how, cipher, derivation).ok_or(BAD)
    }

    /// Rounds over the password in all: for each block that is derived.
    pub(super) fn rounds(&self) -> u32 {
        let blocks = match self.derivation {
            Derivation::OfPkcs12 => 3,
            Derivation::Pbkdf2 { .. } => 2,
        };
        self.rounds.get().saturating_mul(blocks)
    }

    pub(super) fn decrypt(
        &self,
        sealed: &[u8],
        password: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
        let mut data = Zeroizing::new(sealed.to_vec());
        let opened = match self.cipher {
            Cipher::Aes128 => self.open::<Aes128, 16>(Aes128::new_from_slice, password, &mut data),
            Cipher::Aes192 => self.open::<Aes192, 24>(Aes192::new_from_slice, password, &mut data),
            Cipher::Aes256 => self.open::<Aes256, 32>(Aes256::new_from_slice, password, &mut data),
            Cipher::TripleDes => {
                self.open::<TdesEde3, 24>(TdesEde3::new_from_slice, password, &mut data)
            }
            Cipher::Rc2Of128 => self.open::<Rc2, 16>(Rc2::new_from_slice, password, &mut data),
            Cipher::Rc2Of40 => self.open::<Rc2, 5>(Rc2::new_from_slice, password, &mut data),
        };
        opened.ok_or(Pkcs12Error::Password).map(|()| data)
    }

    /// Decrypts in place and takes the padding off; `None` when there is none, or an IV of another
    /// length than the cipher's.
    fn open<C: BlockCipherDecrypt, const KEY: usize>(
        &self,
        with_key: impl FnOnce(&[u8]) -> Result<C, InvalidLength>,
        password: &str,
        data: &mut Vec<u8>,
    ) -> Option<()> {
        let mut key = Zeroizing::new([0; KEY]);
        let block = C::block_size();
        let mut iv = [0; 16];
        let iv = iv.get_mut(..block)?;
        match self.derivation {
            Derivation::OfPkcs12 => {
                let of = |purpose| (purpose, 64);
                let (salt, rounds) = (self.salt, self.rounds.get());
                key = derive::<Sha1, KEY>(of(Purpose::Key), password, salt, rounds);
                let derived = derive::<Sha1, 8>(of(Purpose::Iv), password, salt, rounds);
                iv.copy_from_slice(derived.get(..block)?);
            }
            Derivation::Pbkdf2 { hash, iv: written } => {
                pbkdf2::derive(hash, self.rounds, self.salt, password.as_bytes(), &mut *key);
                (written.len() == block).then(|| iv.copy_from_slice(written))?;
            }
        }
        let iv = cipher::Array::try_from(&*iv).ok()?;
        let mut decryptor = Decryptor::inner_iv_init(with_key(&*key).ok()?, &iv);
        if data.is_empty() || !data.len().is_multiple_of(block) {
            return None;
        }
        for chunk in data.chunks_exact_mut(block) {
            decryptor.decrypt_block(chunk.try_into().ok()?);
        }
        unpad(data, block)
    }
}

fn unpad(data: &mut Vec<u8>, block: usize) -> Option<()> {
    let padding = usize::from(*data.last()?);
    let clear = data.len().checked_sub(padding)?;
    let whole = (1..=block).contains(&padding)
        && data[clear..].iter().all(|byte| usize::from(*byte) == padding);
    whole.then(|| data.truncate(clear))
}

/// The hash of PBKDF2 (RFC 8018 appendix A.2), behind salt, rounds and, at choice, the length of the
/// key; SHA-1 when it is not there.
fn hash_of(mut how: Elements<'_>) -> Result<pbkdf2::Algorithm, Pkcs12Error> {
    const BAD: Pkcs12Error = Pkcs12Error::Malformed;
    how.content(OCTET_STRING).ok_or(BAD)?;
    how.number().ok_or(BAD)?;
    if how.tag() == Some(INTEGER) {
        how.number().ok_or(BAD)?;
    }
    if how.is_empty() {
        return Ok(pbkdf2::PBKDF2_HMAC_SHA1);
    }
    let mut algorithm = how.inside(SEQUENCE).ok_or(BAD)?;
    match algorithm.content(OBJECT_IDENTIFIER).ok_or(BAD)?.strip_prefix(HMAC) {
        Some([7]) => Ok(pbkdf2::PBKDF2_HMAC_SHA1),
        Some([9]) => Ok(pbkdf2::PBKDF2_HMAC_SHA256),
        Some([10]) => Ok(pbkdf2::PBKDF2_HMAC_SHA384),
        Some([11]) => Ok(pbkdf2::PBKDF2_HMAC_SHA512),
        _ => Err(Pkcs12Error::Unsupported),
    }
}
