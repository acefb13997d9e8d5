//! Bits per second of a text track: those of its largest fragment, which is what DASH announces
//! (ISO/IEC 23009-1 section 5.3.5.2). Reckoned from the cues and what is most around them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::timeline::Cuts;
use crate::text::{Cue, Document, Preamble, Source};
use crate::time::WIRE_TIMESCALE;

/// Boxes of a fragment with one sample, in bytes.
const FRAGMENT: u64 = 150;

/// What the header of a fragment says of a sample, and the box of one that shows nothing.
const SAMPLE: u64 = 24;

/// XML declaration, root element, namespaces and styles of an IMSC 1 document.
const DOCUMENT: u64 = 800;

/// Boxes around the parts of a WebVTT cue.
const CUE: u64 = 44;

/// Tags and times of a paragraph.
const PARAGRAPH: u64 = 90;

/// Players buffer at least a second, so that a shorter remainder does not count as if it lasted.
const SHORTEST: u64 = WIRE_TIMESCALE as u64;

/// The rate of the largest fragment; `origin` is what the presentation adds to the times of cues.
pub(super) fn peak(document: &Document, cuts: &Cuts, origin: i64) -> u64 {
    let mut sweep = Sweep::of(document, origin);
    let rate = |(start, end): (u64, u64)| {
        let bytes = u128::from(sweep.fragment(start.cast_signed(), end.cast_signed()));
        let ticks = u128::from(end.saturating_sub(start).max(SHORTEST));
        (bytes * 8 * u128::from(WIRE_TIMESCALE)).div_ceil(ticks)
    };
    let peak = cuts.spans().map(rate).max().unwrap_or(1);
    u64::try_from(peak).unwrap_or(u64::MAX)
}

/// Goes over the cues once, fragment by fragment.
struct Sweep<'a> {
    document: &'a Document,
    origin: i64,
    /// The next cue that appears.
    next: usize,
    /// When cues that are shown are gone, what they take, and the number of their source.
    shown: BinaryHeap<Reverse<(i64, u64, usize)>>,
    /// What all of them take.
    bytes: u64,
    /// The sources of the cues in the fragment.
    used: BTreeSet<usize>,
}

impl<'a> Sweep<'a> {
    fn of(document: &'a Document, origin: i64) -> Self {
        let (shown, used) = (BinaryHeap::new(), BTreeSet::new());
        Self { document, origin, next: 0, shown, bytes: 0, used }
    }

    /// Bytes of the fragment from `start` to `end`; fragments are asked for in turn.
    fn fragment(&mut self, start: i64, end: i64) -> u64 {
        while self.change(start.saturating_add(1)).is_some() {}
        self.used = self.shown.iter().map(|Reverse((_, _, source))| *source).collect();
        let mut total = SAMPLE + self.bytes;
        while let Some(added) = self.change(end) {
            // A WebVTT sample repeats all that is shown, a document has each cue once.
            total += match self.document.preamble {
                Preamble::WebVtt { .. } => SAMPLE + self.bytes,
                Preamble::Ttml { .. } => added,
            };
        }
        total + self.head()
    }

    /// What the fragment has beside its cues.
    fn head(&self) -> u64 {
        let own = match &self.document.preamble {
            Preamble::WebVtt { blocks } => blocks.len(),
            // Where nothing is shown, the first is said.
            Preamble::Ttml { sources } if self.used.is_empty() => {
                sources.first().map_or(0, Source::repeated)
            }
            Preamble::Ttml { sources } => {
                self.used.iter().filter_map(|used| sources.get(*used)).map(Source::repeated).sum()
            }
        };
        FRAGMENT + DOCUMENT + own as u64
    }

    /// Goes to the next time before `end` at which cues appear or go; gives the bytes that are new.
    fn change(&mut self, end: i64) -> Option<u64> {
        let appears = self.document.cues().get(self.next).map(|cue| self.start(cue));
        let goes = self.shown.peek().map(|Reverse((gone, ..))| *gone);
        let now = appears.into_iter().chain(goes).min().filter(|now| *now < end)?;
        while let Some(Reverse((gone, bytes, _))) = self.shown.peek().copied()
            && gone <= now
        {
            self.shown.pop();
            self.bytes -= bytes;
        }
        let before = self.bytes;
        while let Some(cue) =
            self.document.cues().get(self.next).filter(|cue| self.start(cue) <= now)
        {
            let bytes = self.bytes_of(cue);
            let source = cue.paragraph.as_ref().map_or(0, |paragraph| paragraph.source);
            self.shown.push(Reverse((cue.end.saturating_add(self.origin), bytes, source)));
            self.used.insert(source);
            self.bytes += bytes;
            self.next += 1;
        }
        Some(self.bytes - before)
    }

    fn start(&self, cue: &Cue) -> i64 {
        cue.start.saturating_add(self.origin)
    }

    fn bytes_of(&self, cue: &Cue) -> u64 {
        let (length, around) = match (&self.document.preamble, &cue.paragraph) {
            (Preamble::Ttml { sources }, Some(paragraph)) => {
                let source = sources.get(paragraph.source);
                let division = source.and_then(|source| source.divisions.get(paragraph.division));
                let division = division.map_or(0, |around| around.open.len() + around.close.len());
                let own = paragraph.attributes.len() + paragraph.content.len();
                (division + own, PARAGRAPH)
            }
            _ => (cue.id.len() + cue.settings.len() + cue.text.len(), CUE),
        };
        length as u64 + around
    }
}
