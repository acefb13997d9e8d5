//! A media answer as a plan that is executed piece by piece.
//!
//! The plan knows headers, source extents and protected ranges; a [`Producer`] fills one piece
//! after the other into a buffer that its caller lends. No answer is ever held as a whole.

use std::io;
use std::ops::Range;

use bytes::Bytes;

use crate::crypto::strands::{self, Strand};
use crate::crypto::{BLOCK, Expanded};
use crate::mpegts::Segment;
use crate::mpegts::packet::PACKET;

mod frames;
mod samples;
mod together;

pub use frames::Frames;
pub use samples::Samples;
use samples::Window;
pub use together::next_pieces;

/// Bytes of a piece: what one answer holds in memory at a time, but where there is room for more.
pub const PIECE: usize = 64 * 1024;

/// Transport streams that are encrypted as a whole are cut where whole packets are whole cipher
/// blocks.
const TRANSPORT_STEP: u64 = (PACKET * BLOCK / 4) as u64;

/// Source bytes that lie one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// First byte in the source file.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}

/// What is done to the bytes on their way.
#[derive(Debug)]
pub enum Cipher {
    /// Nothing.
    Clear,
    /// Protected ranges of samples, by Common Encryption.
    Samples(Samples),
    /// One CBC chain over everything, with PKCS#7 padding (RFC 8216 section 4.3.2.4).
    Segment {
        /// The key.
        key: Expanded,
        /// The IV of this segment.
        iv: [u8; 16],
    },
}

/// Head, source bytes and cipher of one answer.
#[derive(Debug)]
pub struct Plan {
    head: Bytes,
    extents: Vec<Extent>,
    /// Stands in the place of head and extents.
    transport: Option<Segment>,
    /// Stands in the place of extents.
    frames: Option<Frames>,
    cipher: Cipher,
    padding: usize,
    length: u64,
}

impl Plan {
    /// A plan for `head` followed by `extents` of the source.
    pub fn new(head: Bytes, extents: Vec<Extent>, cipher: Cipher) -> Self {
        let clear = head.len() as u64 + extents.iter().map(|extent| extent.length).sum::<u64>();
        Self { head, extents, ..Self::of_length(clear, cipher) }
    }

    /// A plan for a segment of a transport stream, clear or encrypted as a whole. What is protected
    /// inside it (SAMPLE-AES) it knows itself.
    pub fn transport(segment: Segment, cipher: Cipher) -> Self {
        let length = segment.length();
        Self { transport: Some(segment), ..Self::of_length(length, cipher) }
    }

    /// A plan for `head` followed by frames with a header in front of each.
    pub fn framed(head: Bytes, frames: Frames, cipher: Cipher) -> Self {
        let clear = head.len() as u64 + frames.length();
        Self { head, frames: Some(frames), ..Self::of_length(clear, cipher) }
    }

    fn of_length(clear: u64, mut cipher: Cipher) -> Self {
        if let Cipher::Samples(samples) = &mut cipher {
            // A walk over the ranges of a piece ends at the first that lies behind it.
            samples.ranges.retain(|range| range.length > 0);
        }
        let padding = match cipher {
            Cipher::Segment { .. } => BLOCK - usize::try_from(clear % BLOCK as u64).unwrap_or(0),
            _ => 0,
        };
        Self {
            head: Bytes::new(),
            extents: Vec::new(),
            transport: None,
            frames: None,
            cipher,
            padding,
            length: clear + padding as u64,
        }
    }

    /// Length of the answer in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether all of the answer is one chain, which cannot be parallel in itself.
    pub fn is_one_chain(&self) -> bool {
        matches!(self.cipher, Cipher::Segment { .. })
    }

    /// Memory of the plan in bytes, for caches.
    pub fn heap_size(&self) -> usize {
        let ranges = match &self.cipher {
            Cipher::Samples(samples) => size_of_val(samples.ranges.as_slice()),
            _ => 0,
        };
        let transport = self.transport.as_ref().map_or(0, Segment::heap_size);
        let frames = self.frames.as_ref().map_or(0, Frames::heap_size);
        size_of::<Self>()
            + self.head.len()
            + size_of_val(self.extents.as_slice())
            + transport
            + frames
            + ranges
    }

    /// What stands in front of the first sample.
    pub fn head(&self) -> &Bytes {
        &self.head
    }

    /// Bytes in front of the first sample.
    pub fn head_len(&self) -> u64 {
        self.head.len() as u64
    }
}

/// A read that a piece needs: `length` bytes at `offset` go to `at` in the piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Offset in the source file.
    pub offset: u64,
    /// Where in the piece.
    pub at: usize,
    /// How many bytes.
    pub length: usize,
}

/// Walks through a plan.
#[derive(Debug)]
pub struct Producer<P> {
    plan: P,
    /// Position of the next piece in the answer.
    position: u64,
    /// Bytes in front of what was asked for: a chain starts before it.
    discard: u64,
    end: u64,
    extent: usize,
    /// Bytes of the current extent that are done.
    extent_done: u64,
    range: usize,
    /// IV to continue a chain that the last piece cut.
    carried: Option<[u8; 16]>,
}

impl<P: AsRef<Plan>> Producer<P> {
    /// Starts at a byte range of the answer; the range must lie inside it.
    pub fn new(plan: P, wanted: Range<u64>) -> Self {
        let (position, range) = restart(plan.as_ref(), wanted.start);
        let (mut extent, mut done) = (0, position.saturating_sub(plan.as_ref().head_len()));
        while let Some(current) = plan.as_ref().extents.get(extent) {
            if done < current.length {
                break;
            }
            done -= current.length;
            extent += 1;
        }
        let end = wanted.end.min(plan.as_ref().length);
        let discard = wanted.start - position;
        Self { plan, position, discard, end, extent, extent_done: done, range, carried: None }
    }

    /// Bytes that are still to come.
    pub fn remaining(&self) -> u64 {
        self.end.saturating_sub(self.position + self.discard)
    }

    /// Whether the next piece costs more than its own bytes: a chain has to be run from its start.
    pub fn is_catching_up(&self) -> bool {
        self.discard > 0
    }

    /// Fills the next piece into `buffer`, which is [`PIECE`] bytes long or longer, and gives the part
    /// of it to send; empty at the end. `read` fills the given part from the numbered source.
    ///
    /// When `read` fails nothing has moved: the same piece can be asked for again.
    ///
    /// # Errors
    /// What `read` gives.
    pub fn next_piece(
        &mut self,
        buffer: &mut [u8],
        mut read: impl FnMut(usize, u64, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<Range<usize>> {
        while self.remaining() > 0 {
            let length = self.fill(buffer, &mut read)?;
            let carried = self.encrypt(&mut buffer[..length]);
            let part = self.finish(length, carried);
            if !part.is_empty() {
                return Ok(part);
            }
        }
        Ok(0..0)
    }

    /// The first third of [`Self::next_piece`], where bytes remain: what [`Self::strand`] is for is
    /// still in the clear. Gives the length of the piece; until [`Self::finish`] nothing has moved.
    ///
    /// # Errors
    /// What `read` gives.
    pub fn fill(
        &mut self,
        buffer: &mut [u8],
        mut read: impl FnMut(usize, u64, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<usize> {
        let length = self.piece_length(buffer.len());
        let piece = &mut buffer[..length];
        self.copy_head_and_padding(piece);
        if let Some(segment) = &self.plan.as_ref().transport {
            let left = segment.length().saturating_sub(self.position);
            let packets = length.min(usize::try_from(left).unwrap_or(length));
            let carried = &mut self.carried;
            segment.fill(self.position, &mut piece[..packets], carried, &mut read)?;
        }
        if let Some(frames) = &self.plan.as_ref().frames {
            let head = self.plan.as_ref().head_len();
            let start = head.saturating_sub(self.position);
            let behind = (head + frames.length()).saturating_sub(self.position);
            let inside = |at: u64| usize::try_from(at).unwrap_or(length).min(length);
            let part = &mut piece[inside(start)..inside(behind)];
            let at = self.position.saturating_sub(head);
            frames.fill(at, part, |offset, part| read(0, offset, part))?;
        }
        for part in self.reads(length) {
            read(0, part.offset, &mut piece[part.at..part.at + part.length])?;
        }
        Ok(length)
    }

    /// The second third, where all of the answer is one chain: what is to be encrypted of a piece.
    pub fn strand<'a>(&'a self, piece: &'a mut [u8]) -> Option<Strand<'a>> {
        match &self.plan.as_ref().cipher {
            Cipher::Segment { key, iv } => {
                Some(Strand { key, iv: self.carried.unwrap_or(*iv), data: piece })
            }
            _ => None,
        }
    }

    /// The last third: goes on behind a piece of that length, with the IV that its chain left. Gives
    /// the part of it to send; empty when it was only on the way to what was asked for.
    pub fn finish(&mut self, length: usize, carried: Option<[u8; BLOCK]>) -> Range<usize> {
        self.carried = carried;
        self.advance(length);
        let skip = self.discard.min(length as u64);
        self.discard -= skip;
        let over = usize::try_from(self.position.saturating_sub(self.end)).unwrap_or(0);
        // Both are at most `length`.
        usize::try_from(skip).unwrap_or(length)..length - over
    }

    /// A piece ends at the buffer's end, or a little before it where a chain can be cut.
    fn piece_length(&self, room: usize) -> usize {
        let plan = self.plan.as_ref();
        let left = plan.length - self.position;
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(room);
        if length as u64 == left {
            return length;
        }
        let end = self.position + length as u64;
        let over = match (&plan.cipher, &plan.transport) {
            (Cipher::Clear, Some(segment)) => end - segment.piece_end(self.position, length),
            (_, Some(_)) => end % TRANSPORT_STEP,
            (Cipher::Clear, None) => 0,
            (Cipher::Segment { .. }, None) => end % BLOCK as u64,
            (Cipher::Samples(samples), None) => {
                samples.behind_cut(self.range, end.saturating_sub(plan.head_len()))
            }
        };
        length - usize::try_from(over).unwrap_or(0)
    }

    fn copy_head_and_padding(&self, piece: &mut [u8]) {
        let plan = self.plan.as_ref();
        if let Ok(from) = usize::try_from(self.position) {
            let head = plan.head.get(from..).unwrap_or_default();
            let count = head.len().min(piece.len());
            piece[..count].copy_from_slice(&head[..count]);
        }
        let end = self.position + piece.len() as u64;
        if plan.padding > 0 && end == plan.length {
            let at = piece.len().saturating_sub(plan.padding);
            // At most 16.
            piece[at..].fill(u8::try_from(plan.padding).unwrap_or(0));
        }
    }

    /// The source reads for the next `length` bytes of the answer.
    fn reads(&self, length: usize) -> impl Iterator<Item = Read> + use<P> {
        let plan = self.plan.as_ref();
        let head_left = plan.head_len().saturating_sub(self.position);
        let mut at = usize::try_from(head_left).unwrap_or(length).min(length);
        let mut done = self.extent_done;
        let mut reads = Vec::new();
        for extent in &plan.extents[self.extent.min(plan.extents.len())..] {
            if at == length {
                break;
            }
            let left = usize::try_from(extent.length - done).unwrap_or(usize::MAX);
            let count = left.min(length - at);
            reads.push(Read { offset: extent.offset + done, at, length: count });
            at += count;
            done = 0;
        }
        reads.into_iter()
    }

    /// Gives the IV to continue with.
    fn encrypt(&self, piece: &mut [u8]) -> Option<[u8; BLOCK]> {
        let plan = self.plan.as_ref();
        match &plan.cipher {
            Cipher::Clear => self.carried,
            Cipher::Segment { .. } => self.strand(piece).map(|strand| {
                let mut strands = [strand];
                strands::encrypt(&mut strands);
                strands[0].iv
            }),
            Cipher::Samples(samples) => {
                let window = Window::of(plan.head_len(), self.position, piece.len());
                samples.encrypt(self.range, &window, piece, self.carried)
            }
        }
    }

    fn advance(&mut self, length: usize) {
        let plan = self.plan.as_ref();
        let before = self.position.max(plan.head_len());
        self.position += length as u64;
        self.extent_done += self.position.saturating_sub(before);
        while let Some(extent) = plan.extents.get(self.extent) {
            if self.extent_done < extent.length {
                break;
            }
            self.extent_done -= extent.length;
            self.extent += 1;
        }
        if let Cipher::Samples(samples) = &plan.cipher {
            let done = self.position.saturating_sub(plan.head_len());
            self.range = samples.first_behind(self.range, done);
        }
    }
}

/// Where work must start so that the byte at `wanted` can be made: the position in the answer and
/// the first range that matters.
fn restart(plan: &Plan, wanted: u64) -> (u64, usize) {
    match (&plan.cipher, &plan.transport) {
        (Cipher::Clear, Some(segment)) => (segment.start_for(wanted), 0),
        (Cipher::Clear, None) => (wanted, 0),
        (Cipher::Segment { .. }, _) => (0, 0),
        (Cipher::Samples(samples), _) => match wanted.checked_sub(plan.head_len()) {
            Some(payload) => {
                let (start, first) = samples.restart(payload);
                (plan.head_len() + start, first)
            }
            None => (wanted, 0),
        },
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod transport_tests;
