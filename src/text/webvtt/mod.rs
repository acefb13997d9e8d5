//! WebVTT (W3C WebVTT: The Web Video Text Tracks Format, section 6): files are read as browsers
//! read them, a broken cue costs that cue only.

pub(super) mod markup;
pub(super) mod settings;
mod write;

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Split;

use super::stamp::{MILLISECOND, clock};
use super::{Builder, Cue, Document, Preamble, TextError};

pub use write::write;

/// STYLE and REGION blocks beyond this size, in bytes, are left out: every segment repeats them.
const MAX_HEADER: usize = 32 << 10;

const ARROW: &str = "-->";

/// Reads a file.
///
/// # Errors
/// [`TextError::NotWebVtt`] when it does not start with the signature.
pub fn parse(text: &str) -> Result<Document, TextError> {
    let text = normalised(text);
    let signature = text.strip_prefix("WEBVTT").ok_or(TextError::NotWebVtt)?;
    if !signature.is_empty() && !signature.starts_with([' ', '\t', '\n']) {
        return Err(TextError::NotWebVtt);
    }
    let mut parser = Parser::new(&text);
    parser.lines.next();
    let head: Vec<&str> = parser.block();
    while parser.lines.peek().is_some() {
        parser.next_block();
    }
    let mut document = parser.builder.finish(Preamble::WebVtt { blocks: parser.blocks });
    let field = |name: &str| head.iter().find_map(|line| metadata(line, name));
    document.language = field("language").map(str::to_owned);
    document.captions = field("kind").is_some_and(|kind| kind.eq_ignore_ascii_case("captions"));
    Ok(document)
}

/// Lines end with a line feed only, and there is no NUL (section 6.1).
fn normalised(text: &str) -> Cow<'_, str> {
    if !text.contains(['\r', '\0']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}"))
}

/// `Name: value`, which earlier drafts had in the header.
fn metadata<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (key, value) = line.split_once([':', '='])?;
    let value = value.trim();
    (key.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then_some(value)
}

struct Parser<'a> {
    lines: Peekable<Split<'a, char>>,
    builder: Builder,
    blocks: String,
    seen_cue: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            lines: text.split('\n').peekable(),
            builder: Builder::default(),
            blocks: String::new(),
            seen_cue: false,
        }
    }

    /// The lines up to an empty line, or one with an arrow, which starts a cue of its own.
    fn block(&mut self) -> Vec<&'a str> {
        let inside = |line: &&str| !line.is_empty() && !line.contains(ARROW);
        std::iter::from_fn(|| self.lines.next_if(inside)).collect()
    }

    fn next_block(&mut self) {
        while self.lines.next_if(|line| line.is_empty()).is_some() {}
        let Some(first) = self.lines.next() else { return };
        if first.contains(ARROW) {
            return self.cue("", first);
        }
        if let Some(timings) = self.lines.next_if(|line| line.contains(ARROW)) {
            return self.cue(first, timings);
        }
        let block = self.block();
        if !self.seen_cue && matches!(first.trim_end(), "STYLE" | "REGION") {
            self.keep(first.trim_end(), &block);
        }
    }

    fn keep(&mut self, name: &str, block: &[&str]) {
        let length: usize = block.iter().map(|line| line.len() + 1).sum();
        if self.blocks.len() + name.len() + length + 2 > MAX_HEADER {
            return;
        }
        for line in std::iter::once(&name).chain(block) {
            self.blocks.push_str(line);
            self.blocks.push('\n');
        }
        self.blocks.push('\n');
    }

    fn cue(&mut self, id: &str, timings: &str) {
        self.seen_cue = true;
        let text = self.block().join("\n");
        let Some((start, end, settings)) = read_timings(timings) else {
            let shown: String = timings.chars().take(60).collect();
            return self.builder.leave_out(format_args!("its times cannot be read: {shown:?}"));
        };
        self.builder.push(Cue {
            start,
            end,
            id: id.into(),
            settings: settings::clean(settings).into(),
            text: text.into(),
            paragraph: None,
        });
    }
}

/// `start --> end settings` (section 6.3).
fn read_timings(line: &str) -> Option<(i64, i64, &str)> {
    let (start, rest) = line.split_once(ARROW)?;
    let rest = rest.trim_start();
    let (end, settings) = rest.split_once([' ', '\t', '\x0c']).unwrap_or((rest, ""));
    Some((timestamp(start.trim())?, timestamp(end)?, settings))
}

/// `[hh:]mm:ss.mmm` in wire ticks.
fn timestamp(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.rsplit_once('.')?;
    let parts: Vec<&str> = seconds.splitn(4, ':').collect();
    let two = |part: &&str| part.len() == 2;
    let (whole, tail) = match parts.as_slice() {
        [m, s] => (clock("0", m, s)?, [m, s]),
        [h, m, s] if h.len() >= 2 => (clock(h, m, s)?, [m, s]),
        _ => return None,
    };
    let milliseconds = super::stamp::digits(fraction).filter(|_| fraction.len() == 3)?;
    tail.into_iter().all(two).then_some(whole + milliseconds * MILLISECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(document: &Document) -> Vec<(i64, i64)> {
        document.cues().iter().map(|cue| (cue.start / 10_000, cue.end / 10_000)).collect()
    }

    #[test]
    fn blocks_are_told_apart() {
        let text = "WEBVTT - a title\nLanguage: en-us\nKind: captions\n\nNOTE\nnot a cue\n\n\
            STYLE\n::cue { color: red }\n\nREGION\nid:a\n\n7\n00:01.000 --> 00:02.500 line:0\n\
            one\ntwo\n\nSTYLE\nlate\n\n01:00:00.000 --> 100:00:00.001\nthree";
        for text in [text.to_owned(), text.replace('\n', "\r\n"), text.replace('\n', "\r")] {
            let document = parse(&text).unwrap();
            assert_eq!(document.language.as_deref(), Some("en-us"));
            assert!(document.captions);
            let blocks = "STYLE\n::cue { color: red }\n\nREGION\nid:a\n\n".to_owned();
            assert_eq!(document.preamble, Preamble::WebVtt { blocks });
            assert_eq!(times(&document), [(1000, 2500), (3_600_000, 360_000_001)]);
            let first = &document.cues()[0];
            let parts = (&*first.id, &*first.settings, &*first.text);
            assert_eq!(parts, ("7", "line:0", "one\ntwo"));
            assert_eq!(document.note, None);
        }
    }

    #[test]
    fn a_broken_cue_costs_no_other() {
        let text = "WEBVTT\n\n00:00.000 --> 00:01.234\nfirst\n\n00:02.bad --> 00:03.456\nsecond\n\n\
            00:04.000 --> 00:05.000\nthird\n00:06.000 --> 00:07.000\nfourth\n\n\
            00:09.000 --> 00:08.000\nreversed\n\n00:10.000 -->\nno end\n\n-00:10.000 --> 00:11.000\n-";
        let document = parse(text).unwrap();
        assert_eq!(times(&document), [(0, 1234), (4000, 5000), (6000, 7000)]);
        let note = document.note.unwrap();
        assert!(note.starts_with("4 cues are left out, the first its times"), "{note}");
    }

    #[test]
    fn only_the_signature_makes_webvtt() {
        for text in ["WEBVTT", "WEBVTT\n", "WEBVTT\tx"] {
            assert_eq!(parse(text).unwrap().cues().len(), 0);
        }
        for text in ["", "WEBVTTx", "webvtt", "1\n00:00:00,000 --> 00:00:01,000\nSRT"] {
            assert_eq!(parse(text), Err(TextError::NotWebVtt));
        }
    }

    #[test]
    fn times_are_read_strictly() {
        for text in
            ["1:00.000", "00:60.000", "00:00.00", "00:00,000", "0:00:00.000", "00:00:00:00.000", ""]
        {
            assert_eq!(timestamp(text), None, "{text}");
        }
        assert_eq!(timestamp("9999999:00:00.001"), Some(359_999_964_000_010_000));
        assert_eq!(timestamp("10000000:00:00.000"), None);
    }
}
