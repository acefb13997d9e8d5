//! Thumbnails: EXT-X-IMAGE-STREAM-INF and playlists of images (the Image Media Playlist
//! specification of Disney, WarnerMedia and Roku, version 0.4, which Roku and Shaka read).

use std::fmt::Write;

use super::media::{micros, target_ticks, write_head};
use super::segments::Durations;
use crate::bytes::push_seconds;
use crate::package::presentation::{ListedImages, Presentation};
use crate::package::rate::Rates;
use crate::package::selection::SAME_CUT;

/// The lines of the multivariant playlist. RESOLUTION is that of a thumbnail.
pub(super) fn write_lines(out: &mut String, presentation: &Presentation<'_>) -> std::fmt::Result {
    for listed in presentation.images.iter().filter(|listed| is_listed(presentation, listed)) {
        let ((width, height), codec) = (listed.images.tile(), listed.images.track.codec.row().name);
        let target = target_ticks(presentation, listed.spans());
        let bandwidth = Rates::of_images(listed, target).peak;
        let uri = presentation.image_playlist_url(listed.images);
        writeln!(
            out,
            "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={width}x{height},\
             CODECS=\"{codec}\",URI=\"{uri}\""
        )?;
    }
    Ok(())
}

/// Playlists count from the start of the presentation and cannot say that a sheet began earlier;
/// what a single thumbnail showed before does not matter.
pub fn is_listed(presentation: &Presentation<'_>, listed: &ListedImages<'_>) -> bool {
    let start = listed.spans().next().map_or(0, |(start, _)| start);
    listed.images.grid.tiles() == 1 || start.saturating_add(SAME_CUT) >= presentation.start
}

/// The playlist of an image track. URIs are relative to `QualityLevels(b)/`.
pub fn images(presentation: &Presentation<'_>, listed: &ListedImages<'_>) -> String {
    let mut out = String::with_capacity(512 + listed.fragments.len() * 140);
    // Writing to a string cannot fail.
    let _ = write_images(&mut out, presentation, listed);
    out
}

fn write_images(
    out: &mut String,
    presentation: &Presentation<'_>,
    listed: &ListedImages<'_>,
) -> std::fmt::Result {
    let first = listed.fragments.start;
    // The first one is shown from the start of the presentation on.
    let shown = |(n, (start, end))| match n {
        0 => (presentation.start.min(end), end),
        _ => (start, end),
    };
    let spans = || listed.spans().enumerate().map(shown);
    write_head(out, presentation, spans())?;
    writeln!(out, "#EXT-X-IMAGES-ONLY")?;
    let ((width, height), grid) = (listed.images.tile(), listed.images.grid);
    let leaf = presentation.image_leaf(listed.images);
    let mut durations = Durations::new(presentation.compat);
    for (cut, span) in listed.images.cuts.starts.iter().skip(first).zip(spans()) {
        durations.push(out, micros(span));
        write!(out, "#EXT-X-TILES:RESOLUTION={width}x{height},LAYOUT={grid},DURATION=")?;
        push_seconds(out, micros(span) / u64::from(grid.tiles()));
        out.push('\n');
        leaf.push_at(out, cut.start);
        out.push('\n');
    }
    writeln!(out, "#EXT-X-ENDLIST")
}
