//! The layout of one segment, and its bytes from any packet on.
//!
//! A unit (a table or a PES packet) is a list of chunks: bytes that the muxer writes (headers,
//! start codes, parameter sets) and bytes that stay in the source. From the sizes follow all packet
//! positions, so that the length is exact before anything is read.
//!
//! A piece is filled in one pass: the source bytes are read to its end, in few large reads, and
//! moved to their packets from the front. What is written never overtakes what is still to be
//! moved, as headers only add to the bytes behind them.

use std::io;

use super::packet::{Access, Header, PACKET, ROOM};

/// Bytes of the muxer, then bytes of a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) inline: u32,
    pub(super) length: u32,
    pub(super) offset: u64,
    pub(super) source: usize,
}

/// A table or a PES packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) first_packet: u64,
    pub(super) first_chunk: usize,
    /// Where its inline bytes start.
    pub(super) first_inline: usize,
    /// Bytes of all its chunks.
    pub(super) size: u64,
    pub(super) pid: u16,
    /// Continuity counter of its first packet.
    pub(super) counter: u8,
    pub(super) access: Access,
}

impl Unit {
    pub(super) fn packets(&self) -> u64 {
        let mut packets = (self.size + self.access.len() as u64).div_ceil(ROOM as u64);
        while self.room_before(packets) < self.size {
            packets += 1;
        }
        packets
    }

    /// How much the first `n` packets can hold.
    fn room_before(&self, n: u64) -> u64 {
        (n * ROOM as u64).saturating_sub(self.access.len_before(n))
    }

    /// The payload in front of packet `n`.
    fn payload_before(&self, n: u64) -> u64 {
        self.room_before(n).min(self.size)
    }

    fn header(&self, n: u64) -> Header {
        let payload = self.payload_before(n + 1) - self.payload_before(n);
        Header {
            pid: self.pid,
            counter: self.counter.wrapping_add(n.to_le_bytes()[0]),
            unit_start: n == 0,
            access: self.access.of_packet(n),
            // The payload is at most the room.
            adaptation: ROOM - usize::try_from(payload).unwrap_or(ROOM),
        }
    }
}

/// The layout of a segment.
#[derive(Debug)]
pub struct Segment {
    pub(super) units: Box<[Unit]>,
    pub(super) chunks: Box<[Chunk]>,
    pub(super) inline: Box<[u8]>,
    pub(super) packets: u64,
}

/// Bytes on their way into a piece.
#[derive(Debug)]
enum Step {
    /// From the muxer's own bytes.
    Inline { at: usize, length: usize },
    /// From what was read; the position counts from the first byte read.
    Source { at: usize, length: usize },
}

/// A read that several steps share.
#[derive(Debug)]
struct Read {
    source: usize,
    offset: u64,
    length: usize,
}

/// Everything that fills one piece.
#[derive(Debug, Default)]
struct Work {
    steps: Vec<Step>,
    reads: Vec<Read>,
    /// Bytes of all reads.
    read: usize,
    /// Inline bytes since the last read: what a read may fetch in vain between two chunks.
    slack: usize,
}

impl Work {
    fn inline(&mut self, at: usize, length: usize) {
        if length > 0 {
            self.slack += length;
            self.steps.push(Step::Inline { at, length });
        }
    }

    /// Neighbours in the source share a read when the gap between them costs no room.
    fn source(&mut self, source: usize, offset: u64, length: usize) {
        if length == 0 {
            return;
        }
        let slack = std::mem::take(&mut self.slack) as u64;
        let shared = self.reads.last_mut().filter(|last| {
            let end = last.offset + last.length as u64;
            last.source == source && (end..=end + slack).contains(&offset)
        });
        match shared {
            Some(last) => {
                // At most the slack.
                let gap = usize::try_from(offset - last.offset).unwrap_or(0) - last.length;
                last.length += gap + length;
                self.read += gap + length;
            }
            None => {
                self.reads.push(Read { source, offset, length });
                self.read += length;
            }
        }
        self.steps.push(Step::Source { at: self.read - length, length });
    }
}

impl Segment {
    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.packets * PACKET as u64
    }

    /// Memory of the layout in bytes.
    pub fn heap_size(&self) -> usize {
        size_of_val(&*self.units) + size_of_val(&*self.chunks) + self.inline.len()
    }

    /// Fills `piece` with the packets from `position` on; both are whole packets inside the
    /// segment. `read` fills a part from a source.
    ///
    /// # Errors
    /// What `read` gives.
    pub fn fill(
        &self,
        position: u64,
        piece: &mut [u8],
        mut read: impl FnMut(usize, u64, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let first = position / PACKET as u64;
        let count = (piece.len() / PACKET) as u64;
        let work = self.work(first, first + count);
        // Everything that is read is sent, or has inline bytes in its place.
        let tail = piece.len() - work.read;
        let mut at = tail;
        for part in &work.reads {
            read(part.source, part.offset, &mut piece[at..at + part.length])?;
            at += part.length;
        }
        self.spread(first, piece, tail, work.steps);
        Ok(())
    }

    /// The unit that holds a packet.
    fn unit_at(&self, packet: u64) -> usize {
        let behind = self.units.partition_point(|unit| unit.first_packet <= packet);
        behind.saturating_sub(1)
    }

    /// What the packets `from..to` are made of.
    fn work(&self, from: u64, to: u64) -> Work {
        let mut work = Work::default();
        for n in self.unit_at(from)..self.units.len() {
            let unit = &self.units[n];
            if unit.first_packet >= to {
                break;
            }
            let inside = |packet: u64| packet.saturating_sub(unit.first_packet).min(unit.packets());
            let start = unit.payload_before(inside(from));
            let end = unit.payload_before(inside(to));
            let behind = self.units.get(n + 1).map_or(self.chunks.len(), |u| u.first_chunk);
            let chunks = &self.chunks[unit.first_chunk..behind];
            chunk_work(chunks, unit.first_inline, start..end, &mut work);
        }
        work
    }

    /// Writes the packets from the front of the piece, moving what was read out of its tail.
    fn spread(&self, first: u64, piece: &mut [u8], tail: usize, steps: Vec<Step>) {
        let mut steps = steps.into_iter();
        let mut step = steps.next();
        let mut n = self.unit_at(first);
        for (packet, start) in (first..).zip((0..piece.len()).step_by(PACKET)) {
            if self.units.get(n + 1).is_some_and(|next| next.first_packet <= packet) {
                n += 1;
            }
            let header = self.units[n].header(packet - self.units[n].first_packet);
            let mut at = start + header.write(&mut piece[start..start + PACKET]);
            while at < start + PACKET {
                let Some(current) = &mut step else { return };
                at += self.advance(current, piece, at..start + PACKET, tail);
                if current.is_done() {
                    step = steps.next();
                }
            }
        }
    }

    /// Moves as much of a step as fits; gives how many bytes.
    fn advance(
        &self,
        step: &mut Step,
        piece: &mut [u8],
        room: std::ops::Range<usize>,
        tail: usize,
    ) -> usize {
        let (Step::Inline { at, length } | Step::Source { at, length }) = &*step;
        let (from, count) = (*at, room.len().min(*length));
        match step {
            Step::Inline { at, length } => {
                let target = &mut piece[room.start..room.start + count];
                target.copy_from_slice(&self.inline[from..from + count]);
                (*at, *length) = (from + count, *length - count);
            }
            Step::Source { at, length } => {
                piece.copy_within(tail + from..tail + from + count, room.start);
                (*at, *length) = (from + count, *length - count);
            }
        }
        count
    }
}

impl Step {
    fn is_done(&self) -> bool {
        matches!(self, Self::Inline { length: 0, .. } | Self::Source { length: 0, .. })
    }
}

/// The bytes `wanted` of a unit that consists of `chunks`.
fn chunk_work(chunks: &[Chunk], inline: usize, wanted: std::ops::Range<u64>, work: &mut Work) {
    let (mut at, mut inline) = (0_u64, inline);
    for chunk in chunks {
        if at >= wanted.end {
            break;
        }
        // Positions inside a piece, or inside a chunk, which has 32 bits.
        let clip = |start: u64, length: u32| {
            let end = start + u64::from(length);
            let from = wanted.start.clamp(start, end) - start;
            let to = wanted.end.clamp(start, end) - start;
            (from, usize::try_from(to - from).unwrap_or(0))
        };
        let (skipped, count) = clip(at, chunk.inline);
        work.inline(inline + usize::try_from(skipped).unwrap_or(0), count);
        inline += chunk.inline as usize;
        at += u64::from(chunk.inline);
        let (skipped, count) = clip(at, chunk.length);
        work.source(chunk.source, chunk.offset + skipped, count);
        at += u64::from(chunk.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mpegts::mux::FIRST_PID;
    use crate::mpegts::packet::Repeat;
    use crate::mpegts::{Mux, psi};
    use proptest::prelude::*;

    /// One unit as a test wants it: its stream, clock, and chunks (inline, source, gap before).
    type Description = (bool, Option<u64>, u64, Vec<(usize, usize, usize)>);

    fn descriptions() -> impl Strategy<Value = Vec<Description>> {
        let chunk = (0_usize..40, 0_usize..900, 0_usize..50);
        let unit = (
            any::<bool>(),
            proptest::option::of(0..1_u64 << 40),
            0..9_u64,
            proptest::collection::vec(chunk, 1..8),
        );
        proptest::collection::vec(unit, 1..20)
    }

    fn source() -> Vec<u8> {
        (0..200_000_u32).map(|n| (n * 7 / 3) as u8).collect()
    }

    /// The layout, and what each stream must hold.
    fn build(units: &[Description]) -> (Segment, [Vec<u8>; 2]) {
        let source = source();
        let (mut mux, mut expected) =
            (Mux::new(&[&psi::TABLE[0], &psi::TABLE[1]]), [Vec::new(), Vec::new()]);
        let mut offset = 0;
        for (second, pcr, every, chunks) in units {
            let stream = usize::from(*second);
            let access = Access {
                random: pcr.is_some_and(|pcr| pcr % 2 == 0),
                pcr: *pcr,
                repeat: (*every > 0).then_some(Repeat { every: *every, step: 27_000 }),
            };
            mux.unit(stream, access, |mux| {
                for (inline, length, gap) in chunks {
                    offset += gap;
                    let bytes = vec![0xab; *inline + 1];
                    mux.inline(&bytes);
                    mux.source(stream, offset as u64, u32::try_from(*length).unwrap());
                    expected[stream].extend(bytes);
                    expected[stream].extend(&source[offset..offset + length]);
                    offset += length;
                }
            });
        }
        (mux.finish(), expected)
    }

    fn fill(segment: &Segment, packets: std::ops::Range<usize>) -> Vec<u8> {
        let mut piece = vec![0xee; packets.len() * PACKET];
        let source = source();
        let read = |_, offset: u64, part: &mut [u8]| {
            let offset = usize::try_from(offset).unwrap();
            part.copy_from_slice(&source[offset..offset + part.len()]);
            Ok(())
        };
        let position = (packets.start * PACKET) as u64;
        segment.fill(position, &mut piece, read).unwrap();
        piece
    }

    /// Payload of a PID, counters checked.
    fn payload_of(stream: &[u8], pid: u16) -> Vec<u8> {
        let (mut payload, mut counter) = (Vec::new(), 0);
        for packet in stream.chunks(PACKET) {
            assert_eq!(packet[0], 0x47);
            if u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) != pid {
                continue;
            }
            assert_eq!(packet[3] & 0x0f, counter & 0x0f, "continuity of {pid}");
            counter += 1;
            let adaptation = match packet[3] >> 4 {
                1 => 0,
                3 => usize::from(packet[4]) + 1,
                other => panic!("adaptation field control {other}"),
            };
            payload.extend(&packet[4 + adaptation..]);
        }
        payload
    }

    proptest! {
        #[test]
        fn packets_carry_what_the_units_hold(units in descriptions()) {
            let (segment, expected) = build(&units);
            let whole = fill(&segment, 0..usize::try_from(segment.packets).unwrap());
            prop_assert_eq!(whole.len() as u64, segment.length());
            prop_assert_eq!(&payload_of(&whole, FIRST_PID), &expected[0]);
            prop_assert_eq!(&payload_of(&whole, FIRST_PID + 1), &expected[1]);
            prop_assert_eq!(payload_of(&whole, 0), psi::association());
        }

        #[test]
        fn any_packets_alone_are_those_of_the_whole(
            units in descriptions(), from in 0.0..1.0_f64, to in 0.0..1.0_f64,
        ) {
            let (segment, _) = build(&units);
            let packets = segment.packets as f64;
            let mut ends = [(from * packets) as usize, (to * packets) as usize];
            ends.sort_unstable();
            let whole = fill(&segment, 0..usize::try_from(segment.packets).unwrap());
            let part = fill(&segment, ends[0]..ends[1]);
            prop_assert_eq!(&part, &whole[ends[0] * PACKET..ends[1] * PACKET]);
        }
    }
}
