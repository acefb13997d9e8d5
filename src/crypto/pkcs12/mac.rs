//! The code that shows whether a password is right (RFC 7292 section 5.1, appendix A).

use ring::hmac::{self, Algorithm};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::Pkcs12Error;
use super::derive::{Purpose, derive};
use crate::bytes::der::{Elements, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};

/// 1.3.14.3.2.26
const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
/// 2.16.840.1.101.3.4.2, and one number more.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2];

/// A code, and how its key is made.
pub(super) struct Code<'a> {
    hash: &'a [u8],
    value: &'a [u8],
    salt: &'a [u8],
    pub(super) rounds: u32,
}

impl<'a> Code<'a> {
    pub(super) fn read(mut data: Elements<'a>) -> Option<Self> {
        let mut digest = data.inside(SEQUENCE)?;
        let hash = digest.inside(SEQUENCE)?.content(OBJECT_IDENTIFIER)?;
        let (value, salt) = (digest.content(OCTET_STRING)?, data.content(OCTET_STRING)?);
        let rounds = if data.is_empty() { 1 } else { data.number()? };
        Some(Self { hash, value, salt, rounds })
    }

    /// Whether it is that of the content under the password.
    pub(super) fn holds(&self, content: &[u8], password: &str) -> Result<bool, Pkcs12Error> {
        let Self { salt, rounds, .. } = *self;
        let holds = |algorithm: Algorithm, key: &[u8]| {
            hmac::verify(&hmac::Key::new(algorithm, key), content, self.value).is_ok()
        };
        let (short, long) = ((Purpose::Mac, 64), (Purpose::Mac, 128));
        if self.hash == SHA1 {
            let key = derive::<Sha1, 20>(short, password, salt, rounds);
            return Ok(holds(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &*key));
        }
        match self.hash.strip_prefix(SHA2) {
            Some([1]) => {
                let key = derive::<Sha256, 32>(short, password, salt, rounds);
                Ok(holds(hmac::HMAC_SHA256, &*key))
            }
            Some([2]) => {
                let key = derive::<Sha384, 48>(long, password, salt, rounds);
                Ok(holds(hmac::HMAC_SHA384, &*key))
            }
            Some([3]) => {
                let key = derive::<Sha512, 64>(long, password, salt, rounds);
                Ok(holds(hmac::HMAC_SHA512, &*key))
            }
            _ => Err(Pkcs12Error::Unsupported),
        }
    }
}
