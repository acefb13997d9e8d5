//! SubRip (`.srt`), which has no standard: numbers, times with a comma, lines of text with a few tags
//! of HTML, as most programs write and read them. A broken cue costs that cue only.

use super::stamp::{MILLISECOND, clock, digits};
use super::{Builder, Cue, Document, Preamble};

const ARROW: &str = "-->";

/// What looks like a longer tag, in bytes, is text: a file full of `<` is looked through once.
const MAX_TAG: usize = 256;

/// Tags that mean the same in WebVTT.
const TAGS: &[&str] = &["b", "i", "u"];

/// Whether a text looks like such a file: perhaps a number, then times.
pub(super) fn is_subrip(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let number = |line: &&str| digits(line).is_some();
    let first = lines.next();
    first.filter(number).and(lines.next()).or(first).and_then(times).is_some()
}

/// Reads a file. Cues without any text are passed over.
pub(super) fn parse(text: &str) -> Document {
    let mut builder = Builder::default();
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}");
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        if !line.contains(ARROW) {
            continue;
        }
        // The number of the next cue may follow without an empty line.
        let mut shown = Vec::new();
        while let Some(line) =
            lines.next_if(|line| !line.trim().is_empty() && !line.contains(ARROW))
        {
            shown.push(line);
        }
        let goes_on = lines.peek().is_some_and(|line| line.contains(ARROW));
        if goes_on && shown.last().is_some_and(|line| digits(line.trim()).is_some()) {
            shown.pop();
        }
        match times(line) {
            Some((start, end)) => push(&mut builder, (start, end), &shown.join("\n")),
            None => {
                let line: String = line.chars().take(60).collect();
                builder.leave_out(format_args!("its times cannot be read: {line:?}"));
            }
        }
    }
    builder.finish(Preamble::WebVtt { blocks: String::new() })
}

fn push(builder: &mut Builder, (start, end): (i64, i64), text: &str) {
    let (text, at_top) = without_overrides(text);
    if text.trim().is_empty() {
        return;
    }
    builder.push(Cue {
        start,
        end,
        id: "".into(),
        settings: if at_top { "line:0" } else { "" }.into(),
        text: as_webvtt(&text).into(),
        paragraph: None,
    });
}

/// `start --> end` in wire ticks; places on the screen that some programs write behind them are those of
/// another screen.
fn times(line: &str) -> Option<(i64, i64)> {
    let (start, rest) = line.split_once(ARROW)?;
    let end = rest.split_whitespace().next()?;
    Some((time(start.trim())?, time(end)?))
}

/// `hh:mm:ss,mmm`; some programs write a full stop, one digit of hours, or fewer of milliseconds.
fn time(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once([',', '.']).unwrap_or((text, "0"));
    let mut parts = seconds.split(':');
    let [h, m, s] = [parts.next()?, parts.next()?, parts.next()?];
    let whole = clock(h, m, s).filter(|_| parts.next().is_none())?;
    let scale = [100, 10, 1].get(fraction.len().checked_sub(1)?)?;
    Some(whole + digits(fraction)? * scale * MILLISECOND)
}

/// The text without what SubStation Alpha writes in braces, `{\an8}`, and whether that moves it to the
/// top.
fn without_overrides(text: &str) -> (String, bool) {
    let (mut out, mut at_top, mut rest) = (String::with_capacity(text.len()), false, text);
    while let Some(at) = rest.find("{\\") {
        let Some(length) = rest[at..].find('}') else { break };
        let name = &rest[at + 2..at + length];
        at_top |= matches!(name, "an7" | "an8" | "an9");
        out.push_str(&rest[..at]);
        rest = &rest[at + length + 1..];
    }
    out.push_str(rest);
    (out, at_top)
}

/// Keeps the tags that WebVTT has, leaves out `font`, and escapes what is none.
fn as_webvtt(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match tag(rest) {
            Some((kept, length)) => {
                out.push_str(&kept);
                length
            }
            None => {
                out.push_str(if rest.starts_with('<') { "&lt;" } else { "&amp;" });
                1
            }
        };
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// The tag at the start of the text as WebVTT has it, and its length here; `None` where there is none.
fn tag(text: &str) -> Option<(String, usize)> {
    let inside = text.strip_prefix('<')?;
    let inside = &inside[..inside.bytes().take(MAX_TAG).position(|byte| byte == b'>')?];
    let slash = if inside.starts_with('/') { "/" } else { "" };
    let name = inside[slash.len()..].split_whitespace().next()?.to_ascii_lowercase();
    let length = inside.len() + 2;
    match name.as_str() {
        "font" => Some((String::new(), length)),
        name if TAGS.contains(&name) => Some((format!("<{slash}{name}>"), length)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cues(text: &str) -> Vec<(i64, i64, String, String)> {
        let shown = |cue: &Cue| {
            let (start, end) = (cue.start / MILLISECOND, cue.end / MILLISECOND);
            (start, end, cue.settings.to_string(), cue.text.to_string())
        };
        assert!(is_subrip(text), "{text}");
        parse(text).cues().iter().map(shown).collect()
    }

    #[test]
    fn files_of_many_programs_are_read() {
        let text = "1\n00:00:01,000 --> 00:00:02,500\nOne\ntwo\n\n2\n0:00:03.5 --> 00:00:04,25  \
                    X1:63 X2:223 Y1:43 Y2:58\n{\\an8}Up <I>here</I>\n3\n00:01:00,000 --> 00:01:01\n\
                    three\n\n\n4\n100:00:00,000 --> 100:00:01,000\n \n\n";
        let expected = [
            (1000, 2500, String::new(), "One\ntwo".to_owned()),
            (3500, 4250, "line:0".to_owned(), "Up <i>here</i>".to_owned()),
            (60_000, 61_000, String::new(), "three".to_owned()),
        ];
        for text in [text.to_owned(), text.replace('\n', "\r\n"), format!("\n\n{text}")] {
            assert_eq!(cues(&text), expected);
        }
    }

    #[test]
    fn text_stays_what_it_was() {
        for (written, read) in [
            ("I <3 you & me", "I &lt;3 you &amp; me"),
            ("<font color=\"#ff0000\">red</font>", "red"),
            ("<b>a <i>b</i></b> <x>c", "<b>a <i>b</i></b> &lt;x>c"),
            ("&amp; <", "&amp;amp; &lt;"),
            ("{\\an8} {\\b1}bold{\\b0} {plain} {\\open", " bold {plain} {\\open"),
        ] {
            let text = format!("00:00:01,000 --> 00:00:02,000\n{written}\n");
            assert_eq!(cues(&text)[0].3, read, "{written}");
        }
    }

    #[test]
    fn what_looks_like_many_tags_is_looked_through_once() {
        let open = "<".repeat(1 << 16);
        for end in ["", ">"] {
            assert_eq!(as_webvtt(&format!("{open}{end}")).len(), 4 * open.len() + end.len());
        }
        let long = format!("<font color=\"{}\">", "x".repeat(MAX_TAG));
        assert!(as_webvtt(&long).starts_with("&lt;font"));
    }

    #[test]
    fn a_broken_cue_costs_no_other() {
        let text = "1\n00:00:01,000 --> 00:00:02,000\na\n\n2\n00:61:00,000 --> 00:62:00,000\nb\n\n\
                    3\n00:00:05,0000 --> x\nc\n\n4\n00:00:07,000 --> 00:00:06,000\nd\n\n\
                    5\n00:00:08,000 --> 00:00:09,000\ne";
        assert_eq!(cues(text).iter().map(|cue| cue.0).collect::<Vec<_>>(), [1000, 8000]);
        assert!(parse(text).note.unwrap().starts_with("3 cues are left out"));
    }

    #[test]
    fn other_text_is_not_taken_for_it() {
        let times = "00:00:01,000 --> 00:00:02,000";
        for front in ["1\n2\n", "WEBVTT\n\n", "WEBVTT\n", "<", "a"] {
            assert!(!is_subrip(&format!("{front}{times}")), "{front}");
        }
        assert!(!is_subrip(""));
    }
}
