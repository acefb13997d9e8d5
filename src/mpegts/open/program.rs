//! Program association and map of anybody (ISO/IEC 13818-1 section 2.4.4): which elementary streams are
//! protected, and the map without that.

use super::Kind;
use crate::mpegts::psi::{self, Row};

const PRIVATE_DATA_INDICATOR: u8 = 0x0f;
const REGISTRATION: u8 = 0x05;
const CHECKSUM: usize = 4;

/// What a program map says.
#[derive(Debug)]
pub(super) struct Program {
    /// From the table id to the program's descriptors, lengths not yet right.
    head: Vec<u8>,
    streams: Vec<Stream>,
}

#[derive(Debug)]
struct Stream {
    stream_type: u8,
    pid: u16,
    descriptors: Vec<u8>,
    protected: Option<&'static Row>,
}

/// The PID of the map of the first program.
pub(super) fn association(payload: &[u8]) -> Option<u16> {
    let section = section(payload)?;
    let mut programs = section.get(8..)?.as_chunks::<4>().0.iter();
    let found = programs.find(|program| program[..2] != [0, 0])?;
    Some(u16::from_be_bytes([found[2] & 0x1f, found[3]]))
}

/// The section that starts in a payload, without its checksum; `None` when it does not end there.
fn section(payload: &[u8]) -> Option<&[u8]> {
    let section = payload.get(1 + usize::from(*payload.first()?)..)?;
    let length = 3 + usize::from(u16::from_be_bytes([section.get(1)? & 0x0f, *section.get(2)?]));
    section.get(..length.checked_sub(CHECKSUM)?)
}

impl Program {
    /// Reads the payload of a packet.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let section = section(payload)?;
        let length = |at: usize| Some(usize::from(twelve_bits(section.get(at..at + 2)?)));
        let head = 12 + length(10)?;
        let (head, mut rest) = section.split_at_checked(head)?;
        let mut streams = Vec::new();
        while let [stream_type, high, low, l1, l2, behind @ ..] = rest {
            let length = usize::from(twelve_bits(&[*l1, *l2]));
            let (descriptors, next) = behind.split_at_checked(length)?;
            streams.push(Stream {
                stream_type: *stream_type,
                pid: u16::from_be_bytes([high & 0x1f, *low]),
                descriptors: descriptors.to_vec(),
                protected: psi::of_protected_type(*stream_type),
            });
            rest = next;
        }
        rest.is_empty().then(|| Self { head: head.to_vec(), streams })
    }

    /// What kind of samples a stream has, if they are protected.
    pub(super) fn protected(&self, pid: u16) -> Option<Kind> {
        let stream = self.streams.iter().find(|stream| stream.pid == pid)?;
        Some(Kind::of(stream.protected?))
    }

    /// A payload of `room` bytes with the map of the clear streams; `None` when it does not fit.
    pub(super) fn clear(&self, room: usize) -> Option<Vec<u8>> {
        let mut section = self.head.clone();
        for stream in &self.streams {
            let (stream_type, descriptors) = stream.clear();
            let [high, low] = stream.pid.to_be_bytes();
            let [l1, l2] = u16::try_from(descriptors.len()).ok()?.to_be_bytes();
            section.extend([stream_type, 0xe0 | high, low, 0xf0 | l1, l2]);
            section.extend(descriptors);
        }
        let [high, low] = u16::try_from(section.len() - 3 + CHECKSUM).ok()?.to_be_bytes();
        section[1] = section[1] & 0xf0 | high & 0x0f;
        section[2] = low;
        let checksum = psi::crc(&section);
        let mut payload = vec![0];
        payload.extend(section);
        payload.extend(checksum.to_be_bytes());
        (payload.len() <= room).then(|| {
            payload.resize(room, 0xff);
            payload
        })
    }
}

impl Stream {
    /// Stream type and descriptors without protection.
    fn clear(&self) -> (u8, Vec<u8>) {
        let Some(row) = self.protected else {
            return (self.stream_type, self.descriptors.clone());
        };
        let mut descriptors = Vec::new();
        let mut rest = self.descriptors.as_slice();
        while let [tag, length, behind @ ..] = rest {
            let Some((data, next)) = behind.split_at_checked(usize::from(*length)) else { break };
            let is_setup = *tag == REGISTRATION && data.starts_with(b"apad");
            if *tag != PRIVATE_DATA_INDICATOR && !is_setup {
                descriptors.extend([*tag, *length]);
                descriptors.extend_from_slice(data);
            }
            rest = next;
        }
        let own = row.descriptors;
        if !own.is_empty() && !descriptors.windows(own.len()).any(|window| window == own) {
            descriptors.extend_from_slice(own);
        }
        (row.stream_type, descriptors)
    }
}

fn twelve_bits(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0] & 0x0f, bytes[1]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mpegts::sample_aes::{self, Setup};

    #[test]
    fn maps_of_protected_streams_become_those_of_clear_ones() {
        let rows = [0, 2, 3, 4].map(|n| &psi::TABLE[n]);
        let setup = Setup { audio_type: *b"zaac", data: vec![0x11, 0x90] };
        let protected: Vec<_> = rows
            .iter()
            .map(|row| {
                let sound = row.stream_id != 0xe0;
                sample_aes::stream(row, sound.then_some(&setup)).unwrap()
            })
            .collect();
        let clear: Vec<_> = rows.iter().map(|row| row.clear()).collect();
        let map =
            |streams: &[psi::Stream]| psi::map(&(0x100..).zip(streams).collect::<Vec<_>>(), 0);
        let program = Program::read(&map(&protected)).unwrap();
        assert_eq!(program.clear(184).unwrap(), map(&clear));
        assert!(program.protected(0x100).is_some() && program.protected(0x104).is_none());
        assert_eq!(association(&psi::association()), Some(psi::MAP_PID));
    }
}
