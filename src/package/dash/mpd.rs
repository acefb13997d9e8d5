//! The MPD (ISO/IEC 23009-1 section 5; ams.md section 3.4 for the shape).

use std::io;

use super::trick::Trick;
use super::{ams, descriptors, images, on_demand, protection, text};
use crate::codec::MediaType;
use crate::media::Rendition;
use crate::package::compat::Compat;
use crate::package::files::{RenditionFiles, SegmentFiles};
use crate::package::format::{Container, Manifest, Row};
use crate::package::media_file::Front;
use crate::package::presentation::{Leaf, Listed, Presentation, Set};
use crate::package::rate::AllRates;
use crate::package::request::TrackRef;
use crate::package::steering::Steering;
use crate::package::template::FIRST_NUMBER;
use crate::package::xml::Xml;
use crate::time::WIRE_TIMESCALE;

pub(super) const ROLE_SCHEME: &str = "urn:mpeg:dash:role:2011";

const SWITCHING: &str = "urn:mpeg:dash:adaptation-set-switching:2016";

const CONTINUITY: &str = "urn:mpeg:dash:period-continuity:2015";

/// The id of the first period.
const FIRST_PERIOD: usize = 1;

pub(super) const LIVE_PROFILE: &str = "urn:mpeg:dash:profile:isoff-live:2011";

const ON_DEMAND_PROFILE: &str = "urn:mpeg:dash:profile:isoff-on-demand:2011";

const CMAF_PROFILES: &str = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019";

/// The MPD of a presentation: audio sets first, then video sets, then the key frames of
/// those, then those of tracks that have nothing else, then text, then images. `files` has what the file of each listed track begins with, in formats of
/// files.
///
/// # Errors
/// Never in practice: writing goes to memory.
pub fn mpd(presentation: &Presentation<'_>, files: &[Front]) -> io::Result<Vec<u8>> {
    match presentation.compat {
        // AMS had no files.
        Compat::Ams if !presentation.selectors.format.has_files() => ams::mpd(presentation),
        Compat::Ams | Compat::Modern => modern(presentation, files),
    }
}

fn modern(presentation: &Presentation<'_>, files: &[Front]) -> io::Result<Vec<u8>> {
    let duration = iso_duration(presentation.duration());
    let longest = presentation.listed.iter().flat_map(Listed::durations).max();
    let buffer = longest.unwrap_or(0).max(u64::from(WIRE_TIMESCALE));
    let rates = AllRates::of(presentation, buffer);
    let buffer = iso_duration(buffer);
    let profiles = match presentation.selectors.format.row() {
        Row { manifest: Manifest::Mpd { files: true }, .. } => ON_DEMAND_PROFILE,
        Row { container: Container::Cmaf, .. } => CMAF_PROFILES,
        _ => LIVE_PROFILE,
    };
    let mut attributes = vec![
        ("xmlns", "urn:mpeg:dash:schema:mpd:2011"),
        ("profiles", profiles),
        ("type", "static"),
        ("mediaPresentationDuration", duration.as_str()),
        ("minBufferTime", buffer.as_str()),
    ];
    attributes.extend(protection::namespaces(presentation));
    if presentation.video().any(|level| level.rendition.track.supplemental_codec().is_some()) {
        attributes.push(("xmlns:scte214", "urn:scte:dash:scte214-extensions"));
    }
    Xml::document(|xml| {
        xml.element("MPD", &attributes, |xml| {
            steering(xml, presentation.steering)?;
            let base_urls = presentation.files.iter().flat_map(|files| &files.base_urls);
            base_urls.into_iter().try_for_each(|url| xml.text("BaseURL", &[], url))?;
            let periods = presentation.periods();
            let first = periods.first().map(Presentation::sets);
            for (n, period) in (FIRST_PERIOD..).zip(&periods) {
                let id = n.to_string();
                let before = first.as_deref().filter(|_| n > FIRST_PERIOD);
                let sources = Sources { files, rates: &rates, before };
                let start = iso_duration(period.start.saturating_sub(presentation.start));
                xml.element("Period", &[("id", &*id), ("start", &*start)], |xml| {
                    adaptation_sets(xml, period, &sources)
                })?;
            }
            Ok(())
        })
    })
}

/// `ContentSteering`, and the name under which the server steers to this origin
/// (ETSI TS 103 998 section 5). Schemas up to the fourth edition do not know the element.
fn steering(xml: &mut Xml, steering: &Steering) -> io::Result<()> {
    let Some(server) = &steering.dash_server else {
        return Ok(());
    };
    let Some(location) = &steering.dash_service_location else {
        return xml.text("ContentSteering", &[], server);
    };
    xml.text("BaseURL", &[("serviceLocation", location)], "./")?;
    xml.text("ContentSteering", &[("defaultServiceLocation", location)], server)
}

/// What is known of the whole presentation beside what it lists.
struct Sources<'a> {
    files: &'a [Front],
    /// Whose peak, over about `minBufferTime`, a client has to be able to receive (ISO/IEC 23009-1
    /// section 5.3.5.2). Of all periods together: a level is the same in each.
    rates: &'a AllRates<'a>,
    /// The sets of the first period, behind it.
    before: Option<&'a [Set<'a>]>,
}

fn adaptation_sets(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    sources: &Sources<'_>,
) -> io::Result<()> {
    let sets = presentation.sets();
    let goes_on = |n: usize| continues(sources.before, &sets, n);
    for (n, set) in sets.iter().enumerate() {
        let kind = Kind { goes_on: goes_on(n), trick: None };
        adaptation_set(xml, presentation, n + 1, set, sources, kind)?;
    }
    let has_key_frames = |set: &&Set<'_>| {
        let is_video = set.first.rendition.track.media_type == MediaType::Video;
        is_video && presentation.lists_key_frames(set.first.rendition)
    };
    let with_key_frames = (1..).zip(&sets).filter(|(_, set)| has_key_frames(set));
    let heads = with_key_frames.map(|(main, set)| (set, Trick::of_heads(main, set)));
    let thinned = presentation.thinned_sets();
    let thinned = thinned.iter().filter_map(|set| Some((set, Trick::of_thinned(set, &sets)?)));
    let tricks: Vec<(&Set<'_>, Trick)> = heads.chain(thinned).collect();
    for (n, (set, trick)) in tricks.iter().enumerate() {
        let goes_on = trick.heads_of().is_some_and(|main| goes_on(main - 1));
        let kind = Kind { goes_on, trick: Some(*trick) };
        adaptation_set(xml, presentation, sets.len() + n + 1, set, sources, kind)?;
    }
    let first_text = sets.len() + tricks.len() + 1;
    text::adaptation_sets(xml, presentation, sources.files, first_text)?;
    images::adaptation_sets(xml, presentation, first_text + presentation.listed_text().count())
}

/// What is to be said of a set.
struct Kind {
    /// It goes on from the first period.
    goes_on: bool,
    /// It is for trick play.
    trick: Option<Trick>,
}

/// The set itself, or a set for trick play. The first pictures of fragments are announced with the
/// rates of their levels: an upper bound, and no reason for players that
/// know no essential properties to take them for cheap levels.
fn adaptation_set(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    id: usize,
    set: &Set<'_>,
    sources: &Sources<'_>,
    Kind { goes_on, trick }: Kind,
) -> io::Result<()> {
    let first = set.first.rendition;
    let video = first.track.media_type == MediaType::Video;
    let (content, mime) = if video { ("video", "video/mp4") } else { ("audio", "audio/mp4") };
    let language = first.tag.as_ref().filter(|_| !video);
    let largest = |side: fn(&&Rendition) -> u16| {
        set.renditions.iter().map(side).max().unwrap_or(0).to_string()
    };
    let (id, width, height) =
        (id.to_string(), largest(|r| r.track.size.0), largest(|r| r.track.size.1));
    let (aligned, sap) = alignment(presentation);
    let mut attributes = vec![
        ("id", id.as_str()),
        ("contentType", content),
        ("mimeType", mime),
        (aligned, "true"),
        (sap, "1"),
    ];
    if let Some(language) = language {
        attributes.push(("lang", language));
    }
    if video {
        attributes.push(("maxWidth", &width));
        attributes.push(("maxHeight", &height));
    }
    let of_trick = trick.map(Trick::attributes);
    attributes.extend(of_trick.iter().flat_map(|of_trick| borrowed(of_trick)));
    xml.element("AdaptationSet", &attributes, |xml| {
        descriptors::channels(xml, &first.track)?;
        if let Some(key) = set.key() {
            protection::descriptors(xml, presentation, key)?;
        }
        if let Some(trick) = trick {
            trick.property(xml)?;
        }
        descriptors::properties(xml, &first.track)?;
        if goes_on {
            let first = FIRST_PERIOD.to_string();
            xml.empty("SupplementalProperty", &[("schemeIdUri", CONTINUITY), ("value", &first)])?;
        }
        if trick.is_none() {
            switching(xml, presentation, first)?;
        }
        let heads = trick.is_some_and(|trick| trick.heads_of().is_some());
        let leaf = match trick {
            Some(_) => presentation.key_frame_leaf(first),
            None => {
                label(xml, first.title.as_deref())?;
                descriptors::captions(xml, first.track.captions)?;
                role(xml, first)?;
                presentation.fragment_leaf(first)
            }
        };
        let representation = |rendition: &&Rendition| {
            let peak = sources.rates.highest([*rendition], |rates| rates.peak);
            representation(&id, rendition, peak)
        };
        if presentation.selectors.format.has_files() {
            return set.renditions.iter().try_for_each(|rendition| {
                let attributes = representation(rendition);
                let url = presentation.media_file_url(rendition, heads);
                let (track, attributes) = (TrackRef::of(rendition), borrowed(&attributes));
                let file = (&track, &*url);
                on_demand::representation(xml, presentation, file, sources.files, &attributes)
            });
        }
        if presentation.files.is_some() {
            return set.renditions.iter().try_for_each(|rendition| {
                let attributes = representation(rendition);
                xml.element("Representation", &borrowed(&attributes), |xml| {
                    let (files, first) = (presentation.files_of(rendition), set.first);
                    let start = first.fragments.start;
                    template_of_files(xml, presentation, files, start, first.spans())
                })
            });
        }
        write_template(xml, presentation, &[], set.first.spans())?;
        set.renditions.iter().try_for_each(|rendition| {
            xml.element("Representation", &borrowed(&representation(rendition)), |xml| {
                let level = rendition.bitrate.to_string();
                let init = presentation.fragment_leaf(rendition);
                let addresses = addresses(presentation, &level, &leaf, Some(&init));
                xml.empty("SegmentTemplate", &borrowed(&addresses))
            })
        })
    })
}

/// Whether a set, by its place among all, goes on where the first period ends (DASH-IF IOP 4.3 section
/// 3.2.12): all periods have one timeline, so it is enough that their sets have the same ids and
/// renditions. Init segments differ in the key that they name alone; samples name theirs themselves.
fn continues(before: Option<&[Set<'_>]>, now: &[Set<'_>], n: usize) -> bool {
    let of = |set: &Set<'_>| -> (bool, Vec<*const Rendition>) {
        let renditions = set.renditions.iter().map(|rendition| std::ptr::from_ref(*rendition));
        (set.key().is_some(), renditions.collect())
    };
    before.is_some_and(|before| before.len() == now.len() && of(&before[n]) == of(&now[n]))
}

/// What says of a set that its segments, or those that an index names, are aligned, and that each
/// starts with a point of access.
pub(super) fn alignment(presentation: &Presentation<'_>) -> (&'static str, &'static str) {
    match presentation.selectors.format.has_files() {
        true => ("subsegmentAlignment", "subsegmentStartsWithSAP"),
        false => ("segmentAlignment", "startWithSAP"),
    }
}

/// The other sets of the same name, which have other keys: players may switch between them all the
/// same (DASH-IF IOP 4.3 section 3.8; packaging.md section 1.8).
fn switching(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    rendition: &Rendition,
) -> io::Result<()> {
    let sets = presentation.sets();
    let related = (1..).zip(&sets).filter(|(_, set)| {
        let other = set.first.rendition;
        other.name == rendition.name && !std::ptr::eq(other, rendition)
    });
    let ids: Vec<String> = related.map(|(id, _)| id.to_string()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let value = ids.join(",");
    xml.empty("SupplementalProperty", &[("schemeIdUri", SWITCHING), ("value", &value)])
}

/// The name that was given to a track (ISO/IEC 23009-1:2019 section 5.3.7.2). Where nobody gave one,
/// players make theirs of language and roles.
pub(super) fn label(xml: &mut Xml, title: Option<&str>) -> io::Result<()> {
    title.map_or(Ok(()), |title| xml.text("Label", &[], title))
}

fn role(xml: &mut Xml, rendition: &Rendition) -> io::Result<()> {
    if let Some(value) = &rendition.traits.accessibility {
        xml.empty("Accessibility", &[("schemeIdUri", ROLE_SCHEME), ("value", value)])?;
    }
    xml.empty("Role", &[("schemeIdUri", ROLE_SCHEME), ("value", rendition.role())])
}

pub(super) fn segment_template(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    listed: &Listed<'_>,
    leaf: &Leaf,
) -> io::Result<()> {
    let init = presentation.fragment_leaf(listed.rendition);
    template(xml, presentation, leaf, Some(&init), listed.spans())
}

/// Segments at `leaf`, behind the init segment at `init` if there is one, at these times, of
/// representations whose `bandwidth` is their name in URLs.
pub(super) fn template(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    leaf: &Leaf,
    init: Option<&Leaf>,
    spans: impl Iterator<Item = (u64, u64)>,
) -> io::Result<()> {
    let addresses = addresses(presentation, "$Bandwidth$", leaf, init);
    write_template(xml, presentation, &borrowed(&addresses), spans)
}

/// The attributes that say where segments of a level are.
fn addresses(
    presentation: &Presentation<'_>,
    level: &str,
    leaf: &Leaf,
    init: Option<&Leaf>,
) -> Vec<(&'static str, String)> {
    let url = |leaf: String| format!("QualityLevels({level})/{leaf}");
    let init_time = presentation.init_time(presentation.period);
    let init = init.map(|init| ("initialization", url(init.with(&init_time))));
    [("media", url(leaf.with("$Time$")))].into_iter().chain(init).collect()
}

/// The same of segments in files of their own, from the `first` on.
pub(super) fn template_of_files(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    files: Option<&RenditionFiles>,
    first: usize,
    spans: impl Iterator<Item = (u64, u64)>,
) -> io::Result<()> {
    let Some(files) = files else { return Ok(()) };
    let SegmentFiles::Each(names) = &files.segments else { return Ok(()) };
    let init = files.init.as_ref().map(|(uri, _)| ("initialization", uri.replace('$', "$$")));
    let first = (FIRST_NUMBER + first as u64).to_string();
    let first = names.is_numbered().then_some(("startNumber", first));
    let media = [("media", names.text())].into_iter();
    let addresses: Vec<_> = media.chain(init).chain(first).collect();
    write_template(xml, presentation, &borrowed(&addresses), spans)
}

/// A template with the times of its segments; children inherit them.
fn write_template(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    addresses: &[(&str, &str)],
    spans: impl Iterator<Item = (u64, u64)>,
) -> io::Result<()> {
    let (timescale, start) = (WIRE_TIMESCALE.to_string(), presentation.start.to_string());
    let mut attributes = vec![("timescale", timescale.as_str())];
    attributes.extend(addresses);
    if presentation.start > 0 {
        // What is left starts at time 0 of the period.
        attributes.push(("presentationTimeOffset", &start));
    }
    xml.element("SegmentTemplate", &attributes, |xml| {
        xml.element("SegmentTimeline", &[], |xml| timeline(xml, spans))
    })
}

/// Runs of equal durations; the first `S` has a time when the track starts later than 0.
fn timeline(xml: &mut Xml, spans: impl Iterator<Item = (u64, u64)>) -> io::Result<()> {
    let mut spans = spans.map(|(start, end)| (start, end.saturating_sub(start))).peekable();
    let mut start = spans.peek().map(|(start, _)| *start).filter(|start| *start > 0);
    while let Some((_, duration)) = spans.next() {
        let mut repeats = 0;
        while spans.next_if(|(_, next)| *next == duration).is_some() {
            repeats += 1;
        }
        let repeats = Some(repeats).filter(|repeats| *repeats > 0);
        xml.numbers("S", &[("t", start.take()), ("d", Some(duration)), ("r", repeats)])?;
    }
    Ok(())
}

/// The attributes of a `Representation` of a peak of bits per second.
fn representation(set: &str, rendition: &Rendition, peak: u64) -> Vec<(&'static str, String)> {
    let track = &rendition.track;
    let id = format!("{set}_{}_{}", rendition.name, rendition.bitrate);
    let codecs = track.codec_string();
    let mut attributes = vec![("id", id), ("bandwidth", peak.to_string()), ("codecs", codecs)];
    match track.codec.sound() {
        None => {
            let (numerator, denominator) = rendition.frame_rate_fraction();
            attributes.push(("width", track.size.0.to_string()));
            attributes.push(("height", track.size.1.to_string()));
            attributes.push((
                "frameRate",
                match denominator {
                    1 => numerator.to_string(),
                    _ => format!("{numerator}/{denominator}"),
                },
            ));
            if let Some((horizontal, vertical)) = track.picture.pixel_aspect {
                attributes.push(("sar", format!("{horizontal}:{vertical}")));
            }
            if let Some((codec, brand)) = track.supplemental_codec() {
                attributes.push(("scte214:supplementalCodecs", codec));
                attributes.push(("scte214:supplementalProfiles", brand.to_owned()));
            }
        }
        Some(sound) => attributes.push(("audioSamplingRate", sound.sampling_rate.to_string())),
    }
    attributes
}

/// Attributes as they are written.
pub(super) fn borrowed<'a>(
    attributes: &'a [(&'static str, String)],
) -> Vec<(&'static str, &'a str)> {
    attributes.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// An xs:duration in seconds, exact to the tick.
fn iso_duration(ticks: u64) -> String {
    let scale = u64::from(WIRE_TIMESCALE);
    let (seconds, rest) = (ticks / scale, ticks % scale);
    if rest == 0 {
        return format!("PT{seconds}S");
    }
    let fraction = format!("{rest:07}");
    format!("PT{seconds}.{}S", fraction.trim_end_matches('0'))
}
