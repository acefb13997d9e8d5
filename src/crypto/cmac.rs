//! AES-128-CMAC (RFC 4493): derives the keys of Widevine sessions, seals PlayReady licences.

use std::fmt;

use aes::Aes128;
use cipher::KeyInit;
use cmac::Mac as _;
use subtle::ConstantTimeEq;

use super::BLOCK;

/// A key with its sub-keys, ready for any number of messages. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct Cmac(cmac::Cmac<Aes128>);

impl Cmac {
    /// Derives the sub-keys.
    pub fn new(key: &[u8; BLOCK]) -> Self {
        Self(cmac::Cmac::new(key.into()))
    }

    /// The code over the parts as one message.
    pub fn of(&self, parts: &[&[u8]]) -> [u8; BLOCK] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether `code` is that of the parts; takes the same time for every code.
    #[must_use]
    pub fn fits(&self, parts: &[&[u8]], code: &[u8]) -> bool {
        self.of(parts).ct_eq(code).into()
    }
}

impl fmt::Debug for Cmac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cmac(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
    const MESSAGE: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                           30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    /// RFC 4493 section 4.
    #[test]
    fn the_examples_of_the_standard_hold_however_the_message_is_cut() {
        let cmac = Cmac::new(&hex(KEY).try_into().unwrap());
        let message = hex(MESSAGE);
        for (length, code) in [
            (0, "bb1d6929e95937287fa37d129b756746"),
            (16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (40, "dfa66747de9ae63030ca32611497c827"),
            (64, "51f0bebf7e3b9d92fc49741779363cfe"),
        ] {
            for cut in [0, length / 2, length] {
                let parts = [&message[..cut], &message[cut..length]];
                assert_eq!(cmac.of(&parts).to_vec(), hex(code), "{length} cut at {cut}");
                assert!(cmac.fits(&parts, &hex(code)));
            }
            assert!(!cmac.fits(&[&message[..length]], &hex(code)[..15]));
            assert!(!cmac.fits(&[&message[..length], b"x"], &hex(code)));
        }
    }

    #[test]
    fn debug_output_tells_nothing() {
        assert_eq!(format!("{:?}", Cmac::new(&[1; 16])), "Cmac(redacted)");
    }
}
