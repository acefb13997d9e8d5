//! Names that are understood: elements, and attributes with the prefix under which they are
//! written. Namespaces of the drafts (DFXP) become those of the standard.

use roxmltree::{Attribute, Node};

/// Namespaces, matched as prefixes because drafts differ in their dates, and what is behind them.
const TT: &[&str] = &[
    "http://www.w3.org/ns/ttml",
    "http://www.w3.org/2006/10/ttaf1",
    "http://www.w3.org/2006/04/ttaf1",
];

/// Fragments of TT namespaces, and the prefix of attributes in them.
const KINDS: &[(&str, &str)] = &[
    ("#styling", "tts"),
    ("#style", "tts"),
    ("#parameter", "ttp"),
    ("/profile/imsc1#styling", "itts"),
    ("/profile/imsc1#parameter", "ittp"),
];

const EBU_STYLE: &str = "urn:ebu:tt:style";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Prefixes and the namespaces that they are written with.
pub(super) const DECLARATIONS: &[(&str, &str)] = &[
    ("xmlns", "http://www.w3.org/ns/ttml"),
    ("xmlns:tts", "http://www.w3.org/ns/ttml#styling"),
    ("xmlns:ttp", "http://www.w3.org/ns/ttml#parameter"),
    ("xmlns:itts", "http://www.w3.org/ns/ttml/profile/imsc1#styling"),
    ("xmlns:ittp", "http://www.w3.org/ns/ttml/profile/imsc1#parameter"),
    ("xmlns:ebutts", EBU_STYLE),
];

/// The name of an element of TTML; `None` for foreign elements.
pub(super) fn element<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let name = node.tag_name();
    let known = name.namespace().is_none_or(|namespace| TT.contains(&namespace));
    known.then_some(name.name()).filter(|_| node.is_element())
}

/// The prefix of an attribute, empty for those without namespace; `None` for foreign ones.
fn prefix(namespace: Option<&str>) -> Option<&'static str> {
    match namespace {
        None => Some(""),
        Some(XML) => Some("xml"),
        Some(EBU_STYLE) => Some("ebutts"),
        Some(namespace) => {
            let kind = TT.iter().find_map(|tt| namespace.strip_prefix(tt))?;
            KINDS.iter().find(|(known, _)| *known == kind).map(|(_, prefix)| *prefix)
        }
    }
}

/// The name of an attribute as it is written; `None` for foreign ones.
pub(super) fn attribute(attribute: &Attribute<'_, '_>) -> Option<String> {
    match prefix(attribute.namespace())? {
        "" => Some(attribute.name().to_owned()),
        prefix => Some(format!("{prefix}:{}", attribute.name())),
    }
}

/// The value of a parameter attribute.
pub(super) fn parameter<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    of_kind(node, "ttp", name)
}

/// The value of a style attribute.
pub(super) fn style<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    of_kind(node, "tts", name)
}

/// The value of an `xml:` attribute.
pub(super) fn xml<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    of_kind(node, "xml", name)
}

fn of_kind<'a>(node: Node<'a, '_>, kind: &str, name: &str) -> Option<&'a str> {
    let fits = |attribute: &Attribute<'_, '_>| {
        attribute.name() == name && prefix(attribute.namespace()) == Some(kind)
    };
    node.attributes().find(fits).map(|attribute| attribute.value())
}
