//! SAMPLE-AES taken off transport streams and packed audio of anybody (Apple, "MPEG-2 Stream Encryption
//! Format for HTTP Live Streaming"; packaging.md section 5). Elementary streams get shorter, as their
//! second emulation prevention goes: packets are filled anew, and times and clocks stay where they are.

mod packets;
mod program;
mod stream;

use std::collections::HashMap;

use self::packets::{Packet, fill};
use self::program::{Program, association};
use self::stream::Sound;
use super::packet::PACKET;
use crate::crypto::{BLOCK, Expanded};

pub(super) use self::stream::Kind;

/// A segment that is not decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not packets.
    #[error("this is no transport stream: packets of 188 bytes start with 0x47")]
    NotPackets,
    /// The program map cannot be found or read.
    #[error("the program map is missing, broken, or longer than a packet")]
    Program,
    /// A unit has no header.
    #[error("a packetized elementary stream has no header")]
    Header,
    /// Frames of sound do not follow each other.
    #[error("frames of sound are cut or are of another kind than announced: wrong key or IV?")]
    Frames,
}

/// Decrypts the segments of a stream one after the other.
#[derive(Debug, Default)]
pub struct Opener {
    map_pid: Option<u16>,
    program: Option<Program>,
    /// Continuity counters of the next packets.
    counters: HashMap<u16, u8>,
}

/// Packets of one unit of an elementary stream that is protected.
#[derive(Default)]
struct Unit {
    packets: Vec<usize>,
    payload: Vec<u8>,
}

impl Opener {
    /// Whether data are a transport stream or packed audio, by their first bytes.
    pub fn is_one(start: &[u8]) -> bool {
        start.first() == Some(&0x47) || Sound::at(start).is_some() || start.starts_with(b"ID3")
    }

    /// The clear form of a segment.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        &mut self,
        key: &Expanded,
        iv: [u8; BLOCK],
        segment: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        if segment.first() != Some(&0x47) {
            return stream::open_packed(key, iv, segment);
        }
        let (packets, []) = segment.as_chunks::<PACKET>() else {
            return Err(OpenError::NotPackets);
        };
        let mut work = Work { opener: self, key, iv, out: vec![Vec::new(); packets.len()] };
        let mut units: HashMap<u16, Unit> = HashMap::new();
        for (n, bytes) in packets.iter().enumerate() {
            let packet = Packet::parse(bytes).ok_or(OpenError::NotPackets)?;
            work.packet(n, &packet, packets, &mut units)?;
        }
        for (pid, unit) in units {
            work.close(pid, unit, packets)?;
        }
        Ok(work.out.concat())
    }
}

struct Work<'a> {
    opener: &'a mut Opener,
    key: &'a Expanded,
    iv: [u8; BLOCK],
    /// What stands for each packet.
    out: Vec<Vec<u8>>,
}

impl Work<'_> {
    fn packet(
        &mut self,
        n: usize,
        packet: &Packet<'_>,
        packets: &[[u8; PACKET]],
        units: &mut HashMap<u16, Unit>,
    ) -> Result<(), OpenError> {
        let (pid, program) = (packet.pid, self.opener.program.as_ref());
        if pid == 0 && packet.unit_start {
            self.opener.map_pid = Some(association(packet.payload).ok_or(OpenError::Program)?);
        }
        if Some(pid) == self.opener.map_pid && packet.unit_start {
            let program = Program::read(packet.payload).ok_or(OpenError::Program)?;
            let payload = program.clear(packet.payload.len()).ok_or(OpenError::Program)?;
            self.out[n] = packet.with_payload(&payload);
            self.opener.program = Some(program);
            return Ok(());
        }
        if program.is_none_or(|program| program.protected(pid).is_none()) {
            self.out[n] = packets[n].to_vec();
            return Ok(());
        }
        if packet.unit_start
            && let Some(unit) = units.remove(&pid)
        {
            self.close(pid, unit, packets)?;
        }
        let unit = units.entry(pid).or_default();
        unit.packets.push(n);
        unit.payload.extend_from_slice(packet.payload);
        Ok(())
    }

    /// Decrypts a unit and fills its packets with it.
    fn close(&mut self, pid: u16, unit: Unit, packets: &[[u8; PACKET]]) -> Result<(), OpenError> {
        let program = self.opener.program.as_ref().ok_or(OpenError::Program)?;
        let kind = program.protected(pid).ok_or(OpenError::Program)?;
        let payload = match unit.payload.is_empty() {
            true => Vec::new(),
            false => self.unit(kind, &unit.payload)?,
        };
        let counter = self.opener.counters.entry(pid);
        let first = packets[unit.packets[0]][3] & 0x0f;
        let counter = counter.or_insert(first);
        let of_unit = unit.packets.iter().filter_map(|n| Packet::parse(&packets[*n]));
        for (n, filled) in unit.packets.iter().zip(fill(of_unit, &payload, counter)) {
            self.out[*n] = filled;
        }
        Ok(())
    }

    /// A unit with its header, whose length field follows.
    fn unit(&self, kind: Kind, unit: &[u8]) -> Result<Vec<u8>, OpenError> {
        let header = match unit {
            [0, 0, 1, _, _, _, _, _, more, ..] => 9 + usize::from(*more),
            _ => return Err(OpenError::Header),
        };
        let (front, stream) = unit.split_at_checked(header).ok_or(OpenError::Header)?;
        let clear = stream::open(kind, self.key, self.iv, stream)?;
        let mut out = front.to_vec();
        let length = u16::from_be_bytes([front[4], front[5]]);
        if length > 0 {
            let shorter = u16::try_from(stream.len() - clear.len()).unwrap_or(u16::MAX);
            let length = length.checked_sub(shorter).ok_or(OpenError::Header)?;
            out[4..6].copy_from_slice(&length.to_be_bytes());
        }
        out.extend(clear);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ContentKey;
    use proptest::prelude::*;

    fn key() -> Expanded {
        Expanded::new(&ContentKey::from_bytes([7; 16]))
    }

    #[test]
    fn what_is_no_transport_stream_is_refused() {
        let open = |data: &[u8]| Opener::default().open(&key(), [0; 16], data);
        assert_eq!(open(&[0x47; 187]), Err(OpenError::NotPackets));
        assert_eq!(open(b"text"), Err(OpenError::NotPackets));
        let mut program = [0xff; PACKET];
        program[..5].copy_from_slice(&[0x47, 0x40, 0, 0x10, 0]);
        assert_eq!(open(&program), Err(OpenError::Program));
    }

    proptest! {
        #[test]
        fn arbitrary_packets_never_panic(
            heads in prop::collection::vec((0_u8..2, 0_u8..4, 0_u8..4, any::<[u8; 12]>()), 0..12),
        ) {
            let mut data = Vec::new();
            for (pid, start, fields, body) in heads {
                let mut packet = [0_u8; PACKET];
                packet[..4].copy_from_slice(&[0x47, start << 5, pid, fields << 4]);
                packet[4..16].copy_from_slice(&body);
                data.extend(packet);
            }
            let _ = Opener::default().open(&key(), [0; 16], &data);
        }
    }
}
