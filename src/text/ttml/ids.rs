//! Ids in XML as this module writes it, told apart from those of other documents.

/// The attributes that name elements, as they stand in front of their values.
const NAMES: &[&str] = &[" xml:id=", " style=", " region="];

/// Puts a prefix before every id and every reference in elements.
pub(super) fn in_elements(xml: &str, prefix: &str) -> String {
    let mut out = String::with_capacity(xml.len() + 64);
    // Text has neither of the brackets.
    for piece in xml.split_inclusive('>') {
        let (text, tag) = piece.split_at(piece.find('<').unwrap_or(piece.len()));
        out.push_str(text);
        out.push_str(&in_attributes(tag, prefix));
    }
    out
}

/// The same in attributes, each with a blank in front.
pub(super) fn in_attributes(attributes: &str, prefix: &str) -> String {
    let mut out = String::with_capacity(attributes.len() + 16);
    let mut are_ids = false;
    // Names and values in turn.
    for (n, part) in attributes.split('"').enumerate() {
        if n > 0 {
            out.push('"');
        }
        match are_ids {
            true => put(&mut out, part, prefix),
            false => out.push_str(part),
        }
        are_ids = n % 2 == 0 && NAMES.iter().any(|name| part.ends_with(name));
    }
    out
}

/// Writes ids that blanks separate.
fn put(out: &mut String, ids: &str, prefix: &str) {
    for (n, id) in ids.split(' ').enumerate() {
        if n > 0 {
            out.push(' ');
        }
        if !id.is_empty() {
            out.push_str(prefix);
        }
        out.push_str(id);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_and_references_get_a_prefix_and_nothing_else_does() {
        let xml = "<a xml:id=\"x\" style=\"y  z\" tts:style=\"n\" region=\"\"> style=\"n\" <b region=\"r\"/></a>";
        assert_eq!(
            in_elements(xml, "s1-"),
            "<a xml:id=\"s1-x\" style=\"s1-y  s1-z\" tts:style=\"n\" region=\"\"> style=\"n\" <b region=\"s1-r\"/></a>"
        );
        assert_eq!(
            in_attributes(" region=\"r\" a=\" style=\"", "p"),
            " region=\"pr\" a=\" style=\""
        );
    }

    proptest! {
        #[test]
        fn no_prefix_changes_nothing(xml in "[<>\" =a]{0,20}|(<a( style=\"[a ]*\"| xml:id=\"a\")*>|[ a\"]|</a>){0,9}") {
            prop_assert_eq!(in_elements(&xml, ""), xml.as_str());
            prop_assert_eq!(in_attributes(&xml, ""), xml.as_str());
        }
    }
}
