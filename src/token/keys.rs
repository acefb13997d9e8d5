//! From the verification keys of a policy to single keys, each with its one algorithm.

use jsonwebtoken::{Algorithm, DecodingKey};

use crate::policy::VerificationKey;
use crate::policy::content_key::jwk::Material;
use crate::policy::content_key::x509::PublicKey;

/// One key that verifies signatures.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    /// What the `kid` of a token must be when it has one.
    pub(super) id: Option<&'a str>,
    material: Kind<'a>,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Parts(Material<'a>),
    Whole(&'a PublicKey),
}

/// The single keys of a verification key, in order.
pub(super) fn keys(key: &VerificationKey) -> impl Iterator<Item = Key<'_>> {
    let (one, set) = match key {
        VerificationKey::Symmetric { key_value } => {
            (Some(Kind::Parts(Material::Secret(key_value.expose()))), None)
        }
        VerificationKey::Rsa { exponent, modulus } => {
            let parts = Material::Rsa { n: modulus.expose(), e: exponent.expose() };
            (Some(Kind::Parts(parts)), None)
        }
        VerificationKey::X509 { raw_body } => (Some(Kind::Whole(raw_body.key())), None),
        VerificationKey::JwkSet { key_set } => (None, Some(key_set)),
    };
    let one = one.into_iter().map(|material| Key { id: None, material });
    let set = set.into_iter().flat_map(|set| &set.keys);
    one.chain(set.filter_map(|key| {
        Some(Key { id: key.kid.as_deref(), material: Kind::Parts(key.material()?) })
    }))
}

impl Key<'_> {
    /// The algorithm of the key: the token does not choose it.
    pub(super) fn algorithm(self) -> Algorithm {
        match self.material {
            Kind::Parts(Material::Secret(_)) => Algorithm::HS256,
            Kind::Parts(Material::Rsa { .. }) | Kind::Whole(PublicKey::Rsa(_)) => Algorithm::RS256,
            Kind::Parts(Material::P256 { .. }) | Kind::Whole(PublicKey::P256(_)) => {
                Algorithm::ES256
            }
        }
    }

    pub(super) fn decoding_key(self) -> DecodingKey {
        match self.material {
            Kind::Parts(Material::Secret(secret)) => DecodingKey::from_secret(secret),
            Kind::Parts(Material::Rsa { n, e }) => {
                // ring refuses leading zeros, which some tools write before a set high bit.
                let zeros = n.iter().take_while(|&&byte| byte == 0).count();
                DecodingKey::from_rsa_raw_components(&n[zeros..], e)
            }
            Kind::Parts(Material::P256 { x, y }) => {
                DecodingKey::from_ec_der(&[&[4][..], x, y].concat())
            }
            Kind::Whole(PublicKey::Rsa(der)) => DecodingKey::from_rsa_der(der),
            Kind::Whole(PublicKey::P256(point)) => DecodingKey::from_ec_der(point),
        }
    }
}
