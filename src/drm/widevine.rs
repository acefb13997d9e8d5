//! The data of Widevine's `pssh` (widevine.md section 2): a protocol buffer of the second version,
//! whose unknown fields are skipped.

use data_encoding::HEXLOWER_PERMISSIVE;
use prost::Message;

use crate::cenc::Scheme;
use crate::crypto::root::{ROOT_KEY_LEN, Wrapped};
use crate::ids::{KeyId, SystemId};
use crate::isobmff::cenc::Pssh;

/// `WidevinePsshData.type` of data that hold wrapped keys.
const ENTITLED_KEY: i32 = 2;

/// `WidevinePsshData`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PsshData {
    /// 0 = none, 1 = AES-CTR; old.
    #[prost(int32, optional, tag = "1")]
    pub algorithm: Option<i32>,
    /// The keys; [`Self::kids`] reads them.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub key_ids: Vec<Vec<u8>>,
    /// Who sells the content.
    #[prost(string, optional, tag = "3")]
    pub provider: Option<String>,
    /// Names the content where no key is named.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub content_id: Option<Vec<u8>>,
    /// `SD`, `HD`, `AUDIO`; old.
    #[prost(string, optional, tag = "5")]
    pub track_type: Option<String>,
    /// Name of a policy that the service knows.
    #[prost(string, optional, tag = "6")]
    pub policy: Option<String>,
    /// Number of the period of a key that rotates.
    #[prost(uint32, optional, tag = "7")]
    pub crypto_period_index: Option<u32>,
    /// A licence for a group of contents.
    #[prost(bytes = "vec", optional, tag = "8")]
    pub grouped_license: Option<Vec<u8>>,
    /// Type of the scheme as a big-endian number; `cenc` when absent.
    #[prost(uint32, optional, tag = "9")]
    pub protection_scheme: Option<u32>,
    /// Length of the period of a key that rotates.
    #[prost(uint32, optional, tag = "10")]
    pub crypto_period_seconds: Option<u32>,
    /// 0 = one key, 1 = entitlement, 2 = key under an entitlement.
    #[prost(int32, optional, tag = "11")]
    pub kind: Option<i32>,
    /// Version of a key that rotates under an entitlement.
    #[prost(uint32, optional, tag = "12")]
    pub key_sequence: Option<u32>,
    /// Groups of contents.
    #[prost(bytes = "vec", repeated, tag = "13")]
    pub group_ids: Vec<Vec<u8>>,
    /// Keys that are wrapped under entitlement keys.
    #[prost(message, repeated, tag = "14")]
    pub entitled_keys: Vec<EntitledKey>,
    /// Name of a feature of the pictures.
    #[prost(string, optional, tag = "15")]
    pub video_feature: Option<String>,
}

/// `WidevinePsshData.EntitledKey`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct EntitledKey {
    /// The key that wraps.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub entitlement_key_id: Option<Vec<u8>>,
    /// The key that is wrapped.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub key_id: Option<Vec<u8>>,
    /// Its wrapped bytes.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub key: Option<Vec<u8>>,
    /// The IV of the wrapping.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub iv: Option<Vec<u8>>,
    /// Length of the key that wraps.
    #[prost(uint32, optional, tag = "5")]
    pub entitlement_key_size_bytes: Option<u32>,
}

/// The data are no `WidevinePsshData`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Widevine data: {0}")]
pub struct WidevineError(#[from] prost::DecodeError);

impl PsshData {
    /// What players need: the keys and the scheme.
    pub fn new(kids: &[KeyId], scheme: Scheme) -> Self {
        let fourcc = u32::from_be_bytes(scheme.row().fourcc.0);
        Self {
            key_ids: kids.iter().map(|kid| kid.as_bytes().to_vec()).collect(),
            protection_scheme: Some(fourcc),
            ..Self::default()
        }
    }

    /// What players need under root keys: the keys, each wrapped, and the scheme. They ask for the root
    /// keys, once.
    pub fn entitled(keys: Vec<EntitledKey>, scheme: Scheme) -> Self {
        Self { kind: Some(ENTITLED_KEY), entitled_keys: keys, ..Self::new(&[], scheme) }
    }

    /// The box around the data: of version 0, as every packager writes it.
    pub fn pssh(&self) -> Pssh {
        let data = self.encode_to_vec();
        Pssh { system: SystemId::WIDEVINE, key_ids: Vec::new(), data }
    }

    /// Reads the data of a box.
    ///
    /// # Errors
    /// Bytes that are no protocol buffer, or fields of another type.
    pub fn read(data: &[u8]) -> Result<Self, WidevineError> {
        Ok(Self::decode(data)?)
    }

    /// The keys: 16 bytes each or, in old content, 32 hexadecimal digits. Others are skipped.
    pub fn kids(&self) -> impl Iterator<Item = KeyId> {
        self.key_ids.iter().filter_map(|id| kid(id))
    }

    /// Those others, and what names wrapped keys whose root is not named as keys are.
    pub fn other_key_ids(&self) -> impl Iterator<Item = &[u8]> {
        let rootless = self.entitled_keys.iter().filter(|key| key.root().is_none());
        let named = rootless.flat_map(|key| key.entitlement_key_id.iter().chain(&key.key_id));
        let others = self.key_ids.iter().filter(|id| kid(id).is_none());
        others.chain(named).map(Vec::as_slice)
    }

    /// The keys that stand in the data themselves, wrapped.
    pub fn entitled_kids(&self) -> impl Iterator<Item = KeyId> {
        self.entitled_keys.iter().filter_map(|key| kid(key.key_id.as_deref()?))
    }

    /// The keys that licences have to give for those: the root keys that wrap them.
    pub fn root_kids(&self) -> impl Iterator<Item = KeyId> {
        self.entitled_keys.iter().filter_map(EntitledKey::root)
    }
}

impl EntitledKey {
    /// The key of `kid`, wrapped under the root key of `root`.
    pub fn new(root: KeyId, kid: KeyId, wrapped: &Wrapped) -> Self {
        Self {
            entitlement_key_id: Some(root.as_bytes().to_vec()),
            key_id: Some(kid.as_bytes().to_vec()),
            key: Some(wrapped.key.to_vec()),
            iv: Some(wrapped.iv.to_vec()),
            entitlement_key_size_bytes: u32::try_from(ROOT_KEY_LEN).ok(),
        }
    }

    fn root(&self) -> Option<KeyId> {
        kid(self.entitlement_key_id.as_deref()?)
    }

    /// Its KID, that of its root and its wrapped bytes; `None` where one of them is missing or not of
    /// the length that is known.
    pub fn read(&self) -> Option<(KeyId, KeyId, Wrapped)> {
        let block = |bytes: &Option<Vec<u8>>| <[u8; 16]>::try_from(bytes.as_deref()?).ok();
        let wrapped = Wrapped { iv: block(&self.iv)?, key: block(&self.key)? };
        let known =
            self.entitlement_key_size_bytes.is_none_or(|size| size as usize == ROOT_KEY_LEN);
        let kid = KeyId::from_bytes(block(&self.key_id)?);
        let root = KeyId::from_bytes(block(&self.entitlement_key_id)?);
        known.then_some((kid, root, wrapped))
    }
}

fn kid(id: &[u8]) -> Option<KeyId> {
    let bytes = match id.len() {
        32 => HEXLOWER_PERMISSIVE.decode(id).ok()?,
        _ => id.to_vec(),
    };
    bytes.try_into().ok().map(KeyId::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;
    use proptest::prelude::*;

    const KID: KeyId = KeyId::from_bytes([0x11; 16]);

    #[test]
    fn the_bytes_are_those_of_other_packagers() {
        let key = [&[0x12, 16][..], &[0x11; 16]].concat();
        // Field 9 as it ends the boxes of public test content.
        for (scheme, end) in [(Scheme::Cenc, b"SOPclZsG"), (Scheme::Cbcs, b"SPPGiZsG")] {
            let expected = [&key[..], &BASE64.decode(end).unwrap()].concat();
            assert_eq!(PsshData::new(&[KID], scheme).encode_to_vec(), expected);
        }
    }

    #[test]
    fn wrapped_keys_are_written_and_read_by_their_numbers() {
        let wrapped = Wrapped { iv: [3; 16], key: [4; 16] };
        let key = EntitledKey::new(KeyId::from_bytes([2; 16]), KID, &wrapped);
        let data = PsshData::entitled(vec![key], Scheme::Cenc);
        let member = |number: u8, fill: u8| [&[number << 3 | 2, 16][..], &[fill; 16]].concat();
        let key = [member(1, 2), member(2, 0x11), member(3, 4), member(4, 3), vec![0x28, 32]];
        let key = key.concat();
        let scheme = BASE64.decode(b"SOPclZsG").unwrap();
        let expected = [&scheme, &[0x58, 2, 0x72, key.len() as u8][..], &key].concat();
        assert_eq!(data.encode_to_vec(), expected);
        assert_eq!(data.kids().count(), 0);
        assert_eq!(data.entitled_kids().collect::<Vec<_>>(), [KID]);
        let [key] = &data.entitled_keys[..] else { panic!("one key") };
        let (kid, root, read) = key.read().unwrap();
        assert_eq!((kid, Some(root), read), (KID, data.root_kids().next(), wrapped));
        for broken in [
            EntitledKey { iv: None, ..key.clone() },
            EntitledKey { key: Some(vec![4; 32]), ..key.clone() },
            EntitledKey { entitlement_key_size_bytes: Some(16), ..key.clone() },
        ] {
            assert_eq!(broken.read(), None);
        }
    }

    #[test]
    fn keys_are_read_in_both_spellings() {
        let key_ids = vec![vec![0x11; 16], vec![b'1'; 32], vec![b'x'; 32], vec![1, 2]];
        let data = PsshData { key_ids, ..PsshData::default() };
        assert_eq!(data.kids().collect::<Vec<_>>(), [KID, KID]);
    }

    #[test]
    fn what_is_no_protocol_buffer_is_refused_and_new_fields_are_skipped() {
        assert!(PsshData::read(&[0x12, 200, 1]).is_err());
        assert!(PsshData::read(&[0x10, 1]).is_err(), "a number where keys are expected");
        let new = [&[0x12, 16][..], &[0x11; 16], &[0xa0, 0x06, 5]].concat();
        assert_eq!(PsshData::read(&new).unwrap().kids().next(), Some(KID));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            key_ids in proptest::collection::vec(any::<Vec<u8>>(), 0..3),
            provider: Option<String>,
            content_id: Option<Vec<u8>>,
            protection_scheme: Option<u32>,
            wrapped in proptest::collection::vec(any::<Option<Vec<u8>>>(), 0..3),
        ) {
            let entitled =
                |key| EntitledKey { key, ..EntitledKey::default() };
            let entitled_keys = wrapped.into_iter().map(entitled).collect();
            let data = PsshData {
                key_ids, provider, content_id, protection_scheme, entitled_keys,
                ..PsshData::default()
            };
            prop_assert_eq!(PsshData::read(&data.pssh().data), Ok(data));
        }

        #[test]
        fn arbitrary_bytes_never_panic(data: Vec<u8>) {
            let _ = PsshData::read(&data).map(|data| data.kids().count());
        }
    }
}
