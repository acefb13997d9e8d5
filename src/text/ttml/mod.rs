//! TTML and its profiles IMSC 1 and DFXP (W3C TTML 1; W3C IMSC 1.0.1): documents are read as far as
//! text profiles go, and written as IMSC 1 Text Profile.
//!
//! Each `p`, or timed `span`, becomes a cue with absolute times. Its markup, the elements around it
//! and the head pass through; foreign elements, metadata, images and animation are left out.

mod area;
mod clock;
mod content;
mod head;
mod look;
mod names;
mod place;
mod style;
mod write;
pub(crate) mod xml;

use std::sync::Arc;

use roxmltree::Node;

use self::clock::Clock;
use self::content::Content;
use self::look::{Change, Look};
use self::style::Styles;
use super::{Builder, Cue, Division, Document, Paragraph, Preamble, TextError, encoding};

pub use write::write;

/// Distinct combinations of elements around paragraphs, and the bytes of one; beyond that the
/// elements are left out.
const MAX_DIVISIONS: usize = 4096;
const MAX_DIVISION: usize = 1024;

/// Reads a document.
///
/// # Errors
/// XML that is not well-formed or no TTML, an encoding that is not read, times of day.
pub fn parse(text: &str) -> Result<Document, TextError> {
    check_encoding(text)?;
    let document = crate::xml::parse(text)?;
    let tt = document.root_element();
    if names::element(tt) != Some("tt") {
        return Err(TextError::NotTtml);
    }
    let clock = Clock::of(tt)?;
    let styles = Styles::of(tt);
    let mut reader = Reader { clock, styles, builder: Builder::default(), divisions: Vec::new() };
    let preserve = names::xml(tt, "space") == Some("preserve");
    let body = tt.children().find(|node| names::element(*node) == Some("body"));
    if let Some(body) = body {
        reader.block(body, &Context { preserve, ..Context::default() });
    }
    let mut document = reader.builder.finish(Preamble::Ttml {
        attributes: head::root_attributes(tt),
        head: head::head(tt),
        body: body.map(content::attributes).unwrap_or_default(),
        divisions: reader.divisions,
    });
    document.language = names::xml(tt, "lang").filter(|tag| !tag.is_empty()).map(str::to_owned);
    Ok(document)
}

/// The encoding is that of the file, whatever the XML declaration says; another name there means
/// that the letters may be others.
fn check_encoding(text: &str) -> Result<(), TextError> {
    const UNICODE: &[&str] = &["utf-8", "utf8", "utf-16", "us-ascii", "ascii"];
    let declaration =
        text.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    let Some((_, rest)) = declaration.and_then(|(inside, _)| inside.split_once("encoding")) else {
        return Ok(());
    };
    let name = rest.trim_start_matches(['=', ' ', '"', '\'']).split(['"', '\'']).next();
    let name = name.unwrap_or_default();
    match UNICODE.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        true => Ok(()),
        false => Err(encoding::named(&name.chars().take(40).collect::<String>())),
    }
}

/// What an element inherits.
#[derive(Debug, Clone, Default)]
struct Context<'a> {
    begin: i64,
    end: Option<i64>,
    region: Option<&'a str>,
    change: Change,
    look: Look,
    preserve: bool,
    division: Division,
}

struct Reader<'a> {
    clock: Clock,
    styles: Styles<'a>,
    builder: Builder,
    divisions: Vec<Division>,
}

impl<'a> Reader<'a> {
    /// `body` or `div`. Nesting is bounded by [`crate::xml::parse`].
    fn block(&mut self, node: Node<'a, '_>, outside: &Context<'a>) {
        let Some(context) = self.inside(node, outside) else { return };
        let mut division = None;
        for child in node.children() {
            match names::element(child) {
                Some("div") => self.block(child, &context),
                Some("p") => {
                    let division = *division.get_or_insert_with(|| self.keep(&context.division));
                    self.paragraph(child, &context, division);
                }
                _ => {}
            }
        }
    }

    /// The index of a division; a paragraph straight in the body gets one.
    fn keep(&mut self, division: &Division) -> usize {
        let plain = || Division { open: "<div>".to_owned(), close: "</div>".to_owned() };
        let division = if division.open.is_empty() { plain() } else { division.clone() };
        if self.divisions.last() != Some(&division) && self.divisions.len() < MAX_DIVISIONS {
            self.divisions.push(division);
        }
        self.divisions.len() - 1
    }

    /// What is inherited inside an element; `None` when its times cannot be read.
    fn inside(&mut self, node: Node<'a, '_>, outside: &Context<'a>) -> Option<Context<'a>> {
        let (begin, end) = self.interval(node, outside)?;
        let region = node.attribute("region").or(outside.region);
        let change = self.styles.change(node).within(outside.change);
        let look = self.styles.look_in(region, change);
        let division = match names::element(node) {
            Some("div") => inner_division(node, &outside.division),
            _ => outside.division.clone(),
        };
        let space = names::xml(node, "space").map(|space| space == "preserve");
        let preserve = space.unwrap_or(outside.preserve);
        Some(Context { begin, end, region, change, look, preserve, division })
    }

    /// Begin and end on the timeline of the document (TTML 1 section 10.4).
    fn interval(
        &mut self,
        node: Node<'_, '_>,
        outside: &Context<'_>,
    ) -> Option<(i64, Option<i64>)> {
        let mut times = [None; 3];
        for (name, time) in ["begin", "end", "dur"].iter().zip(&mut times) {
            let Some(text) = node.attribute(*name) else { continue };
            *time = self.clock.read(text);
            if time.is_none() {
                let shown: String = text.chars().take(40).collect();
                self.builder.leave_out(format_args!("its {name} cannot be read: {shown:?}"));
                return None;
            }
        }
        let [begin, end, duration] = times;
        let begin = outside.begin.saturating_add(begin.unwrap_or(0));
        let end = end.map(|end| outside.begin.saturating_add(end));
        let end = [end, duration.map(|duration| begin.saturating_add(duration)), outside.end];
        Some((begin, end.into_iter().flatten().min()))
    }

    fn paragraph(&mut self, node: Node<'a, '_>, outside: &Context<'a>, division: usize) {
        let Some(context) = self.inside(node, outside) else { return };
        let attributes = Arc::from(content::attributes(node));
        let timed = content::timed_spans(node);
        for span in &timed {
            if let Some(inner) = self.inside(*span, &context) {
                let content = Content::of_span(*span, &self.styles, &context);
                self.cue(&inner, division, &attributes, content);
            }
        }
        let content = Content::of_paragraph(node, &self.styles, &context);
        if timed.is_empty() || (context.end.is_some() && !content.text.is_empty()) {
            self.cue(&context, division, &attributes, content);
        }
    }

    fn cue(
        &mut self,
        context: &Context<'_>,
        division: usize,
        attributes: &Arc<str>,
        content: Content,
    ) {
        if content.text.is_empty() {
            return;
        }
        let Some(end) = context.end else {
            return self.builder.leave_out(format_args!("it has no end"));
        };
        self.builder.push(Cue {
            start: context.begin,
            end,
            id: "".into(),
            settings: self.styles.settings(context.region, context.look.align).into(),
            text: content.text.into(),
            paragraph: Some(Paragraph {
                division,
                attributes: Arc::clone(attributes),
                content: content.xml.into(),
            }),
        });
    }
}

/// The elements around what is in a `div`.
fn inner_division(node: Node<'_, '_>, outside: &Division) -> Division {
    let attributes = content::attributes(node);
    if outside.open.len() + attributes.len() > MAX_DIVISION {
        return outside.clone();
    }
    Division {
        open: format!("{}<div{attributes}>", outside.open),
        close: format!("</div>{}", outside.close),
    }
}

#[cfg(test)]
mod tests;
