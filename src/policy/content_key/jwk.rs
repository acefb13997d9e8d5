//! JWK sets that stand in policies (RFC 7517): the keys of an identity provider as it publishes them.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::policy::secret::Secret;

/// Keys of a set at most.
const MAX_KEYS: usize = 64;

/// A set of keys, of which the `kid` of a token selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys; those of types that are not known are left out when a token is verified.
    pub keys: Vec<Jwk>,
}

/// A key. Members beside these are ignored (RFC 7517 section 4) and not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// `RSA`, `EC` or `oct`.
    pub kty: String,
    /// Names the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// What it is for; only keys without it and those for `sig` verify.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// The one algorithm it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// The curve of an `EC` key: `P-256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// Coordinate of an `EC` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<Base64Url>,
    /// Coordinate of an `EC` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<Base64Url>,
    /// Modulus of an `RSA` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<Base64Url>,
    /// Exponent of an `RSA` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<Base64Url>,
    /// An `oct` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<Base64Url>,
    /// The private part, which does not belong into a policy; refused.
    #[serde(default, skip_serializing, deserialize_with = "present")]
    d: bool,
}

/// A member counts as present whatever its value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Bytes in base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base64Url(Secret);

impl Base64Url {
    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl<'de> Deserialize<'de> for Base64Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = zeroize::Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
        let bytes = bytes.map_err(|_| de::Error::custom("unpadded base64url is expected"))?;
        Ok(Self(Secret::from_bytes(bytes)))
    }
}

impl Serialize for Base64Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&zeroize::Zeroizing::new(BASE64URL_NOPAD.encode(self.expose())))
    }
}

/// What of a key verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Material<'a> {
    /// A shared secret.
    Secret(&'a [u8]),
    /// Modulus and exponent, big-endian.
    Rsa {
        /// Modulus.
        n: &'a [u8],
        /// Exponent.
        e: &'a [u8],
    },
    /// Coordinates of a point of P-256.
    P256 {
        /// x, 32 bytes.
        x: &'a [u8],
        /// y, 32 bytes.
        y: &'a [u8],
    },
}

impl JwkSet {
    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=MAX_KEYS).contains(&self.keys.len()) {
            return Err(format!("keySet.keys: 1 to {MAX_KEYS} keys are expected"));
        }
        for (n, key) in self.keys.iter().enumerate() {
            key.check().map_err(|rule| format!("keySet.keys[{n}].{rule}"))?;
        }
        match self.keys.iter().any(|key| key.material().is_some()) {
            true => Ok(()),
            false => Err("keySet.keys: none verifies tokens (RSA, EC P-256, oct)".to_owned()),
        }
    }
}

impl Jwk {
    /// What verifies; `None` for keys that are for something else or of another type.
    pub fn material(&self) -> Option<Material<'_>> {
        if self.usage.as_ref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let (algorithm, material) = match self.kty.as_str() {
            "oct" => ("HS256", Material::Secret(self.k.as_ref()?.expose())),
            "RSA" => (
                "RS256",
                Material::Rsa { n: self.n.as_ref()?.expose(), e: self.e.as_ref()?.expose() },
            ),
            "EC" if self.crv.as_deref() == Some("P-256") => (
                "ES256",
                Material::P256 { x: self.x.as_ref()?.expose(), y: self.y.as_ref()?.expose() },
            ),
            _ => return None,
        };
        self.alg.as_ref().is_none_or(|alg| alg == algorithm).then_some(material)
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.d {
            return Err("d: a private key does not belong into a policy; make a new one");
        }
        match self.material() {
            Some(Material::Secret(secret)) if secret.len() < 32 => Err("k: at least 32 bytes"),
            Some(Material::Rsa { n, .. }) if !(256..=1025).contains(&n.len()) => {
                Err("n: 2048 to 8192 bits")
            }
            Some(Material::Rsa { e, .. }) if !(1..=8).contains(&e.len()) => Err("e: 1 to 8 bytes"),
            Some(Material::P256 { x, y }) if x.len() != 32 || y.len() != 32 => {
                Err("x: coordinates have 32 bytes")
            }
            _ => Ok(()),
        }
    }
}
