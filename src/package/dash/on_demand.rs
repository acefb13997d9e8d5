//! Representations of the on-demand profile: one file, an index in it, all by byte ranges
//! (ISO/IEC 23009-1 section 8.3; packaging.md section 8.1).

use std::io;

use crate::package::media_file::Front;
use crate::package::presentation::Presentation;
use crate::package::request::TrackRef;
use crate::package::xml::Xml;
use crate::time::WIRE_TIMESCALE;

/// Writes a `Representation` with those attributes of the file at `url`, which holds a track or its
/// key frames. `files` has the fronts of all listed tracks; key frames have the same in front.
pub(super) fn representation(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    (track, url): (&TrackRef, &str),
    files: &[Front],
    attributes: &[(&str, &str)],
) -> io::Result<()> {
    let Some(Front { init, index, .. }) = files.iter().find(|front| front.track == *track) else {
        return Ok(());
    };
    let range = format!("0-{}", init.saturating_sub(1));
    let index = format!("{init}-{}", (init + index).saturating_sub(1));
    let (timescale, start) = (WIRE_TIMESCALE.to_string(), presentation.start.to_string());
    let mut base = vec![("indexRange", index.as_str()), ("timescale", &timescale)];
    if presentation.start > 0 {
        // What is left starts at time 0 of the period.
        base.push(("presentationTimeOffset", &start));
    }
    xml.element("Representation", attributes, |xml| {
        xml.text("BaseURL", &[], url)?;
        xml.element("SegmentBase", &base, |xml| xml.empty("Initialization", &[("range", &range)]))
    })
}
