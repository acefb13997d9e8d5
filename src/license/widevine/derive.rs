//! The keys of a session (widevine.md section 6): derived from a session key by AES-CMAC, over
//! the very bytes of the request.

use std::fmt;

use ring::hmac;
use zeroize::Zeroizing;

use crate::crypto::chains::seal_padded;
use crate::crypto::cmac::Cmac;
use crate::crypto::{ContentKey, Expanded};

const ENCRYPTION: (&[u8], [u8; 4]) = (b"ENCRYPTION\0", [0, 0, 0, 0x80]);
const AUTHENTICATION: (&[u8], [u8; 4]) = (b"AUTHENTICATION\0", [0, 0, 2, 0]);

/// What encrypts keys and authenticates messages. Wiped when dropped, never printed.
pub(crate) struct SessionKeys {
    encryption: Expanded,
    pub(crate) macs: MacKeys,
}

/// The keys that authenticate what either side says: 32 bytes of the server, then 32 of the client.
#[derive(Clone)]
pub(crate) struct MacKeys(Zeroizing<[u8; 64]>);

impl SessionKeys {
    /// Derives the keys of the request `msg`.
    pub(crate) fn derive(session_key: &[u8; 16], msg: &[u8]) -> Self {
        let cmac = Cmac::new(session_key);
        let block = |counter: u8, (label, length): (&[u8], [u8; 4])| {
            cmac.of(&[&[counter], label, msg, &length])
        };
        let encryption = Expanded::new(&ContentKey::from_bytes(block(1, ENCRYPTION)));
        let mut macs = Zeroizing::new([0; 64]);
        for (counter, part) in (1..).zip(macs.as_chunks_mut::<16>().0) {
            *part = block(counter, AUTHENTICATION);
        }
        Self { encryption, macs: MacKeys(macs) }
    }

    /// A key as a container holds it.
    pub(crate) fn seal(&self, iv: [u8; 16], key: &[u8]) -> Vec<u8> {
        // With the padding in place at once, the clear key lies in no buffer that is left behind.
        let mut sealed = Vec::with_capacity(key.len() + 16);
        sealed.extend_from_slice(key);
        seal_padded(&self.encryption, iv, &mut sealed);
        sealed
    }

    /// The cipher of containers.
    pub(crate) fn encryption(&self) -> &Expanded {
        &self.encryption
    }
}

impl MacKeys {
    /// Keys that were drawn or kept.
    pub(crate) fn new(keys: Zeroizing<[u8; 64]>) -> Self {
        Self(keys)
    }

    /// The 64 bytes, as a container of signing keys holds them.
    pub(crate) fn expose(&self) -> &[u8; 64] {
        &self.0
    }

    /// Authenticates what the server says.
    pub(crate) fn server(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0[..32])
    }

    /// Authenticates what the client says.
    pub(crate) fn client(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0[32..])
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKeys(redacted)")
    }
}

impl fmt::Debug for MacKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKeys(redacted)")
    }
}
