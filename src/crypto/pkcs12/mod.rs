//! Keys and certificates out of PKCS#12 files (RFC 7292), as OpenSSL, Windows and macOS write them:
//! DER, closed by a password.

mod derive;
mod encryption;
mod mac;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

use crate::bytes::der::{Elements, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};

/// What a file holds.
#[derive(Default)]
pub struct Contents {
    /// Private keys, PKCS#8.
    pub keys: Vec<Zeroizing<Vec<u8>>>,
    /// X.509 certificates, DER.
    pub certificates: Vec<Vec<u8>>,
}

/// Why a file does not open. All reasons that hang on the password are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.rule())]
pub enum Pkcs12Error {
    /// The file is no PKCS#12 in DER with a code of integrity under a password.
    Malformed,
    /// The file needs what is not read.
    Unsupported,
    /// More work on the password than is done for a file.
    TooMuchWork,
    /// The password is another, or the file was changed.
    Password,
}

impl Pkcs12Error {
    /// The rule that the file breaks.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Malformed => "not PKCS#12 in DER",
            Self::Unsupported => "PKCS#12 under a cipher that is not read: AES, 3DES and RC2 are",
            Self::TooMuchWork => "PKCS#12 with more rounds over the password than are made",
            Self::Password => "the password does not open the PKCS#12",
        }
    }
}

/// Rounds over the password for one file, some seconds of work; OpenSSL makes 2,048 for a block.
const MOST_ROUNDS: u32 = 4_000_000;

/// Parts inside of parts.
const DEEPEST: u8 = 4;

/// 1.2.840.113549.1.7.1 and .6
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6];
/// 1.2.840.113549.1.9.22.1
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 22, 1];
/// Bags: 1.2.840.113549.1.12.10.1, and one number more.
const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1];
const KEY: u8 = 1;
const ENCRYPTED_KEY: u8 = 2;
const CERTIFICATE: u8 = 3;
const NESTED: u8 = 6;

/// Context-specific tags: constructed, and the implicit one of encrypted content.
const EXPLICIT: u8 = 0xa0;
const IMPLICIT: u8 = 0x80;

/// Opens a file.
///
/// # Errors
/// [`Pkcs12Error`].
pub fn open(file: &[u8], password: &str) -> Result<Contents, Pkcs12Error> {
    let (safe, code) = envelope(file).ok_or(Pkcs12Error::Malformed)?;
    let mut opening = Opening { password, rounds: MOST_ROUNDS, contents: Contents::default() };
    opening.spend(code.rounds)?;
    if !code.holds(safe, password)? {
        return Err(Pkcs12Error::Password);
    }
    let mut parts = Elements::new(safe).inside(SEQUENCE).ok_or(Pkcs12Error::Malformed)?;
    while !parts.is_empty() {
        opening.part(parts.inside(SEQUENCE).ok_or(Pkcs12Error::Malformed)?)?;
    }
    Ok(opening.contents)
}

/// What is protected, and the code over it.
fn envelope(file: &[u8]) -> Option<(&[u8], mac::Code<'_>)> {
    let mut whole = Elements::new(file);
    let mut pfx = whole.inside(SEQUENCE)?;
    let is_known = pfx.number()? == 3 && whole.is_empty();
    let mut content = pfx.inside(SEQUENCE)?;
    let is_data = content.content(OBJECT_IDENTIFIER)? == DATA;
    let safe = content.inside(EXPLICIT)?.content(OCTET_STRING)?;
    let code = mac::Code::read(pfx.inside(SEQUENCE)?)?;
    (is_known && is_data).then_some((safe, code))
}

struct Opening<'p> {
    password: &'p str,
    /// Rounds that may still be made.
    rounds: u32,
    contents: Contents,
}

impl Opening<'_> {
    fn spend(&mut self, rounds: u32) -> Result<(), Pkcs12Error> {
        self.rounds = self.rounds.checked_sub(rounds).ok_or(Pkcs12Error::TooMuchWork)?;
        Ok(())
    }

    fn part(&mut self, mut part: Elements<'_>) -> Result<(), Pkcs12Error> {
        let kind = part.content(OBJECT_IDENTIFIER).ok_or(Pkcs12Error::Malformed)?;
        let mut content = part.inside(EXPLICIT).ok_or(Pkcs12Error::Malformed)?;
        match kind {
            DATA => self.bags(content.content(OCTET_STRING).ok_or(Pkcs12Error::Malformed)?, 0),
            ENCRYPTED_DATA => {
                let (algorithm, sealed) = encrypted(content).ok_or(Pkcs12Error::Malformed)?;
                let bags = self.decrypt(algorithm, sealed)?;
                self.bags(&bags, 0)
            }
            _ => Err(Pkcs12Error::Unsupported),
        }
    }

    fn decrypt(
        &mut self,
        algorithm: Elements<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
        let scheme = encryption::Scheme::read(algorithm)?;
        self.spend(scheme.rounds())?;
        scheme.decrypt(sealed, self.password)
    }

    fn bags(&mut self, bags: &[u8], depth: u8) -> Result<(), Pkcs12Error> {
        let mut bags = Elements::new(bags).inside(SEQUENCE).ok_or(Pkcs12Error::Malformed)?;
        while !bags.is_empty() {
            let bag = bags.inside(SEQUENCE).ok_or(Pkcs12Error::Malformed)?;
            self.bag(bag, depth)?;
        }
        Ok(())
    }

    /// Bags of other kinds, lists of revoked certificates for one, are left alone.
    fn bag(&mut self, mut bag: Elements<'_>, depth: u8) -> Result<(), Pkcs12Error> {
        const BAD: Pkcs12Error = Pkcs12Error::Malformed;
        let kind = bag.content(OBJECT_IDENTIFIER).ok_or(BAD)?;
        let value = bag.content(EXPLICIT).ok_or(BAD)?;
        match kind.strip_prefix(BAG) {
            Some([KEY]) => self.contents.keys.push(Zeroizing::new(value.to_vec())),
            Some([ENCRYPTED_KEY]) => {
                let mut info = Elements::new(value).inside(SEQUENCE).ok_or(BAD)?;
                let algorithm = info.inside(SEQUENCE).ok_or(BAD)?;
                let key = self.decrypt(algorithm, info.content(OCTET_STRING).ok_or(BAD)?)?;
                self.contents.keys.push(key);
            }
            Some([CERTIFICATE]) => {
                let mut certificate = Elements::new(value).inside(SEQUENCE).ok_or(BAD)?;
                if certificate.content(OBJECT_IDENTIFIER).ok_or(BAD)? == X509_CERTIFICATE {
                    let der =
                        certificate.inside(EXPLICIT).and_then(|mut it| it.content(OCTET_STRING));
                    self.contents.certificates.push(der.ok_or(BAD)?.to_vec());
                }
            }
            Some([NESTED]) if depth < DEEPEST => self.bags(value, depth + 1)?,
            _ => {}
        }
        Ok(())
    }
}

/// Algorithm and ciphertext of encrypted data (RFC 5652 section 8).
fn encrypted(mut content: Elements<'_>) -> Option<(Elements<'_>, &[u8])> {
    let mut data = content.inside(SEQUENCE)?;
    data.number()?;
    let mut info = data.inside(SEQUENCE)?;
    info.content(OBJECT_IDENTIFIER)?;
    Some((info.inside(SEQUENCE)?, info.content(IMPLICIT)?))
}
