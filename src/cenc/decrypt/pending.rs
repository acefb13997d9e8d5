//! Samples that headers have described and that were not reached yet.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::cenc::read::{Locked, LockedSample};
use crate::isobmff::cenc::Subsample;

/// The samples of several headers in the order of the file. A file may have any number of headers in
/// front of their samples, so nothing here costs more the more of them wait.
#[derive(Debug, Default)]
pub(super) struct Pending(BinaryHeap<Described>);

/// The samples of one header that are left.
#[derive(Debug)]
struct Described {
    locked: Locked,
    /// The first of them; there is one.
    next: usize,
}

impl Pending {
    /// Adds what a header says. Samples without bytes have nothing to open.
    pub(super) fn add(&mut self, mut locked: Locked) {
        locked.samples.retain(|sample| sample.size > 0);
        if !locked.samples.is_empty() {
            self.0.push(Described { locked, next: 0 });
        }
    }

    /// The first in the file, with its subsamples.
    pub(super) fn first(&self) -> Option<(&LockedSample, &[Subsample])> {
        let Described { locked, next } = self.0.peek()?;
        let sample = locked.samples.get(*next)?;
        Some((sample, locked.subsamples(sample)))
    }

    /// Forgets the first.
    pub(super) fn opened(&mut self) {
        let Some(mut header) = self.0.peek_mut() else { return };
        header.next += 1;
        if header.next == header.locked.samples.len() {
            PeekMut::pop(header);
        }
    }
}

impl Described {
    /// A heap has the greatest in front.
    fn place(&self) -> Reverse<Option<u64>> {
        Reverse(self.locked.samples.get(self.next).map(|sample| sample.offset))
    }
}

impl PartialEq for Described {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Described {}

impl PartialOrd for Described {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Described {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}
