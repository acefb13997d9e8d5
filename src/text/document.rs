//! A document: cues in the order of their starts, and what a segment shows of them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::stamp::Stamp;
use crate::time::WIRE_TIMESCALE;

/// More cues in one document are left out.
const MAX_CUES: usize = 100_000;

/// A cue with more bytes of text, settings or identifier is left out.
const MAX_CUE_BYTES: usize = 16 << 10;

/// More cues at the same time are left out: no screen shows them, and every segment repeats them.
pub const MAX_AT_ONCE: usize = 64;

/// A cue that ends later is left out: no presentation lasts longer.
const MAX_TIME: i64 = 8 * 86_400 * WIRE_TIMESCALE as i64;

/// What a document says beside its cues, in the syntax in which it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preamble {
    /// W3C WebVTT.
    WebVtt {
        /// STYLE and REGION blocks, each with an empty line behind it.
        blocks: String,
    },
    /// W3C TTML.
    Ttml {
        /// What the documents say that the paragraphs come from; several in tracks that change it.
        sources: Vec<Source>,
    },
}

/// What a TTML document says beside its paragraphs, everything as XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Attributes of `tt`, each with a blank in front.
    pub attributes: String,
    /// The `head` element; perhaps empty.
    pub head: String,
    /// Attributes of `body`, each with a blank in front.
    pub body: String,
    /// The `div` elements around the paragraphs.
    pub divisions: Vec<Division>,
}

impl Source {
    /// Bytes of what every segment repeats.
    pub fn repeated(&self) -> usize {
        self.attributes.len() + self.head.len() + self.body.len()
    }
}

/// One cue. Times in wire ticks, on the timeline of the source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cue {
    /// When it appears.
    pub start: i64,
    /// When it is gone; always after the start.
    pub end: i64,
    /// Identifier; empty when there is none.
    pub id: Box<str>,
    /// WebVTT cue settings, separated by blanks; perhaps empty.
    pub settings: Box<str>,
    /// WebVTT cue text: no empty line, no `-->`.
    pub text: Box<str>,
    /// What a TTML source says.
    pub paragraph: Option<Paragraph>,
}

/// A `p` of a TTML document, without its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// Index of the document it comes from in [`Preamble::Ttml`].
    pub source: usize,
    /// Index of the elements around it in the [`Source`].
    pub division: usize,
    /// Attributes as XML, each with a blank in front; cues of one element share them.
    pub attributes: Arc<str>,
    /// Content as XML.
    pub content: Box<str>,
}

/// `div` elements around paragraphs, as XML.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Division {
    /// Start tags.
    pub open: String,
    /// End tags.
    pub close: String,
}

/// A text track: everything that segments are made from.
#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    /// What the source says beside the cues.
    pub preamble: Preamble,
    /// Language tag as written.
    pub language: Option<String>,
    /// Whether the source calls itself captions, which also tell what is heard.
    pub captions: bool,
    /// What was left out, for people; `None` when nothing was.
    pub note: Option<String>,
    cues: Vec<Cue>,
    /// The latest end of the cues up to each.
    latest: Vec<i64>,
}

impl Document {
    /// The cues in the order of their starts.
    pub fn cues(&self) -> &[Cue] {
        &self.cues
    }

    /// What is shown from `start` to `end` of the presentation, in wire ticks; `origin` is what the
    /// presentation adds to the times of the source.
    pub fn slice(&self, start: i64, end: i64, origin: i64) -> Slice<'_> {
        Slice { document: self, start, end, origin }
    }

    /// Memory of the document in bytes, for caches.
    pub fn heap_size(&self) -> usize {
        let paragraph = |p: &Paragraph| p.attributes.len() + p.content.len();
        let cue = |cue: &Cue| {
            let markup = cue.paragraph.as_ref().map_or(0, paragraph);
            size_of::<Cue>() + 8 + cue.id.len() + cue.settings.len() + cue.text.len() + markup
        };
        let preamble = match &self.preamble {
            Preamble::WebVtt { blocks } => blocks.len(),
            Preamble::Ttml { sources } => {
                let length = |division: &Division| division.open.len() + division.close.len();
                let divisions =
                    |source: &Source| source.divisions.iter().map(length).sum::<usize>();
                sources.iter().map(|source| source.repeated() + divisions(source)).sum()
            }
        };
        self.cues.iter().map(cue).sum::<usize>() + preamble
    }
}

/// The part of a document that one segment shows.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// The document.
    pub document: &'a Document,
    /// Start of the segment in wire ticks of the presentation.
    pub start: i64,
    /// End of the segment.
    pub end: i64,
    origin: i64,
}

/// A cue on the timeline of the presentation.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Place of the cue in the document.
    pub number: usize,
    /// The cue.
    pub cue: &'a Cue,
    /// When it appears, in wire ticks; perhaps before the segment, and before 0.
    pub start: i64,
    /// When it is gone; perhaps behind the segment.
    pub end: i64,
}

impl<'a> Slice<'a> {
    /// The cues that are shown in the segment, in the order of their starts.
    pub fn cues(&self) -> impl Iterator<Item = Shown<'a>> + use<'a> {
        let Self { document, start, end, origin } = *self;
        let first =
            document.latest.partition_point(|latest| latest.saturating_add(origin) <= start);
        let shown = document.cues.iter().enumerate().skip(first).map(move |(number, cue)| Shown {
            number,
            cue,
            start: cue.start.saturating_add(origin),
            end: cue.end.saturating_add(origin),
        });
        shown
            .take_while(move |shown| shown.start < end)
            .filter(move |shown| shown.end > start && shown.end > 0)
    }
}

/// Collects the cues of a document and what is wrong with those that are left out.
#[derive(Debug, Default)]
pub struct Builder {
    cues: Vec<Cue>,
    left_out: usize,
    first_reason: Option<String>,
}

impl Builder {
    /// Takes a cue, or leaves it out with a reason.
    pub fn push(&mut self, cue: Cue) {
        let markup = cue.paragraph.as_ref().map_or(0, |paragraph| paragraph.content.len());
        let lengths = [cue.text.len(), cue.settings.len(), cue.id.len(), markup];
        let reason = match &cue {
            _ if self.cues.len() >= MAX_CUES => "there are more than 100,000 cues",
            cue if cue.end <= cue.start => "it ends before it starts",
            cue if cue.start < 0 => "it starts before 0",
            cue if cue.end > MAX_TIME => "it ends later than any presentation",
            _ if lengths.iter().any(|length| *length > MAX_CUE_BYTES) => {
                "it has more than 16 KiB of text"
            }
            _ => return self.cues.push(cue),
        };
        self.leave_out(format_args!("at {}: {reason}", Stamp(cue.start)));
    }

    /// Counts a cue that cannot be read.
    pub fn leave_out(&mut self, reason: std::fmt::Arguments<'_>) {
        self.left_out += 1;
        self.first_reason.get_or_insert_with(|| reason.to_string());
    }

    /// Counts a cue that would be one too many on the screen.
    pub fn leave_out_of_crowd(&mut self, start: i64) {
        let at = Stamp(start);
        self.leave_out(format_args!("at {at}: more than 64 cues are shown at once"));
    }

    /// Sorts the cues. Those that start together keep their order.
    pub fn finish(mut self, preamble: Preamble) -> Document {
        self.cues.sort_by_key(|cue| cue.start);
        self.thin_out();
        let mut latest = i64::MIN;
        let up_to = |cue: &Cue| {
            latest = latest.max(cue.end);
            latest
        };
        let latest = self.cues.iter().map(up_to).collect();
        let note = self.first_reason.map(|reason| match self.left_out {
            1 => format!("a cue is left out, {reason}"),
            count => format!("{count} cues are left out, the first {reason}"),
        });
        Document { preamble, language: None, captions: false, note, cues: self.cues, latest }
    }

    /// Leaves out what would be one too many on the screen.
    fn thin_out(&mut self) {
        let mut ends: BinaryHeap<Reverse<i64>> = BinaryHeap::new();
        let mut crowded = Vec::new();
        self.cues.retain(|cue| {
            while ends.peek().is_some_and(|Reverse(end)| *end <= cue.start) {
                ends.pop();
            }
            let room = ends.len() < MAX_AT_ONCE;
            match room {
                true => ends.push(Reverse(cue.end)),
                false => crowded.push(cue.start),
            }
            room
        });
        crowded.into_iter().for_each(|start| self.leave_out_of_crowd(start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(start: i64, end: i64) -> Cue {
        Cue { start, end, text: "x".into(), ..Cue::default() }
    }

    fn document(cues: impl IntoIterator<Item = Cue>) -> Document {
        let mut builder = Builder::default();
        cues.into_iter().for_each(|cue| builder.push(cue));
        builder.finish(Preamble::WebVtt { blocks: String::new() })
    }

    fn numbers(document: &Document, start: i64, end: i64, origin: i64) -> Vec<usize> {
        document.slice(start, end, origin).cues().map(|shown| shown.number).collect()
    }

    #[test]
    fn a_slice_shows_what_overlaps_it() {
        let document = document([cue(50, 60), cue(0, 100), cue(10, 20), cue(20, 30)]);
        assert_eq!(numbers(&document, 0, 10, 0), [0]);
        assert_eq!(numbers(&document, 15, 20, 0), [0, 1]);
        assert_eq!(numbers(&document, 20, 51, 0), [0, 2, 3]);
        assert_eq!(numbers(&document, 100, 200, 0), [0; 0]);
        assert_eq!(numbers(&document, 100, 200, 50), [0, 3]);
    }

    #[test]
    fn impossible_cues_are_left_out_with_a_note() {
        let late = cue(0, MAX_TIME + 1);
        let long = Cue { text: "x".repeat(MAX_CUE_BYTES + 1).into(), ..cue(0, 1) };
        let placed = Cue { settings: long.text.clone(), ..cue(0, 1) };
        let named = Cue { id: long.text.clone(), ..cue(0, 1) };
        let reversed = [cue(20, 10), cue(5, 5), cue(-1, 5)];
        let document = document(reversed.into_iter().chain([late, long, placed, named, cue(1, 2)]));
        assert_eq!(document.cues().len(), 1);
        let note = document.note.unwrap();
        assert!(note.starts_with("7 cues are left out, the first at 00:00:00.000"), "{note}");
    }

    #[test]
    fn a_million_cues_and_a_crowd_are_thinned_out() {
        let million = document((0..1_000_000).map(|n| cue(n, n + 1)));
        assert_eq!(million.cues().len(), MAX_CUES);
        assert!(million.note.unwrap().starts_with("900000 cues"));
        let crowd = document((0..MAX_CUES as i64).map(|n| cue(n, MAX_TIME)));
        assert_eq!(crowd.cues().len(), MAX_AT_ONCE);
    }
}
