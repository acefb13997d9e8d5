//! The styles and regions of a document, and what elements become by them.

use std::collections::HashMap;

use roxmltree::Node;

use super::area::Grid;
use super::look::{Change, Look};
use super::names;

/// Styles that refer to others that stand behind them, one after the other; further ones are left
/// out.
const MAX_CHAIN: usize = 64;

/// The styles and regions of a document.
#[derive(Debug)]
pub(super) struct Styles<'a> {
    grid: Grid,
    styles: HashMap<&'a str, Change>,
    regions: HashMap<&'a str, Change>,
}

impl<'a> Styles<'a> {
    /// Reads `head`.
    pub(super) fn of(tt: Node<'a, '_>) -> Self {
        let named = |name| {
            let nodes = tt.descendants().filter(move |node| names::element(*node) == Some(name));
            nodes.filter_map(|node| Some((names::xml(node, "id")?, node)))
        };
        let nodes: HashMap<&str, Node<'a, '_>> = named("style").collect();
        let mut styles =
            Self { grid: Grid::of(tt), styles: HashMap::new(), regions: HashMap::new() };
        for (id, _) in named("style") {
            styles.resolve(id, &nodes, 0);
        }
        for (id, node) in named("region") {
            let region = styles.region(node);
            styles.regions.insert(id, region);
        }
        styles
    }

    /// Adds a style behind those that it refers to, wherever they stand. A circle of references says
    /// what its members say without that which closes it.
    fn resolve(&mut self, id: &'a str, nodes: &HashMap<&'a str, Node<'a, '_>>, depth: usize) {
        let Some(node) = nodes.get(id).filter(|_| depth < MAX_CHAIN) else { return };
        if self.styles.contains_key(id) {
            return;
        }
        self.styles.insert(id, Change::default());
        for referred in references(*node) {
            self.resolve(referred, nodes, depth + 1);
        }
        let change = self.change(*node);
        self.styles.insert(id, change);
    }

    /// What an element says with its own attributes and the styles it refers to.
    pub(super) fn change(&self, node: Node<'_, '_>) -> Change {
        let referred = references(node).filter_map(|id| self.styles.get(id));
        let referred = referred.fold(Change::default(), |weaker, own| own.or(weaker));
        Change::inline(node, &self.grid).or(referred)
    }

    /// What a region says with its attributes, its styles, and those inside it.
    fn region(&self, node: Node<'_, '_>) -> Change {
        let nested = node.children().filter(|child| names::element(*child) == Some("style"));
        let holders = std::iter::once(node).chain(nested);
        holders.fold(Change::default(), |own, holder| own.or(self.change(holder)))
    }

    /// The look inside an element.
    pub(super) fn look(&self, node: Node<'_, '_>, outside: Look) -> Look {
        self.change(node).on(outside)
    }

    /// The look after all changes from `body` inwards: they stand above what a region says.
    pub(super) fn look_in(&self, region: Option<&str>, inwards: Change) -> Look {
        let change = region.and_then(|id| self.regions.get(id)).copied();
        inwards.within(change.unwrap_or_default()).on(Look::default())
    }

    /// WebVTT settings for text in a region with an alignment; none where WebVTT does the same.
    pub(super) fn settings(&self, region: Option<&str>, align: Option<&'static str>) -> String {
        let mut words = Vec::new();
        let change = region.and_then(|id| self.regions.get(id));
        if let Some(area) = change.and_then(|change| change.placing.area()) {
            words.extend(area.line());
            words.extend(area.position(align));
        }
        words
            .extend(align.filter(|align| *align != "center").map(|align| format!("align:{align}")));
        words.join(" ")
    }
}

/// The ids of the styles that an element refers to.
fn references<'a>(node: Node<'a, '_>) -> impl Iterator<Item = &'a str> + use<'a> {
    node.attribute("style").unwrap_or_default().split_ascii_whitespace()
}
