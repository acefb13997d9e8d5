//! WebVTT cue text (section 6.4, cue text tokenizer) as TTML content: elements become spans,
//! characters become XML.

use crate::text::ttml::xml;
use std::borrow::Cow;

/// Tags that are open at the same time; deeper ones are ignored.
const MAX_DEPTH: usize = 16;

/// Named characters (HTML has many more; these are the ones that WebVTT authors are told of).
const ENTITIES: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
];

/// Colour classes that browsers know without a style sheet (section 5).
const COLOURS: &[&str] = &["white", "lime", "cyan", "red", "yellow", "magenta", "blue", "black"];

/// What a tag does in TTML.
const STYLES: &[(&str, &str)] = &[
    ("i", " tts:fontStyle=\"italic\""),
    ("b", " tts:fontWeight=\"bold\""),
    ("u", " tts:textDecoration=\"underline\""),
    // Ruby came into TTML behind IMSC 1: its text stays, in line.
    ("ruby", ""),
    ("rt", ""),
    ("c", ""),
    ("v", ""),
    ("lang", ""),
];

/// Cue text as content of a TTML `p`.
pub(crate) fn to_ttml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        characters(&mut out, &rest[..at]);
        let (tag, behind) = rest[at + 1..].split_once('>').unwrap_or((&rest[at + 1..], ""));
        rest = behind;
        match tag.strip_prefix('/') {
            Some(name) => close(&mut out, &mut open, name.trim()),
            None => start(&mut out, &mut open, tag),
        }
    }
    characters(&mut out, rest);
    open.iter().for_each(|_| out.push_str("</span>"));
    out
}

/// Time stamps and unknown tags have no effect.
fn start<'a>(out: &mut String, open: &mut Vec<&'a str>, tag: &'a str) {
    let (name, annotation) = tag.split_once([' ', '\t', '\n']).unwrap_or((tag, ""));
    let mut classes = name.split('.');
    let name = classes.next().unwrap_or_default();
    let Some((name, style)) = STYLES.iter().find(|(known, _)| *known == name) else { return };
    if open.len() == MAX_DEPTH {
        return;
    }
    open.push(name);
    out.push_str("<span");
    out.push_str(style);
    if *name == "lang" && !annotation.trim().is_empty() {
        xml::attribute(out, "xml:lang", annotation.trim());
    }
    let (backgrounds, colours): (Vec<_>, Vec<_>) = classes.partition(|c| c.starts_with("bg_"));
    let colour = |class: &&str| COLOURS.contains(class);
    if let Some(class) = colours.into_iter().rev().find(colour) {
        xml::attribute(out, "tts:color", class);
    }
    let background = backgrounds.into_iter().rev().filter_map(|class| class.strip_prefix("bg_"));
    if let Some(class) = background.into_iter().find(colour) {
        xml::attribute(out, "tts:backgroundColor", class);
    }
    out.push('>');
}

/// Closes the element when it is the innermost one; a `</ruby>` closes an open `rt` too.
fn close(out: &mut String, open: &mut Vec<&str>, name: &str) {
    if name == "ruby" && open.ends_with(&["ruby", "rt"]) {
        open.pop();
        out.push_str("</span>");
    }
    if open.last() == Some(&name) {
        open.pop();
        out.push_str("</span>");
    }
}

fn characters(out: &mut String, text: &str) {
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            out.push_str("<br/>");
        }
        xml::text(out, &decoded(line));
    }
}

/// Character references replaced; what is none stays as it is.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(';').and_then(|(name, rest)| Some((reference(name)?, rest))) {
            Some((character, rest)) => {
                out.push(character);
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    Cow::Owned(out)
}

fn reference(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cue_text_becomes_spans() {
        for (text, ttml) in [
            ("a\nb & c &amp; &lt;&#228;&nope;", "a<br/>b &amp; c &amp; &lt;ä&amp;nope;"),
            (
                "<i>x</i> <b.loud>y</b>",
                "<span tts:fontStyle=\"italic\">x</span> <span tts:fontWeight=\"bold\">y</span>",
            ),
            (
                "<c.yellow.bg_blue>x</c>",
                "<span tts:color=\"yellow\" tts:backgroundColor=\"blue\">x</span>",
            ),
            ("<v Mary>hello", "<span>hello</span>"),
            ("<00:01.000>x<unknown>y</i>", "xy"),
            ("<ruby>a<rt>b</ruby>c", "<span>a<span>b</span></span>c"),
            ("<lang de>ja</lang>", "<span xml:lang=\"de\">ja</span>"),
            ("<i", "<span tts:fontStyle=\"italic\"></span>"),
        ] {
            assert_eq!(to_ttml(text), ttml, "{text}");
        }
    }
}
