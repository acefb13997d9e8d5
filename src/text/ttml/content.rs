//! What is inside a paragraph: once as XML that passes through, once as WebVTT cue text.

use roxmltree::Node;

use super::look::Look;
use super::reader::Context;
use super::style::Styles;
use super::{names, timing, xml};

/// Attributes without namespace that pass through.
const PLAIN: &[&str] = &["style", "region"];

/// The rest of a document's attributes are parameters or times, and names that may be repeated.
const DROPPED: &[&str] = &["xml:id", "xml:base"];

/// The attributes of an element that pass through, each with a blank in front.
pub(super) fn attributes(node: Node<'_, '_>) -> String {
    let mut out = String::new();
    for attribute in node.attributes() {
        let Some(name) = names::attribute(&attribute) else { continue };
        let passes = match name.contains(':') {
            true => !DROPPED.contains(&name.as_str()),
            false => PLAIN.contains(&name.as_str()),
        };
        if passes {
            xml::attribute_within_limit(&mut out, &name, attribute.value());
        }
    }
    out
}

/// Whether a span is a cue of its own: it has times, or its turn.
pub(super) fn stands_alone(span: Node<'_, '_>) -> bool {
    timing::is_timed(span) || span.parent().is_some_and(timing::is_sequence)
}

/// The content of a cue in both syntaxes. XML says itself what is hidden; text is what is shown.
#[derive(Default)]
pub(super) struct Content {
    pub(super) xml: String,
    /// Empty when there is nothing to show.
    pub(super) text: String,
    /// The text ends with white space that the next must not repeat, or a line begins.
    at_blank: bool,
}

impl Content {
    /// The content of a paragraph without the spans that stand alone.
    pub(super) fn of_paragraph(
        node: Node<'_, '_>,
        styles: &Styles<'_>,
        context: &Context<'_>,
    ) -> Self {
        let mut content = Self { at_blank: true, ..Self::default() };
        content.tagged(Look::default(), context.look, |content| {
            content.children(node, styles, context.look, context.preserve);
        });
        content.finished()
    }

    /// A span that stands alone, in what is around it.
    pub(super) fn of_span(node: Node<'_, '_>, styles: &Styles<'_>, context: &Context<'_>) -> Self {
        let mut content = Self { at_blank: true, ..Self::default() };
        content.tagged(Look::default(), context.look, |content| {
            content.span(node, styles, context.look, context.preserve);
        });
        content.finished()
    }

    fn children(&mut self, node: Node<'_, '_>, styles: &Styles<'_>, look: Look, preserve: bool) {
        // There text lasts no time, and spans are cues of their own.
        if timing::is_sequence(node) {
            return;
        }
        for child in node.children() {
            if child.is_text() {
                let text = child.text().unwrap_or_default();
                xml::text(&mut self.xml, text);
                if look.is_shown() {
                    self.characters(text, preserve);
                }
            }
            match names::element(child) {
                Some("br") => {
                    self.xml.push_str("<br/>");
                    if look.is_shown() {
                        self.line_break();
                    }
                }
                Some("span") if !stands_alone(child) => self.span(child, styles, look, preserve),
                _ => {}
            }
        }
    }

    fn span(&mut self, node: Node<'_, '_>, styles: &Styles<'_>, outside: Look, preserve: bool) {
        let preserve = names::xml(node, "space").map_or(preserve, |space| space == "preserve");
        let look = styles.look(node, outside);
        self.xml.push_str("<span");
        self.xml.push_str(&attributes(node));
        self.xml.push('>');
        self.tagged(outside, look, |content| content.children(node, styles, look, preserve));
        self.xml.push_str("</span>");
    }

    /// Puts WebVTT tags around what is written inside, and none where that is nothing.
    fn tagged(&mut self, outside: Look, look: Look, inside: impl FnOnce(&mut Self)) {
        let before = self.text.len();
        let close = self.open(outside, look);
        let opened = self.text.len();
        inside(self);
        match self.text.len() == opened {
            true => self.text.truncate(before),
            false => self.text.push_str(&close),
        }
    }

    /// Opens the WebVTT tags by which a look differs from the one outside; gives the end tags.
    fn open(&mut self, outside: Look, look: Look) -> String {
        let mut close = String::new();
        let switches = [
            ("i", look.italic && !outside.italic),
            ("b", look.bold && !outside.bold),
            ("u", look.underline && !outside.underline),
        ];
        let mut open = |tag: &str, class: &str| {
            self.text.push_str(&format!("<{tag}{class}>"));
            close.insert_str(0, &format!("</{tag}>"));
        };
        // Text is white unless something else is said.
        let colour = |look: Look| look.colour.unwrap_or("white");
        if colour(look) != colour(outside) {
            open("c", &format!(".{}", colour(look)));
        }
        switches.iter().filter(|(_, on)| *on).for_each(|(tag, _)| open(tag, ""));
        close
    }

    /// Runs of white space are one blank, unless they are to be preserved.
    fn characters(&mut self, text: &str, preserve: bool) {
        for c in text.chars() {
            match c {
                '\n' if preserve => self.line_break(),
                c if !preserve && matches!(c, ' ' | '\t' | '\n' | '\r') => {
                    if !self.at_blank {
                        self.text.push(' ');
                        self.at_blank = true;
                    }
                }
                c if c.is_control() => {}
                c => {
                    match c {
                        '&' => self.text.push_str("&amp;"),
                        '<' => self.text.push_str("&lt;"),
                        '>' => self.text.push_str("&gt;"),
                        c => self.text.push(c),
                    }
                    self.at_blank = false;
                }
            }
        }
    }

    /// An empty line would end a WebVTT cue.
    fn line_break(&mut self) {
        let trimmed = self.text.trim_end_matches(' ').len();
        self.text.truncate(trimmed);
        if self.text.is_empty() || self.text.ends_with('\n') {
            self.text.push_str("&nbsp;");
        }
        self.text.push('\n');
        self.at_blank = true;
    }

    /// Cue text without blanks and empty lines around it; nothing when there are only tags.
    fn finished(mut self) -> Self {
        let visible = |text: &str| {
            let mut inside = false;
            text.replace("&nbsp;", " ").chars().any(|c| {
                inside = (inside || c == '<') && c != '>';
                !inside && c != '>' && !c.is_whitespace()
            })
        };
        let text = self.text.trim_matches([' ', '\n']);
        self.text = if visible(text) { text.to_owned() } else { String::new() };
        self
    }
}
