//! `jsonwebtoken` over ring: HS256, RS256 and ES256, nothing else (RFC 7518 sections 3.2 to 3.4).

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::UnparsedPublicKey;
use ring::{hmac, rand, signature};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring the process-wide provider of `jsonwebtoken`; may be called any number of times.
pub(super) fn install() {
    // An error only says that it was done before.
    let _ = PROVIDER.install_default();
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => {
            Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))))
        }
        (Algorithm::RS256, AlgorithmFamily::Rsa) => {
            let pair = signature::RsaKeyPair::from_der(key.as_bytes())
                .map_err(|_| ErrorKind::InvalidKeyFormat)?;
            Ok(Box::new(Rs256Signer(pair)))
        }
        (Algorithm::ES256, AlgorithmFamily::Ec) => {
            let form = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
            let random = rand::SystemRandom::new();
            let pair = signature::EcdsaKeyPair::from_pkcs8(form, key.as_bytes(), &random)
                .map_err(|_| ErrorKind::InvalidKeyFormat)?;
            Ok(Box::new(Es256Signer(pair)))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    match (algorithm, key.family(), key.kind()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => {
            Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret))))
        }
        (Algorithm::RS256, AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let key = signature::RsaPublicKeyComponents { n: n.clone(), e: e.clone() };
            Ok(Box::new(Rs256Verifier(key)))
        }
        (Algorithm::RS256, AlgorithmFamily::Rsa, DecodingKeyKind::SecretOrDer(der)) => {
            let form = &signature::RSA_PKCS1_2048_8192_SHA256;
            Ok(Box::new(Whole(*algorithm, UnparsedPublicKey::new(form, der.clone()))))
        }
        (Algorithm::ES256, AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
            let form = &signature::ECDSA_P256_SHA256_FIXED;
            Ok(Box::new(Whole(*algorithm, UnparsedPublicKey::new(form, point.clone()))))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

struct Hs256(hmac::Key);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> std::result::Result<(), Error> {
        hmac::verify(&self.0, message, tag).map_err(|_| Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

struct Rs256Signer(signature::RsaKeyPair);

impl Signer<Vec<u8>> for Rs256Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let mut signed = vec![0; self.0.public().modulus_len()];
        let random = rand::SystemRandom::new();
        self.0
            .sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signed)
            .map_err(|_| Error::new())?;
        Ok(signed)
    }
}

impl JwtSigner for Rs256Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

struct Rs256Verifier(signature::RsaPublicKeyComponents<Vec<u8>>);

impl Verifier<Vec<u8>> for Rs256Verifier {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> std::result::Result<(), Error> {
        self.0
            .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signed)
            .map_err(|_| Error::new())
    }
}

impl JwtVerifier for Rs256Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

struct Es256Signer(signature::EcdsaKeyPair);

impl Signer<Vec<u8>> for Es256Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let signed = self.0.sign(&rand::SystemRandom::new(), message);
        signed.map(|signature| signature.as_ref().to_vec()).map_err(|_| Error::new())
    }
}

impl JwtSigner for Es256Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

/// A public key in the form that ring takes as a whole: RSAPublicKey, or a point.
struct Whole(Algorithm, UnparsedPublicKey<Vec<u8>>);

impl Verifier<Vec<u8>> for Whole {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> std::result::Result<(), Error> {
        self.1.verify(message, signed).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Whole {
    fn algorithm(&self) -> Algorithm {
        self.0
    }
}
