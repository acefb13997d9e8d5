//! The other side, for self-made credentials: writes SPCs and opens content key messages. For tests,
//! and for operators who look whether a service answers.

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::d_function::R2;
use super::session::{R1, answer_key};
use super::{Capabilities, PlaybackState, SpcVersion, aes, certificate, ckc, tag, tllv};
use crate::bytes::{Reader, Truncated, Writer};
use crate::crypto::ContentKey;
use crate::crypto::random::{NoRandomness, Random, array};
use crate::crypto::rsa::RsaError;

/// What is wrong with a certificate or an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The certificate has no RSA key of 1024 or 2048 bits.
    #[error("not a certificate of an RSA key of 1024 or 2048 bits")]
    Certificate,
    /// The key refuses.
    #[error(transparent)]
    Rsa(#[from] RsaError),
    /// There is no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The answer is no content key message.
    #[error("the answer is no content key message: {0}")]
    Ckc(&'static str),
}

impl From<Truncated> for ClientError {
    fn from(_: Truncated) -> Self {
        Self::Ckc("it ends too early")
    }
}

/// What a client asks for.
#[derive(Debug, Clone, Default)]
pub struct Wish<'a> {
    /// The asset id.
    pub asset: &'a [u8],
    /// Date (seconds of Unix time) and state of the playback, if it is reported.
    pub playback: Option<(u32, PlaybackState)>,
    /// What the client can.
    pub capabilities: Capabilities,
}

/// A device: what its key is made of, and the key that the function D makes of it.
#[derive(Debug, Clone)]
pub struct Device {
    /// R2 of its requests.
    pub r2: [u8; R2],
    /// Its key.
    pub key: ContentKey,
}

/// A request that is being written, and what opens its answer.
pub struct Draft {
    /// The layout.
    pub version: SpcVersion,
    /// SHA-1 of the certificate.
    pub certificate: [u8; 20],
    /// Tags, values and cipher blocks of padding that are not needed.
    pub blocks: Vec<(u64, Vec<u8>, usize)>,
    public: crate::crypto::rsa::PublicKey,
    opener: Opener,
}

/// What opens the answer to a request.
pub struct Opener {
    session_key: ContentKey,
    answer_key: ContentKey,
    r1: Zeroizing<[u8; R1]>,
    /// Blocks that must come back as they are.
    returned: Vec<Vec<u8>>,
}

/// An answer that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The content key.
    pub key: ContentKey,
    /// The IV of the content.
    pub iv: [u8; 16],
    /// Seconds of lease and rental, and the key type.
    pub duration: Option<(u32, u32, u32)>,
    /// The least HDCP.
    pub hdcp: Option<u64>,
    /// The value of the block `offline key`.
    pub offline: Option<Vec<u8>>,
    /// The least security level.
    pub level: Option<u64>,
}

/// A block of no meaning, whose return is asked for.
const UNKNOWN: u64 = 0xf0f0_f0f0_a5a5_a5a5;

const RETURNED: [u64; 3] = [tag::ASSET_ID, tag::TRANSACTION_ID, UNKNOWN];

impl Draft {
    /// A request of a device in the name of a certificate (DER).
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(
        certificate: &[u8],
        device: &Device,
        wish: &Wish<'_>,
        random: &mut Random<'_>,
    ) -> Result<Self, ClientError> {
        let public = certificate::public_key(certificate).ok_or(ClientError::Certificate)?;
        let version = SpcVersion::for_key(public.size()).ok_or(ClientError::Certificate)?;
        let (session_key, r1) = (ContentKey::from_bytes(array(random)?), array(random)?);
        let (identity, integrity): ([u8; 20], [u8; 16]) = (array(random)?, array(random)?);
        let (anti_replay, iv): ([u8; 16], [u8; 16]) = (array(random)?, array(random)?);
        let mut sealed = [&session_key.expose()[..], &identity, &r1, &integrity].concat();
        aes::seal(&device.key, iv, &mut sealed);
        let versions = [1_u32, 2].map(u32::to_be_bytes).concat();
        let mut blocks = vec![
            (tag::SK_R1_INTEGRITY, integrity.to_vec(), 3),
            (0x1111_1111_2222_2222, Vec::new(), 0),
            (tag::SK_R1, [&iv[..], &sealed].concat(), 2),
            (tag::ANTI_REPLAY, anti_replay.to_vec(), 0),
            (tag::R2, device.r2.to_vec(), 1),
            (tag::RETURN_REQUEST, RETURNED.map(u64::to_be_bytes).concat(), 0),
            (tag::ASSET_ID, wish.asset.to_vec(), 4),
            (tag::TRANSACTION_ID, array::<8>(random)?.to_vec(), 0),
            (tag::VERSIONS_SUPPORTED, versions, 0),
            (tag::VERSION_USED, 1_u32.to_be_bytes().to_vec(), 0),
            (UNKNOWN, array::<7>(random)?.to_vec(), 2),
            (tag::STREAMING, array::<8>(random)?.to_vec(), 0),
            (tag::CAPABILITIES, [0, wish.capabilities.0].map(u64::to_be_bytes).concat(), 0),
        ];
        if let Some((date, state)) = wish.playback {
            let state = [date, state.number()].map(u32::to_be_bytes).concat();
            blocks.push((tag::PLAYBACK_STATE, [&state[..], &array::<8>(random)?].concat(), 0));
        }
        let (r1, answer_key) = (Zeroizing::new(r1), answer_key(&r1, anti_replay));
        let opener = Opener { session_key, answer_key, r1, returned: Vec::new() };
        let certificate = Sha1::digest(certificate).into();
        Ok(Self { version, certificate, blocks, public, opener })
    }

    /// The SPC, and what opens the answer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn seal(self, random: &mut Random<'_>) -> Result<(Vec<u8>, Opener), ClientError> {
        let (payload, returned) = self.payload(random)?;
        let spc = self.seal_payload(payload, random)?;
        Ok((spc, Opener { returned, ..self.opener }))
    }

    /// What [`seal`](Self::seal) encrypts, and the blocks of it that are to come back.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn payload(&self, random: &mut Random<'_>) -> Result<(Vec<u8>, Vec<Vec<u8>>), ClientError> {
        let (mut payload, mut returned) = (Writer::default(), Vec::new());
        for (tag, value, more) in &self.blocks {
            let mut block = Writer::default();
            tllv::put(&mut block, *tag, value, *more, random)?;
            let block = block.into_vec();
            payload.bytes(&block);
            if RETURNED.contains(tag) {
                returned.push(block);
            }
        }
        Ok((payload.into_vec(), returned))
    }

    /// An SPC with this payload, of whole cipher blocks, whatever it holds.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn seal_payload(
        &self,
        mut payload: Vec<u8>,
        random: &mut Random<'_>,
    ) -> Result<Vec<u8>, ClientError> {
        let (key, iv) = (ContentKey::from_bytes(array(random)?), array(random)?);
        aes::seal(&key, iv, &mut payload);
        let mut out = Writer::with_capacity(payload.len() + 304);
        out.u32(self.version.number());
        out.u32(0);
        out.bytes(&iv);
        out.bytes(&self.public.encrypt_oaep(self.version.hash(), random, key.expose())?);
        out.bytes(&self.certificate);
        out.u32(payload.len() as u32);
        out.bytes(&payload);
        Ok(out.into_vec())
    }
}

impl Opener {
    /// Opens the answer, strictly: all that was to come back is there as it was.
    ///
    /// # Errors
    /// [`ClientError::Ckc`].
    pub fn open(&self, ckc: &[u8]) -> Result<Answer, ClientError> {
        let payload = self.payload(ckc)?;
        let blocks: Result<Vec<_>, _> = tllv::blocks(&payload).collect();
        let blocks = blocks.map_err(|_| ClientError::Ckc("a block does not fit"))?;
        let value = |tag| blocks.iter().find(|block| block.tag == tag).map(|block| block.value);
        let twice = |n: usize| blocks[..n].iter().any(|block| block.tag == blocks[n].tag);
        if (0..blocks.len()).any(twice) {
            return Err(ClientError::Ckc("a block is there twice"));
        }
        if value(tag::R1) != Some(&self.r1[..]) {
            return Err(ClientError::Ckc("R1 is not that of the request"));
        }
        let is_back = |sent: &Vec<u8>| blocks.iter().any(|block| block.raw == sent);
        if !self.returned.iter().all(is_back) {
            return Err(ClientError::Ckc("a block did not come back as it was"));
        }
        let mut content = Reader::new(value(tag::CONTENT_KEY).unwrap_or_default());
        let (iv, sealed) = (content.array()?, content.array()?);
        let number = |tag, at| match value(tag) {
            Some(value) => Reader::new(value.get(at..).unwrap_or_default()).u64().map(Some),
            None => Ok(None),
        };
        Ok(Answer {
            key: ContentKey::from_bytes(aes::open_block(&self.session_key, sealed)),
            iv,
            duration: value(tag::DURATION).map(duration).transpose()?,
            hdcp: number(tag::HDCP, 0)?,
            offline: value(tag::OFFLINE_KEY).map(<[u8]>::to_vec),
            level: number(tag::SECURITY_LEVEL, 8)?,
        })
    }

    fn payload(&self, ckc: &[u8]) -> Result<Vec<u8>, ClientError> {
        let mut reader = Reader::new(ckc);
        let front = (reader.u32()?, reader.u32()?);
        let (iv, length) = (reader.array()?, reader.u32()?);
        let mut payload = reader.rest().to_vec();
        if front != (ckc::VERSION, 0) || length as usize != payload.len() {
            return Err(ClientError::Ckc("its version or length is wrong"));
        }
        aes::open(&self.answer_key, iv, &mut payload);
        Ok(payload)
    }
}

fn duration(value: &[u8]) -> Result<(u32, u32, u32), Truncated> {
    let mut reader = Reader::new(value);
    let numbers = (reader.u32()?, reader.u32()?, reader.u32()?);
    reader.u32().map(|_| numbers)
}
