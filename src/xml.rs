//! XML of others, read in time and memory that grow no faster than the document.

use roxmltree::{Document, ParsingOptions};

/// Attributes of one element. Parsers compare each with all others.
const MAX_ATTRIBUTES: usize = 64;

/// Elements inside each other.
const MAX_DEPTH: usize = 64;

/// Namespace declarations in a document. Parsers copy those in scope.
const MAX_NAMESPACES: usize = 512;

/// Elements, texts and comments of a document; more is no document for people.
const MAX_NODES: u32 = 2_000_000;

/// A document that is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The document costs a parser more than its length.
    #[error("XML: {0}")]
    Limit(&'static str),
    /// The document is not well-formed, or has a document type.
    #[error("XML: {0}")]
    Syntax(String),
}

/// Parses a document; a byte order mark and white space in front are skipped.
///
/// # Errors
/// XML that is not well-formed or stretches a limit; document types are refused.
pub fn parse(text: &str) -> Result<Document<'_>, XmlError> {
    check(text)?;
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    Document::parse_with_options(text, options).map_err(|error| XmlError::Syntax(error.to_string()))
}

/// Refuses documents that cost a parser more than their length.
fn check(document: &str) -> Result<(), XmlError> {
    let limit = |what| Err(XmlError::Limit(what));
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
            return limit("there are more than 512 namespace declarations");
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
            (many(513, |n| format!("<a xmlns:b{n}=''/>")), "namespace"),
        ] {
            let refused = parse(&document).unwrap_err().to_string();
            assert!(refused.contains(complaint), "{refused}");
        }
        for document in ["<!-- <a><a> --><tt a='='><b c=\"'>\"/></tt>", "<", "<a", "<!--", "<?x"] {
            check(document).unwrap();
        }
    }
}
