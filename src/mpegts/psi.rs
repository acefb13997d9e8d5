//! Program association and program map tables (ISO/IEC 13818-1 section 2.4.4), one packet each.

use std::borrow::Cow;

use super::packet::ROOM;
use crate::codec::Family;

/// The only program.
const PROGRAM: u16 = 1;
/// Where its map is.
pub const MAP_PID: u16 = 0x1000;

const ASSOCIATION_TABLE: u8 = 0;
const MAP_TABLE: u8 = 2;

/// One row of the table of codecs that transport streams carry.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The codecs.
    pub families: &'static [Family],
    /// Stream type in the program map (table 2-34; ATSC A/53 part 3 for AC-3 and E-AC-3; for DTS what
    /// demultiplexers outside of discs and DVB know).
    pub stream_type: u8,
    /// Stream id in PES headers (table 2-22).
    pub stream_id: u8,
    /// Descriptors of the stream in the program map: the registration (section 2.6.8) of what the
    /// stream type alone does not say everywhere.
    pub descriptors: &'static [u8],
    /// How the program map calls it when its samples are protected; `None` where there is no form.
    pub protected: Option<Protected>,
}

/// A codec under SAMPLE-AES ("MPEG-2 Stream Encryption Format for HTTP Live Streaming" section 3;
/// packaging.md section 5.3).
#[derive(Debug, PartialEq, Eq)]
pub struct Protected {
    /// Stream type in the program map.
    pub stream_type: u8,
    /// Value of its private data indicator descriptor.
    pub indicator: [u8; 4],
}

const fn protected(stream_type: u8, indicator: &[u8; 4]) -> Option<Protected> {
    Some(Protected { stream_type, indicator: *indicator })
}

/// An elementary stream in the program map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Stream type.
    pub stream_type: u8,
    /// Descriptors; together with those of the other streams they have to fit into one packet.
    pub descriptors: Cow<'static, [u8]>,
}

impl Row {
    /// The stream when nothing of it is protected.
    pub fn clear(&self) -> Stream {
        Stream { stream_type: self.stream_type, descriptors: self.descriptors.into() }
    }
}

/// Every codec that is carried.
pub const TABLE: &[Row] = &[
    Row {
        families: &[Family::Avc],
        stream_type: 0x1b,
        stream_id: 0xe0,
        descriptors: &[],
        protected: protected(0xdb, b"zavc"),
    },
    Row {
        families: &[Family::Hevc],
        stream_type: 0x24,
        stream_id: 0xe0,
        descriptors: b"\x05\x04HEVC",
        protected: None,
    },
    Row {
        families: &[Family::Aac],
        stream_type: 0x0f,
        stream_id: 0xc0,
        descriptors: &[],
        protected: protected(0xcf, b"aacd"),
    },
    Row {
        families: &[Family::Ac3],
        stream_type: 0x81,
        stream_id: 0xbd,
        descriptors: b"\x05\x04AC-3",
        protected: protected(0xc1, b"ac3d"),
    },
    Row {
        families: &[Family::Eac3, Family::Atmos],
        stream_type: 0x87,
        stream_id: 0xbd,
        descriptors: b"\x05\x04EAC3",
        protected: protected(0xc2, b"ec3d"),
    },
    Row {
        families: &[Family::Dts],
        stream_type: 0x8a,
        stream_id: 0xbd,
        descriptors: &[],
        protected: None,
    },
];

/// The row of a codec.
pub fn row(family: Family) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.families.contains(&family))
}

/// The row whose streams have that type when their samples are protected.
pub(super) fn of_protected_type(stream_type: u8) -> Option<&'static Row> {
    let has = |row: &&Row| row.protected.as_ref().is_some_and(|p| p.stream_type == stream_type);
    TABLE.iter().find(has)
}

/// The payload of the packet with the program association.
pub fn association() -> [u8; ROOM] {
    let [high, low] = MAP_PID.to_be_bytes();
    let [first, second] = PROGRAM.to_be_bytes();
    section(ASSOCIATION_TABLE, 0, &[first, second, 0xe0 | high, low])
}

/// The payload of the packet with the program map. `streams` are PID and stream; the first carries
/// the clock. Receivers read a map again when its version, of 5 bits, is another one.
pub fn map(streams: &[(u16, &Stream)], version: u8) -> [u8; ROOM] {
    let [high, low] = streams.first().map_or(0x1fff, |stream| stream.0).to_be_bytes();
    let mut body = vec![0xe0 | high, low, 0xf0, 0];
    for (pid, stream) in streams {
        let [high, low] = pid.to_be_bytes();
        // There are only short ones.
        let length = u8::try_from(stream.descriptors.len()).unwrap_or(u8::MAX);
        body.extend([stream.stream_type, 0xe0 | high, low, 0xf0, length]);
        body.extend_from_slice(&stream.descriptors);
    }
    section(MAP_TABLE, version, &body)
}

/// Pointer field, section and stuffing.
fn section(table: u8, version: u8, body: &[u8]) -> [u8; ROOM] {
    let mut out = [0xff; ROOM];
    // Behind the length: identifier, version, section numbers, body, checksum.
    let length = u8::try_from(5 + body.len() + 4).unwrap_or(u8::MAX);
    let [first, second] = PROGRAM.to_be_bytes();
    let head = [0, table, 0xb0, length, first, second, 0xc1 | version << 1 & 0x3e, 0, 0];
    let end = head.len() + body.len();
    out[..head.len()].copy_from_slice(&head);
    out[head.len()..end].copy_from_slice(body);
    let checksum = crc(&out[1..end]);
    out[end..end + 4].copy_from_slice(&checksum.to_be_bytes());
    out
}

/// CRC-32 of annex A: polynomial 04C11DB7, nothing reflected or inverted.
pub(super) fn crc(data: &[u8]) -> u32 {
    data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            let carry = if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            crc << 1 ^ carry
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        assert_eq!(crc(b"123456789"), 0x0376_e6e7);
    }

    #[test]
    fn the_version_of_the_map_tells_protected_segments() {
        let stream = TABLE[0].clear();
        // Two reserved bits, the version, and the bit that says that the table is in force.
        let byte = |version| map(&[(0x100, &stream)], version)[6];
        assert_eq!([0, 1, 31].map(byte), [0b1100_0001, 0b1100_0011, 0b1111_1111]);
        assert_eq!(association()[6], 0b1100_0001);
    }

    #[test]
    fn a_section_with_its_checksum_has_the_remainder_zero() {
        let streams: Vec<Stream> = TABLE.iter().map(Row::clear).collect();
        let streams: Vec<(u16, &Stream)> = (0x100..).zip(&streams).collect();
        for table in [association(), map(&streams, 0), map(&streams, 1)] {
            let length = usize::from(table[3]);
            assert_eq!(crc(&table[1..4 + length]), 0);
            assert!(table[4 + length..].iter().all(|byte| *byte == 0xff));
        }
    }
}
