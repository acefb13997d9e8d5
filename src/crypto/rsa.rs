//! RSA as protection systems use it (RFC 8017): OAEP and PSS, with SHA-1 and with keys of 1024 bits,
//! which `ring` does not have.
//!
//! RUSTSEC-2023-0071 (`deny.toml`) is about the time of private-key operations. So they are blinded
//! here, they happen only once a request may have a licence, and what failed inside of one is not
//! told.

use std::fmt;

use rsa::pkcs1::{
    DecodeRsaPrivateKey, DecodeRsaPublicKey, EncodeRsaPrivateKey, EncodeRsaPublicKey,
};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, Pss};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

use super::random::Random;

/// A longer modulus is refused: the work grows with the square of its length, and keys come from
/// strangers.
const MAX_BITS: usize = 4096;

/// Bytes of salt in every PSS signature here, whatever the hash.
const SALT: usize = 20;

/// What RSA could not do; never why, of a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RsaError {
    /// The key does not read, or is of a length that is not served.
    #[error("not an RSA key of 1024 to {MAX_BITS} bits")]
    BadKey,
    /// The text does not fit the key.
    #[error("the text is too long for the RSA key")]
    TooLong,
    /// What was encrypted does not open.
    #[error("what was encrypted does not open with the RSA key")]
    NotOpened,
    /// A signature could not be made.
    #[error("the RSA key does not sign")]
    NotSigned,
}

/// The hash of a signature and of its mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(rsa::PublicKey);

/// A private key. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct PrivateKey(rsa::PrivateKey);

impl PublicKey {
    /// Reads `RSAPublicKey` (RFC 8017 appendix A.1.1).
    ///
    /// # Errors
    /// [`RsaError::BadKey`].
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, RsaError> {
        let key = rsa::PublicKey::from_pkcs1_der(der).map_err(|_| RsaError::BadKey)?;
        let fits = key.size() <= MAX_BITS / 8;
        fits.then_some(Self(key)).ok_or(RsaError::BadKey)
    }

    /// The key as `RSAPublicKey`.
    ///
    /// # Errors
    /// [`RsaError::BadKey`], which no key that was read or made gives.
    pub fn to_pkcs1(&self) -> Result<Vec<u8>, RsaError> {
        self.0.to_pkcs1_der().map(|der| der.as_bytes().to_vec()).map_err(|_| RsaError::BadKey)
    }

    /// Bytes of the modulus.
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// Whether the PSS signature (with its salt of 20 bytes) is that of the message.
    #[must_use]
    pub fn verifies(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let verified = match hash {
            Hash::Sha1 => {
                self.0.verify(Pss::<Sha1>::new_with_salt(SALT), &Sha1::digest(message), signature)
            }
            Hash::Sha256 => {
                let scheme = Pss::<Sha256>::new_with_salt(SALT);
                self.0.verify(scheme, &Sha256::digest(message), signature)
            }
            Hash::Sha384 => {
                let scheme = Pss::<Sha384>::new_with_salt(SALT);
                self.0.verify(scheme, &Sha384::digest(message), signature)
            }
        };
        verified.is_ok()
    }

    /// Encrypts by OAEP with SHA-1 and no label.
    ///
    /// # Errors
    /// [`RsaError::TooLong`].
    pub fn encrypt(&self, random: &mut Random<'_>, text: &[u8]) -> Result<Vec<u8>, RsaError> {
        self.encrypt_oaep(Hash::Sha1, random, text)
    }

    /// Encrypts by OAEP with this hash (for the mask too) and no label.
    ///
    /// # Errors
    /// [`RsaError::TooLong`].
    pub fn encrypt_oaep(
        &self,
        hash: Hash,
        random: &mut Random<'_>,
        text: &[u8],
    ) -> Result<Vec<u8>, RsaError> {
        let encrypted = match hash {
            Hash::Sha1 => self.0.encrypt(random, Oaep::<Sha1>::new(), text),
            Hash::Sha256 => self.0.encrypt(random, Oaep::<Sha256>::new(), text),
            Hash::Sha384 => self.0.encrypt(random, Oaep::<Sha384>::new(), text),
        };
        encrypted.map_err(|_| RsaError::TooLong)
    }
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// [`RsaError::BadKey`] for lengths that are not served.
    pub fn generate(random: &mut Random<'_>, bits: usize) -> Result<Self, RsaError> {
        let fits = bits <= MAX_BITS;
        let key = fits.then(|| rsa::PrivateKey::new(random, bits)).and_then(Result::ok);
        key.map(Self).ok_or(RsaError::BadKey)
    }

    /// Reads PEM: `PRIVATE KEY` (PKCS#8) or `RSA PRIVATE KEY` (PKCS#1).
    ///
    /// # Errors
    /// [`RsaError::BadKey`].
    pub fn from_pem(pem: &str) -> Result<Self, RsaError> {
        let pkcs8 = rsa::PrivateKey::from_pkcs8_pem(pem).ok();
        let key = pkcs8.or_else(|| rsa::PrivateKey::from_pkcs1_pem(pem).ok());
        Self::checked(key)
    }

    /// Reads DER, of PKCS#1 or PKCS#8.
    ///
    /// # Errors
    /// [`RsaError::BadKey`].
    pub fn from_der(der: &[u8]) -> Result<Self, RsaError> {
        let pkcs1 = rsa::PrivateKey::from_pkcs1_der(der).ok();
        let key = pkcs1.or_else(|| rsa::PrivateKey::from_pkcs8_der(der).ok());
        Self::checked(key)
    }

    fn checked(key: Option<rsa::PrivateKey>) -> Result<Self, RsaError> {
        key.filter(|key| key.size() <= MAX_BITS / 8).map(Self).ok_or(RsaError::BadKey)
    }

    /// The key as `RSAPrivateKey` (RFC 8017 appendix A.1.2).
    ///
    /// # Errors
    /// [`RsaError::BadKey`], which no key that was read or made gives.
    pub fn to_pkcs1(&self) -> Result<Zeroizing<Vec<u8>>, RsaError> {
        let der = self.0.to_pkcs1_der().map_err(|_| RsaError::BadKey)?;
        Ok(der.to_bytes())
    }

    /// The key as PEM of PKCS#8.
    ///
    /// # Errors
    /// [`RsaError::BadKey`], which no key that was read or made gives.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, RsaError> {
        self.0.to_pkcs8_pem(LineEnding::LF).map_err(|_| RsaError::BadKey)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.to_public_key())
    }

    /// Decrypts OAEP with SHA-1 and no label.
    ///
    /// # Errors
    /// [`RsaError::NotOpened`], whatever was wrong. Whether it opened is a secret too: whoever could
    /// ask often enough would learn the text.
    pub fn decrypt(
        &self,
        random: &mut Random<'_>,
        encrypted: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, RsaError> {
        self.decrypt_oaep(Hash::Sha1, random, encrypted)
    }

    /// Decrypts OAEP with this hash (for the mask too) and no label.
    ///
    /// # Errors
    /// [`RsaError::NotOpened`], as [`Self::decrypt`].
    pub fn decrypt_oaep(
        &self,
        hash: Hash,
        random: &mut Random<'_>,
        encrypted: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, RsaError> {
        let opened = match hash {
            Hash::Sha1 => self.0.decrypt_blinded(random, Oaep::<Sha1>::new(), encrypted),
            Hash::Sha256 => self.0.decrypt_blinded(random, Oaep::<Sha256>::new(), encrypted),
            Hash::Sha384 => self.0.decrypt_blinded(random, Oaep::<Sha384>::new(), encrypted),
        };
        opened.map(Zeroizing::new).map_err(|_| RsaError::NotOpened)
    }

    /// Signs by PSS with SHA-1 and a salt of 20 bytes.
    ///
    /// # Errors
    /// [`RsaError::NotSigned`].
    pub fn sign(&self, random: &mut Random<'_>, message: &[u8]) -> Result<Vec<u8>, RsaError> {
        let scheme = Pss::<Sha1>::new_with_salt(SALT);
        let signed = self.0.sign_with_rng(random, scheme, &Sha1::digest(message));
        signed.map_err(|_| RsaError::NotSigned)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::System;

    fn key(bits: usize) -> PrivateKey {
        PrivateKey::generate(&mut System::new(), bits).unwrap()
    }

    #[test]
    fn old_short_keys_and_usual_ones_encrypt_sign_and_are_written() {
        let random = &mut System::new();
        for bits in [1024, 2048] {
            let key = key(bits);
            let public = PublicKey::from_pkcs1(&key.public().to_pkcs1().unwrap()).unwrap();
            assert_eq!(public.size(), bits / 8);
            let encrypted = public.encrypt(random, b"sixteen bytes ok").unwrap();
            let signature = key.sign(random, b"message").unwrap();
            assert!(public.verifies(Hash::Sha1, b"message", &signature));
            for (hash, message) in [(Hash::Sha256, "message"), (Hash::Sha1, "massage")] {
                assert!(!public.verifies(hash, message.as_bytes(), &signature));
            }
            for again in [
                PrivateKey::from_der(&key.to_pkcs1().unwrap()).unwrap(),
                PrivateKey::from_pem(&key.to_pem().unwrap()).unwrap(),
            ] {
                assert_eq!(&*again.decrypt(random, &encrypted).unwrap(), b"sixteen bytes ok");
            }
            let cut = key.decrypt(random, &encrypted[1..]);
            assert_eq!(cut.unwrap_err(), RsaError::NotOpened);
        }
        let long = [7; 200];
        assert_eq!(key(1024).public().encrypt(random, &long), Err(RsaError::TooLong));
    }

    /// The key is one that OpenSSL made, the signature too:
    /// `openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20 -sign KEY`.
    #[test]
    fn signatures_of_openssl_verify_under_every_hash() {
        let pem = include_str!("../../keys/dev/token-rs256.pem");
        let public = PrivateKey::from_pem(pem).unwrap().public();
        for (hash, signature) in OPENSSL_SIGNATURES {
            let signature = data_encoding::BASE64.decode(signature.as_bytes()).unwrap();
            assert!(public.verifies(hash, b"portcullis", &signature), "{hash:?}");
            assert!(!public.verifies(hash, b"portcullis", &signature[1..]), "{hash:?}");
        }
    }

    #[test]
    fn other_lengths_and_what_is_no_key_are_refused() {
        let random = &mut System::new();
        for bits in [512, MAX_BITS + 8] {
            assert_eq!(PrivateKey::generate(random, bits).unwrap_err(), RsaError::BadKey);
        }
        assert_eq!(PublicKey::from_pkcs1(b"\x30\x03\x02\x01\x05"), Err(RsaError::BadKey));
        assert_eq!(PrivateKey::from_pem("-----").unwrap_err(), RsaError::BadKey);
        assert_eq!(format!("{:?}", key(1024)), "PrivateKey(redacted)");
    }

    const OPENSSL_SIGNATURES: [(Hash, &str); 3] = [
        (
            Hash::Sha1,
            "pWiY53MU453xxwyExPPRZl7bTEPsAmKzbmTcNpWPPfVZj/qh9d7+R8qAMXxO3Oe8H2X57v+5YVZOOT35O7Ycu7wcad6caufKLyn4v/oM87rFMsxZD77MoVx2ob8vA35Ju0dMd793UJxkH75F1j8osk49K5K9XdRYX8Ss3eWSAADRHeL0z/ZxZNcKmT6Edm2mPOrgcI1G2rfoVohVN5CM8GEkLXPfVOh9AhNFKxePYmM8ozJq2Q7IeTbIxL9J5l81qqiru2LFZ8YiwJI24zRC7WX9f77UPaRYXI8AdVKMtB5A9RQBJ7rPQ6VHA1QGBhKAAAkaF8hG1AtLxTLHQf3nUw==",
        ),
        (
            Hash::Sha256,
            "2DaO8InTgqmlXVSPtvKO1wQHHedviZJS1Fo3mqnrMTBhsxt0/RZ3Xr23HZBYOR6qTyAHReOONGRcFIJljieYmhIooAO1ifqGZHZGk2I7+dPlnpvKMj9Y8VhoPkGjBKzYO7NwYpdr//qqbFwS/60T1C+shqf3kc4sMyKo1zZ6aaXuvoK599WAtAlsSppk/s6F8y8KE8tUm2ygIwfX5YFw1svq2k3oft/tprmjx036dOLRq1wbKyXoNDeYYWyjMwb39asV+WjMXJlt2OTpCOAppsi4OkwPLXx76mWso97d2xMnB/GvVo5YlUYKQj8ABp/hNNhzIKLLxT3RB2DNIY/+Dw==",
        ),
        (
            Hash::Sha384,
            "0NgIZr//vMpk0XnS3AeV88iKxMfqPduR+WJamWb76nBMgtY/lmGI651qb9wrmdbD3gbdfaux8qTHpDCZY67lgUmo/ZBoAE0rMIGw6vr135MKj8zeCji71QFTQl34ptKwOm2pzzVfIdcgX0x/eJvu+HPNfd9tfJRxGhvreTFVXCv9rXG9Tg5bvwI41gTAFd0x18vw2BbR0ieoPVNfHwJnNadwDcXdwA2hyHw0XsEkMV2E37cuouqV9qJPTi6D98v1Iy4R+XFTtePoiYzRMlPrEkFa6quBjH0EQqPJ1H/P/mX7d2tGRzX9ScY8X+5w8GGHGQXLWTRu8iGs4Sc3/6Ml8A==",
        ),
    ];
}
