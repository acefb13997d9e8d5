//! From elements to cues: what they inherit, and when they are shown.

use std::sync::Arc;

use roxmltree::Node;

use super::clock::Clock;
use super::content::{self, Content};
use super::look::{Change, Look};
use super::names;
use super::style::Styles;
use super::timing::{Children, Interval};
use crate::text::{Builder, Cue, Division, Paragraph};

/// Distinct combinations of elements around paragraphs, and the bytes of one; beyond that the
/// elements are left out.
pub(super) const MAX_DIVISIONS: usize = 4096;
const MAX_DIVISION: usize = 1024;

/// What an element inherits.
#[derive(Debug, Clone, Default)]
pub(super) struct Context<'a> {
    interval: Interval,
    region: Option<&'a str>,
    change: Change,
    pub(super) look: Look,
    pub(super) preserve: bool,
    division: Arc<Division>,
}

impl Context<'_> {
    /// What stands around `body`.
    pub(super) fn of(tt: Node<'_, '_>) -> Self {
        Self { preserve: names::xml(tt, "space") == Some("preserve"), ..Self::default() }
    }
}

/// What cues of one paragraph share.
struct Place {
    division: usize,
    attributes: Arc<str>,
}

/// Collects the cues of a document.
pub(super) struct Reader<'a> {
    clock: Clock,
    styles: Styles<'a>,
    pub(super) builder: Builder,
    pub(super) divisions: Vec<Division>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(clock: Clock, styles: Styles<'a>) -> Self {
        Self { clock, styles, builder: Builder::default(), divisions: Vec::new() }
    }

    /// `body` or `div`, whose times count from `from`; gives when it is over. Nesting is bounded by
    /// [`crate::xml::parse`].
    pub(super) fn block(
        &mut self,
        node: Node<'a, '_>,
        outside: &Context<'a>,
        from: i64,
    ) -> Option<i64> {
        let Some(context) = self.inside(node, outside, from) else { return Some(from) };
        let mut division = None;
        let mut children = Children::of(node, context.interval.begin);
        for child in node.children() {
            let Some(from) = children.from else { break };
            match names::element(child) {
                Some("div") => children.pass(self.block(child, &context, from)),
                Some("p") => {
                    let division = *division.get_or_insert_with(|| self.keep(&context.division));
                    children.pass(self.paragraph(child, &context, from, division));
                }
                _ => {}
            }
        }
        context.interval.over(children.over)
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

    /// What is inherited inside an element; `None` when its times cannot be read, and then it takes
    /// none.
    fn inside(
        &mut self,
        node: Node<'a, '_>,
        outside: &Context<'a>,
        from: i64,
    ) -> Option<Context<'a>> {
        let interval = Interval::of(node, &self.clock, from, outside.interval.end)
            .inspect_err(|reason| self.builder.leave_out(format_args!("{reason}")))
            .ok()?;
        let region = node.attribute("region").or(outside.region);
        let change = self.styles.change(node).within(outside.change);
        let look = self.styles.look_in(region, change);
        let division = match names::element(node) {
            Some("div") => inner_division(node, &outside.division),
            _ => Arc::clone(&outside.division),
        };
        let space = names::xml(node, "space").map(|space| space == "preserve");
        let preserve = space.unwrap_or(outside.preserve);
        Some(Context { interval, region, change, look, preserve, division })
    }

    /// `p`; gives when it is over.
    fn paragraph(
        &mut self,
        node: Node<'a, '_>,
        outside: &Context<'a>,
        from: i64,
        division: usize,
    ) -> Option<i64> {
        let Some(context) = self.inside(node, outside, from) else { return Some(from) };
        let place = Place { division, attributes: Arc::from(content::attributes(node)) };
        let over = self.spans(node, &context, &place);
        let content = Content::of_paragraph(node, &self.styles, &context);
        self.cue(&context, &place, content);
        context.interval.over(over)
    }

    /// The spans inside `p` or `span` that are cues of their own; gives when all that is inside is
    /// over.
    fn spans(&mut self, node: Node<'a, '_>, context: &Context<'a>, place: &Place) -> Option<i64> {
        let mut children = Children::of(node, context.interval.begin);
        for child in node.children() {
            let Some(from) = children.from else { break };
            match names::element(child) {
                Some("span") => children.pass(self.span(child, context, from, place)),
                Some("br") => children.pass_text(),
                None if child.is_text() && !child.text().unwrap_or_default().trim().is_empty() => {
                    children.pass_text();
                }
                _ => {}
            }
        }
        children.over
    }

    /// `span`, a cue of its own or not; gives when it is over.
    fn span(
        &mut self,
        node: Node<'a, '_>,
        outside: &Context<'a>,
        from: i64,
        place: &Place,
    ) -> Option<i64> {
        let Some(context) = self.inside(node, outside, from) else { return Some(from) };
        if content::stands_alone(node) {
            let content = Content::of_span(node, &self.styles, outside);
            self.cue(&context, place, content);
        }
        context.interval.over(self.spans(node, &context, place))
    }

    fn cue(&mut self, context: &Context<'_>, place: &Place, content: Content) {
        if content.text.is_empty() {
            return;
        }
        let Some(end) = context.interval.end else {
            return self.builder.leave_out(format_args!("it has no end"));
        };
        self.builder.push(Cue {
            start: context.interval.begin,
            end,
            id: "".into(),
            settings: self.styles.settings(context.region, context.look.align).into(),
            text: content.text.into(),
            paragraph: Some(Paragraph {
                source: 0,
                division: place.division,
                attributes: Arc::clone(&place.attributes),
                content: content.xml.into(),
            }),
        });
    }
}

/// The elements around what is in a `div`.
fn inner_division(node: Node<'_, '_>, outside: &Arc<Division>) -> Arc<Division> {
    let attributes = content::attributes(node);
    if outside.open.len() + attributes.len() > MAX_DIVISION {
        return Arc::clone(outside);
    }
    Arc::new(Division {
        open: format!("{}<div{attributes}>", outside.open),
        close: format!("</div>{}", outside.close),
    })
}
