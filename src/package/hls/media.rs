//! Media playlists (RFC 8216 section 4.3.3).

use std::fmt::Write;

use super::{VERSION, keys};
use crate::media::Rendition;
use crate::media::timeline::Cuts;
use crate::package::presentation::{Presentation, RenditionKey};
use crate::protection::Protection;
use crate::time::{WIRE_TIMESCALE, rescale};

/// The media playlist of one rendition. URIs are relative to `QualityLevels(b)/`.
pub fn media(
    presentation: &Presentation<'_>,
    rendition: &Rendition,
    key: Option<&RenditionKey>,
) -> String {
    let mut out = String::with_capacity(512 + rendition.cuts.len() * 160);
    // Writing to a string cannot fail.
    let _ = write_media(&mut out, presentation, rendition, key);
    out
}

fn write_media(
    out: &mut String,
    presentation: &Presentation<'_>,
    rendition: &Rendition,
    key: Option<&RenditionKey>,
) -> std::fmt::Result {
    writeln!(
        out,
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-PLAYLIST-TYPE:VOD"
    )?;
    writeln!(
        out,
        "#EXT-X-TARGETDURATION:{}",
        target_duration(&rendition.cuts)
    )?;
    writeln!(out, "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS")?;
    // In front of the keys: the init segment is never encrypted as a whole.
    let map = presentation.fragment_leaf(rendition, "i");
    writeln!(out, "#EXT-X-MAP:URI=\"{map}\"")?;
    let delivery = presentation.delivery;
    for line in key
        .iter()
        .flat_map(|k| keys::for_all_segments(presentation.protection, k, delivery))
    {
        writeln!(out, "{line}")?;
    }
    let per_segment = key.filter(|_| presentation.protection == Protection::Cbc);
    for (cut, microseconds) in rendition
        .cuts
        .starts
        .iter()
        .zip(microseconds(&rendition.cuts))
    {
        if let Some(key) = per_segment {
            writeln!(out, "{}", keys::for_segment(key, delivery, cut.start))?;
        }
        let (seconds, rest) = (microseconds / 1_000_000, microseconds % 1_000_000);
        let uri = presentation.fragment_leaf(rendition, &cut.start.to_string());
        writeln!(out, "#EXTINF:{seconds}.{rest:06},\n{uri}")?;
    }
    writeln!(out, "#EXT-X-ENDLIST")
}

/// Every duration rounded to the second is at most this (RFC 8216bis section 4.4.3.1).
fn target_duration(cuts: &Cuts) -> u64 {
    microseconds(cuts)
        .map(|duration| (duration + 500_000) / 1_000_000)
        .max()
        .unwrap_or(1)
        .max(1)
}

/// Durations in microseconds: differences of rounded times, so that they add up to the total.
fn microseconds(cuts: &Cuts) -> impl Iterator<Item = u64> {
    let round = |ticks: u64| {
        rescale(ticks.cast_signed(), WIRE_TIMESCALE, 1_000_000)
            .max(0)
            .cast_unsigned()
    };
    cuts.spans()
        .map(move |(start, end)| round(end).saturating_sub(round(start)))
}
