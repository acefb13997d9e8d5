//! Conditional requests on entity tags (RFC 9110 sections 8.8.3 and 13.1).
//!
//! Every answer of this server that can be cached has a strong tag and no modification date, so
//! `If-Modified-Since` and `If-Unmodified-Since` have nothing to be compared with and are ignored.

use axum::http::{HeaderMap, HeaderName, header};

/// Whether `If-None-Match` names the current `etag` (weak comparison), so that 304 is the answer.
///
/// `etag` is written as in the header, with its quotes. Meant for GET and HEAD.
pub fn not_modified(headers: &HeaderMap, etag: &str) -> bool {
    any_tag(headers, &header::IF_NONE_MATCH, |tag| tag.opaque == etag)
}

/// Whether `If-Match` is there and does not name the current `etag` (strong comparison), so that
/// 412 is the answer. Is to be asked before [`not_modified`].
pub fn precondition_failed(headers: &HeaderMap, etag: &str) -> bool {
    headers.contains_key(header::IF_MATCH)
        && !any_tag(headers, &header::IF_MATCH, |tag| tag.is_strongly(etag))
}

/// An entity tag as a client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    weak: bool,
    /// The opaque part with its quotes.
    opaque: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads one tag from the start of `text` and gives what follows it.
    pub(super) fn split_first(text: &'a str) -> Option<(Self, &'a str)> {
        let (weak, quoted) = match text.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let inner = quoted.strip_prefix('"')?;
        let end = inner.find('"')? + 2;
        Some((Self { weak, opaque: &quoted[..end] }, &quoted[end..]))
    }

    /// Strong comparison: both tags strong and equal.
    pub(super) fn is_strongly(&self, etag: &str) -> bool {
        !self.weak && self.opaque == etag
    }
}

/// Whether one of the tags in the field holds, or the field is `*`.
fn any_tag(headers: &HeaderMap, name: &HeaderName, holds: impl Fn(Tag) -> bool) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.trim() == "*" || tags(value).any(&holds))
}

/// The tags of a list; a comma inside quotes belongs to the tag. Ends at the first wrong element.
fn tags(list: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let (tag, after) = Tag::split_first(rest.trim_start_matches([' ', '\t', ',']))?;
        rest = after;
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn if_none_match_compares_weakly_over_the_whole_list() {
        for (values, expected) in [
            (&[r#""a""#][..], true),
            (&[r#"W/"a""#], true),
            (&["*"], true),
            (&[r#""b", W/"c","a""#], true),
            (&[r#""b""#, r#""a""#], true),
            (&[r#""x,y", "a""#], true),
            (&[r#""b""#], false),
            (&[r#""A""#], false),
            (&["a"], false),
            (&[r#""a"#], false),
            (&[""], false),
            (&[], false),
        ] {
            let headers = with(header::IF_NONE_MATCH, values);
            assert_eq!(not_modified(&headers, "\"a\""), expected, "{values:?}");
        }
    }

    #[test]
    fn if_match_compares_strongly_and_is_no_condition_when_absent() {
        for (values, failed) in [
            (&[][..], false),
            (&[r#""a""#], false),
            (&["*"], false),
            (&[r#""b", "a""#], false),
            (&[r#"W/"a""#], true),
            (&[r#""b""#], true),
            (&["garbage"], true),
        ] {
            let headers = with(header::IF_MATCH, values);
            assert_eq!(precondition_failed(&headers, "\"a\""), failed, "{values:?}");
        }
    }
}
