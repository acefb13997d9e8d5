//! XML out, and what a document must keep so that reading it takes linear time.

use crate::text::TextError;

/// Attributes of one element. Parsers compare each with all others.
const MAX_ATTRIBUTES: usize = 64;

/// Elements inside each other.
const MAX_DEPTH: usize = 64;

/// Namespace declarations in a document. Parsers copy those in scope.
const MAX_NAMESPACES: usize = 128;

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

/// Refuses documents that cost a parser more than their length.
///
/// # Errors
/// [`TextError::Xml`] with the limit.
pub(super) fn check(document: &str) -> Result<(), TextError> {
    let limit = |what: &str| Err(TextError::Xml(format!("XML: {what}")));
    let (mut depth, mut namespaces) = (0_usize, 0_usize);
    let mut rest = document;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        if let Some(end) = end_of_other(rest) {
            rest = rest.get(end..).unwrap_or_default();
            continue;
        }
        let tag = Tag::scan(rest);
        namespaces += tag.namespaces;
        match (tag.closing, tag.empty) {
            (true, _) => depth = depth.saturating_sub(1),
            (false, false) => depth += 1,
            (false, true) => {}
        }
        if tag.attributes > MAX_ATTRIBUTES {
            return limit("an element has more than 64 attributes");
        }
        if depth > MAX_DEPTH {
            return limit("elements are nested more than 64 deep");
        }
        if namespaces > MAX_NAMESPACES {
            return limit("there are more than 128 namespace declarations");
        }
        rest = &rest[tag.length..];
    }
    Ok(())
}

/// Length of a comment, a CDATA section or a processing instruction at the start.
fn end_of_other(rest: &str) -> Option<usize> {
    const OTHERS: &[(&str, &str)] = &[("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
    let (start, end) = OTHERS.iter().find(|(start, _)| rest.starts_with(start))?;
    let at = rest[start.len()..].find(end);
    Some(at.map_or(rest.len(), |at| start.len() + at + end.len()))
}

/// What one tag holds.
#[derive(Default)]
struct Tag {
    length: usize,
    attributes: usize,
    namespaces: usize,
    closing: bool,
    empty: bool,
}

impl Tag {
    fn scan(rest: &str) -> Self {
        let bytes = rest.as_bytes();
        let mut tag = Self { closing: bytes.get(1) == Some(&b'/'), ..Self::default() };
        let mut quote = None;
        let end = bytes.iter().enumerate().skip(1).find_map(|(n, byte)| {
            match (quote, byte) {
                (None, b'"' | b'\'') => quote = Some(*byte),
                (None, b'=') => tag.attributes += 1,
                (None, b'>') => return Some(n),
                (None, b'x') if bytes[n..].starts_with(b"xmlns") => tag.namespaces += 1,
                (Some(open), byte) if open == *byte => quote = None,
                _ => {}
            }
            None
        });
        tag.empty = end.is_some_and(|end| bytes[end - 1] == b'/');
        tag.length = end.map_or(bytes.len(), |end| end + 1);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_that_take_more_than_linear_time_are_refused() {
        let many =
            |count: usize, part: fn(usize) -> String| -> String { (0..count).map(part).collect() };
        for (document, complaint) in [
            (format!("<tt {}/>", many(65, |n| format!("a{n}='>' "))), "attributes"),
            (many(65, |_| "<a>".to_owned()), "nested"),
            (many(129, |n| format!("<a xmlns:b{n}=''/>")), "namespace"),
        ] {
            let refused = check(&document).unwrap_err().to_string();
            assert!(refused.contains(complaint), "{refused}");
        }
        for document in ["<!-- <a><a> --><tt a='='><b c=\"'>\"/></tt>", "<", "<a", "<!--", "<?x"] {
            check(document).unwrap();
        }
    }

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
