//! Where the segments of a representation are (ISO/IEC 23009-1 section 5.3.9).

use std::ops::Range;
use std::sync::Arc;

use jiff::Span;
use roxmltree::Node;

use super::{Elements, fill, is, named};
use crate::package::part::Part;

/// More segments are refused: two days of two-second segments have fewer.
const MAX_SEGMENTS: u64 = 100_000;

const TOO_MANY: &str = "there are more than 100,000 segments";

/// All names of the segments of a representation have no more bytes together.
const MAX_NAMES: usize = 32 << 20;

/// Longer base URLs are refused, in bytes.
const MAX_BASE: usize = 4096;

/// The children of an element that say where segments are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Element<'a, 'i> {
    base: Option<Node<'a, 'i>>,
    template: Option<Node<'a, 'i>>,
    list: Option<Node<'a, 'i>>,
    single: Option<Node<'a, 'i>>,
}

/// What a representation and its parents say.
#[derive(Debug)]
pub(super) struct Addressing<'a, 'i> {
    /// The nearest first.
    elements: Vec<Element<'a, 'i>>,
    /// Their base URLs, the farthest first.
    base: Arc<[String]>,
}

impl<'a, 'i> Element<'a, 'i> {
    fn of(node: Node<'a, 'i>) -> Self {
        let child = |name: &'static str| named(node, name).next();
        Self {
            base: child("BaseURL"),
            template: child("SegmentTemplate"),
            list: child("SegmentList"),
            single: child("SegmentBase"),
        }
    }
}

impl<'a, 'i> Addressing<'a, 'i> {
    pub(super) fn of(representation: Node<'a, 'i>, elements: &mut Elements<'a, 'i>) -> Self {
        let parents = representation.ancestors().filter(Node::is_element);
        let found =
            |node: Node<'a, 'i>| *elements.entry(node.id()).or_insert_with(|| Element::of(node));
        let elements: Vec<Element<'a, 'i>> = parents.map(found).collect();
        let bases = elements.iter().rev().filter_map(|element| element.base?.text());
        let base = bases.map(|base| base.trim().chars().take(MAX_BASE).collect()).collect();
        Self { elements, base }
    }

    pub(super) fn init(&self, representation: Node<'_, '_>) -> Option<Part> {
        if let Some(template) = self.attribute("initialization") {
            let uri = fill(template, |name| identifier(representation, name))?;
            return Some(self.part(Some(&uri), None));
        }
        let of_list = |element: &Element<'a, 'i>| element.list.or(element.single);
        let holder = self.elements.iter().find_map(of_list)?;
        let init = named(holder, "Initialization").next();
        let range = init.and_then(|init| range(init.attribute("range")?));
        let uri = init.and_then(|init| init.attribute("sourceURL"));
        match (uri, range) {
            (None, None) => {
                // Of a file with an index, what stands in front of it.
                let index = range_of(holder, "indexRange").filter(|_| is(holder, "SegmentBase"))?;
                (index.start > 0).then(|| self.part(None, Some(0..index.start)))
            }
            (uri, range) => Some(self.part(uri, range)),
        }
    }

    pub(super) fn file(&self) -> Option<Part> {
        let several = |element: &Element<'_, '_>| element.template.or(element.list).is_some();
        let part = self.part(None, None);
        let is_file = self.base.last().is_some_and(|uri| !uri.is_empty() && !uri.ends_with('/'));
        (is_file && !self.elements.iter().any(several)).then_some(part)
    }

    pub(super) fn segments(&self, representation: Node<'_, '_>) -> Result<Vec<Part>, &'static str> {
        if let Some(media) = self.attribute("media") {
            return self.of_template(representation, media);
        }
        if let Some(list) = self.elements.iter().find_map(|element| element.list) {
            let segment = |node: Node<'_, '_>| {
                self.part(node.attribute("media"), range_of(node, "mediaRange"))
            };
            return bounded(named(list, "SegmentURL").map(segment));
        }
        self.file().map(|file| vec![file]).ok_or("it says nowhere where its segments are")
    }

    fn of_template(
        &self,
        representation: Node<'_, '_>,
        media: &str,
    ) -> Result<Vec<Part>, &'static str> {
        let first = self.attribute("startNumber").map_or(Ok(1), number)?;
        let times =
            match self.elements.iter().find_map(|e| named(e.template?, "SegmentTimeline").next()) {
                Some(timeline) => timeline_of(timeline)?,
                None => vec![0; usize::try_from(self.count(representation)?).unwrap_or(usize::MAX)],
            };
        let mut left = MAX_NAMES;
        let segment = |(n, time): (u64, &u64)| {
            let value = |name: &str| match name {
                "Number" => Some(n.to_string()),
                "Time" => Some(time.to_string()),
                name => identifier(representation, name),
            };
            let uri = fill(media, value).ok_or("its template names what is not known")?;
            left = left.checked_sub(uri.len()).ok_or("the names of its segments are too long")?;
            Ok(self.part(Some(&uri), None))
        };
        (first..).zip(&times).map(segment).collect()
    }

    /// How many segments of equal length there are.
    fn count(&self, representation: Node<'_, '_>) -> Result<u64, &'static str> {
        let each = self.attribute("duration").ok_or("it has neither a timeline nor a duration")?;
        let each = number(each)? as f64 / self.attribute("timescale").map_or(Ok(1), number)? as f64;
        let mut parents = representation.ancestors();
        let whole = parents.find_map(|node| {
            seconds(
                node.attribute("duration")
                    .filter(|_| is(node, "Period"))
                    .or(node.attribute("mediaPresentationDuration"))?,
            )
        });
        let count = (whole.ok_or("the MPD does not say how long it lasts")? / each).ceil();
        if count.is_finite() && count <= MAX_SEGMENTS as f64 {
            Ok(count as u64)
        } else {
            Err(TOO_MANY)
        }
    }

    /// An attribute of the nearest template that has it.
    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.elements.iter().find_map(|element| element.template?.attribute(name))
    }

    fn part(&self, uri: Option<&str>, bytes: Option<Range<u64>>) -> Part {
        Part { base: Arc::clone(&self.base), uri: uri.map(str::to_owned), bytes }
    }
}

fn identifier(representation: Node<'_, '_>, name: &str) -> Option<String> {
    let attribute = match name {
        "RepresentationID" => "id",
        "Bandwidth" => "bandwidth",
        _ => return None,
    };
    representation.attribute(attribute).map(str::to_owned)
}

/// The start times of a timeline.
fn timeline_of(timeline: Node<'_, '_>) -> Result<Vec<u64>, &'static str> {
    let (mut times, mut next) = (Vec::new(), 0_u64);
    for run in named(timeline, "S") {
        let value = |name: &str| run.attribute(name).map(number).transpose();
        next = value("t")?.unwrap_or(next);
        let duration = value("d")?.ok_or("an S has no duration")?;
        if run.attribute("r").is_some_and(|r| r.trim_start().starts_with('-')) {
            return Err("its timeline is open at its end");
        }
        for _ in 0..=value("r")?.unwrap_or(0) {
            if times.len() as u64 == MAX_SEGMENTS {
                return Err(TOO_MANY);
            }
            times.push(next);
            next = next.saturating_add(duration);
        }
    }
    Ok(times)
}

fn bounded(parts: impl Iterator<Item = Part>) -> Result<Vec<Part>, &'static str> {
    let most = usize::try_from(MAX_SEGMENTS).unwrap_or(usize::MAX);
    let list: Vec<Part> = parts.take(most + 1).collect();
    if list.len() > most { Err(TOO_MANY) } else { Ok(list) }
}

fn number(text: &str) -> Result<u64, &'static str> {
    text.trim().parse().map_err(|_| "an attribute of its segments is no number")
}

/// `first-last`, in bytes, both included.
fn range(text: &str) -> Option<Range<u64>> {
    let (first, last) = text.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    Some(first..last.checked_add(1)?).filter(|range| range.start < range.end)
}

fn range_of(node: Node<'_, '_>, name: &str) -> Option<Range<u64>> {
    range(node.attribute(name)?)
}

/// A duration of ISO 8601 in seconds; days have 24 hours.
fn seconds(text: &str) -> Option<f64> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    Some(duration.as_secs_f64())
}
