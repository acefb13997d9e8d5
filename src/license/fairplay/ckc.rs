//! Writes content key messages (fairplay.md section 5).

use zeroize::Zeroizing;

use super::terms::{KeyDuration, Lifetime, OfflineKey};
use super::{FairPlayError, Session, Terms, aes, tag, tllv};
use crate::bytes::Writer;
use crate::crypto::ContentKey;
use crate::crypto::random::{NoRandomness, Random, array};
use crate::ids::KeyId;

/// The only version of content key messages.
pub(super) const VERSION: u32 = 1;

/// Bytes of all blocks that may be written, but for those that come back.
const WRITTEN: usize = 256;

impl Session {
    /// The content key message for a key; `iv` is that of the content.
    ///
    /// # Errors
    /// [`FairPlayError::NotExpressed`] when the client could not be told all that limits.
    pub fn ckc(
        &self,
        (kid, key, iv): (KeyId, &ContentKey, [u8; 16]),
        terms: &Terms,
        random: &mut Random<'_>,
    ) -> Result<Vec<u8>, FairPlayError> {
        let lifetime = terms.lifetime(self)?;
        // All at once: what is moved to grow leaves a copy of R1 behind.
        let room = WRITTEN + self.returned.iter().map(Vec::len).sum::<usize>();
        let mut blocks = Blocks { out: Writer::with_capacity(room), random: &mut *random };
        let sealed = aes::seal_block(&self.session_key, *key.expose());
        blocks.put(tag::CONTENT_KEY, &[iv, sealed].concat())?;
        // As long as published messages have it.
        tllv::put(&mut blocks.out, tag::R1, &*self.r1, 1, blocks.random)?;
        self.returned.iter().for_each(|block| blocks.out.bytes(block));
        match lifetime {
            Lifetime::Session => {}
            Lifetime::Limited(duration) => blocks.put(tag::DURATION, &duration.value())?,
            Lifetime::Offline(offline) => blocks.put(tag::OFFLINE_KEY, &offline.value(kid))?,
        }
        blocks.put(tag::HDCP, &[terms.hdcp().to_be_bytes(), [0; 8]].concat())?;
        if let Some(level) = terms.level() {
            let value = [(1_u64 << 32).to_be_bytes(), level.to_be_bytes()].concat();
            blocks.put(tag::SECURITY_LEVEL, &value)?;
        }
        Ok(self.seal(blocks.out.into_vec(), array(random)?))
    }

    fn seal(&self, blocks: Vec<u8>, iv: [u8; 16]) -> Vec<u8> {
        let mut payload = Zeroizing::new(blocks);
        aes::seal(&self.answer_key, iv, &mut payload);
        let mut out = Writer::with_capacity(28 + payload.len());
        out.u32(VERSION);
        out.u32(0);
        out.bytes(&iv);
        out.u32(payload.len() as u32);
        out.bytes(&payload);
        out.into_vec()
    }
}

struct Blocks<'r, 's> {
    out: Writer,
    random: &'r mut Random<'s>,
}

impl Blocks<'_, '_> {
    fn put(&mut self, tag: u64, value: &[u8]) -> Result<(), NoRandomness> {
        tllv::put(&mut self.out, tag, value, 0, self.random)
    }
}

impl KeyDuration {
    fn value(self) -> Vec<u8> {
        let Self { lease, rental, kind } = self;
        [lease, rental, kind, tag::DURATION_RESERVED].map(u32::to_be_bytes).concat()
    }
}

impl OfflineKey {
    /// The content is the key, and so is the title: nothing else is known of either.
    fn value(self, kid: KeyId) -> Vec<u8> {
        let Self { version, storage, playback } = self;
        let mut out = Writer::with_capacity(48);
        out.u32(version);
        out.u32(0);
        out.bytes(kid.as_bytes());
        out.u32(storage);
        out.u32(playback);
        if version == 2 {
            out.bytes(kid.as_bytes());
        }
        out.into_vec()
    }
}
