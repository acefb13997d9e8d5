//! Buffers for the pieces of answers, recycled.
//!
//! A large piece costs less than two small ones: the system is called and the client is woken half as
//! often. But every reader that stopped holds one, so there are only so many; the others are small.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::package::plan::PIECE;

/// Bytes of a large piece: a little less than two small ones: the connection takes what makes
/// up to 64 KiB at a time and then what makes it more, writes both halves at once.
const LARGE: usize = 2 * (PIECE - 512);

/// How many large buffers there are: 8 MB.
const LARGE_BUFFERS: usize = 64;

/// Small buffers that are kept for the next piece; more are given back to the allocator.
const KEPT_BUFFERS: usize = 64;

static SMALL_ONES: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());
static LARGE_ONES: Mutex<Large> = Mutex::new(Large { made: 0, idle: Vec::new() });

struct Large {
    made: usize,
    idle: Vec<Box<[u8]>>,
}

/// The part of a recycled buffer that is sent; goes back when the last reader drops it.
pub(super) struct Piece {
    pub(super) buffer: Box<[u8]>,
    pub(super) part: Range<usize>,
}

impl Piece {
    /// A buffer for the next piece of an answer that has so many bytes left.
    pub(super) fn for_answer(left: u64) -> Self {
        let large = if left > PIECE as u64 { Self::large() } else { None };
        Self { buffer: large.unwrap_or_else(Self::small), part: 0..0 }
    }

    fn large() -> Option<Box<[u8]>> {
        let mut large = LARGE_ONES.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = large.idle.pop();
        if idle.is_none() && large.made < LARGE_BUFFERS {
            large.made += 1;
            return Some(vec![0; LARGE].into_boxed_slice());
        }
        idle
    }

    fn small() -> Box<[u8]> {
        let kept = SMALL_ONES.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| vec![0; PIECE].into_boxed_slice())
    }

    /// The bytes of the part.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.part.clone()]
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[self.part.clone()]
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        if buffer.len() == LARGE {
            LARGE_ONES.lock().unwrap_or_else(PoisonError::into_inner).idle.push(buffer);
            return;
        }
        let mut kept = SMALL_ONES.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_BUFFERS {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_buffers_are_few_and_come_back() {
        let held: Vec<Piece> =
            (0..2 * LARGE_BUFFERS).map(|_| Piece::for_answer(u64::MAX)).collect();
        let large = held.iter().filter(|piece| piece.buffer.len() == LARGE).count();
        // Other tests may hold some.
        assert!(large <= LARGE_BUFFERS, "{large}");
        assert!(held.iter().all(|piece| [PIECE, LARGE].contains(&piece.buffer.len())));
        drop(held);
        assert_eq!(Piece::for_answer(u64::MAX).buffer.len(), LARGE);
        assert_eq!(Piece::for_answer(PIECE as u64).buffer.len(), PIECE);
    }
}
