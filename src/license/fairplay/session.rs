//! An SPC that was opened (fairplay.md sections 3 and 4).

use std::collections::BTreeMap;

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aes;
use super::asset::kid_of;
use super::d_function::Seed;
use super::tllv::{self, Block};
use super::{FairPlayError, Spc, tag};
use crate::bytes::Reader;
use crate::crypto::ContentKey;
use crate::crypto::random::{Random, array};
use crate::crypto::rsa::PrivateKey;
use crate::ids::KeyId;

/// The protocol that is served.
const PROTOCOL: u32 = 1;

/// Bytes of R1.
pub(super) const R1: usize = 44;

/// What a client says in an SPC.
pub struct Session {
    /// Encrypts the content key.
    pub(super) session_key: ContentKey,
    /// Encrypts the answer.
    pub(super) answer_key: ContentKey,
    pub(super) r1: Zeroizing<[u8; R1]>,
    /// The same for all requests of a device, and of no use to anybody but the service.
    device: [u8; 20],
    asset: Vec<u8>,
    /// Blocks that the answer must hold, as they are.
    pub(super) returned: Vec<Vec<u8>>,
    pub(super) playback: Option<PlaybackState>,
    pub(super) capabilities: Capabilities,
}

/// What a player is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaybackState {
    /// Ready to start.
    Ready,
    /// Playing; needs no key.
    Playing,
    /// Playing, and the lease ends soon.
    Renewing,
    /// Something else.
    Other(u32),
}

impl PlaybackState {
    /// The number in requests.
    pub fn number(self) -> u32 {
        match self {
            Self::Ready => 0xf4de_e5a2,
            Self::Playing => 0xa5d6_739e,
            Self::Renewing => 0x4f83_4330,
            Self::Other(number) => number,
        }
    }

    fn of(number: u32) -> Self {
        let known = [Self::Ready, Self::Playing, Self::Renewing];
        known.into_iter().find(|it| it.number() == number).unwrap_or(Self::Other(number))
    }
}

/// What a client can, in bits (fairplay.md section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// Whether it reads offline key blocks.
    pub fn offline_key(self) -> bool {
        self.0 & 1 << 1 != 0
    }

    /// Whether it reads those of version 2.
    pub fn offline_key_v2(self) -> bool {
        self.0 & 1 << 3 != 0
    }
}

/// A request out of its outer encryption. What of it is secret waits for the key of the device.
pub struct Opened {
    payload: Zeroizing<Vec<u8>>,
    ask: ContentKey,
}

impl Opened {
    /// Opens an SPC with the key of its certificate, under an application secret key.
    pub(super) fn open(
        spc: &Spc,
        key: &PrivateKey,
        ask: &ContentKey,
        random: &mut Random<'_>,
    ) -> Result<Self, FairPlayError> {
        let another = array(random)?;
        let opened = key.decrypt_oaep(spc.version.hash(), random, &spc.wrapped_key);
        // A key that does not open is replaced, so that the way on is the same.
        let key = opened.ok().and_then(|key| key.as_slice().try_into().ok()).unwrap_or(another);
        let mut payload = Zeroizing::new(spc.payload.clone());
        aes::open(&ContentKey::from_bytes(key), spc.iv, &mut payload);
        Ok(Self { payload, ask: ask.clone() })
    }

    /// What the key of the device is made of.
    ///
    /// # Errors
    /// [`FairPlayError::Integrity`] where there is no such thing.
    pub fn seed(&self) -> Result<Seed, FairPlayError> {
        let r2 = Index::new(&self.payload).array(tag::R2);
        let r2 = r2.map_err(|_| FairPlayError::Integrity)?;
        Ok(Seed { ask: self.ask.clone(), r2 })
    }

    /// Reads the request with the key of its device.
    ///
    /// # Errors
    /// [`FairPlayError::Integrity`] until the integrity value has shown that whoever sends the SPC
    /// made it, whatever is wrong with it; then the rule that is broken.
    pub fn read(&self, device_key: &ContentKey) -> Result<Session, FairPlayError> {
        Session::read(&Index::new(&self.payload), device_key)
    }
}

impl Session {
    fn read(index: &Index<'_>, device_key: &ContentKey) -> Result<Self, FairPlayError> {
        let secrets = Secrets::open(index, device_key).ok_or(FairPlayError::Integrity)?;
        index.fault.map_or(Ok(()), Err)?;
        index.check_protocol()?;
        let anti_replay = index.array(tag::ANTI_REPLAY)?;
        Ok(Self {
            answer_key: answer_key(&secrets.r1, anti_replay),
            session_key: secrets.session_key,
            r1: secrets.r1,
            device: secrets.device,
            asset: index.required(tag::ASSET_ID)?.to_vec(),
            returned: index.returned()?,
            playback: index.playback(),
            capabilities: index.capabilities(),
        })
    }

    /// What the application named the content.
    pub fn asset(&self) -> &[u8] {
        &self.asset
    }

    /// The key that the asset id names.
    pub fn kid(&self) -> Option<KeyId> {
        kid_of(&self.asset)
    }

    /// A name of the device that the service alone can read.
    pub fn device(&self) -> &[u8; 20] {
        &self.device
    }

    /// What the player is about to do.
    pub fn playback(&self) -> Option<PlaybackState> {
        self.playback
    }
}

/// The key of the answer: AES-128 of the anti-replay seed under the first 16 bytes of the SHA-1 of R1.
pub(super) fn answer_key(r1: &[u8; R1], anti_replay: [u8; 16]) -> ContentKey {
    let digest: [u8; 20] = Sha1::digest(r1).into();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    ContentKey::from_bytes(aes::seal_block(&ContentKey::from_bytes(key), anti_replay))
}

/// What the block `SK_R1` holds.
struct Secrets {
    session_key: ContentKey,
    device: [u8; 20],
    r1: Zeroizing<[u8; R1]>,
}

impl Secrets {
    /// `None` if the integrity value does not hold, or there is nothing that could.
    fn open(index: &Index<'_>, device_key: &ContentKey) -> Option<Self> {
        let mut reader = Reader::new(index.value(tag::SK_R1)?);
        let iv = reader.array().ok()?;
        let mut sealed = Zeroizing::new(reader.array::<96>().ok()?);
        aes::open(device_key, iv, &mut *sealed);
        let mut reader = Reader::new(&*sealed);
        let session_key = ContentKey::from_bytes(reader.array().ok()?);
        let device = reader.array().ok()?;
        let r1 = Zeroizing::new(reader.array().ok()?);
        let holds = reader.rest().ct_eq(index.value(tag::SK_R1_INTEGRITY)?);
        let secrets = Self { session_key, device, r1 };
        bool::from(holds).then_some(secrets)
    }
}

/// The blocks of a payload by their tags.
struct Index<'a> {
    blocks: BTreeMap<u64, Block<'a>>,
    /// The first rule that they break: not to be told before the integrity value holds.
    fault: Option<FairPlayError>,
}

impl<'a> Index<'a> {
    fn new(payload: &'a [u8]) -> Self {
        let mut index = Self { blocks: BTreeMap::new(), fault: None };
        for block in tllv::blocks(payload) {
            let fault = block.and_then(|block| index.take(block)).err();
            index.fault = index.fault.or(fault);
        }
        let found = |row: &&tag::Row| index.blocks.contains_key(&row.tag);
        let missing = tag::TABLE.iter().find(|row| row.required && !found(row));
        let fault = index.fault.or(missing.map(|row| FairPlayError::Missing(row.name)));
        Self { fault, ..index }
    }

    fn take(&mut self, block: Block<'a>) -> Result<(), FairPlayError> {
        let known = tag::TABLE.iter().find(|row| row.tag == block.tag);
        if self.blocks.contains_key(&block.tag) {
            // What is not known may mean anything, twice too.
            return known.map_or(Ok(()), |row| Err(FairPlayError::Duplicate(row.name)));
        }
        self.blocks.insert(block.tag, block);
        let wrong = known.filter(|row| !row.length.contains(&block.value.len()));
        wrong.map_or(Ok(()), |row| Err(FairPlayError::Parameter(row.name)))
    }

    fn value(&self, tag: u64) -> Option<&'a [u8]> {
        self.blocks.get(&tag).map(|block| block.value)
    }

    fn required(&self, tag: u64) -> Result<&'a [u8], FairPlayError> {
        self.value(tag).ok_or(FairPlayError::Missing("a required block"))
    }

    fn array<const N: usize>(&self, tag: u64) -> Result<[u8; N], FairPlayError> {
        let value = self.required(tag)?.try_into();
        value.map_err(|_| FairPlayError::Parameter("a block of fixed length"))
    }

    /// The version must be served, and one of those that the client says it can: else somebody
    /// wants it to use an old one.
    fn check_protocol(&self) -> Result<(), FairPlayError> {
        let used = u32::from_be_bytes(self.array(tag::VERSION_USED)?);
        let (supported, rest) = self.required(tag::VERSIONS_SUPPORTED)?.as_chunks();
        if !rest.is_empty() {
            return Err(FairPlayError::Parameter("protocol versions supported"));
        }
        let listed = supported.iter().any(|version| u32::from_be_bytes(*version) == used);
        if used != PROTOCOL || !listed {
            return Err(FairPlayError::Protocol);
        }
        let asks = self.value(tag::OFFLINE_SYNC).is_some_and(|value| !value.starts_with(&[0; 4]));
        if asks { Err(FairPlayError::OfflineSync) } else { Ok(()) }
    }

    /// Each block at most once: an answer is never much longer than the request.
    fn returned(&self) -> Result<Vec<Vec<u8>>, FairPlayError> {
        let (tags, rest) = self.required(tag::RETURN_REQUEST)?.as_chunks();
        if !rest.is_empty() {
            return Err(FairPlayError::Parameter("return request"));
        }
        let mut left = self.blocks.clone();
        let block = |tag: &[u8; 8]| {
            let tag = u64::from_be_bytes(*tag);
            let block = left.remove(&tag).filter(|_| !tag::OURS.contains(&tag));
            block.map(|block| block.raw.to_vec()).ok_or(FairPlayError::Return)
        };
        tags.iter().map(block).collect()
    }

    fn playback(&self) -> Option<PlaybackState> {
        let value = self.value(tag::PLAYBACK_STATE)?;
        value.get(4..)?.first_chunk().map(|state| PlaybackState::of(u32::from_be_bytes(*state)))
    }

    fn capabilities(&self) -> Capabilities {
        let value = self.value(tag::CAPABILITIES).and_then(|value| value.last_chunk());
        Capabilities(value.map_or(0, |bits| u64::from_be_bytes(*bits)))
    }
}
