//! The MPD as Azure Media Services wrote it (ams.md section 3.4): for clients and tests that compare
//! it.

use std::fmt::Write;
use std::io;

use super::mpd::{LIVE_PROFILE, ROLE_SCHEME, borrowed, segment_template, template};
use super::{protection, text};
use crate::cenc::Scheme;
use crate::codec::MediaType;
use crate::media::text::Purpose;
use crate::media::{Rendition, language};
use crate::package::format::Container;
use crate::package::presentation::{ListedText, Presentation, Set};
use crate::package::xml::Xml;
use crate::time::WIRE_TIMESCALE;

const MIN_BUFFER: &str = "PT7S";

/// Declared wherever content is protected; others where they are used.
const NAMESPACES: [(&str, &str); 3] = [
    ("xmlns:cenc", "urn:mpeg:cenc:2013"),
    ("xmlns:mspr", "urn:microsoft:playready"),
    ("xmlns:ms", "urn:microsoft"),
];

pub(super) fn mpd(presentation: &Presentation<'_>) -> io::Result<Vec<u8>> {
    let duration = time_span(presentation.duration());
    let mut attributes = vec![("xmlns", "urn:mpeg:dash:schema:mpd:2011")];
    if Scheme::of(presentation.protection).is_some() {
        attributes.extend(NAMESPACES);
        let used = protection::namespaces(presentation).into_iter();
        attributes.extend(used.filter(|space| !NAMESPACES.contains(space)));
    }
    attributes.extend([
        ("profiles", LIVE_PROFILE),
        ("type", "static"),
        ("mediaPresentationDuration", &duration),
        ("minBufferTime", MIN_BUFFER),
    ]);
    Xml::document(|xml| {
        xml.element("MPD", &attributes, |xml| {
            for period in presentation.periods() {
                // Nobody rotated keys there, so one period needed no start.
                let start = period.start.saturating_sub(presentation.start);
                let start = Some(time_span(start)).filter(|_| start > 0);
                let start = start.as_deref().map(|start| ("start", start));
                xml.element("Period", start.as_slice(), |xml| sets(xml, &period))?;
            }
            Ok(())
        })
    })
}

fn sets(xml: &mut Xml, presentation: &Presentation<'_>) -> io::Result<()> {
    let sets = presentation.sets();
    let mut numbered = sets.iter().zip(1..);
    numbered.try_for_each(|(set, id)| adaptation_set(xml, presentation, id, set))?;
    let mut text = presentation.listed_text().zip(sets.len() + 1..);
    text.try_for_each(|(listed, id)| text_set(xml, presentation, id, listed))
}

/// How the two kinds of sets are told apart.
struct Kind {
    group: &'static str,
    /// In the ids of representations.
    letter: char,
    content_type: &'static str,
    mime_type: &'static str,
}

const AUDIO: Kind = Kind { group: "5", letter: 'A', content_type: "audio", mime_type: "audio/mp4" };
const VIDEO: Kind = Kind { group: "1", letter: 'V', content_type: "video", mime_type: "video/mp4" };

fn adaptation_set(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    id: usize,
    set: &Set<'_>,
) -> io::Result<()> {
    let first = set.first.rendition;
    let kind = match first.track.media_type {
        MediaType::Video => VIDEO,
        MediaType::Audio => AUDIO,
    };
    let codecs = first.track.codec_string();
    let mut attributes = vec![("id", id.to_string()), ("group", kind.group.to_owned())];
    attributes.extend(kind_attributes(presentation, kind.content_type, kind.mime_type, &codecs));
    match first.track.media_type {
        MediaType::Audio => {
            attributes.extend(language::tag(first.language).map(|tag| ("lang", tag)));
        }
        MediaType::Video => {
            let largest = |side: fn(&&Rendition) -> u16| set.renditions.iter().map(side).max();
            let (width, height) = (largest(|r| r.track.size.0), largest(|r| r.track.size.1));
            attributes.extend([
                ("maxWidth", width.unwrap_or(0).to_string()),
                ("maxHeight", height.unwrap_or(0).to_string()),
                ("startWithSAP", "1".to_owned()),
            ]);
        }
    }
    xml.element("AdaptationSet", &borrowed(&attributes), |xml| {
        if let Some(key) = set.key() {
            protection::descriptors(xml, presentation, key)?;
        }
        if let Some(title) = &first.title {
            xml.text("Label", &[], title)?;
        }
        traits(xml, first)?;
        let leaf = presentation.fragment_leaf(first);
        segment_template(xml, presentation, set.first, &leaf)?;
        let mut levels = set.renditions.iter().zip(1..);
        levels.try_for_each(|(level, n)| representation(xml, &kind, level, n, &codecs))
    })
}

/// What follows the numbers of a set.
fn kind_attributes(
    presentation: &Presentation<'_>,
    content_type: &str,
    mime_type: &str,
    codecs: &str,
) -> Vec<(&'static str, String)> {
    let csf = presentation.selectors.format.row().container == Container::Csf;
    let profiles = csf.then_some(("profiles", "ccff"));
    let others = [
        ("bitstreamSwitching", "false"),
        ("segmentAlignment", "true"),
        ("contentType", content_type),
        ("mimeType", mime_type),
        ("codecs", codecs),
    ];
    let all = profiles.into_iter().chain(others);
    all.map(|(name, value)| (name, value.to_owned())).collect()
}

/// Text is IMSC 1 in fragments, each track a set of its own.
fn text_set(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    id: usize,
    listed: &ListedText<'_>,
) -> io::Result<()> {
    let text = listed.text;
    let mut attributes = vec![("id", id.to_string())];
    attributes.extend(kind_attributes(presentation, "text", "application/mp4", "stpp"));
    attributes.extend(language::tag(text.language).map(|tag| ("lang", tag)));
    xml.element("AdaptationSet", &borrowed(&attributes), |xml| {
        if let Some(key) = listed.keys.first() {
            protection::descriptors(xml, presentation, key)?;
        }
        if let Some(title) = &text.title {
            xml.text("Label", &[], title)?;
        }
        // Of text that is for all nothing was said.
        if text.purpose != Purpose::Subtitles {
            text::purpose(xml, text.purpose)?;
        }
        let leaf = presentation.text_leaf(text);
        template(xml, presentation, &leaf, Some(&leaf), listed.spans())?;
        let (id, bandwidth) = (format!("T_{}_1", text.name), text.bitrate.to_string());
        xml.empty("Representation", &[("id", &id), ("bandwidth", &bandwidth)])
    })
}

/// What the server manifest says a track is for; nothing is assumed.
fn traits(xml: &mut Xml, rendition: &Rendition) -> io::Result<()> {
    let said =
        [("Accessibility", &rendition.traits.accessibility), ("Role", &rendition.traits.role)];
    for (element, value) in said {
        if let Some(value) = value {
            xml.empty(element, &[("schemeIdUri", ROLE_SCHEME), ("value", value)])?;
        }
    }
    Ok(())
}

/// `n` counts from 1 in each set; `codecs` of a level is written where it is not that of the set.
fn representation(
    xml: &mut Xml,
    kind: &Kind,
    level: &Rendition,
    n: usize,
    of_set: &str,
) -> io::Result<()> {
    let id = format!("{}_{}_{}_{n}", kind.group, kind.letter, level.name);
    let mut attributes = vec![("id", id), ("bandwidth", level.bitrate.to_string())];
    let codecs = level.track.codec_string();
    if codecs != of_set {
        attributes.push(("codecs", upper_hex(&codecs)));
    }
    match level.track.codec.sound() {
        Some(sound) => attributes.push(("audioSamplingRate", sound.sampling_rate.to_string())),
        None => {
            let (width, height) = level.track.size;
            attributes.extend([("width", width.to_string()), ("height", height.to_string())]);
        }
    }
    xml.empty("Representation", &borrowed(&attributes))
}

/// Behind the name of the codec; the first level of a set is written in lower case.
fn upper_hex(codecs: &str) -> String {
    match codecs.split_once('.') {
        Some((name, digits)) => format!("{name}.{}", digits.to_uppercase()),
        None => codecs.to_owned(),
    }
}

/// An xs:duration with hours and minutes, as .NET prints it.
fn time_span(ticks: u64) -> String {
    let scale = u64::from(WIRE_TIMESCALE);
    let (seconds, rest) = (ticks / scale, ticks % scale);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = "PT".to_owned();
    // Writing to a string cannot fail.
    if hours > 0 {
        let _ = write!(text, "{hours}H");
    }
    if minutes > 0 {
        let _ = write!(text, "{minutes}M");
    }
    if rest > 0 {
        let fraction = format!("{rest:07}");
        let _ = write!(text, "{seconds}.{}S", fraction.trim_end_matches('0'));
    } else if seconds > 0 || ticks == 0 {
        let _ = write!(text, "{seconds}S");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_as_net_prints_them() {
        for (ticks, text) in [
            (0, "PT0S"),
            (615_000_000, "PT1M1.5S"),
            (35_370_000_000, "PT58M57S"),
            (36_000_000_000, "PT1H"),
            (36_000_000_001, "PT1H0.0000001S"),
        ] {
            assert_eq!(time_span(ticks), text);
        }
    }

    #[test]
    fn only_the_digits_of_a_codec_are_in_upper_case() {
        assert_eq!(upper_hex("avc1.64001f"), "avc1.64001F");
        assert_eq!(upper_hex("mp4a.40.2"), "mp4a.40.2");
    }
}
