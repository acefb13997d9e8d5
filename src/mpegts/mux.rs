//! Puts the layout of a segment together: tables first, then PES packets in the order given.

use std::ops::Range;

use super::escape::ESCAPE;
use super::packet::Access;
use super::psi;
use super::sample_aes::SampleAes;
use super::segment::{Chunk, Segment, Unit};

/// PIDs of elementary streams count from here.
pub(super) const FIRST_PID: u16 = 0x100;
const ASSOCIATION_PID: u16 = 0;

/// How many values a continuity counter has.
const COUNTERS: u8 = 16;

/// A segment with more bytes of headers and parameter sets, and of notes where they stand, is not
/// made: an hour of 60 fps video needs a third.
const MAX_INLINE: usize = 64 << 20;

/// Puts a segment together.
#[derive(Debug)]
pub struct Mux {
    units: Vec<Unit>,
    chunks: Vec<Chunk>,
    inline: Vec<u8>,
    packets: u64,
    /// Continuity counters of the elementary streams.
    counters: Vec<u8>,
    /// Inline bytes that belong to the next chunk.
    pending: u32,
    sample_aes: Option<SampleAes>,
}

impl Mux {
    /// Starts with the tables of segment `number`: they have one packet each, so their counters
    /// follow from it. The first of the streams carries the clock. What `sample_aes` protects is
    /// appended by [`Self::protected`].
    pub fn new(streams: &[psi::Stream], sample_aes: Option<SampleAes>, number: usize) -> Self {
        let mut mux = Self {
            units: Vec::new(),
            chunks: Vec::new(),
            inline: Vec::new(),
            packets: 0,
            counters: vec![0; streams.len()],
            pending: 0,
            sample_aes,
        };
        let streams: Vec<(u16, &psi::Stream)> = (FIRST_PID..).zip(streams).collect();
        // Stream types change where a clear lead ends (packaging.md section 5.3).
        let version = u8::from(mux.sample_aes.is_some());
        for (pid, table) in
            [(ASSOCIATION_PID, psi::association()), (psi::MAP_PID, psi::map(&streams, version))]
        {
            mux.open(pid, number.to_le_bytes()[0], Access::default());
            mux.inline(&table);
            mux.close();
        }
        mux
    }

    /// Adds a PES packet of elementary stream `stream`, which `fill` describes.
    pub fn unit(&mut self, stream: usize, access: Access, fill: impl FnOnce(&mut Self)) {
        // A program has at most two streams.
        let pid = FIRST_PID + u16::try_from(stream).unwrap_or(0);
        let counter = self.counters[stream];
        self.open(pid, counter, access);
        fill(self);
        let packets = self.close();
        self.counters[stream] = counter.wrapping_add(packets.to_le_bytes()[0]);
    }

    /// Appends bytes to the unit.
    pub fn inline(&mut self, bytes: &[u8]) {
        self.inline.extend_from_slice(bytes);
        // Headers and parameter sets are short.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.pending = self.pending.saturating_add(length);
    }

    /// Whether the layout holds more bytes of headers and parameter sets than a segment needs.
    pub fn is_full(&self) -> bool {
        self.inline.len() + size_of_val(&*self.chunks) > MAX_INLINE
    }

    /// How the stream is protected.
    pub fn sample_aes(&self) -> Option<&SampleAes> {
        self.sample_aes.as_ref()
    }

    /// Appends bytes that stay in a source.
    pub fn source(&mut self, source: usize, offset: u64, length: u32) {
        self.chunk(source, offset, length, None);
    }

    /// Appends a NAL unit or a frame that stays in a source, of which a range is encrypted. In front
    /// of each of the bytes in `escapes` stands an emulation prevention byte.
    pub fn protected(
        &mut self,
        source: usize,
        offset: u64,
        length: u32,
        protected: &Range<u32>,
        escapes: &[u32],
    ) {
        let mut at = 0;
        for escape in escapes.iter().copied().map(Some).chain([None]) {
            let end = escape.unwrap_or(length);
            for end in [protected.start.min(end), protected.end.min(end), end] {
                if end > at {
                    let done = protected.contains(&at).then(|| at - protected.start);
                    self.chunk(source, offset + u64::from(at), end - at, done);
                    at = end;
                }
            }
            if escape.is_some() {
                self.inline(&[ESCAPE]);
            }
        }
    }

    fn chunk(&mut self, source: usize, offset: u64, length: u32, protected: Option<u32>) {
        let inline = std::mem::take(&mut self.pending);
        self.chunks.push(Chunk { inline, length, offset, source, protected });
    }

    fn open(&mut self, pid: u16, counter: u8, access: Access) {
        self.units.push(Unit {
            first_packet: self.packets,
            first_chunk: self.chunks.len(),
            first_inline: self.inline.len(),
            size: 0,
            needed: 0,
            spare: 0,
            pid,
            counter,
            access,
        });
    }

    /// Ends the unit; gives how many packets it has.
    fn close(&mut self) -> u64 {
        if self.pending > 0 {
            self.source(0, 0, 0);
        }
        let Some(unit) = self.units.last_mut() else {
            return 0;
        };
        let chunks = &self.chunks[unit.first_chunk..];
        let size = |chunk: &Chunk| u64::from(chunk.inline) + u64::from(chunk.length);
        unit.size = chunks.iter().map(size).sum();
        unit.needed = unit.filled();
        self.packets += unit.needed;
        unit.needed
    }

    /// Spreads the end of each elementary stream over up to 15 packets more, so that a segment has a
    /// multiple of 16 of them: the counters of the next one start at 0 as well, and go on. A packet
    /// counts when it has payload, and what is too short to give each a byte (headers and an empty
    /// frame) stays as it is.
    pub fn even_counters(&mut self) {
        for (pid, counter) in (FIRST_PID..).zip(&self.counters) {
            let spare = counter.wrapping_neg() % COUNTERS;
            let last = self.units.iter_mut().rev().find(|unit| unit.pid == pid);
            if let Some(last) = last.filter(|unit| unit.size >= unit.needed + u64::from(spare)) {
                last.spare = spare;
            }
        }
        self.packets = 0;
        for unit in &mut self.units {
            unit.first_packet = self.packets;
            self.packets += unit.packets();
        }
    }

    /// The finished layout.
    pub fn finish(self) -> Segment {
        Segment {
            units: self.units.into(),
            chunks: self.chunks.into(),
            inline: self.inline.into(),
            packets: self.packets,
            sample_aes: self.sample_aes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_for_a_segment_is_bounded() {
        let mut mux = Mux::new(&[psi::TABLE[0].clear()], None, 0);
        let sets = vec![0; 64 << 10];
        let mut pictures = 0;
        while !mux.is_full() && pictures < 2000 {
            mux.unit(0, Access::default(), |mux| {
                mux.inline(&sets);
                mux.source(0, 0, 1);
            });
            pictures += 1;
        }
        assert_eq!(pictures, 1024);
    }
}
