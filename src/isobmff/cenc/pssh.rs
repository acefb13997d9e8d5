//! `pssh`: protection system specific header (ISO/IEC 23001-7 section 8.1).

use crate::bytes::Writer;
use crate::ids::{KeyId, SystemId};
use crate::isobmff::full_box;

/// A `pssh` box of version 1, which lists the key ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pssh {
    /// The system the box speaks to.
    pub system: SystemId,
    /// The keys that the system is to ask for.
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
        full_box(w, b"pssh", 1, 0, |w| {
            w.bytes(self.system.as_bytes());
            w.u32(u32::try_from(self.key_ids.len()).unwrap_or(u32::MAX));
            self.key_ids.iter().for_each(|kid| w.bytes(kid.as_bytes()));
            w.u32(u32::try_from(self.data.len()).unwrap_or(u32::MAX));
            w.bytes(&self.data);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_box_has_the_size_of_clearkey_section_2() {
        let kid = KeyId::from_bytes([7; 16]);
        for (kids, size) in [(vec![kid], 52), (vec![kid, kid], 68)] {
            let mut w = Writer::default();
            Pssh::common(kids).write(&mut w);
            assert_eq!(w.position(), size);
        }
    }
}
