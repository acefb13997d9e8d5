//! The little of TTML styling that WebVTT can say: italic, bold, underlined, a named colour, and
//! where on the screen.

use std::collections::HashMap;
use std::fmt::Write;

use roxmltree::Node;

use super::names;

/// Colours that browsers have a cue class for, with their other spelling in TTML.
const COLOURS: &[(&str, &str)] = &[
    ("white", "#ffffff"),
    ("lime", "#00ff00"),
    ("cyan", "#00ffff"),
    ("red", "#ff0000"),
    ("yellow", "#ffff00"),
    ("magenta", "#ff00ff"),
    ("blue", "#0000ff"),
    ("black", "#000000"),
];

/// How text looks; what is not said is inherited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Look {
    pub(super) italic: bool,
    pub(super) bold: bool,
    pub(super) underline: bool,
    pub(super) colour: Option<&'static str>,
    pub(super) align: Option<&'static str>,
}

/// A change of the look, as one element or style says it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Change {
    italic: Option<bool>,
    bold: Option<bool>,
    underline: Option<bool>,
    colour: Option<Option<&'static str>>,
    align: Option<&'static str>,
}

impl Change {
    fn inline(node: Node<'_, '_>) -> Self {
        let is = |name, value: &str| names::style(node, name).map(|found| found == value);
        let italic = names::style(node, "fontStyle").map(|style| style != "normal");
        let underline = names::style(node, "textDecoration").and_then(|value| match value {
            value if value.contains("noUnderline") || value == "none" => Some(false),
            value => value.contains("underline").then_some(true),
        });
        let colour = names::style(node, "color").map(colour);
        let align = names::style(node, "textAlign").and_then(align);
        Self { italic, bold: is("fontWeight", "bold"), underline, colour, align }
    }

    /// This change where it says something, else the other.
    pub(super) fn or(self, weaker: Self) -> Self {
        Self {
            italic: self.italic.or(weaker.italic),
            bold: self.bold.or(weaker.bold),
            underline: self.underline.or(weaker.underline),
            colour: self.colour.or(weaker.colour),
            align: self.align.or(weaker.align),
        }
    }

    fn on(self, look: Look) -> Look {
        Look {
            italic: self.italic.unwrap_or(look.italic),
            bold: self.bold.unwrap_or(look.bold),
            underline: self.underline.unwrap_or(look.underline),
            colour: self.colour.unwrap_or(look.colour),
            align: self.align.or(look.align),
        }
    }
}

fn colour(value: &str) -> Option<&'static str> {
    let value = value.trim().to_ascii_lowercase();
    let value = match value.as_str() {
        opaque if opaque.len() == 9 && opaque.ends_with("ff") => &opaque[..7],
        other => other,
    };
    COLOURS.iter().find(|(name, hex)| value == *name || value == *hex).map(|(name, _)| *name)
}

fn align(value: &str) -> Option<&'static str> {
    ["left", "center", "right", "start", "end"].into_iter().find(|known| *known == value)
}

/// Where a region puts its text, in per cent of the picture.
#[derive(Debug, Clone, Copy)]
struct Area {
    origin: (f64, f64),
    extent: (f64, f64),
    display: Display,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Display {
    Before,
    Center,
    After,
}

/// The styles and regions of a document.
#[derive(Debug, Default)]
pub(super) struct Styles<'a> {
    styles: HashMap<&'a str, Change>,
    regions: HashMap<&'a str, (Change, Option<Area>)>,
}

impl<'a> Styles<'a> {
    /// Reads `head`. A style may refer to those in front of it.
    pub(super) fn of(tt: Node<'a, '_>) -> Self {
        let mut styles = Self::default();
        for node in tt.descendants() {
            let Some(id) = names::xml(node, "id") else { continue };
            match names::element(node) {
                Some("style") => {
                    let change = styles.change(node);
                    styles.styles.insert(id, change);
                }
                Some("region") => {
                    let region = styles.region(node);
                    styles.regions.insert(id, region);
                }
                _ => {}
            }
        }
        styles
    }

    /// What an element says with its own attributes and the styles it refers to.
    pub(super) fn change(&self, node: Node<'_, '_>) -> Change {
        let references = node.attribute("style").unwrap_or_default().split_ascii_whitespace();
        let referred = references.filter_map(|id| self.styles.get(id));
        Change::inline(node).or(referred.fold(Change::default(), |weaker, own| own.or(weaker)))
    }

    fn region(&self, node: Node<'_, '_>) -> (Change, Option<Area>) {
        let nested = node.children().filter(|child| names::element(*child) == Some("style"));
        let holders: Vec<Node<'_, '_>> = std::iter::once(node).chain(nested).collect();
        let change =
            holders.iter().fold(Change::default(), |own, holder| own.or(self.change(*holder)));
        let value = |name| holders.iter().find_map(|holder| names::style(*holder, name));
        let display = match value("displayAlign") {
            Some("after") => Display::After,
            Some("center") => Display::Center,
            _ => Display::Before,
        };
        let area = value("origin").and_then(percentages).zip(value("extent").and_then(percentages));
        (change, area.map(|(origin, extent)| Area { origin, extent, display }))
    }

    /// The look inside an element.
    pub(super) fn look(&self, node: Node<'_, '_>, outside: Look) -> Look {
        self.change(node).on(outside)
    }

    /// The look after all changes from `body` inwards: they stand above what a region says.
    pub(super) fn look_in(&self, region: Option<&str>, inwards: Change) -> Look {
        let change = region.and_then(|id| self.regions.get(id)).map(|(change, _)| *change);
        inwards.or(change.unwrap_or_default()).on(Look::default())
    }

    /// WebVTT settings for text in a region with an alignment; none where WebVTT does the same.
    pub(super) fn settings(&self, region: Option<&str>, align: Option<&'static str>) -> String {
        let mut words = Vec::new();
        let area = region.and_then(|id| self.regions.get(id)).and_then(|(_, area)| *area);
        if let Some(area) = area {
            words.extend(area.line());
            words.extend(area.position(align));
        }
        words
            .extend(align.filter(|align| *align != "center").map(|align| format!("align:{align}")));
        words.join(" ")
    }
}

impl Area {
    fn line(&self) -> Option<String> {
        let (top, height) = (self.origin.1, self.extent.1);
        let bottom = (top + height).min(100.0);
        match self.display {
            // Where players put text anyway.
            Display::After if bottom >= 80.0 => None,
            Display::After => Some(format!("line:{}%,end", short(bottom))),
            Display::Center => Some(format!("line:{}%,center", short(top + height / 2.0))),
            Display::Before => Some(format!("line:{}%", short(top))),
        }
    }

    fn position(&self, align: Option<&str>) -> Option<String> {
        let (left, width) = (self.origin.0, self.extent.0);
        let (at, anchor) = match align {
            Some("left" | "start") => (left, "line-left"),
            Some("right" | "end") => (left + width, "line-right"),
            _ => (left + width / 2.0, "center"),
        };
        let wide_and_centred = anchor == "center" && width >= 60.0 && (at - 50.0).abs() < 1.0;
        let words = || {
            let mut words = String::new();
            // Writing to a string cannot fail.
            let _ = write!(words, "position:{}%,{anchor} size:{}%", short(at), short(width));
            words
        };
        (!wide_and_centred).then(words)
    }
}

/// A percentage inside the picture with at most two decimals.
fn short(value: f64) -> f64 {
    (value.clamp(0.0, 100.0) * 100.0).round() / 100.0
}

/// Two percentages; `auto`, pixels and cells have no meaning for WebVTT.
fn percentages(value: &str) -> Option<(f64, f64)> {
    let (first, second) = value.trim().split_once(' ')?;
    let per_cent = |text: &str| -> Option<f64> {
        let number: f64 = text.trim().strip_suffix('%')?.parse().ok()?;
        (-100.0..=200.0).contains(&number).then_some(number)
    };
    Some((per_cent(first)?, per_cent(second)?))
}
