//! Sets of key frames for trick play (DASH-IF IOP 4.3 section 3.2.9; packaging.md section 7.4).

use std::io;

use crate::package::presentation::{Listed, Set};
use crate::package::xml::Xml;
use crate::time::WIRE_TIMESCALE;

/// Ties the set to the one whose key frames it holds.
pub(super) fn property(xml: &mut Xml, main: usize) -> io::Result<()> {
    let scheme = "http://dashif.org/guidelines/trickmode";
    xml.empty("EssentialProperty", &[("schemeIdUri", scheme), ("value", &main.to_string())])
}

/// How many times faster than life a decoder that can follow the main set can show the key frames:
/// as many of them a second as there are pictures in the main set.
pub(super) fn max_playout_rate(set: &Set<'_>) -> u64 {
    let Listed { rendition, fragments, .. } = set.first;
    // The last one may be a remainder.
    let whole = fragments.len().saturating_sub(1).max(1);
    let shortest = set.first.durations().take(whole).min().unwrap_or(0);
    let (numerator, denominator) = rendition.frame_rate_fraction();
    let pictures = u128::from(shortest) * u128::from(numerator);
    let seconds = u128::from(denominator.max(1)) * u128::from(WIRE_TIMESCALE);
    u64::try_from(pictures / seconds).unwrap_or(u64::MAX).max(1)
}
