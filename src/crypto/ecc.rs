//! The curve P-256 (SEC 2 section 2.4.2): ECDSA with SHA-256, and ElGamal over points as PlayReady
//! uses it (playready.md sections 5 and 7).
//!
//! Signatures are ring's, which is the fastest at them; ring adds no points, so ElGamal is done with
//! the arithmetic of RustCrypto's `p256`, whose multiplications by secrets take constant time.

use std::fmt;

use p256::elliptic_curve::Group;
use p256::elliptic_curve::ff::PrimeField;
use p256::elliptic_curve::point::{AffineCoordinates, BatchNormalize, DecompressPoint};
use p256::{AffinePoint, FieldBytes, NonZeroScalar, ProjectivePoint, Scalar};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a coordinate or a scalar, most significant first.
pub const FIELD: usize = 32;
/// Bytes of a point: x, y.
pub const POINT: usize = 64;
/// Bytes of a signature: r, s.
pub const SIGNATURE: usize = 64;
/// Bytes of an encrypted point: two points.
pub const ENCRYPTED: usize = 128;

/// The bytes are not what they should be, or there is no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EccError {
    /// The coordinates are those of no point.
    #[error("no point of P-256 has these coordinates")]
    NotOnCurve,
    /// The number is zero or not smaller than the order of the curve.
    #[error("this number is no private key of P-256")]
    NotAPrivateKey,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
}

/// A point that lies on the curve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    bytes: [u8; POINT],
    point: AffinePoint,
}

impl PublicKey {
    /// Takes x and y.
    ///
    /// # Errors
    /// [`EccError::NotOnCurve`].
    pub fn from_bytes(bytes: &[u8; POINT]) -> Result<Self, EccError> {
        Ok(Self { bytes: *bytes, point: point_of(bytes)? })
    }

    /// x and y.
    pub fn as_bytes(&self) -> &[u8; POINT] {
        &self.bytes
    }

    /// Whether the signature over the message is by this key.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE]) -> bool {
        verifies(&self.bytes, message, signature)
    }

    /// Encrypts a point so that only the owner of this key finds it again.
    ///
    /// # Errors
    /// [`EccError::NoRandomness`].
    pub fn encrypt(
        &self,
        message: &MessagePoint,
        random: &SystemRandom,
    ) -> Result<[u8; ENCRYPTED], EccError> {
        let mut once = random_scalar(random)?;
        let shared = Zeroizing::new(ProjectivePoint::from(self.point) * *once);
        let pair = [ProjectivePoint::mul_by_generator(&once), *shared + message.0];
        once.zeroize();
        let [first, second] = <ProjectivePoint as BatchNormalize<_>>::batch_normalize(&pair);
        let mut out = [0; ENCRYPTED];
        out[..POINT].copy_from_slice(&bytes_of(&first));
        out[POINT..].copy_from_slice(&bytes_of(&second));
        Ok(out)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", data_encoding::HEXLOWER.encode(&self.bytes[..8]))
    }
}

/// Whether the signature over the message is by the key x, y; `false` too when there is no such
/// key.
#[must_use]
pub fn verifies(key: &[u8; POINT], message: &[u8], signature: &[u8; SIGNATURE]) -> bool {
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, uncompressed(key));
    key.verify(message, signature).is_ok()
}

/// A private key. Never printed; the scalar is wiped when dropped.
pub struct PrivateKey {
    scalar: Zeroizing<[u8; FIELD]>,
    public: PublicKey,
    signer: EcdsaKeyPair,
}

impl PrivateKey {
    /// Takes the number.
    ///
    /// # Errors
    /// [`EccError::NotAPrivateKey`].
    pub fn from_bytes(bytes: &[u8; FIELD]) -> Result<Self, EccError> {
        let scalar = scalar_of(bytes).ok_or(EccError::NotAPrivateKey)?;
        let point = ProjectivePoint::mul_by_generator(&scalar).to_affine();
        let public = PublicKey { bytes: bytes_of(&point), point };
        let signer = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            bytes,
            &uncompressed(&public.bytes),
            &SystemRandom::new(),
        );
        let signer = signer.map_err(|_| EccError::NotAPrivateKey)?;
        Ok(Self { scalar: Zeroizing::new(*bytes), public, signer })
    }

    /// A new key. Neither the number nor a coordinate starts with a zero byte: clients are known
    /// that write numbers without such bytes (playready.md section 11).
    ///
    /// # Errors
    /// [`EccError::NoRandomness`].
    pub fn generate(random: &SystemRandom) -> Result<Self, EccError> {
        loop {
            let mut bytes = Zeroizing::new([0; FIELD]);
            random.fill(&mut *bytes).map_err(|_| EccError::NoRandomness)?;
            let Ok(key) = Self::from_bytes(&bytes) else { continue };
            let public = key.public.as_bytes();
            if ![bytes[0], public[0], public[FIELD]].contains(&0) {
                return Ok(key);
            }
        }
    }

    /// The number, to be stored.
    pub fn expose(&self) -> &[u8; FIELD] {
        &self.scalar
    }

    /// The other half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message.
    ///
    /// # Errors
    /// [`EccError::NoRandomness`].
    pub fn sign(&self, message: &[u8], random: &SystemRandom) -> Result<[u8; SIGNATURE], EccError> {
        let signature = self.signer.sign(random, message).map_err(|_| EccError::NoRandomness)?;
        let mut out = [0; SIGNATURE];
        out.copy_from_slice(signature.as_ref());
        Ok(out)
    }

    /// Decrypts a point and gives its x. Every pair of points has one: whether it is the one that was
    /// encrypted must be seen from what it opens.
    ///
    /// # Errors
    /// [`EccError::NotOnCurve`].
    pub fn decrypt(&self, encrypted: &[u8; ENCRYPTED]) -> Result<Zeroizing<[u8; FIELD]>, EccError> {
        let (points, _) = encrypted.as_chunks::<POINT>();
        let &[first, second] = points else { return Err(EccError::NotOnCurve) };
        let (first, second) = (point_of(&first)?, point_of(&second)?);
        let mut scalar = scalar_of(&self.scalar).ok_or(EccError::NotAPrivateKey)?;
        let shared = Zeroizing::new(ProjectivePoint::from(first) * *scalar);
        scalar.zeroize();
        let message = Zeroizing::new(ProjectivePoint::from(second) - *shared);
        let message = Zeroizing::new(message.to_affine());
        Ok(Zeroizing::new(message.x().into()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(redacted)")
    }
}

/// A point that is a message. Wiped when dropped, never printed.
pub struct MessagePoint(AffinePoint);

impl MessagePoint {
    /// The point with this x and an even y, if there is one; there is for every other x.
    pub fn of_x(x: &[u8; FIELD]) -> Option<Self> {
        let x = Zeroizing::new(FieldBytes::from(*x));
        AffinePoint::decompress(&x, 0.into()).into_option().map(Self)
    }

    /// A random point and its x.
    ///
    /// # Errors
    /// [`EccError::NoRandomness`].
    pub fn random(random: &SystemRandom) -> Result<(Self, Zeroizing<[u8; FIELD]>), EccError> {
        let key = PrivateKey::generate(random)?;
        let mut x = Zeroizing::new([0; FIELD]);
        x.copy_from_slice(&key.public.bytes[..FIELD]);
        Ok((Self(key.public.point), x))
    }
}

impl Drop for MessagePoint {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for MessagePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessagePoint(redacted)")
    }
}

fn point_of(bytes: &[u8; POINT]) -> Result<AffinePoint, EccError> {
    let (coordinates, _) = bytes.as_chunks::<FIELD>();
    let &[x, y] = coordinates else { return Err(EccError::NotOnCurve) };
    let point = AffinePoint::from_coordinates(&x.into(), &y.into());
    point.into_option().ok_or(EccError::NotOnCurve)
}

fn bytes_of(point: &AffinePoint) -> [u8; POINT] {
    let mut bytes = [0; POINT];
    bytes[..FIELD].copy_from_slice(&point.x());
    bytes[FIELD..].copy_from_slice(&point.y());
    bytes
}

fn scalar_of(bytes: &[u8; FIELD]) -> Option<NonZeroScalar> {
    let scalar = Scalar::from_repr(FieldBytes::from(*bytes)).into_option();
    scalar.and_then(|scalar| NonZeroScalar::new(scalar).into_option())
}

fn random_scalar(random: &SystemRandom) -> Result<NonZeroScalar, EccError> {
    let mut bytes = Zeroizing::new([0; FIELD]);
    loop {
        random.fill(&mut *bytes).map_err(|_| EccError::NoRandomness)?;
        if let Some(scalar) = scalar_of(&bytes) {
            return Ok(scalar);
        }
    }
}

/// SEC 1 section 2.3.3.
fn uncompressed(point: &[u8; POINT]) -> [u8; 1 + POINT] {
    let mut bytes = [4; 1 + POINT];
    bytes[1..].copy_from_slice(point);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    /// RFC 6979 section A.2.5: the key, and the signature over "sample" with SHA-256.
    #[test]
    fn the_key_and_the_signature_of_the_standard_fit() {
        let private: [u8; 32] =
            hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
        let key = PrivateKey::from_bytes(&private).unwrap();
        let public = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
                      7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
        assert_eq!(key.public().as_bytes(), &hex::<64>(public));
        let signature = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
                         f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
        assert!(key.public().verifies(b"sample", &hex(signature)));
        assert!(!key.public().verifies(b"simple", &hex(signature)));
    }

    #[test]
    fn what_is_signed_verifies_and_what_is_changed_does_not() {
        let random = SystemRandom::new();
        let (key, other) =
            (PrivateKey::generate(&random).unwrap(), PrivateKey::generate(&random).unwrap());
        let mut signature = key.sign(b"message", &random).unwrap();
        assert!(key.public().verifies(b"message", &signature));
        assert!(!other.public().verifies(b"message", &signature));
        signature[63] ^= 1;
        assert!(!key.public().verifies(b"message", &signature));
    }

    #[test]
    fn an_encrypted_point_is_found_by_the_owner_alone_and_never_looks_the_same() {
        let random = SystemRandom::new();
        let (key, other) =
            (PrivateKey::generate(&random).unwrap(), PrivateKey::generate(&random).unwrap());
        let (point, x) = MessagePoint::random(&random).unwrap();
        let encrypted = key.public().encrypt(&point, &random).unwrap();
        assert_eq!(*key.decrypt(&encrypted).unwrap(), *x);
        assert_ne!(*other.decrypt(&encrypted).unwrap(), *x);
        assert_ne!(key.public().encrypt(&point, &random).unwrap(), encrypted);
    }

    #[test]
    fn about_every_other_number_is_an_x() {
        let points = (0..=255).filter_map(|byte| MessagePoint::of_x(&[byte; 32])).count();
        assert!((90..166).contains(&points), "{points}");
        assert!(MessagePoint::of_x(&[0xff; 32]).is_none());
    }

    #[test]
    fn points_beside_the_curve_and_numbers_out_of_range_are_refused() {
        assert_eq!(PublicKey::from_bytes(&[1; 64]), Err(EccError::NotOnCurve));
        let key = PrivateKey::generate(&SystemRandom::new()).unwrap();
        let mut encrypted = [0; ENCRYPTED];
        assert_eq!(key.decrypt(&encrypted).unwrap_err(), EccError::NotOnCurve);
        encrypted[..64].copy_from_slice(key.public().as_bytes());
        assert_eq!(key.decrypt(&encrypted).unwrap_err(), EccError::NotOnCurve);
        for number in [[0; 32], [0xff; 32]] {
            assert_eq!(PrivateKey::from_bytes(&number).unwrap_err(), EccError::NotAPrivateKey);
        }
    }

    #[test]
    fn debug_output_holds_no_private_byte() {
        let key = PrivateKey::from_bytes(&[0xab; 32]).unwrap();
        let (point, _) = MessagePoint::random(&SystemRandom::new()).unwrap();
        let shown = format!("{key:?} {point:?}");
        assert_eq!(shown, "PrivateKey(redacted) MessagePoint(redacted)");
    }
}
