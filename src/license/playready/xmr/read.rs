//! Opening a licence, as a client does: every length is checked, the key is decrypted, and the seal
//! must fit it.

use super::{
    CIPHER_ECC, CURVE_P256, Cipher, FRONT, MAGIC, OBJECT_FRONT, ObjectKind, SIGNATURE_CMAC,
    SIGNATURE_LEN, VERSION,
};
use crate::bytes::{Reader, Truncated};
use crate::crypto::cmac::Cmac;
use crate::crypto::ecc::{POINT, PrivateKey};
use crate::crypto::key::ContentKey;
use crate::drm::playready::from_guid_order;
use crate::ids::KeyId;

/// Containers inside each other; licences have three levels.
const MAX_DEPTH: usize = 8;

/// Bytes that are no licence for this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the PlayReady licence does not open: {0}")]
pub struct XmrError(pub &'static str);

impl From<Truncated> for XmrError {
    fn from(Truncated: Truncated) -> Self {
        Self("a length does not fit")
    }
}

/// An opened licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The licence's name.
    pub rights_id: [u8; 16],
    /// The key's name.
    pub kid: KeyId,
    /// How the key is used.
    pub cipher: Cipher,
    /// The key.
    pub key: ContentKey,
    /// Every leaf in order: what it is and its data.
    pub objects: Vec<(ObjectKind, Vec<u8>)>,
    /// The licence gives the right to play.
    pub play: bool,
}

impl Opened {
    /// The data of the first leaf of this kind.
    pub fn object(&self, kind: ObjectKind) -> Option<&[u8]> {
        self.objects.iter().find(|(known, _)| *known == kind).map(|(_, data)| data.as_slice())
    }
}

/// Opens a licence with the private key of the device.
///
/// # Errors
/// [`XmrError`], with what is wrong.
pub fn open(bytes: &[u8], device: &PrivateKey) -> Result<Opened, XmrError> {
    let mut reader = Reader::new(bytes);
    if &reader.array()? != MAGIC || reader.u32()? != VERSION {
        return Err(XmrError("it does not start with XMR and version 3"));
    }
    let rights_id = reader.array()?;
    let mut walk = Walk::default();
    walk.level(&bytes[FRONT..], 0)?;
    if !walk.starts_with_outer || walk.containers_at_top != 1 {
        return Err(XmrError("it holds not exactly one outer container"));
    }
    let (kid, cipher, encrypted) = content_key(&walk)?;
    check_owner(&walk, device.public().as_bytes())?;
    let x = device.decrypt(encrypted).map_err(|_| XmrError("the key is no pair of points"))?;
    let (halves, _) = x.as_chunks::<16>();
    let &[integrity, key] = halves else { return Err(Truncated.into()) };
    check_seal(&walk, bytes, &integrity)?;
    Ok(Opened {
        rights_id,
        kid,
        cipher,
        key: ContentKey::from_bytes(key),
        play: walk.play,
        objects: walk.leaves.iter().map(|(kind, data)| (*kind, data.to_vec())).collect(),
    })
}

fn content_key<'a>(walk: &Walk<'a>) -> Result<(KeyId, Cipher, &'a [u8; 128]), XmrError> {
    let data = walk.leaf(ObjectKind::ContentKey).ok_or(XmrError("it has no key"))?;
    let mut reader = Reader::new(data);
    let kid = from_guid_order(reader.array()?);
    let number = reader.u16()?;
    let known = Cipher::TABLE.iter().find(|(_, known)| *known == number);
    let (cipher, _) = *known.ok_or(XmrError("the key is for another cipher"))?;
    let (how, _length) = (reader.u16()?, reader.u16()?);
    let encrypted = reader.rest().try_into();
    match encrypted {
        Ok(encrypted) if how == CIPHER_ECC => Ok((kid, cipher, encrypted)),
        _ => Err(XmrError("the key is encrypted in another way")),
    }
}

fn check_owner(walk: &Walk<'_>, own: &[u8; POINT]) -> Result<(), XmrError> {
    let owner = walk.leaf(ObjectKind::DeviceKey).unwrap_or_default();
    let mut reader = Reader::new(owner);
    let of_device = reader.u16()? == CURVE_P256 && usize::from(reader.u16()?) == POINT;
    if of_device && reader.rest() == own {
        return Ok(());
    }
    Err(XmrError("it is for another device"))
}

fn check_seal(walk: &Walk<'_>, bytes: &[u8], integrity: &[u8; 16]) -> Result<(), XmrError> {
    let Some((ObjectKind::Signature, data)) = walk.leaves.last() else {
        return Err(XmrError("it does not end with its seal"));
    };
    let mut reader = Reader::new(data);
    let form = (reader.u16()?, reader.u16()?);
    let sealed = bytes.len().checked_sub(SIGNATURE_LEN).ok_or(Truncated)?;
    let fits = Cmac::new(integrity).fits(&[&bytes[..sealed]], reader.rest());
    if form == (SIGNATURE_CMAC, 16) && fits {
        return Ok(());
    }
    Err(XmrError("the seal does not fit"))
}

#[derive(Default)]
struct Walk<'a> {
    leaves: Vec<(ObjectKind, &'a [u8])>,
    starts_with_outer: bool,
    containers_at_top: usize,
    play: bool,
}

impl<'a> Walk<'a> {
    fn level(&mut self, data: &'a [u8], depth: usize) -> Result<(), XmrError> {
        if depth > MAX_DEPTH {
            return Err(XmrError("objects are nested too deeply"));
        }
        let mut reader = Reader::new(data);
        while !reader.rest().is_empty() {
            let (flags, number, length) = (reader.u16()?, reader.u16()?, reader.u32()?);
            let length = usize::try_from(length).ok().and_then(|all| all.checked_sub(OBJECT_FRONT));
            let value = reader.take(length.ok_or(Truncated)?)?;
            let kind = ObjectKind::of(number);
            self.containers_at_top += usize::from(depth == 0);
            match kind {
                Some(kind) if kind.is_container() => {
                    self.starts_with_outer |= depth == 0 && kind == ObjectKind::Outer;
                    self.play |= kind == ObjectKind::PlaybackPolicy;
                    self.level(value, depth + 1)?;
                }
                Some(kind) => self.leaves.push((kind, value)),
                None if flags & 1 != 0 => return Err(XmrError("it has an unknown condition")),
                None => {}
            }
        }
        Ok(())
    }

    fn leaf(&self, kind: ObjectKind) -> Option<&'a [u8]> {
        self.leaves.iter().find(|(known, _)| *known == kind).map(|(_, data)| *data)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Licence, Protection, Terms, output};
    use super::*;
    use proptest::prelude::*;
    use ring::rand::SystemRandom;

    fn device() -> PrivateKey {
        PrivateKey::from_bytes(&[7; 32]).unwrap()
    }

    fn written(terms: &Terms) -> Vec<u8> {
        let key = ContentKey::from_bytes([9; 16]);
        let licence = Licence {
            rights_id: [1; 16],
            issued: 1_800_000_000,
            kid: KeyId::from_bytes([3; 16]),
            cipher: Cipher::AesCbc,
            key: &key,
            terms,
        };
        licence.write(device().public(), &SystemRandom::new()).unwrap()
    }

    fn full() -> Terms {
        let one = |id, value| vec![Protection::level(id, value).unwrap()];
        Terms {
            persistent: true,
            play: true,
            security_level: 2000,
            begin: Some(1),
            end: Some(2),
            first_play_expiration: Some(3),
            grace_period: Some(4),
            removal_date: Some(5),
            real_time_expiration: true,
            source_id: Some(6),
            output_levels: Some([400, 270, 150, 250, 300]),
            analog_video: one(output::CGMS_A, 3),
            digital_audio: one(output::SCMS, 1),
            digital_video: one(output::HDCP_TYPE_1, 1),
            play_enablers: vec![[8; 16]],
        }
    }

    /// The tree of Microsoft's sample licence, but for the conditions that it has.
    #[test]
    fn the_layout_is_that_of_playready_section_7() {
        let terms = Terms { persistent: true, end: Some(7), ..Terms::default() };
        let bytes = written(&terms);
        assert_eq!(bytes.len(), 378);
        let opened = open(&bytes, &device()).unwrap();
        assert!(opened.play);
        assert_eq!((opened.kid, opened.cipher), (KeyId::from_bytes([3; 16]), Cipher::AesCbc));
        assert_eq!((opened.rights_id, opened.key), ([1; 16], ContentKey::from_bytes([9; 16])));
        use ObjectKind as K;
        let kinds: Vec<_> = opened.objects.iter().map(|(kind, _)| *kind).collect();
        let expected = [
            K::Expiration,
            K::IssueDate,
            K::RevocationVersion,
            K::SecurityLevel,
            K::Embedding,
            K::ContentKey,
            K::DeviceKey,
            K::Signature,
        ];
        assert_eq!(kinds, expected);
        let global = &bytes[24 + 8 + 8..];
        let front = [0, 3, 0, 2, 0, 0, 0, 0x44, 0, 1, 0, 0x12, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 7];
        assert_eq!(&global[..24], front);
    }

    #[test]
    fn every_term_is_one_object() {
        let opened = open(&written(&full()), &device()).unwrap();
        use ObjectKind as K;
        let table: [(K, &[u8]); 9] = [
            (K::OutputLevels, &[1, 0x90, 1, 14, 0, 150, 0, 250, 1, 44]),
            (K::Expiration, &[0, 0, 0, 1, 0, 0, 0, 2]),
            (K::FirstPlayExpiration, &[0, 0, 0, 3]),
            (K::GracePeriod, &[0, 0, 0, 4]),
            (K::RemovalDate, &[0, 0, 0, 5]),
            (K::SourceId, &[0, 0, 0, 6]),
            (K::RealTimeExpiration, &[]),
            (K::SecurityLevel, &[7, 0xd0]),
            (K::PlayEnabler, &[8; 16]),
        ];
        for (kind, data) in table {
            assert_eq!(opened.object(kind), Some(data), "{kind:?}");
        }
        assert_eq!(opened.object(K::RightsSettings), None, "it may be stored");
        let scms = opened.object(K::DigitalAudioEntry).unwrap();
        assert_eq!((&scms[..4], &scms[16..]), (&[0x59, 0xfa, 0x5c, 0x6d][..], &[0, 0, 0, 1][..]));
        let short = open(&written(&Terms::default()), &device()).unwrap();
        assert_eq!(short.object(K::RightsSettings), Some(&[0, 1][..]), "it may not");
        let none = open(&written(&Terms { play: false, ..Terms::default() }), &device()).unwrap();
        assert!(!none.play);
    }

    #[test]
    fn only_the_device_opens_it() {
        let other = PrivateKey::from_bytes(&[8; 32]).unwrap();
        let refused = open(&written(&full()), &other).unwrap_err();
        assert_eq!(refused, XmrError("it is for another device"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn changed_licences_do_not_open(at in 0_usize..378, bit in 0_u8..8) {
            let terms = Terms { persistent: true, end: Some(7), ..Terms::default() };
            let mut bytes = written(&terms);
            bytes[at] ^= 1 << bit;
            // The flags of the seal are the only bytes that nothing depends on.
            let idle = bytes.len() - SIGNATURE_LEN..bytes.len() - SIGNATURE_LEN + 2;
            prop_assert!(idle.contains(&at) || open(&bytes, &device()).is_err());
            prop_assert!(open(&bytes[..at], &device()).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let front = [&b"XMR\0\0\0\0\x03"[..], &[0; 16], &bytes].concat();
            prop_assert!(open(&front, &device()).is_err());
        }
    }
}
