//! The layout of one segment, and its bytes from any packet on.
//!
//! A unit (a table or a PES packet) is a list of chunks: bytes that the muxer writes (headers,
//! start codes, parameter sets) and bytes that stay in the source. From the sizes follow all packet
//! positions, so that the length is exact before anything is read.
//!
//! A piece is filled in one pass: the source bytes are read to its end, in few large reads,
//! encrypted there, and moved to their packets from the front. What is written never overtakes what
//! is still to be moved, as headers only add to the bytes behind them.

use std::io;

use super::packet::{Access, Header, PACKET, ROOM};
use super::sample_aes::{SampleAes, Stretches};

/// Bytes of the muxer, then bytes of a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) inline: u32,
    pub(super) length: u32,
    pub(super) offset: u64,
    pub(super) source: usize,
    /// How much of its protected range lies in front of the source bytes; `None` in the clear.
    pub(super) protected: Option<u32>,
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
    /// Packets that it needs.
    pub(super) needed: u64,
    /// Packets that it takes beyond those.
    pub(super) spare: u8,
    pub(super) pid: u16,
    /// Continuity counter of its first packet.
    pub(super) counter: u8,
    pub(super) access: Access,
}

impl Unit {
    pub(super) fn packets(&self) -> u64 {
        self.needed + u64::from(self.spare)
    }

    /// How many packets its size and its clock references fill.
    pub(super) fn filled(&self) -> u64 {
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

    /// The payload in front of packet `n`. A byte is kept back for each packet behind it: the last
    /// has one in any case, and a spare one without payload would not count.
    fn payload_before(&self, n: u64) -> u64 {
        let behind = self.packets().saturating_sub(n);
        self.room_before(n).min(self.size.saturating_sub(behind))
    }

    /// How many packets from `n` on are all payload: they start nothing, and have no adaptation
    /// field. At most that many; each further one takes a byte less from what must be kept back than
    /// it holds.
    fn plain_from(&self, n: u64) -> u64 {
        let behind = self.packets().saturating_sub(n);
        let left = self.size.saturating_sub(behind).saturating_sub(self.room_before(n));
        self.access.free_from(n).min(left / (ROOM as u64 - 1))
    }

    /// Writes the packets from `n` on, to `start` in the piece, as far as each is nothing but a part
    /// of `step`; gives how many those are. Nearly all are: headers differ by a counter, and lengths
    /// are known to the compiler.
    fn spread(
        &self,
        n: u64,
        piece: &mut [u8],
        start: usize,
        tail: usize,
        step: &mut Step,
    ) -> usize {
        let Step::Source { at, length } = step else { return 0 };
        let room = ((piece.len() - start) / PACKET).min(*length / ROOM);
        let count = usize::try_from(self.plain_from(n)).unwrap_or(room).min(room);
        let mut header = Header { access: Access::default(), ..self.header(n) };
        for to in (start..).step_by(PACKET).take(count) {
            header.write(&mut piece[to..to + 4]);
            header.counter = header.counter.wrapping_add(1);
            // In parts that fit into registers.
            for part in [0, ROOM / 2] {
                let from = tail + *at + part;
                piece.copy_within(from..from + ROOM / 2, to + 4 + part);
            }
            (*at, *length) = (*at + ROOM, *length - ROOM);
        }
        count
    }

    fn header(&self, n: u64) -> Header {
        let payload = self.payload_before(n + 1) - self.payload_before(n);
        Header {
            pid: self.pid,
            counter: self.counter.wrapping_add(n.to_le_bytes()[0]),
            unit_start: n == 0,
            // Clock references end where the payload does in time.
            access: if n < self.needed { self.access.of_packet(n) } else { Access::default() },
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
    /// What is done to protected chunks.
    pub(super) sample_aes: Option<SampleAes>,
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
    /// What is encrypted of the bytes read.
    stretches: Stretches,
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

    /// Where a piece that starts at `position` ends, at most `room` bytes behind it: at a packet, and
    /// at one that cuts no encrypted block. Units of sound are shorter than pieces, and in pictures
    /// every other packet will do.
    pub fn piece_end(&self, position: u64, room: usize) -> u64 {
        let first = position / PACKET as u64;
        let last = (first + (room / PACKET) as u64).min(self.packets);
        let fits = |packet: &u64| !self.cuts_block(*packet);
        (first + 1..=last).rev().find(fits).unwrap_or(last) * PACKET as u64
    }

    /// Where work must start so that the byte at `wanted` can be made: chains begin in their unit.
    pub fn start_for(&self, wanted: u64) -> u64 {
        let packet = wanted / PACKET as u64;
        let unit = self.sample_aes.as_ref().and_then(|_| self.units.get(self.unit_at(packet)));
        unit.map_or(packet, |unit| unit.first_packet) * PACKET as u64
    }

    /// Whether a packet starts inside an encrypted block.
    fn cuts_block(&self, packet: u64) -> bool {
        let Some(sample_aes) = &self.sample_aes else {
            return false;
        };
        let n = self.unit_at(packet);
        let unit = &self.units[n];
        let mut left = unit.payload_before(packet - unit.first_packet);
        for chunk in self.chunks_of(n) {
            let size = u64::from(chunk.inline) + u64::from(chunk.length);
            if left < size {
                let inside = left.saturating_sub(chunk.inline.into());
                return chunk
                    .protected
                    .is_some_and(|done| sample_aes.cuts_block(u64::from(done) + inside));
            }
            left -= size;
        }
        false
    }

    fn chunks_of(&self, unit: usize) -> &[Chunk] {
        let end = self.units.get(unit + 1).map_or(self.chunks.len(), |next| next.first_chunk);
        &self.chunks[self.units[unit].first_chunk..end]
    }

    /// Fills `piece` with the packets from `position` on; both are whole packets inside the
    /// segment. `read` fills a part from a source. `carried` is the state of a chain that the piece
    /// before has cut, and afterwards that of one that this piece cuts.
    ///
    /// # Errors
    /// What `read` gives.
    pub fn fill(
        &self,
        position: u64,
        piece: &mut [u8],
        carried: &mut Option<[u8; 16]>,
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
        if let Some(sample_aes) = &self.sample_aes {
            sample_aes.encrypt(&mut piece[tail..], work.stretches, carried);
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
            chunk_work(self.chunks_of(n), unit.first_inline, start..end, &mut work);
        }
        work
    }

    /// Writes the packets from the front of the piece, moving what was read out of its tail.
    fn spread(&self, first: u64, piece: &mut [u8], tail: usize, steps: Vec<Step>) {
        let mut steps = steps.into_iter();
        let mut step = steps.next();
        let mut n = self.unit_at(first);
        let (mut packet, mut at) = (first, 0);
        while at < piece.len() {
            if self.units.get(n + 1).is_some_and(|next| next.first_packet <= packet) {
                n += 1;
            }
            let (unit, inside) = (&self.units[n], packet - self.units[n].first_packet);
            let plain = step.as_mut().map_or(0, |step| unit.spread(inside, piece, at, tail, step));
            at += plain * PACKET;
            packet += plain as u64;
            if plain > 0 {
                step = step.filter(|step| !step.is_done()).or_else(|| steps.next());
                continue;
            }
            let end = at + PACKET;
            at += unit.header(inside).write(&mut piece[at..end]);
            packet += 1;
            while at < end {
                let Some(current) = &mut step else { return };
                at += self.advance(current, piece, at..end, tail);
                step = step.filter(|step| !step.is_done()).or_else(|| steps.next());
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
        if let Some(done) = chunk.protected.filter(|_| count > 0) {
            work.stretches.add(work.read - count, count, u64::from(done) + skipped);
        }
        at += u64::from(chunk.length);
    }
}

#[cfg(test)]
mod tests;
