//! Where regions are, as percentages of the picture, and what WebVTT says for that.

use std::fmt::Write;

use roxmltree::Node;

use super::names;

/// Something across and down.
type Pair = (f64, f64);

/// What `ttp:cellResolution` is when it is not said (TTML 1 section 6.2).
const CELLS: Pair = (32.0, 15.0);

/// How many of each unit the picture is wide and high; `None` for pixels that nobody counted.
#[derive(Debug)]
pub(super) struct Grid([(&'static str, Option<Pair>); 3]);

impl Grid {
    /// Reads the attributes of `tt`.
    pub(super) fn of(tt: Node<'_, '_>) -> Self {
        let pixels = names::style(tt, "extent").and_then(|extent| counts(extent, "px"));
        let cells = names::parameter(tt, "cellResolution").and_then(|cells| counts(cells, ""));
        let cells = cells.unwrap_or(CELLS);
        Self([("%", Some((100.0, 100.0))), ("px", pixels), ("c", Some(cells))])
    }

    /// Two lengths in per cent of the picture; `None` for `auto` and what is far outside of it.
    fn pair(&self, value: &str) -> Option<Pair> {
        let (across, down) = words(value)?;
        Some((self.per_cent(across, |pair| pair.0)?, self.per_cent(down, |pair| pair.1)?))
    }

    fn per_cent(&self, length: &str, axis: fn(Pair) -> f64) -> Option<f64> {
        let of_unit = |(unit, whole): &(&str, Option<Pair>)| {
            let number: f64 = length.strip_suffix(unit)?.parse().ok()?;
            Some(number * 100.0 / axis((*whole)?))
        };
        let per_cent = self.0.iter().find_map(of_unit)?;
        (-100.0..=200.0).contains(&per_cent).then_some(per_cent)
    }
}

fn words(value: &str) -> Option<(&str, &str)> {
    let mut words = value.split_ascii_whitespace();
    let pair = (words.next()?, words.next()?);
    words.next().is_none().then_some(pair)
}

/// Two positive numbers with a unit.
fn counts(value: &str, unit: &str) -> Option<Pair> {
    let count = |word: &str| -> Option<f64> {
        let number: f64 = word.strip_suffix(unit)?.parse().ok()?;
        (number.is_finite() && number > 0.0).then_some(number)
    };
    let (across, down) = words(value)?;
    Some((count(across)?, count(down)?))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Display {
    Before,
    Center,
    After,
}

/// What one element or style says of a place; within, `None` for what has no meaning for WebVTT.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Placing {
    origin: Option<Option<Pair>>,
    extent: Option<Option<Pair>>,
    display: Option<Display>,
}

impl Placing {
    pub(super) fn inline(node: Node<'_, '_>, grid: &Grid) -> Self {
        let pair = |name| names::style(node, name).map(|value| grid.pair(value));
        let display = names::style(node, "displayAlign").map(|value| match value {
            "after" => Display::After,
            "center" => Display::Center,
            _ => Display::Before,
        });
        Self { origin: pair("origin"), extent: pair("extent"), display }
    }

    /// This where it says something, else the other.
    pub(super) fn or(self, weaker: Self) -> Self {
        Self {
            origin: self.origin.or(weaker.origin),
            extent: self.extent.or(weaker.extent),
            display: self.display.or(weaker.display),
        }
    }

    /// The area of a region of which that is all that is said.
    pub(super) fn area(self) -> Option<Area> {
        let (origin, extent) = (self.origin.flatten()?, self.extent.flatten()?);
        Some(Area { origin, extent, display: self.display.unwrap_or(Display::Before) })
    }
}

/// Where a region puts its text, in per cent of the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    origin: Pair,
    extent: Pair,
    display: Display,
}

impl Area {
    /// The WebVTT setting for the height; none where players put text anyway.
    pub(super) fn line(&self) -> Option<String> {
        let (top, height) = (self.origin.1, self.extent.1);
        let bottom = (top + height).min(100.0);
        match self.display {
            Display::After if bottom >= 80.0 => None,
            Display::After => Some(format!("line:{}%,end", short(bottom))),
            Display::Center => Some(format!("line:{}%,center", short(top + height / 2.0))),
            Display::Before => Some(format!("line:{}%", short(top))),
        }
    }

    /// The WebVTT settings for the width; none for what is wide and in the middle.
    pub(super) fn position(&self, align: Option<&str>) -> Option<String> {
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
