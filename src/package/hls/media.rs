//! Media playlists (RFC 8216 section 4.3.3).

use std::fmt::Write;

use super::{ams, keys, version};
use crate::bytes::push_seconds;
use crate::cenc::IvContext;
use crate::package::cmaf;
use crate::package::compat::Compat;
use crate::package::files::Place;
use crate::package::format::Container;
use crate::package::presentation::{Listed, Presentation};
use crate::package::ts::spans_with;
use crate::time::WIRE_TIMESCALE;

const TICKS_PER_MICRO: u64 = WIRE_TIMESCALE as u64 / 1_000_000;

/// The media playlist of one rendition. URIs are relative to `QualityLevels(b)/`.
pub fn media(presentation: &Presentation<'_>, listed: &Listed<'_>) -> String {
    let mut out = String::with_capacity(512 + listed.fragments.len() * 160);
    // Writing to a string cannot fail.
    let _ = match presentation.compat {
        Compat::Ams => ams::write_media(&mut out, presentation, listed),
        Compat::Modern => write_media(&mut out, presentation, listed),
    };
    out
}

/// The playlist of the key frames at which segments start (packaging.md section 7.4): as many of
/// the first bytes of each listed segment as `lengths` says, or resources of their own.
pub fn key_frames(presentation: &Presentation<'_>, listed: &Listed<'_>, lengths: &[u64]) -> String {
    let mut out = String::with_capacity(512 + listed.fragments.len() * 160);
    // Writing to a string cannot fail.
    let _ = write_key_frames(&mut out, presentation, listed, lengths);
    out
}

fn write_media(
    out: &mut String,
    presentation: &Presentation<'_>,
    listed: &Listed<'_>,
) -> std::fmt::Result {
    let rendition = listed.rendition;
    write_head(out, presentation, all_spans(presentation))?;
    writeln!(out, "#EXT-X-INDEPENDENT-SEGMENTS")?;
    let iv_of = presentation.ivs_of(rendition);
    let mut lines = keys::Lines::new(presentation, map(presentation, listed), &listed.keys, iv_of);
    let place = presentation.place_of(rendition);
    let starts = listed.spans().map(|(start, _)| start);
    let durations = clocked(presentation, listed).map(micros);
    for ((n, start), micros) in listed.fragments.clone().zip(starts).zip(durations) {
        lines.push(out, n, start);
        push_duration(out, presentation.compat, micros);
        place.push_segment(out, n, start);
    }
    writeln!(out, "#EXT-X-ENDLIST")
}

fn write_key_frames(
    out: &mut String,
    presentation: &Presentation<'_>,
    listed: &Listed<'_>,
    lengths: &[u64],
) -> std::fmt::Result {
    let rendition = listed.rendition;
    write_head(out, presentation, listed.spans())?;
    writeln!(out, "#EXT-X-I-FRAMES-ONLY")?;
    let transport = presentation.selectors.format.is_transport();
    let iv_of = if transport { IvContext::key_frame } else { IvContext::key_fragment };
    let ranges = presentation.key_frames_are_ranges();
    let mut lines = keys::Lines::new(presentation, map(presentation, listed), &listed.keys, iv_of);
    let place = match ranges {
        true => presentation.place_of(rendition),
        false => Place::Url(presentation.key_frame_leaf(rendition)),
    };
    let segments = segments(listed.spans()).zip(lengths);
    for (n, ((start, micros), length)) in listed.fragments.clone().zip(segments) {
        if n == listed.fragments.start && presentation.compat == Compat::Ams {
            ams::write_date(out, listed.spans())?;
        }
        lines.push(out, n, start);
        push_duration(out, presentation.compat, micros);
        match ranges {
            true => place.push_front(out, n, start, *length),
            false => place.push_segment(out, n, start),
        }
    }
    writeln!(out, "#EXT-X-ENDLIST")
}

/// Where the init segments of a rendition are, in formats that have them.
pub(super) fn map<'a>(
    presentation: &'a Presentation<'_>,
    listed: &Listed<'_>,
) -> Option<Place<'a>> {
    let transport = presentation.selectors.format.is_transport();
    (!transport).then(|| presentation.place_of(listed.rendition))
}

pub(super) fn write_head(
    out: &mut String,
    presentation: &Presentation<'_>,
    spans: impl Iterator<Item = (u64, u64)>,
) -> std::fmt::Result {
    let version = version(presentation);
    if presentation.compat == Compat::Ams {
        return ams::write_head(out, version, spans);
    }
    writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-PLAYLIST-TYPE:VOD")?;
    let target = target_duration(spans, version);
    writeln!(out, "#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0")
}

/// One target for all playlists of a variant (RFC 8216 section 6.2.4).
pub(super) fn all_spans(presentation: &Presentation<'_>) -> impl Iterator<Item = (u64, u64)> {
    presentation.listed.iter().flat_map(|listed| clocked(presentation, listed))
}

/// Start and end of what every listed segment holds, by the clock that stands in it: the first lasts
/// longer by what the edit list of a CMAF track hides, and the others are later. Players put a
/// segment where the durations in front of it say, and subtract what it says itself; where these
/// differ, the sound would be early by the difference.
fn clocked<'a>(
    presentation: &'a Presentation<'_>,
    listed: &'a Listed<'_>,
) -> impl Iterator<Item = (u64, u64)> + 'a {
    let has_edits = presentation.selectors.format.row().container == Container::Cmaf;
    let hidden = match presentation.compat {
        Compat::Modern if has_edits => cmaf::priming(listed.rendition),
        Compat::Modern | Compat::Ams => 0,
    };
    let first = listed.fragments.clone().map(|n| n == 0);
    let muxed = presentation.muxed_into(listed.rendition);
    spans_with(listed, muxed).zip(first).map(move |((start, end), first)| {
        (if first { start } else { start + hidden }, end + hidden)
    })
}

/// [`target_duration`] in wire ticks.
pub(super) fn target_ticks(
    presentation: &Presentation<'_>,
    spans: impl Iterator<Item = (u64, u64)>,
) -> u64 {
    target_duration(spans, version(presentation)) * u64::from(WIRE_TIMESCALE)
}

/// From version 6 on every duration rounded to the second is at most this, before it every
/// duration itself (packaging.md section 7.1).
fn target_duration(spans: impl Iterator<Item = (u64, u64)>, version: u8) -> u64 {
    let whole = |duration: u64| match version {
        ..6 => duration.div_ceil(1_000_000),
        _ => (duration + 500_000) / 1_000_000,
    };
    spans.map(micros).map(whole).max().unwrap_or(1).max(1)
}

/// Start in wire ticks and duration in microseconds of every segment.
pub(super) fn segments(
    spans: impl Iterator<Item = (u64, u64)>,
) -> impl Iterator<Item = (u64, u64)> {
    spans.map(|span| (span.0, micros(span)))
}

/// The line in front of a URI; AMS wrote a title too.
pub(super) fn push_duration(out: &mut String, compat: Compat, micros: u64) {
    out.push_str("#EXTINF:");
    push_seconds(out, micros);
    out.push_str(if compat == Compat::Ams { ",no-desc\n" } else { ",\n" });
}

/// Duration in microseconds: a difference of rounded times, so that durations add up to the total.
pub(super) fn micros((start, end): (u64, u64)) -> u64 {
    let round = |ticks: u64| ticks.saturating_add(TICKS_PER_MICRO / 2) / TICKS_PER_MICRO;
    round(end).saturating_sub(round(start))
}
