//! The attributes of `tt` and the `head` with its styles and regions, as they pass through.

use std::borrow::Cow;

use roxmltree::Node;

use super::{names, xml};

/// A larger head, in bytes, is left out: every segment repeats it.
const MAX_HEAD: usize = 64 << 10;

/// Attributes of `tt` that mean something beside times, which are written absolutely.
const KEPT: &[&str] = &[
    "tts:extent",
    "ttp:cellResolution",
    "ittp:aspectRatio",
    "ittp:activeArea",
    "itts:fillLineGap",
    "xml:space",
];

/// Elements of the head, each with what may stand in it.
const ELEMENTS: &[(&str, &[&str])] = &[
    ("head", &["styling", "layout"]),
    ("styling", &["style"]),
    ("layout", &["region"]),
    ("region", &["style"]),
    ("style", &[]),
];

/// Attributes without namespace that pass through.
const PLAIN: &[&str] = &["style"];

pub(super) fn root_attributes(tt: Node<'_, '_>) -> String {
    let mut out = String::new();
    for attribute in tt.attributes() {
        if let Some(name) =
            names::attribute(&attribute).filter(|name| KEPT.contains(&name.as_str()))
        {
            xml::attribute_within_limit(&mut out, &name, attribute.value());
        }
    }
    out
}

/// The head as XML; empty when there is none.
pub(super) fn head(tt: Node<'_, '_>) -> String {
    let mut out = String::new();
    if let Some(head) = tt.children().find(|node| names::element(*node) == Some("head")) {
        write(&mut out, head, "head");
    }
    if out.len() > MAX_HEAD { String::new() } else { out }
}

/// The nesting is that of the table, at most four deep.
fn write(out: &mut String, node: Node<'_, '_>, name: &str) {
    out.push('<');
    out.push_str(name);
    for attribute in node.attributes() {
        let Some(name) = names::attribute(&attribute) else { continue };
        if name.contains(':') || PLAIN.contains(&name.as_str()) {
            xml::attribute(out, &name, attribute.value());
        }
    }
    out.push('>');
    let row = ELEMENTS.iter().find(|(known, _)| *known == name);
    let allowed = row.map_or(&[][..], |(_, allowed)| allowed);
    for child in node.children() {
        if let Some(name) = names::element(child).filter(|name| allowed.contains(name)) {
            write(out, child, name);
        }
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// What is in the styling and in the layout of a head as it is written.
pub(super) fn parts(head: &str) -> [String; 2] {
    ["styling", "layout"].map(|name| {
        let (start, end) = (format!("<{name}"), format!("</{name}>"));
        let inside = |part: &'_ str| Some(part.split_once(&start)?.1.split_once('>')?.1.to_owned());
        head.split(&end).filter_map(inside).collect()
    })
}

/// A head with that in its styling and layout.
pub(super) fn of_parts(styling: &str, layout: &str) -> String {
    format!("<head><styling>{styling}</styling><layout>{layout}</layout></head>")
}

/// One head with everything that is in all of them, whose ids differ.
pub(super) fn merged<'a>(heads: &[&'a str]) -> Cow<'a, str> {
    if let [only] = heads {
        return Cow::Borrowed(*only);
    }
    let [mut styling, mut layout] = [String::new(), String::new()];
    for [styles, regions] in heads.iter().map(|head| parts(head)) {
        styling.push_str(&styles);
        layout.push_str(&regions);
    }
    Cow::Owned(of_parts(&styling, &layout))
}
