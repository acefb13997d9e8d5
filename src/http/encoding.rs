//! Which coding a client likes best (RFC 9110 section 12.5.3).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::coding::{Coding, Row, TABLE};

/// What answers carry that depend on `Accept-Encoding`.
pub(super) const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// Thousandths of a weight.
type Weight = u16;

/// The coding with the highest weight, of equal ones the first of the table; `None` is no coding,
/// which is also the answer when nothing is acceptable: it harms less than a refusal.
pub(super) fn preferred(headers: &HeaderMap) -> Option<Coding> {
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        return None;
    }
    let asked = Asked::read(headers);
    let weight = |row: &Row| asked.weight(row.name).or_else(|| asked.weight(row.alias?));
    let mut best = None;
    for row in &TABLE {
        let weight = weight(row).or(asked.any).unwrap_or(0);
        if weight > best.map_or(0, |(best, _)| best) {
            best = Some((weight, row.coding));
        }
    }
    // No coding is always taken unless it is said to be better; unsaid it is worse than any.
    let identity = asked.weight("identity").unwrap_or(0);
    best.filter(|(weight, _)| *weight >= identity).map(|(_, coding)| coding)
}

/// The members of all `Accept-Encoding` lines.
struct Asked<'a> {
    named: Vec<(&'a str, Weight)>,
    /// The weight of `*`.
    any: Option<Weight>,
}

impl<'a> Asked<'a> {
    fn read(headers: &'a HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
        let members = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        let mut asked = Self { named: Vec::new(), any: None };
        for (name, weight) in members.filter_map(member) {
            match name {
                "*" => asked.any = Some(weight),
                name => asked.named.push((name, weight)),
            }
        }
        asked
    }

    fn weight(&self, coding: &str) -> Option<Weight> {
        let named = self.named.iter().find(|(name, _)| name.eq_ignore_ascii_case(coding));
        named.map(|(_, weight)| *weight)
    }
}

/// Name and weight. What has a weight that is none is left out.
fn member(text: &str) -> Option<(&str, Weight)> {
    let (name, weight) = match text.split_once(';') {
        None => (text, 1000),
        Some((name, weight)) => (name, thousandths(weight.trim())?),
    };
    let name = name.trim();
    (!name.is_empty()).then_some((name, weight))
}

/// `q=0.8` (RFC 9110 section 12.4.2).
fn thousandths(text: &str) -> Option<Weight> {
    let value = text.strip_prefix("q=").or_else(|| text.strip_prefix("Q="))?.trim();
    let weight: f32 = value.parse().ok()?;
    // In the range, so it fits.
    (0.0..=1.0).contains(&weight).then(|| (weight * 1000.0).round() as Weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(lines: &[&str]) -> Option<Coding> {
        let line = |text: &&str| (header::ACCEPT_ENCODING, text.parse().unwrap());
        preferred(&lines.iter().map(line).collect())
    }

    #[test]
    fn the_highest_weight_wins_and_the_table_decides_between_equals() {
        use Coding::{Brotli, Gzip, Zstd};
        for (lines, expected) in [
            (&["gzip"][..], Some(Gzip)),
            (&["gzip, deflate, br, zstd"], Some(Brotli)),
            (&["gzip, deflate, zstd"], Some(Zstd)),
            (&["gzip", "br;q=0.9"], Some(Gzip)),
            (&["GZIP;q=0.2 , br; q=0.1"], Some(Gzip)),
            (&["x-gzip"], Some(Gzip)),
            (&["br;q=0, gzip;Q=0.001"], Some(Gzip)),
            (&["*"], Some(Brotli)),
            (&["*;q=0.5, gzip"], Some(Gzip)),
            (&["br;q=0, *"], Some(Zstd)),
            (&["identity;q=0.5, gzip;q=0.4"], None),
            (&["identity;q=0.5, gzip;q=0.5"], Some(Gzip)),
            (&["identity"], None),
            (&["gzip;q=0"], None),
            (&["gzip;q=0.000, *;q=0"], None),
            (&["identity;q=0"], None),
            (&["deflate, xgzip, compress"], None),
            (&["gzip;q=2, br;q=high, zstd;level=3"], None),
            (&["", ","], None),
            (&[], None),
        ] {
            assert_eq!(of(lines), expected, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_lines_never_panic(line in "[ -~]*") {
            let _ = of(&[&line]);
        }
    }
}
