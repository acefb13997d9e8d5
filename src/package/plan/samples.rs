//! The protected ranges of samples: which of them a piece holds, and how they are encrypted
//! (ISO/IEC 23001-7 sections 9.5 to 9.7).

use std::ops::Range;

use crate::cenc::map::ProtectedRange;
use crate::cenc::{Scheme, TrackKey};
use crate::codec::MediaType;
use crate::crypto::chains::{self, Chain, Pattern};
use crate::crypto::ctr::Keystream;

/// What is encrypted of the samples of a fragment; positions count from the first sample on.
#[derive(Debug)]
pub struct Samples {
    scheme: Scheme,
    pattern: Pattern,
    key: TrackKey,
    /// In ascending order; empty ones are dropped when the plan is made.
    pub(super) ranges: Vec<ProtectedRange>,
}

impl Samples {
    /// Ranges of a track of that kind.
    pub fn new(
        scheme: Scheme,
        media_type: MediaType,
        key: TrackKey,
        ranges: Vec<ProtectedRange>,
    ) -> Self {
        Self { scheme, pattern: scheme.pattern(media_type), key, ranges }
    }

    /// The first range from `range` on that ends behind the byte at `position`.
    pub(super) fn first_behind(&self, range: usize, position: u64) -> usize {
        let done = self.ranges[range..].iter().take_while(|range| end_of(range) <= position);
        range + done.count()
    }

    /// How many bytes in front of `end` a piece that begins in front of `range` has to leave out,
    /// for a range to be cut where its pattern starts anew.
    pub(super) fn behind_cut(&self, range: usize, end: u64) -> u64 {
        let begun = self.ranges[range..].iter().take_while(|range| u64::from(range.start) < end);
        let cut = begun.last().filter(|range| end_of(range) > end);
        cut.map_or(0, |range| (end - u64::from(range.start)) % self.pattern.period() as u64)
    }

    /// Where work must start so that the byte at `wanted` can be made, and the first range that
    /// matters then.
    pub(super) fn restart(&self, wanted: u64) -> (u64, usize) {
        let first = self.ranges.partition_point(|range| end_of(range) <= wanted);
        let Some(range) = self.ranges.get(first) else { return (wanted, first) };
        let start = u64::from(range.start);
        let inside = start < wanted;
        match self.scheme {
            Scheme::Cens if inside => {
                (wanted - (wanted - start) % self.pattern.period() as u64, first)
            }
            Scheme::Cbcs if inside => (start, first),
            Scheme::Cbc1 if inside || range.position > 0 => {
                let first = self.ranges.partition_point(|other| other.sample < range.sample);
                (u64::from(self.ranges[first].start), first)
            }
            _ => (wanted, first),
        }
    }

    /// Encrypts what lies in a piece, from `range` on. `carried` is what the piece before left, and
    /// what is given is for the next one.
    pub(super) fn encrypt(
        &self,
        range: usize,
        window: &Window,
        piece: &mut [u8],
        carried: Option<[u8; 16]>,
    ) -> Option<[u8; 16]> {
        let ranges = &self.ranges[range..];
        let parts = ranges.iter().map_while(|range| self.part(range, window));
        match self.scheme {
            Scheme::Cenc => {
                parts.for_each(|part| self.keystream(&part).apply(&mut piece[part.piece]));
                None
            }
            Scheme::Cens => {
                parts.for_each(|part| {
                    self.keystream(&part).apply_blocks(self.pattern, &mut piece[part.piece]);
                });
                None
            }
            Scheme::Cbc1 => parts.fold(carried, |before, part| {
                let before = before.filter(|_| part.position > 0);
                let iv = before.unwrap_or_else(|| self.key.ivs.chain(part.sample));
                let mut chain = [part.chain(iv)];
                chains::encrypt(&self.key.key, self.pattern, piece, &mut chain);
                Some(chain[0].iv)
            }),
            Scheme::Cbcs => {
                let constant = self.key.ivs.constant();
                let mut chains: Vec<Chain> = parts.map(|part| part.chain(constant)).collect();
                if let (Some(first), Some(iv)) = (chains.first_mut(), carried) {
                    first.iv = iv;
                }
                chains::encrypt(&self.key.key, self.pattern, piece, &mut chains);
                let last = chains.len().checked_sub(1)?;
                (end_of(&ranges[last]) > window.end).then_some(chains[last].iv)
            }
        }
    }

    fn keystream(&self, part: &Part) -> Keystream<'_> {
        let iv = self.key.counter_iv(self.scheme, part.sample);
        Keystream::new(&self.key.key, iv, part.position)
    }

    /// What lies in the window of a range; `None` when the range lies behind it.
    fn part(&self, range: &ProtectedRange, window: &Window) -> Option<Part> {
        let start = u64::from(range.start).max(window.start);
        let end = end_of(range).min(window.end);
        if start >= end {
            return None;
        }
        // Offsets inside a piece and inside a range, which has 32 bits.
        let at =
            |position: u64| window.head + usize::try_from(position - window.start).unwrap_or(0);
        let skipped = u32::try_from(start - u64::from(range.start)).unwrap_or(0);
        let position = range.position + self.scheme.ciphered(self.pattern, skipped);
        Some(Part { piece: at(start)..at(end), sample: range.sample, position })
    }
}

fn end_of(range: &ProtectedRange) -> u64 {
    u64::from(range.start) + u64::from(range.length)
}

/// The part of the samples that a piece covers.
pub(super) struct Window {
    start: u64,
    end: u64,
    /// Bytes of the head in front of it, inside the piece.
    head: usize,
}

impl Window {
    /// Of a piece of `length` bytes at `position` of an answer with a head of `head` bytes.
    pub(super) fn of(head: u64, position: u64, length: usize) -> Self {
        let left = head.saturating_sub(position);
        Self {
            start: position.saturating_sub(head),
            end: (position + length as u64).saturating_sub(head),
            head: usize::try_from(left).unwrap_or(length).min(length),
        }
    }
}

/// The part of a protected range that lies in a piece.
struct Part {
    piece: Range<usize>,
    sample: u32,
    /// Bytes of key stream, or of the chain, that the sample has taken in front of the part.
    position: u32,
}

impl Part {
    fn chain(&self, iv: [u8; 16]) -> Chain {
        Chain { start: self.piece.start, length: self.piece.len(), iv }
    }
}
