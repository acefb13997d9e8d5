//! IMSC 1 Text Profile documents (W3C IMSC 1.0.1), one for each segment.

use std::fmt::Write;

use super::{head, names, place, xml};
use crate::text::stamp::Stamp;
use crate::text::webvtt::markup;
use crate::text::{Division, MAX_SIZE, Preamble, Shown, Slice, Source, TextError};

const PROFILE: &str = "http://www.w3.org/ns/ttml/profile/imsc1/text";

/// A segment as a complete document. Times count from `zero`, in wire ticks of the presentation,
/// and are cut to the segment: what lies outside is not shown anyway, and goes on in the next one.
///
/// # Errors
/// [`TextError::SegmentTooLarge`]: elements around cues are repeated.
pub fn write(slice: &Slice<'_>, language: Option<&str>, zero: i64) -> Result<String, TextError> {
    let mut out = String::with_capacity(2048);
    let written = write_to(&mut out, slice, language.unwrap_or_default(), zero);
    written.map(|()| out).map_err(|_| TextError::SegmentTooLarge)
}

/// The only failure is a document that is too large.
fn write_to(out: &mut String, slice: &Slice<'_>, language: &str, zero: i64) -> std::fmt::Result {
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tt");
    for (name, namespace) in names::DECLARATIONS {
        xml::attribute(out, name, namespace);
    }
    xml::attribute(out, "ttp:profile", PROFILE);
    xml::attribute(out, "xml:lang", language);
    match &slice.document.preamble {
        Preamble::WebVtt { .. } => {
            out.push_str(">\n");
            converted(out, slice, zero)?;
        }
        Preamble::Ttml { sources } => {
            let used = used(slice, sources);
            let heads: Vec<&str> = used.iter().map(|source| source.head.as_str()).collect();
            // There is one root and one body: several sources have nothing to say for the latter.
            let [attributes, body] =
                used.first().map_or(["", ""], |source| [&source.attributes, &source.body]);
            write!(out, "{attributes}>\n{}\n<body{body}>", head::merged(&heads))?;
            passed_through(out, slice, sources, zero)?;
        }
    }
    out.push_str("</body>\n</tt>\n");
    Ok(())
}

/// The sources of the paragraphs in a segment; the first where there are none.
fn used<'a>(slice: &Slice<'_>, sources: &'a [Source]) -> Vec<&'a Source> {
    let paragraphs = slice.cues().filter_map(|shown| shown.cue.paragraph.as_ref());
    let mut numbers: Vec<usize> = paragraphs.map(|paragraph| paragraph.source).collect();
    numbers.sort_unstable();
    numbers.dedup();
    match numbers.is_empty() {
        true => sources.iter().take(1).collect(),
        false => numbers.iter().filter_map(|number| sources.get(*number)).collect(),
    }
}

/// Paragraphs under the elements that the source has around them.
fn passed_through(
    out: &mut String,
    slice: &Slice<'_>,
    sources: &[Source],
    zero: i64,
) -> std::fmt::Result {
    let mut around: Option<&Division> = None;
    for shown in slice.cues() {
        let Some(paragraph) = &shown.cue.paragraph else { continue };
        let source = sources.get(paragraph.source);
        let division = source.and_then(|source| source.divisions.get(paragraph.division));
        if around != division {
            out.push_str(around.map_or("", |division| &division.close));
            out.push_str(division.map_or("", |division| &division.open));
            around = division;
        }
        write_paragraph(
            out,
            times(slice, &shown, zero),
            &paragraph.attributes,
            &paragraph.content,
        )?;
    }
    out.push_str(around.map_or("", |division| &division.close));
    Ok(())
}

/// Cues of WebVTT, with a region for each combination of settings.
fn converted(out: &mut String, slice: &Slice<'_>, zero: i64) -> std::fmt::Result {
    let mut settings: Vec<&str> = slice.cues().map(|shown| &*shown.cue.settings).collect();
    settings.sort_unstable();
    settings.dedup();
    out.push_str(
        "<head><styling><style xml:id=\"cue\" tts:color=\"white\" \
         tts:backgroundColor=\"rgba(0,0,0,204)\"/></styling><layout>",
    );
    for (n, settings) in settings.iter().enumerate() {
        write!(out, "<region xml:id=\"r{n}\"{}/>", place::region(settings))?;
    }
    out.push_str("</layout></head>\n<body><div>\n");
    for shown in slice.cues() {
        let region = settings.binary_search(&&*shown.cue.settings).unwrap_or_default();
        let attributes = format!(" region=\"r{region}\"");
        let content = markup::to_ttml(&shown.cue.text);
        let content = format!("<span style=\"cue\">{content}</span>");
        write_paragraph(out, times(slice, &shown, zero), &attributes, &content)?;
    }
    out.push_str("</div>");
    Ok(())
}

/// Begin and end of a cue in the document.
fn times(slice: &Slice<'_>, shown: &Shown<'_>, zero: i64) -> [Stamp; 2] {
    [shown.start.max(slice.start), shown.end.min(slice.end)].map(|time| Stamp(time - zero))
}

fn write_paragraph(
    out: &mut String,
    [begin, end]: [Stamp; 2],
    attributes: &str,
    content: &str,
) -> std::fmt::Result {
    if out.len() > MAX_SIZE {
        return Err(std::fmt::Error);
    }
    writeln!(out, "<p begin=\"{begin}\" end=\"{end}\"{attributes}>{content}</p>")
}
