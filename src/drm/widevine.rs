//! The data of Widevine's `pssh` (widevine.md section 2): a protocol buffer of the second version,
//! whose unknown fields are skipped.

use data_encoding::HEXLOWER_PERMISSIVE;
use prost::Message;

use crate::cenc::Scheme;
use crate::ids::{KeyId, SystemId};
use crate::isobmff::cenc::Pssh;

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

    /// Those others.
    pub fn other_key_ids(&self) -> impl Iterator<Item = &[u8]> {
        self.key_ids.iter().map(Vec::as_slice).filter(|id| kid(id).is_none())
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
