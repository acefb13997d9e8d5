//! Writing a licence: the terms, the key for one device, and the seal over both.

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{
    CIPHER_ECC, CURVE_P256, MAGIC, OBJECT_FRONT, ObjectKind, Protection, SIGNATURE_CMAC,
    SIGNATURE_LEN, Terms, VERSION,
};
use crate::bytes::Writer;
use crate::crypto::cmac::Cmac;
use crate::crypto::ecc::{ENCRYPTED, EccError, MessagePoint, POINT, PublicKey};
use crate::crypto::key::ContentKey;
use crate::drm::playready::guid_order;
use crate::ids::KeyId;

/// Dates that are open.
const NO_BEGIN: u32 = 0;
const NO_END: u32 = u32::MAX;

/// Setting: the licence must not be stored.
const NOT_STORED: u16 = 1;

/// The licence may not be put into content.
const NOT_EMBEDDED: u16 = 1;

/// The version of revocation data that every device has.
const REVOCATION_VERSION: u32 = 1;

/// How the content key is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// AES-128 in counter mode.
    AesCtr,
    /// AES-128 in chaining mode.
    AesCbc,
}

impl Cipher {
    pub(super) const TABLE: [(Self, u16); 2] = [(Self::AesCtr, 1), (Self::AesCbc, 5)];

    fn number(self) -> u16 {
        Self::TABLE.iter().find(|(cipher, _)| *cipher == self).map_or(0, |(_, number)| *number)
    }
}

/// A licence for one key and one device.
#[derive(Debug)]
pub struct Licence<'a> {
    /// The licence's name.
    pub rights_id: [u8; 16],
    /// When it is made, in seconds since 1970.
    pub issued: u32,
    /// The key's name.
    pub kid: KeyId,
    /// How the key is used.
    pub cipher: Cipher,
    /// The key.
    pub key: &'a ContentKey,
    /// What is allowed.
    pub terms: &'a Terms,
}

impl Licence<'_> {
    /// The bytes of the licence; only the owner of `device` finds the key in them.
    ///
    /// # Errors
    /// [`EccError::NoRandomness`].
    pub fn write(&self, device: &PublicKey, random: &SystemRandom) -> Result<Vec<u8>, EccError> {
        let (point, integrity) = sealed_key(self.key, random)?;
        let encrypted = device.encrypt(&point, random)?;
        let mut tree = Tree::start(self.rights_id);
        tree.container(ObjectKind::Outer, |tree| {
            self.policies(tree);
            self.key_material(tree, &encrypted, device.as_bytes());
            // The lengths of the outer container count the seal, which is over them too.
            tree.leaf(ObjectKind::Signature, |out| {
                out.u16(SIGNATURE_CMAC);
                out.u16(16);
                out.zeros(16);
            });
        });
        let mut bytes = tree.out.into_vec();
        let sealed = bytes.len() - SIGNATURE_LEN;
        let code = Cmac::new(&integrity).of(&[&bytes[..sealed]]);
        let end = bytes.len() - code.len();
        bytes[end..].copy_from_slice(&code);
        Ok(bytes)
    }

    fn policies(&self, tree: &mut Tree) {
        if self.terms.play {
            tree.container(ObjectKind::PlaybackPolicy, |tree| playback_policy(tree, self.terms));
        }
        tree.container(ObjectKind::GlobalPolicy, |tree| {
            global_policy(tree, self.terms, self.issued);
        });
    }

    fn key_material(&self, tree: &mut Tree, encrypted: &[u8; ENCRYPTED], device: &[u8; POINT]) {
        tree.container(ObjectKind::KeyMaterial, |tree| {
            tree.leaf(ObjectKind::ContentKey, |out| {
                out.bytes(&guid_order(self.kid));
                out.u16(self.cipher.number());
                out.u16(CIPHER_ECC);
                out.u16(ENCRYPTED as u16);
                out.bytes(encrypted);
            });
            tree.leaf(ObjectKind::DeviceKey, |out| {
                out.u16(CURVE_P256);
                out.u16(POINT as u16);
                out.bytes(device);
            });
        });
    }
}

fn playback_policy(tree: &mut Tree, terms: &Terms) {
    if let Some(levels) = terms.output_levels {
        tree.leaf(ObjectKind::OutputLevels, |out| levels.iter().for_each(|level| out.u16(*level)));
    }
    if let Some(seconds) = terms.first_play_expiration {
        tree.leaf(ObjectKind::FirstPlayExpiration, |out| out.u32(seconds));
    }
    let protections = [
        (ObjectKind::AnalogVideo, ObjectKind::AnalogVideoEntry, &terms.analog_video),
        (ObjectKind::DigitalAudio, ObjectKind::DigitalAudioEntry, &terms.digital_audio),
        (ObjectKind::DigitalVideo, ObjectKind::DigitalVideoEntry, &terms.digital_video),
    ];
    for (container, entry, list) in protections {
        tree.list(container, list, |tree, Protection { id, data }| {
            tree.leaf(entry, |out| {
                out.bytes(id);
                out.bytes(data);
            });
        });
    }
    tree.list(ObjectKind::PlayEnablers, &terms.play_enablers, |tree, id| {
        tree.leaf(ObjectKind::PlayEnabler, |out| out.bytes(id));
    });
}

fn global_policy(tree: &mut Tree, terms: &Terms, issued: u32) {
    if !terms.persistent {
        tree.leaf(ObjectKind::RightsSettings, |out| out.u16(NOT_STORED));
    }
    if terms.begin.is_some() || terms.end.is_some() {
        tree.leaf(ObjectKind::Expiration, |out| {
            out.u32(terms.begin.unwrap_or(NO_BEGIN));
            out.u32(terms.end.unwrap_or(NO_END));
        });
    }
    // Empty, so not at the end: clients are known that look for data in the object behind it.
    if terms.real_time_expiration {
        tree.leaf(ObjectKind::RealTimeExpiration, |_| {});
    }
    let numbers = [
        (ObjectKind::GracePeriod, terms.grace_period),
        (ObjectKind::RemovalDate, terms.removal_date),
        (ObjectKind::SourceId, terms.source_id),
        (ObjectKind::IssueDate, Some(issued)),
        (ObjectKind::RevocationVersion, Some(REVOCATION_VERSION)),
    ];
    for (kind, value) in numbers {
        if let Some(value) = value {
            tree.leaf(kind, |out| out.u32(value));
        }
    }
    tree.leaf(ObjectKind::SecurityLevel, |out| out.u16(terms.security_level));
    tree.leaf(ObjectKind::Embedding, |out| out.u16(NOT_EMBEDDED));
}

/// A point whose x is a random integrity key and then the content key. About every other integrity
/// key has one; none starts with a zero byte, which clients are known to lose.
fn sealed_key(
    key: &ContentKey,
    random: &SystemRandom,
) -> Result<(MessagePoint, Zeroizing<[u8; 16]>), EccError> {
    let mut x = Zeroizing::new([0; 32]);
    x[16..].copy_from_slice(key.expose());
    loop {
        random.fill(&mut x[..16]).map_err(|_| EccError::NoRandomness)?;
        if x[0] == 0 {
            continue;
        }
        if let Some(point) = MessagePoint::of_x(&x) {
            let mut integrity = Zeroizing::new([0; 16]);
            integrity.copy_from_slice(&x[..16]);
            return Ok((point, integrity));
        }
    }
}

/// Objects inside each other; lengths are filled in when an object ends.
struct Tree {
    out: Writer,
}

impl Tree {
    fn start(rights_id: [u8; 16]) -> Self {
        let mut out = Writer::with_capacity(512);
        out.bytes(MAGIC);
        out.u32(VERSION);
        out.bytes(&rights_id);
        Self { out }
    }

    fn container(&mut self, kind: ObjectKind, content: impl FnOnce(&mut Self)) {
        let start = self.out.position();
        let (number, flags) = kind.wire();
        self.out.u16(flags);
        self.out.u16(number);
        self.out.u32(0);
        content(self);
        // Licences are some hundred bytes long; the longest that rights can ask for has a few kB.
        let length = u32::try_from(self.out.position() - start).unwrap_or(u32::MAX);
        self.out.patch_u32(start + OBJECT_FRONT - 4, length);
    }

    fn leaf(&mut self, kind: ObjectKind, content: impl FnOnce(&mut Writer)) {
        self.container(kind, |tree| content(&mut tree.out));
    }

    /// A container, unless it would be empty.
    fn list<T>(&mut self, kind: ObjectKind, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        if !items.is_empty() {
            self.container(kind, |tree| items.iter().for_each(|one| item(tree, one)));
        }
    }
}
