//! Frames of sound with a header in front of each that the source does not have. A piece is filled as
//! that of a transport stream is: read to its end, in few reads, and moved forward.

use std::io;
use std::ops::Range;

use super::Extent;
use crate::codec::adts::HEADER;

/// Headers, and where the frames behind them lie in the source.
#[derive(Debug)]
pub struct Frames {
    headers: Box<[[u8; HEADER]]>,
    extents: Box<[Extent]>,
    /// Where each frame ends, counted from the first header on.
    ends: Box<[u64]>,
}

impl Frames {
    /// As many headers as extents.
    pub fn new(headers: Vec<[u8; HEADER]>, extents: Vec<Extent>) -> Self {
        let mut end = 0;
        let ends = extents.iter().map(|extent| {
            end += HEADER as u64 + extent.length;
            end
        });
        let ends = ends.collect();
        Self { headers: headers.into(), extents: extents.into(), ends }
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Memory in bytes.
    pub fn heap_size(&self) -> usize {
        size_of_val(&*self.headers) + size_of_val(&*self.extents) + size_of_val(&*self.ends)
    }

    /// Fills `piece` with the bytes from `position` on, which are there.
    ///
    /// # Errors
    /// What `read` gives.
    pub fn fill(
        &self,
        position: u64,
        piece: &mut [u8],
        mut read: impl FnMut(u64, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let parts: Vec<Part> = self.parts(position, position + piece.len() as u64).collect();
        let tail = piece.len() - parts.iter().map(|part| part.source.len()).sum::<usize>();
        let mut at = tail;
        for Extent { offset, length } in reads(&parts) {
            // Not longer than the piece.
            let next = at + usize::try_from(length).unwrap_or(0);
            read(offset, &mut piece[at..next])?;
            at = next;
        }
        let (mut from, mut to) = (tail, 0);
        for Part { frame, header, source, .. } in parts {
            let own = &self.headers[frame][header];
            piece[to..to + own.len()].copy_from_slice(own);
            to += own.len();
            piece.copy_within(from..from + source.len(), to);
            (from, to) = (from + source.len(), to + source.len());
        }
        Ok(())
    }

    /// What lies between two positions of the frames that reach into it.
    fn parts(&self, from: u64, to: u64) -> impl Iterator<Item = Part> + '_ {
        let first = self.ends.partition_point(|end| *end <= from);
        let frames = self.extents.iter().enumerate().skip(first);
        let start = |n: usize| n.checked_sub(1).map_or(0, |before| self.ends[before]);
        let reached = frames.take_while(move |(n, _)| start(*n) < to);
        reached.map(move |(frame, extent)| {
            let length = HEADER as u64 + extent.length;
            let inside = |at: u64| at.saturating_sub(start(frame)).min(length);
            let (from, to) = (inside(from), inside(to));
            // A frame in a source is a sample, which has 32 bits.
            let clip = |at: u64| usize::try_from(at).unwrap_or(0);
            let header = clip(from).min(HEADER)..clip(to).min(HEADER);
            let source = clip(from).max(HEADER) - HEADER..clip(to).max(HEADER) - HEADER;
            Part { frame, header, offset: extent.offset + source.start as u64, source }
        })
    }
}

/// A part of a frame.
struct Part {
    frame: usize,
    /// Which bytes of the header.
    header: Range<usize>,
    /// Where the bytes behind it lie in the source.
    offset: u64,
    source: Range<usize>,
}

/// Parts that lie one behind the other are read together.
fn reads(parts: &[Part]) -> Vec<Extent> {
    let mut reads: Vec<Extent> = Vec::new();
    for part in parts.iter().filter(|part| !part.source.is_empty()) {
        let length = part.source.len() as u64;
        match reads.last_mut().filter(|last| last.offset + last.length == part.offset) {
            Some(last) => last.length += length,
            None => reads.push(Extent { offset: part.offset, length }),
        }
    }
    reads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_a_slice_of_the_whole_and_neighbours_are_read_together() {
        let source: Vec<u8> = (0..200).collect();
        let headers = vec![[0xf1; HEADER], [0xf2; HEADER], [0xf3; HEADER], [0xf4; HEADER]];
        let extent = |offset, length| Extent { offset, length };
        let extents = vec![extent(10, 5), extent(15, 0), extent(15, 20), extent(100, 3)];
        let whole: Vec<u8> = [
            &[0xf1; HEADER][..],
            &source[10..15],
            &[0xf2; HEADER],
            &[0xf3; HEADER],
            &source[15..35],
            &[0xf4; HEADER],
            &source[100..103],
        ]
        .concat();
        let frames = Frames::new(headers, extents);
        assert_eq!(frames.length(), whole.len() as u64);
        for from in 0..=whole.len() {
            for to in from..=whole.len() {
                let (mut piece, mut reads) = (vec![0; to - from], 0);
                let read = |offset: u64, part: &mut [u8]| {
                    reads += 1;
                    let at = offset as usize;
                    part.copy_from_slice(&source[at..at + part.len()]);
                    Ok(())
                };
                frames.fill(from as u64, &mut piece, read).unwrap();
                assert_eq!(piece, whole[from..to], "{from}..{to}");
                assert!(reads <= 2, "{from}..{to}");
            }
        }
    }
}
