//! Regions for cues of WebVTT: what their settings mean on the screen (WebVTT section 7.2).

use super::xml;

/// Height of a line in per cent of the picture: 15 lines and a margin, as players draw.
const LINE: f64 = 16.0 / 3.0;

/// A band of text is at least that high.
const LEAST_HEIGHT: f64 = 10.0;

/// The attributes of a region for cue settings, each with a blank in front.
pub(super) fn region(settings: &str) -> String {
    let (top, height, display) = vertical(value(settings, "line"));
    let align = value(settings, "align").unwrap_or("center");
    let (left, width) = horizontal(settings, align);
    let mut out = String::new();
    let pair = |a, b| format!("{}% {}%", short(a), short(b));
    xml::attribute(&mut out, "tts:origin", &pair(left, top));
    xml::attribute(&mut out, "tts:extent", &pair(width, height));
    xml::attribute(&mut out, "tts:displayAlign", display);
    xml::attribute(&mut out, "tts:textAlign", align);
    out
}

fn value<'a>(settings: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = settings.split(' ').filter_map(|setting| setting.split_once(':'));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Top, height, and where in between.
fn vertical(line: Option<&str>) -> (f64, f64, &'static str) {
    let Some(line) = line else { return (5.0, 90.0, "after") };
    let (at, alignment) = line.split_once(',').unwrap_or((line, "start"));
    if !at.ends_with('%') {
        let line: f64 = at.parse().unwrap_or(-1.0);
        return match line < 0.0 {
            true => (0.0, (100.0 + (line + 1.0) * LINE).max(LEAST_HEIGHT), "after"),
            false => below((line * LINE).min(100.0 - LEAST_HEIGHT)),
        };
    }
    let at = per_cent(at).unwrap_or(100.0);
    match alignment {
        "end" => (0.0, at.max(LEAST_HEIGHT), "after"),
        "center" if at <= 50.0 => (0.0, (2.0 * at).max(LEAST_HEIGHT), "center"),
        "center" => {
            let height = (200.0 - 2.0 * at).max(LEAST_HEIGHT);
            (100.0 - height, height, "center")
        }
        _ => below(at.min(100.0 - LEAST_HEIGHT)),
    }
}

fn below(top: f64) -> (f64, f64, &'static str) {
    (top, 100.0 - top, "before")
}

/// Left edge and width.
fn horizontal(settings: &str, align: &str) -> (f64, f64) {
    let size = value(settings, "size").and_then(per_cent).unwrap_or(100.0);
    let position = value(settings, "position");
    if position.is_none() && size > 90.0 {
        return (5.0, 90.0);
    }
    let (at, anchor) = match position.map(|p| p.split_once(',').unwrap_or((p, ""))) {
        Some((at, anchor)) => (per_cent(at), anchor),
        None => (None, ""),
    };
    let anchor = match (anchor, align) {
        ("line-left", _) | ("", "start" | "left") => 0.0,
        ("line-right", _) | ("", "end" | "right") => 1.0,
        _ => 0.5,
    };
    let at = at.unwrap_or(100.0 * anchor);
    // What fits between the anchor and the edges.
    let room = match anchor {
        0.0 => 100.0 - at,
        1.0 => at,
        _ => 2.0 * at.min(100.0 - at),
    };
    let width = size.min(room.max(LEAST_HEIGHT));
    ((at - width * anchor).clamp(0.0, 100.0 - width), width)
}

/// A percentage of the picture; `None` for what lies outside of it.
fn per_cent(text: &str) -> Option<f64> {
    let number: f64 = text.strip_suffix('%')?.parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number)
}

/// At most two decimals.
fn short(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
