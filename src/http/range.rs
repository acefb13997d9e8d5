//! Byte ranges (RFC 9110 section 14): which part of a representation a GET is answered with.
//!
//! One range is honoured. A request for several gets the whole representation, which section 14.2
//! allows: no player asks for several, and a multipart answer would defeat caches.

use axum::http::{HeaderMap, HeaderValue, header};

use super::conditional::Tag;

/// How a GET with these headers is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeDecision {
    /// 200 with everything.
    Whole,
    /// 206 with these bytes.
    Partial {
        /// First byte.
        start: u64,
        /// Last byte, itself included; below the length.
        end_inclusive: u64,
    },
    /// 416; the header field is [`unsatisfied`].
    Unsatisfiable,
}

/// Decides from `Range` and `If-Range` for a representation of `len` bytes whose strong entity tag
/// is `etag` (with quotes). A `Range` that is not understood is ignored. For GET only: HEAD has no
/// ranges.
pub fn decide(headers: &HeaderMap, etag: &str, len: u64) -> RangeDecision {
    match spec(headers) {
        Some(spec) if if_range_holds(headers, etag) => spec.resolve(len),
        _ => RangeDecision::Whole,
    }
}

/// `Content-Range` of a 206 answer.
pub fn satisfied(start: u64, end_inclusive: u64, len: u64) -> String {
    format!("bytes {start}-{end_inclusive}/{len}")
}

/// `Content-Range` of a 416 answer.
pub fn unsatisfied(len: u64) -> String {
    format!("bytes */{len}")
}

/// One range as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spec {
    FromTo { first: u64, last: u64 },
    Last { count: u64 },
}

impl Spec {
    fn resolve(self, len: u64) -> RangeDecision {
        match self {
            Self::FromTo { first, last } if first < len => {
                RangeDecision::Partial { start: first, end_inclusive: last.min(len - 1) }
            }
            Self::Last { count: 1.. } if len == 0 => RangeDecision::Whole,
            Self::Last { count: count @ 1.. } => {
                RangeDecision::Partial { start: len.saturating_sub(count), end_inclusive: len - 1 }
            }
            Self::FromTo { .. } | Self::Last { .. } => RangeDecision::Unsatisfiable,
        }
    }
}

fn spec(headers: &HeaderMap) -> Option<Spec> {
    let (unit, set) = only(headers.get_all(header::RANGE).iter())?.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    match (first, last) {
        ("", count) => Some(Spec::Last { count: digits(count)? }),
        (first, "") => Some(Spec::FromTo { first: digits(first)?, last: u64::MAX }),
        (first, last) => {
            let (first, last) = (digits(first)?, digits(last)?);
            (first <= last).then_some(Spec::FromTo { first, last })
        }
    }
}

/// The single field line; two `Range` lines are as ambiguous as none.
fn only<'a>(mut values: impl Iterator<Item = &'a HeaderValue>) -> Option<&'a str> {
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Decimal digits only (`u64::from_str` would take a sign); a number too large for a file
/// position is as good as the largest one.
fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// `If-Range` needs the same strong tag; a date never matches, since no answer carries one.
fn if_range_holds(headers: &HeaderMap, etag: &str) -> bool {
    let mut values = headers.get_all(header::IF_RANGE).iter().peekable();
    values.peek().is_none()
        || only(values)
            .and_then(|value| Tag::split_first(value.trim()))
            .is_some_and(|(tag, rest)| rest.is_empty() && tag.is_strongly(etag))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::RangeDecision::{Partial, Unsatisfiable, Whole};
    use super::*;

    const ETAG: &str = "\"v1\"";

    fn asked(range: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::RANGE, range.parse().unwrap())])
    }

    fn part(start: u64, end_inclusive: u64) -> RangeDecision {
        Partial { start, end_inclusive }
    }

    #[test]
    fn ranges_of_a_thousand_bytes() {
        for (range, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-499", part(0, 499)),
            ("bytes=500-", part(500, 999)),
            ("bytes=999-999", part(999, 999)),
            ("bytes=990-5000", part(990, 999)),
            ("bytes=-1", part(999, 999)),
            ("bytes=-5000", part(0, 999)),
            ("BYTES=1-2", part(1, 2)),
            ("bytes=1-99999999999999999999999999", part(1, 999)),
            ("bytes=1000-", Unsatisfiable),
            ("bytes=1000-1001", Unsatisfiable),
            ("bytes=99999999999999999999999999-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=2-1", Whole),
            ("bytes=0-1,5-6", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=1 - 2", Whole),
            ("bytes 0-1", Whole),
            ("items=0-1", Whole),
            ("", Whole),
        ] {
            assert_eq!(decide(&asked(range), ETAG, 1000), expected, "{range}");
        }
    }

    #[test]
    fn an_empty_representation_has_no_byte_to_give() {
        assert_eq!(decide(&asked("bytes=0-"), ETAG, 0), Unsatisfiable);
        assert_eq!(decide(&asked("bytes=-5"), ETAG, 0), Whole);
    }

    #[test]
    fn two_range_lines_are_ignored() {
        let mut headers = asked("bytes=0-1");
        headers.append(header::RANGE, "bytes=2-3".parse().unwrap());
        assert_eq!(decide(&headers, ETAG, 1000), Whole);
    }

    #[test]
    fn if_range_lets_only_the_same_strong_tag_pass() {
        for (condition, expected) in [
            ("\"v1\"", part(0, 1)),
            ("\"v2\"", Whole),
            ("W/\"v1\"", Whole),
            ("\"v1\", \"v2\"", Whole),
            ("Sat, 21 Nov 2026 10:00:00 GMT", Whole),
            ("", Whole),
        ] {
            let mut headers = asked("bytes=0-1");
            headers.insert(header::IF_RANGE, condition.parse().unwrap());
            assert_eq!(decide(&headers, ETAG, 1000), expected, "{condition}");
        }
    }

    #[test]
    fn content_range_fields() {
        assert_eq!(satisfied(0, 9, 100), "bytes 0-9/100");
        assert_eq!(unsatisfied(100), "bytes */100");
    }

    proptest! {
        #[test]
        fn a_part_always_lies_within_the_representation(
            range in "(bytes|items)?=?[-0-9, ]{0,24}", len in 0u64..2000
        ) {
            if let Partial { start, end_inclusive } = decide(&asked(&range), ETAG, len) {
                prop_assert!(start <= end_inclusive && end_inclusive < len);
            }
        }

        #[test]
        fn a_wellformed_range_gives_exactly_the_bytes_it_names(
            first in 0u64..3000, more in 0u64..3000, len in 1u64..2000
        ) {
            let last = first + more;
            let wanted: Vec<u64> = (0..len).filter(|at| (first..=last).contains(at)).collect();
            let decision = decide(&asked(&format!("bytes={first}-{last}")), ETAG, len);
            match wanted.as_slice() {
                [] => prop_assert_eq!(decision, Unsatisfiable),
                [only] => prop_assert_eq!(decision, part(*only, *only)),
                [start, .., end] => prop_assert_eq!(decision, part(*start, *end)),
            }
        }
    }
}
