//! Reading one certificate. What its signature is worth is seen in its chain.

use ring::digest::{SHA256, digest};

use super::{
    CERTIFICATE_MAGIC, ECC_256, FRONT, KEY_BITS, Kind, MUST_UNDERSTAND, SIGNATURE_LEN, VERSION, tag,
};
use crate::bytes::{Reader, Truncated};
use crate::crypto::ecc::{POINT, SIGNATURE};

/// Keys of one certificate; real ones have three at most.
const MAX_KEYS: u32 = 16;
/// Usages of one key, and features of one certificate.
const MAX_NUMBERS: u32 = 64;
/// Bytes of a name.
const MAX_NAME: usize = 256;

/// Bytes that are no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CertificateError(pub &'static str);

impl From<Truncated> for CertificateError {
    fn from(Truncated: Truncated) -> Self {
        Self("a length in a certificate does not fit")
    }
}

/// A key that a certificate vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifiedKey {
    /// x and y; not checked to be a point.
    pub point: [u8; POINT],
    /// What it may do.
    pub usages: Vec<u32>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Names the certificate in lists of revoked ones.
    pub id: [u8; 16],
    /// 150 (tests), 2000 (software) or 3000 (hardware).
    pub security_level: u32,
    /// What it is for.
    pub kind: Kind,
    /// When it ends, in seconds since 1970.
    pub expiry: u32,
    /// Names the client.
    pub client_id: [u8; 16],
    /// The keys.
    pub keys: Vec<CertifiedKey>,
    /// What the client can do.
    pub features: Vec<u32>,
    /// Manufacturer, model and version, if they are given.
    pub names: Option<[String; 3]>,
    /// The bytes that are signed.
    pub signed: &'a [u8],
    /// The signature over them.
    pub signature: [u8; SIGNATURE],
    /// By whom.
    pub issuer: [u8; POINT],
}

impl<'a> Certificate<'a> {
    /// Reads the certificate in front of `reader` and leaves what is behind it.
    ///
    /// # Errors
    /// [`CertificateError`], with what is wrong.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, CertificateError> {
        let bytes = reader.rest();
        let mut front = Reader::new(bytes);
        if &front.array()? != CERTIFICATE_MAGIC || front.u32()? != VERSION {
            return Err(CertificateError("a certificate starts with CERT and version 1"));
        }
        let (length, signed) = (size(front.u32()?), size(front.u32()?));
        if length < FRONT + SIGNATURE_LEN || signed != length - SIGNATURE_LEN {
            return Err(CertificateError("the signature of a certificate is not at its end"));
        }
        reader.skip(length)?;
        let (signature, issuer) = signature(&bytes[signed..length])?;
        let parts = Parts::read(&bytes[FRONT..signed])?;
        parts.finish(&bytes[..signed], signature, issuer)
    }

    /// The key with this usage.
    pub fn key_for(&self, usage: u32) -> Option<&[u8; POINT]> {
        self.keys.iter().find(|key| key.usages.contains(&usage)).map(|key| &key.point)
    }
}

fn size(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn signature(attribute: &[u8]) -> Result<([u8; SIGNATURE], [u8; POINT]), CertificateError> {
    let mut reader = Reader::new(attribute);
    let (_, tag, length) = (reader.u16()?, reader.u16()?, size(reader.u32()?));
    let (algorithm, bytes) = (reader.u16()?, usize::from(reader.u16()?));
    let signature = reader.array()?;
    let bits = reader.u32()?;
    let fits = tag == tag::SIGNATURE && length == attribute.len() && bytes == SIGNATURE;
    if !fits || algorithm != ECC_256 || bits != u32::from(KEY_BITS) {
        return Err(CertificateError("the signature of a certificate is not of type ECDSA P-256"));
    }
    Ok((signature, reader.array()?))
}

/// The attributes that are read; of several with one tag the first counts, as it does for clients.
#[derive(Default)]
struct Parts<'a> {
    basic: Option<&'a [u8]>,
    keys: Option<&'a [u8]>,
    features: Option<&'a [u8]>,
    manufacturer: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn read(attributes: &'a [u8]) -> Result<Self, CertificateError> {
        let mut parts = Self::default();
        let mut reader = Reader::new(attributes);
        while !reader.rest().is_empty() {
            let (flags, tag, length) = (reader.u16()?, reader.u16()?, size(reader.u32()?));
            let value = reader.take(length.checked_sub(8).ok_or(Truncated)?)?;
            let place = match tag {
                tag::BASIC => &mut parts.basic,
                tag::KEYS => &mut parts.keys,
                tag::FEATURES => &mut parts.features,
                tag::MANUFACTURER => &mut parts.manufacturer,
                _ if tag > tag::LAST && flags & MUST_UNDERSTAND != 0 => {
                    return Err(CertificateError("a certificate needs more than is understood"));
                }
                _ => continue,
            };
            place.get_or_insert(value);
        }
        Ok(parts)
    }

    fn finish(
        self,
        signed: &'a [u8],
        signature: [u8; SIGNATURE],
        issuer: [u8; POINT],
    ) -> Result<Certificate<'a>, CertificateError> {
        let absent = CertificateError("a certificate says what it is for, and has keys");
        let mut basic = Reader::new(self.basic.ok_or(absent)?);
        let (id, security_level) = (basic.array()?, basic.u32()?);
        let (_flags, kind, key_digest) =
            (basic.u32()?, Kind::of(basic.u32()?), basic.array::<32>()?);
        let (expiry, client_id) = (basic.u32()?, basic.array()?);
        let keys = keys(self.keys.ok_or(absent)?)?;
        let first = keys.first().ok_or(absent)?;
        if digest(&SHA256, &first.point).as_ref() != key_digest {
            return Err(CertificateError("the digest of a certificate is not that of its key"));
        }
        Ok(Certificate {
            id,
            security_level,
            kind,
            expiry,
            client_id,
            keys,
            features: self.features.map(features).transpose()?.unwrap_or_default(),
            names: self.manufacturer.map(names).transpose()?,
            signed,
            signature,
            issuer,
        })
    }
}

fn keys(value: &[u8]) -> Result<Vec<CertifiedKey>, CertificateError> {
    let mut reader = Reader::new(value);
    let count = counted(reader.u32()?, MAX_KEYS)?;
    let key = |_| {
        let (kind, bits, _flags) = (reader.u16()?, reader.u16()?, reader.u32()?);
        if kind != ECC_256 || bits != KEY_BITS {
            return Err(CertificateError("a key of a certificate is not one of P-256"));
        }
        let point = reader.array()?;
        Ok(CertifiedKey { point, usages: numbers(&mut reader)? })
    };
    (0..count).map(key).collect()
}

fn features(value: &[u8]) -> Result<Vec<u32>, CertificateError> {
    numbers(&mut Reader::new(value))
}

fn numbers(reader: &mut Reader<'_>) -> Result<Vec<u32>, CertificateError> {
    let count = counted(reader.u32()?, MAX_NUMBERS)?;
    Ok((0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?)
}

fn counted(count: u32, most: u32) -> Result<u32, CertificateError> {
    let few = (count <= most).then_some(count);
    few.ok_or(CertificateError("a certificate has more keys, usages or features than any real one"))
}

fn names(value: &[u8]) -> Result<[String; 3], CertificateError> {
    let mut reader = Reader::new(value);
    reader.skip(4)?;
    Ok([name(&mut reader)?, name(&mut reader)?, name(&mut reader)?])
}

fn name(reader: &mut Reader<'_>) -> Result<String, CertificateError> {
    let length = size(reader.u32()?);
    if length > MAX_NAME {
        return Err(CertificateError("a name in a certificate is too long"));
    }
    let text = reader.take(length)?;
    reader.skip(length.next_multiple_of(4) - length)?;
    Ok(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned())
}
