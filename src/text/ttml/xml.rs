//! XML out.

/// Bytes of the attributes of one element; more are left out, for every cue repeats them.
const MAX_ATTRIBUTES: usize = 1024;

/// Writes character data; characters that XML forbids are left out.
pub(crate) fn text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
}

/// Writes an attribute with a blank in front.
pub(crate) fn attribute(out: &mut String, name: &str, value: &str) {
    let mut escaped = String::with_capacity(value.len());
    text(&mut escaped, value);
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    out.push_str(&escaped.replace('"', "&quot;").replace(['\n', '\r', '\t'], " "));
    out.push('"');
}

/// Writes an attribute of an element, as [`attribute`] does, unless all of them become too long.
pub(super) fn attribute_within_limit(out: &mut String, name: &str, value: &str) {
    let before = out.len();
    if before + value.len() <= MAX_ATTRIBUTES {
        attribute(out, name, value);
    }
    if out.len() > MAX_ATTRIBUTES {
        out.truncate(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_well_formed() {
        let mut out = String::from("<a");
        attribute(&mut out, "b", "\"<&>'\n");
        out.push('>');
        text(&mut out, "1 < 2 & \u{0}\u{b}]]>");
        out.push_str("</a>");
        let document = roxmltree::Document::parse(&out).unwrap();
        assert_eq!(document.root_element().attribute("b"), Some("\"<&>' "));
        assert_eq!(document.root_element().text(), Some("1 < 2 & ]]>"));
    }
}
