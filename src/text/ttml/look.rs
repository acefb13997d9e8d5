//! The little of TTML styling that WebVTT can say: italic, bold, underlined, a named colour, where
//! on the screen, and whether at all.

use roxmltree::Node;

use super::area::{Grid, Placing};
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
    /// By `tts:visibility`: something inside can be visible again.
    hidden: bool,
    /// By `tts:display`: nothing inside is shown.
    removed: bool,
}

impl Look {
    /// Whether text is shown.
    pub(super) fn is_shown(self) -> bool {
        !self.hidden && !self.removed
    }
}

/// A change of the look, as one element or style says it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Change {
    italic: Option<bool>,
    bold: Option<bool>,
    underline: Option<bool>,
    colour: Option<Option<&'static str>>,
    align: Option<&'static str>,
    hidden: Option<bool>,
    removed: Option<bool>,
    pub(super) placing: Placing,
}

impl Change {
    /// What the attributes of an element say.
    pub(super) fn inline(node: Node<'_, '_>, grid: &Grid) -> Self {
        let is = |name, value: &str| names::style(node, name).map(|found| found == value);
        let italic = names::style(node, "fontStyle").map(|style| style != "normal");
        let underline = names::style(node, "textDecoration").and_then(|value| match value {
            value if value.contains("noUnderline") || value == "none" => Some(false),
            value => value.contains("underline").then_some(true),
        });
        Self {
            italic,
            bold: is("fontWeight", "bold"),
            underline,
            colour: names::style(node, "color").map(colour),
            align: names::style(node, "textAlign").and_then(align),
            hidden: is("visibility", "hidden"),
            removed: is("display", "none"),
            placing: Placing::inline(node, grid),
        }
    }

    /// This change where it says something, else the other, of the same element.
    pub(super) fn or(self, weaker: Self) -> Self {
        Self {
            italic: self.italic.or(weaker.italic),
            bold: self.bold.or(weaker.bold),
            underline: self.underline.or(weaker.underline),
            colour: self.colour.or(weaker.colour),
            align: self.align.or(weaker.align),
            hidden: self.hidden.or(weaker.hidden),
            removed: self.removed.or(weaker.removed),
            placing: self.placing.or(weaker.placing),
        }
    }

    /// This change of an element inside one that has the other: what that removes stays away.
    pub(super) fn within(self, outside: Self) -> Self {
        Self { removed: self.removed.max(outside.removed), ..self.or(outside) }
    }

    /// The look where this changes what is inherited.
    pub(super) fn on(self, look: Look) -> Look {
        Look {
            italic: self.italic.unwrap_or(look.italic),
            bold: self.bold.unwrap_or(look.bold),
            underline: self.underline.unwrap_or(look.underline),
            colour: self.colour.unwrap_or(look.colour),
            align: self.align.or(look.align),
            hidden: self.hidden.unwrap_or(look.hidden),
            removed: look.removed || self.removed == Some(true),
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
