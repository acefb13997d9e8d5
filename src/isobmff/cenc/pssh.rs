//! `pssh`: protection system specific header (ISO/IEC 23001-7 section 8.1; packaging.md section 2).

use crate::bytes::{Reader, Truncated, Writer};
use crate::ids::{KeyId, SystemId};
use crate::isobmff::{BoxError, FourCc, Rule, children, full_box};

const PSSH: &[u8; 4] = b"pssh";

/// A `pssh` box: of version 1 when it lists key ids, else of version 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pssh {
    /// The system the box speaks to.
    pub system: SystemId,
    /// The keys that the system is to ask for; empty where only the data name them.
    pub key_ids: Vec<KeyId>,
    /// Data in the system's own format.
    pub data: Vec<u8>,
}

impl Pssh {
    /// The W3C common box: key ids and no data.
    pub fn common(key_ids: Vec<KeyId>) -> Self {
        Self { system: SystemId::COMMON, key_ids, data: Vec::new() }
    }

    /// Writes the box.
    pub fn write(&self, w: &mut Writer) {
        let version = u8::from(!self.key_ids.is_empty());
        full_box(w, PSSH, version, 0, |w| {
            w.bytes(self.system.as_bytes());
            if version == 1 {
                w.u32(u32::try_from(self.key_ids.len()).unwrap_or(u32::MAX));
                self.key_ids.iter().for_each(|kid| w.bytes(kid.as_bytes()));
            }
            w.u32(u32::try_from(self.data.len()).unwrap_or(u32::MAX));
            w.bytes(&self.data);
        });
    }

    /// Length of the whole box in bytes.
    pub fn length(&self) -> u64 {
        let list = if self.key_ids.is_empty() { 0 } else { 4 + 16 * self.key_ids.len() };
        (32 + list + self.data.len()) as u64
    }

    /// The whole box.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(64 + self.data.len());
        self.write(&mut w);
        w.into_vec()
    }

    /// Reads what follows the header of a box.
    ///
    /// # Errors
    /// Versions above 1, and counts and sizes that do not fit the box.
    pub fn read(body: &[u8]) -> Result<Self, BoxError> {
        let truncated = BoxError::truncated(PSSH);
        let mut reader = Reader::new(body);
        let version = head(&mut reader).map_err(&truncated)?;
        if version > 1 {
            return Err(error(Rule::UnknownVersion));
        }
        let system = reader.array().map(SystemId::from_bytes).map_err(&truncated)?;
        let key_ids = if version == 1 { key_ids(&mut reader)? } else { Vec::new() };
        let size = reader.u32().map_err(&truncated)?;
        if usize::try_from(size) != Ok(reader.rest().len()) {
            return Err(error(Rule::BadValue("the data size is not that of the data")));
        }
        Ok(Self { system, key_ids, data: reader.rest().to_vec() })
    }

    /// Reads a row of boxes, as Encrypted Media Extensions have it for initialization data.
    ///
    /// # Errors
    /// A box that is broken, or no `pssh`.
    pub fn read_row(row: &[u8]) -> Result<Vec<Self>, BoxError> {
        let boxes = children(FourCc(*b"file"), row);
        let read = boxes.map(|child| {
            let child = child?;
            if child.kind.0 != *PSSH {
                return Err(child.error(Rule::BadValue("only pssh boxes are expected here")));
            }
            Self::read(child.body)
        });
        read.collect()
    }
}

fn error(rule: Rule) -> BoxError {
    BoxError::new(FourCc(*PSSH), rule)
}

/// The version; flags have no meaning.
fn head(reader: &mut Reader<'_>) -> Result<u8, Truncated> {
    let version = reader.u8()?;
    reader.u24()?;
    Ok(version)
}

fn key_ids(reader: &mut Reader<'_>) -> Result<Vec<KeyId>, BoxError> {
    let count = reader.u32().map_err(BoxError::truncated(PSSH))?;
    let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(16));
    let listed = bytes.and_then(|bytes| reader.take(bytes).ok());
    let (ids, _) = listed.ok_or(error(Rule::CountExceedsBox))?.as_chunks::<16>();
    Ok(ids.iter().copied().map(KeyId::from_bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_common_box_has_the_size_of_clearkey_section_2() {
        let kid = KeyId::from_bytes([7; 16]);
        for (kids, size) in [(vec![kid], 52), (vec![kid, kid], 68)] {
            assert_eq!(Pssh::common(kids).to_vec().len(), size);
        }
    }

    #[test]
    fn boxes_that_lie_are_refused() {
        let whole = Pssh::common(vec![KeyId::from_bytes([7; 16])]).to_vec();
        let patched = |at: usize, value: u8| {
            let mut body = whole[8..].to_vec();
            body[at] = value;
            Pssh::read(&body).unwrap_err().rule
        };
        assert_eq!(patched(0, 2), Rule::UnknownVersion);
        assert_eq!(patched(20, 0xff), Rule::CountExceedsBox);
        assert!(matches!(patched(43, 1), Rule::BadValue(_)));
        assert_eq!(Pssh::read(&whole[8..40]).unwrap_err().rule, Rule::CountExceedsBox);
        assert_eq!(Pssh::read(&whole[8..20]).unwrap_err().rule, Rule::Truncated);
    }

    #[test]
    fn a_row_holds_nothing_but_boxes() {
        let widevine = Pssh { system: SystemId::WIDEVINE, key_ids: vec![], data: vec![1, 2] };
        let common = Pssh::common(vec![KeyId::from_bytes([7; 16])]);
        let row = [common.to_vec(), widevine.to_vec()].concat();
        assert_eq!(Pssh::read_row(&row), Ok(vec![common, widevine]));
        assert!(Pssh::read_row(b"\0\0\0\x08free").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            system: [u8; 16],
            kids in proptest::collection::vec(any::<[u8; 16]>(), 0..4),
            data: Vec<u8>,
        ) {
            let pssh = Pssh {
                system: SystemId::from_bytes(system),
                key_ids: kids.into_iter().map(KeyId::from_bytes).collect(),
                data,
            };
            prop_assert_eq!(Pssh::read(&pssh.to_vec()[8..]), Ok(pssh));
        }

        #[test]
        fn arbitrary_bytes_never_panic(body: Vec<u8>) {
            let _ = Pssh::read(&body);
            let _ = Pssh::read_row(&body);
        }
    }
}
