//! The client manifest ([MS-SSTR] section 2.2.2; ams.md section 3.5 for the shape).

use std::io;

use super::{protection, quality, text};
use crate::codec::MediaType;
use crate::isobmff::moov::mdhd::Language;
use crate::media::asset::VIDEO;
use crate::package::format::Manifest;
use crate::package::presentation::{Presentation, Set};
use crate::package::xml::Xml;
use crate::time::WIRE_TIMESCALE;

/// The client manifest of a presentation: audio streams first, then video, then text.
///
/// # Errors
/// Never in practice: writing goes to memory.
pub fn manifest(presentation: &Presentation<'_>) -> io::Result<Vec<u8>> {
    let repeats =
        presentation.selectors.format.row().manifest == Manifest::Smooth { repeats: true };
    let (minor, scale) = (if repeats { "2" } else { "0" }, WIRE_TIMESCALE.to_string());
    let duration = presentation.duration().to_string();
    let attributes = [
        ("MajorVersion", "2"),
        ("MinorVersion", minor),
        ("Duration", &duration),
        ("TimeScale", &scale),
    ];
    Xml::document(|xml| {
        xml.element("SmoothStreamingMedia", &attributes, |xml| {
            let sets = presentation.sets();
            protection::element(xml, presentation, &sets)?;
            for (n, set) in sets.iter().enumerate() {
                let alike = sets[..n].iter().filter(|other| other.name() == set.name()).count();
                stream(xml, presentation, set, alike, repeats)?;
            }
            let mut listed = presentation.listed_text();
            listed.try_for_each(|listed| text::stream(xml, presentation, listed, repeats))
        })
    })
}

/// A `StreamIndex`: its quality levels from the best down, then its chunks. `alike` is how many in
/// front of it have the same name, under other keys.
fn stream(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    set: &Set<'_>,
    alike: usize,
    repeats: bool,
) -> io::Result<()> {
    let first = set.first.rendition;
    let is_audio = first.track.media_type == MediaType::Audio;
    let leaf = presentation.fragment_leaf(first).with("{start time}");
    let (chunks, levels) =
        (set.first.fragments.len().to_string(), set.renditions.len().to_string());
    let url = format!("QualityLevels({{bitrate}})/{leaf}");
    let mut attributes = vec![("Type", if is_audio { "audio" } else { "video" })];
    let name = match alike {
        0 => first.name.clone(),
        n => format!("{}_{}", first.name, n + 1),
    };
    // As AMS wrote it, the video set has no name; further ones need one to be told apart.
    if is_audio || name != VIDEO {
        attributes.push(("Name", &name));
    }
    if is_audio && first.language != Language::UND {
        attributes.push(("Language", first.language.as_str()));
    }
    attributes.extend(first.traits.role.as_deref().map(|role| ("Role", role)));
    let accessibility = first.traits.accessibility.as_deref();
    attributes.extend(accessibility.map(|value| ("Accessibility", value)));
    attributes.extend([("Chunks", &*chunks), ("QualityLevels", &levels), ("Url", &url)]);
    xml.element("StreamIndex", &attributes, |xml| {
        for (index, rendition) in set.renditions.iter().enumerate() {
            let level = quality::level(index, rendition);
            let level: Vec<(&str, &str)> = level.iter().map(|(name, v)| (*name, &**v)).collect();
            xml.empty("QualityLevel", &level)?;
        }
        chunk_list(xml, set.first.spans(), repeats)
    })
}

/// `c` elements: the first with its time; `r` counts all equal chunks, unlike `S@r` in DASH.
pub(super) fn chunk_list(
    xml: &mut Xml,
    spans: impl Iterator<Item = (u64, u64)>,
    repeats: bool,
) -> io::Result<()> {
    let mut spans = spans.map(|(start, end)| (start, end.saturating_sub(start))).peekable();
    let mut start = spans.peek().map(|(start, _)| start.to_string());
    while let Some((_, duration)) = spans.next() {
        let mut equal = 1_usize;
        while repeats && spans.next_if(|(_, next)| *next == duration).is_some() {
            equal += 1;
        }
        let (t, d, r) = (start.take(), duration.to_string(), equal.to_string());
        let mut attributes = Vec::with_capacity(3);
        attributes.extend(t.as_deref().map(|t| ("t", t)));
        attributes.push(("d", &d));
        if equal > 1 {
            attributes.push(("r", &r));
        }
        xml.empty("c", &attributes)?;
    }
    Ok(())
}
