//! Media playlists (RFC 8216 section 4.3.3).

use std::fmt::Write;

use super::segments::{Durations, Segments};
use super::{ams, keys, version};
use crate::cenc::IvContext;
use crate::package::cmaf;
use crate::package::compat::Compat;
use crate::package::figures::Clock;
use crate::package::files::Place;
use crate::package::format::Container;
use crate::package::presentation::{Listed, Presentation};
use crate::package::request::TrackRef;
use crate::package::ts::Held;
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
    write_modern_head(out, version(presentation), common_target(presentation))?;
    writeln!(out, "#EXT-X-INDEPENDENT-SEGMENTS")?;
    let iv_of = presentation.ivs_of(rendition);
    let mut lines = keys::Lines::new(presentation, map(presentation, listed), &listed.keys, iv_of);
    let place = presentation.place_of(rendition);
    let clock = clock(presentation, listed);
    let mut segments = Segments::new(presentation.compat, &place);
    for (n, (start, end)) in listed.numbered() {
        lines.push(out, n, start);
        segments.push(out, n, start, micros(clock((n, (start, end)))));
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
    let mut durations = Durations::new(presentation.compat);
    for (n, ((start, micros), length)) in listed.fragments.clone().zip(segments) {
        if n == listed.fragments.start && presentation.compat == Compat::Ams {
            ams::write_date(out, listed.spans())?;
        }
        lines.push(out, n, start);
        durations.push(out, micros);
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
    write_modern_head(out, version, target_duration(spans, version))
}

fn write_modern_head(out: &mut String, version: u8, target: u64) -> std::fmt::Result {
    writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-PLAYLIST-TYPE:VOD")?;
    writeln!(out, "#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0")
}

/// One target for all playlists of a variant (RFC 8216 section 6.2.4), in seconds.
pub(super) fn common_target(presentation: &Presentation<'_>) -> u64 {
    let target = |listed: &Listed<'_>| {
        let muxed = presentation.muxed_into(listed.rendition).map(TrackRef::of);
        let hidden = hidden(presentation, listed);
        let told = Clock { version: version(presentation), hidden };
        let held = || listed.numbered().map(clock(presentation, listed));
        let work_out = || target_duration(held(), told.version);
        presentation.figures.target(listed, muxed, told, work_out)
    };
    presentation.listed.iter().map(target).max().unwrap_or(1)
}

/// The target of the key frames of a track, in wire ticks.
pub(super) fn key_frame_target(presentation: &Presentation<'_>, listed: &Listed<'_>) -> u64 {
    let told = Clock { version: version(presentation), hidden: 0 };
    let work_out = || target_duration(listed.spans(), told.version);
    in_ticks(presentation.figures.target(listed, None, told, work_out))
}

/// Gives start and end of what a listed segment holds by its number and what it shows, by the clock
/// that stands in it: the first lasts longer by what the edit list of a CMAF track hides, and the others
/// are later. Players put a segment where the durations in front of it say, and subtract what it says
/// itself; where these differ, the sound would be early by the difference.
fn clock(
    presentation: &Presentation<'_>,
    listed: &Listed<'_>,
) -> impl Fn((usize, (u64, u64))) -> (u64, u64) {
    let hidden = hidden(presentation, listed);
    let held = Held::with(listed.rendition, presentation.muxed_into(listed.rendition));
    move |(n, span)| {
        let (start, end) = held.span(n, span);
        (if n == 0 { start } else { start + hidden }, end + hidden)
    }
}

/// What the edit list of a track hides, where it has one, in wire ticks.
fn hidden(presentation: &Presentation<'_>, listed: &Listed<'_>) -> u64 {
    let has_edits = presentation.selectors.format.row().container == Container::Cmaf;
    match presentation.compat {
        Compat::Modern if has_edits => cmaf::priming(listed.rendition),
        Compat::Modern | Compat::Ams => 0,
    }
}

/// [`target_duration`] in wire ticks.
pub(super) fn target_ticks(
    presentation: &Presentation<'_>,
    spans: impl Iterator<Item = (u64, u64)>,
) -> u64 {
    in_ticks(target_duration(spans, version(presentation)))
}

pub(super) fn in_ticks(target: u64) -> u64 {
    target * u64::from(WIRE_TIMESCALE)
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

/// Duration in microseconds: a difference of rounded times, so that durations add up to the total.
pub(super) fn micros((start, end): (u64, u64)) -> u64 {
    let round = |ticks: u64| ticks.saturating_add(TICKS_PER_MICRO / 2) / TICKS_PER_MICRO;
    round(end).saturating_sub(round(start))
}
