//! The PlayReady Object: records, the first of which is the header (playready.md section 3). All
//! numbers in it are little-endian.

use super::{Header, PlayReadyError};
use crate::bytes::{Reader, Writer};
use crate::ids::SystemId;
use crate::isobmff::cenc::Pssh;

/// Larger objects are not taken by clients.
const MAX_LEN: usize = 15 << 10;

/// The record type of a header.
const HEADER: u16 = 1;

/// Bytes in front of the first record.
const FRONT: usize = 6;

/// A PlayReady Object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its records.
    pub records: Vec<Record>,
}

/// A record of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// 1 = header, 3 = embedded licences.
    pub kind: u16,
    /// What it holds.
    pub value: Vec<u8>,
}

impl Object {
    /// An object around a header.
    pub fn new(header: &Header) -> Self {
        let value = header.to_string().encode_utf16().flat_map(u16::to_le_bytes).collect();
        Self { records: vec![Record { kind: HEADER, value }] }
    }

    /// The bytes, as `pssh` and `mspr:pro` have them.
    ///
    /// # Errors
    /// [`PlayReadyError::TooLarge`].
    pub fn to_vec(&self) -> Result<Vec<u8>, PlayReadyError> {
        let records = self.records.iter().map(|record| 4 + record.value.len());
        let length = FRONT + records.sum::<usize>();
        let total = u32::try_from(length).ok().filter(|_| length <= MAX_LEN);
        let mut w = Writer::with_capacity(length.min(MAX_LEN));
        w.bytes(&total.ok_or(PlayReadyError::TooLarge)?.to_le_bytes());
        w.bytes(&short(self.records.len())?);
        for Record { kind, value } in &self.records {
            w.bytes(&kind.to_le_bytes());
            w.bytes(&short(value.len())?);
            w.bytes(value);
        }
        Ok(w.into_vec())
    }

    /// The box around the object: of version 0, as every packager writes it.
    ///
    /// # Errors
    /// [`PlayReadyError::TooLarge`].
    pub fn pssh(&self) -> Result<Pssh, PlayReadyError> {
        Ok(Pssh { system: SystemId::PLAY_READY, key_ids: Vec::new(), data: self.to_vec()? })
    }

    /// Reads an object.
    ///
    /// # Errors
    /// Lengths that do not fit the data.
    pub fn read(data: &[u8]) -> Result<Self, PlayReadyError> {
        let mut reader = Reader::new(data);
        let length = u32::from_le_bytes(reader.array()?);
        if usize::try_from(length) != Ok(data.len()) {
            return Err(PlayReadyError::Length);
        }
        let count = u16::from_le_bytes(reader.array()?);
        let records = (0..count).map(|_| Record::read(&mut reader)).collect::<Result<_, _>>()?;
        match reader.rest() {
            [] => Ok(Self { records }),
            _ => Err(PlayReadyError::Length),
        }
    }

    /// The header in it.
    ///
    /// # Errors
    /// An object without header, or one that breaks a rule.
    pub fn header(&self) -> Result<Header, PlayReadyError> {
        let header = self.records.iter().find(|record| record.kind == HEADER);
        Header::read_utf16(&header.ok_or(PlayReadyError::NoHeader)?.value)
    }
}

impl Record {
    fn read(reader: &mut Reader<'_>) -> Result<Self, PlayReadyError> {
        let kind = u16::from_le_bytes(reader.array()?);
        let length = u16::from_le_bytes(reader.array()?);
        Ok(Self { kind, value: reader.take(usize::from(length))?.to_vec() })
    }
}

fn short(length: usize) -> Result<[u8; 2], PlayReadyError> {
    let length = u16::try_from(length).map_err(|_| PlayReadyError::TooLarge)?;
    Ok(length.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_layout_is_that_of_playready_section_3() {
        let bytes = Object::new(&Header::new(vec![])).to_vec().unwrap();
        let text = Header::new(vec![]).to_string();
        let (length, record) = (10 + 2 * text.len(), 2 * text.len());
        assert_eq!(bytes.len(), length);
        assert_eq!(bytes[..4], u32::try_from(length).unwrap().to_le_bytes());
        assert_eq!(bytes[4..8], [1, 0, 1, 0]);
        assert_eq!(bytes[8..10], u16::try_from(record).unwrap().to_le_bytes());
        assert_eq!(bytes[10..14], [b'<', 0, b'W', 0]);
    }

    #[test]
    fn objects_that_lie_are_refused() {
        let whole = Object::new(&Header::new(vec![])).to_vec().unwrap();
        let patched = |at: usize, value: u8| {
            let mut bytes = whole.clone();
            bytes[at] = value;
            Object::read(&bytes).and_then(|object| object.header()).unwrap_err()
        };
        assert_eq!(patched(3, 1), PlayReadyError::Length);
        assert_eq!(patched(4, 2), PlayReadyError::Truncated);
        assert_eq!(patched(4, 0), PlayReadyError::Length);
        assert_eq!(patched(6, 3), PlayReadyError::NoHeader);
        assert_eq!(patched(9, 0xff), PlayReadyError::Truncated);
        assert_eq!(patched(11, 0xd8), PlayReadyError::Utf16);
        assert_eq!(Object::read(&whole[..3]), Err(PlayReadyError::Truncated));
    }

    #[test]
    fn what_clients_would_not_take_is_not_written() {
        let record = |length| Record { kind: HEADER, value: vec![0; length] };
        let of = |records| Object { records }.to_vec().map(|bytes| bytes.len());
        assert_eq!(of(vec![record(MAX_LEN - 10)]), Ok(MAX_LEN));
        assert_eq!(of(vec![record(MAX_LEN - 9)]), Err(PlayReadyError::TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(records in proptest::collection::vec(any::<(u16, Vec<u8>)>(), 0..4)) {
            let records = records.into_iter().map(|(kind, value)| Record { kind, value }).collect();
            let object = Object { records };
            prop_assert_eq!(Object::read(&object.to_vec().unwrap()), Ok(object));
        }

        #[test]
        fn arbitrary_bytes_never_panic(data: Vec<u8>) {
            let _ = Object::read(&data).and_then(|object| object.header());
        }
    }
}
