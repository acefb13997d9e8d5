//! Packets, read and filled with another payload (ISO/IEC 13818-1 section 2.4.3).

use crate::mpegts::packet::{PACKET, ROOM};

const HAS_ADAPTATION: u8 = 0x20;
const HAS_PAYLOAD: u8 = 0x10;

/// A packet.
pub(super) struct Packet<'a> {
    head: [u8; 4],
    pub(super) pid: u16,
    pub(super) unit_start: bool,
    /// The adaptation field with its length; empty where there is none.
    adaptation: &'a [u8],
    pub(super) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// `None` when it is none.
    pub(super) fn parse(bytes: &'a [u8; PACKET]) -> Option<Self> {
        let (head, body) = bytes.split_first_chunk::<4>()?;
        let [0x47, high, low, fields] = *head else { return None };
        let adaptation = match fields & HAS_ADAPTATION {
            0 => 0,
            _ => 1 + usize::from(*body.first()?),
        };
        let (adaptation, payload) = body.split_at_checked(adaptation)?;
        let payload = if fields & HAS_PAYLOAD == 0 { &[] } else { payload };
        Some(Self {
            head: *head,
            pid: u16::from_be_bytes([high & 0x1f, low]),
            unit_start: high & 0x40 != 0,
            adaptation,
            payload,
        })
    }

    /// The same packet with another payload, which is not longer. What is over goes to the adaptation
    /// field.
    pub(super) fn with_payload(&self, payload: &[u8]) -> Vec<u8> {
        let mut packet = self.head.to_vec();
        packet.extend(stretched(self.adaptation, ROOM - payload.len()));
        packet.extend_from_slice(payload);
        let fields = if payload.is_empty() { 0 } else { HAS_PAYLOAD };
        let adaptation = if payload.len() == ROOM { 0 } else { HAS_ADAPTATION };
        packet[3] = packet[3] & 0xcf | fields | adaptation;
        packet
    }

    /// Whether the adaptation field says anything.
    fn says_something(&self) -> bool {
        self.adaptation.get(1).is_some_and(|flags| *flags != 0)
    }
}

/// An adaptation field with stuffing up to a length in bytes, which is not smaller.
fn stretched(field: &[u8], length: usize) -> Vec<u8> {
    let mut out = field.to_vec();
    if out.len() < length && out.len() < 2 {
        // The length itself, and flags where there is room for them.
        out.resize(length.min(2), 0);
    }
    out.resize(length, 0xff);
    if let Some(first) = out.first_mut() {
        // At most 183.
        *first = u8::try_from(length - 1).unwrap_or(u8::MAX);
    }
    out
}

/// The packets of a unit filled with a payload that is not longer than theirs; empty ones go unless
/// they tell a time. `counter` is that of the first, and afterwards that of the packet behind.
pub(super) fn fill<'a>(
    packets: impl Iterator<Item = Packet<'a>>,
    mut payload: &[u8],
    counter: &mut u8,
) -> Vec<Vec<u8>> {
    let refill = |packet: Packet<'_>| {
        let had = packet.payload.len();
        let (own, rest) = payload.split_at(payload.len().min(had));
        payload = rest;
        if own.is_empty() && had > 0 && !packet.says_something() {
            return Vec::new();
        }
        let mut filled = packet.with_payload(own);
        // Packets without payload repeat the counter of the one before.
        let count = if own.is_empty() { counter.wrapping_sub(1) } else { *counter };
        filled[3] = filled[3] & 0xf0 | count & 0x0f;
        *counter = counter.wrapping_add(u8::from(!own.is_empty()));
        filled
    };
    packets.map(refill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_filled_with_less_and_counted_anew() {
        let packet = |fields: u8, front: &[u8]| {
            let mut packet = [0xaa; PACKET];
            packet[..4].copy_from_slice(&[0x47, 0x41, 0x02, fields]);
            packet[4..4 + front.len()].copy_from_slice(front);
            packet
        };
        let clock = [7, 0x10, 1, 2, 3, 4, 5, 6];
        let all =
            [packet(0x10, &[]), packet(0x31, &clock), packet(0x12, &[]), packet(0x33, &clock)];
        for length in 0..=184 + 176 + 184 + 176 {
            let payload: Vec<u8> = (0..length).map(|n| 100 + (n % 100) as u8).collect();
            let mut counter = 0x2f;
            let filled = fill(
                all.iter().map(|packet| Packet::parse(packet).unwrap()),
                &payload,
                &mut counter,
            );
            let mut seen = Vec::new();
            for bytes in filled.iter().filter(|bytes| !bytes.is_empty()) {
                let packet = Packet::parse(bytes.first_chunk().unwrap()).unwrap();
                assert_eq!((bytes.len(), packet.pid), (PACKET, 0x102));
                seen.extend_from_slice(packet.payload);
            }
            assert_eq!(seen, payload);
            let clocks = filled.iter().filter(|bytes| bytes.windows(6).any(|w| w == &clock[2..]));
            assert_eq!(clocks.count(), 2, "{length}: clocks stay");
        }
    }
}
