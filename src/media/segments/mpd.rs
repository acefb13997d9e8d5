//! Segments of the representations of an MPD (ISO/IEC 23009-1 sections 5.3.9 and 5.6).

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound::{Included, Unbounded};

use roxmltree::{Node, NodeId};

use super::{Document, Group, MAX_NAME, resolve};

/// The groups of the first period; nothing for what is no MPD.
pub(super) fn groups(document: &Document<'_>, files: &BTreeSet<String>) -> Vec<Group> {
    let Ok(xml) = crate::xml::parse(document.text) else {
        return Vec::new();
    };
    let Some(period) = xml.descendants().find(|node| node.has_tag_name_local("Period")) else {
        return Vec::new();
    };
    let representations =
        period.descendants().filter(|node| node.has_tag_name_local("Representation"));
    let mut parents = Parents::default();
    let mut groups: Vec<Group> = Vec::new();
    // A file is in one group, so no more of them are taken than there are, whoever names them.
    let mut left = files.len() + 1;
    for representation in representations.take(MAX_REPRESENTATIONS) {
        let Some(group) = group(document, representation, &mut parents, files, left) else {
            continue;
        };
        let there = group.files.iter().filter(|file| files.contains(*file)).count();
        let known = groups.iter().any(|other| other.files.first() == group.files.first());
        if there > 0 && !known {
            left = left.saturating_sub(there);
            groups.push(Group { language: language(representation), ..group });
        }
    }
    groups
}

/// What the representation or its set says (section 5.3.3.2).
fn language(representation: Node<'_, '_>) -> Option<String> {
    let mut around = representation.ancestors();
    around.find_map(|node| node.attribute("lang")).map(str::to_owned)
}

/// One more than a folder may have media files: with so many groups it is refused.
const MAX_REPRESENTATIONS: usize = 257;

/// Elements are known by their local names: old packagers use other namespaces.
trait Local {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl Local for Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.tag_name().name() == name
    }
}

/// The children of an element that say where segments are.
#[derive(Clone, Copy, Default)]
struct Addressing<'a, 'i> {
    base: Option<Node<'a, 'i>>,
    template: Option<Node<'a, 'i>>,
    list: Option<Node<'a, 'i>>,
}

/// What was found in elements, so that the children of each are looked through once.
#[derive(Default)]
struct Parents<'a, 'i>(HashMap<NodeId, Addressing<'a, 'i>>);

impl<'a, 'i> Parents<'a, 'i> {
    /// What a representation and its parents say, the nearest first.
    fn of(&mut self, representation: Node<'a, 'i>) -> Vec<Addressing<'a, 'i>> {
        let found = |node: Node<'a, 'i>| *self.0.entry(node.id()).or_insert_with(|| look(node));
        representation.ancestors().map(found).collect()
    }
}

fn look<'a, 'i>(parent: Node<'a, 'i>) -> Addressing<'a, 'i> {
    let mut found = Addressing::default();
    for child in parent.children() {
        let place = match child.tag_name().name() {
            "BaseURL" => &mut found.base,
            "SegmentTemplate" => &mut found.template,
            "SegmentList" => &mut found.list,
            _ => continue,
        };
        place.get_or_insert(child);
    }
    found
}

fn group<'a, 'i>(
    document: &Document<'_>,
    representation: Node<'a, 'i>,
    parents: &mut Parents<'a, 'i>,
    files: &BTreeSet<String>,
    left: usize,
) -> Option<Group> {
    let parents = parents.of(representation);
    let base = base_url(&parents)?;
    let file = |reference: &str| resolve(document.name, &base, reference);
    let template = |name: &str| parents.iter().find_map(|parent| parent.template?.attribute(name));
    if let (Some(init), Some(media)) = (template("initialization"), template("media")) {
        let fill = |text| fill(text, representation);
        let mut listed = vec![file(&fill(init)?)?];
        let first = template("startNumber").and_then(|start| start.parse().ok()).unwrap_or(0);
        let mut segments = numbered(&file(&fill(media)?)?, first, files);
        segments.truncate(left);
        listed.extend(segments);
        return Some(Group::of(listed));
    }
    if let Some(list) = parents.iter().find_map(|parent| parent.list) {
        let init = list.children().find(|node| node.has_tag_name_local("Initialization"));
        let init = init.and_then(|node| node.attribute("sourceURL"));
        let segments = list.children().filter(|node| node.has_tag_name_local("SegmentURL"));
        let media = segments.filter_map(|node| node.attribute("media"));
        let mut listed: Vec<String> = Vec::new();
        for reference in init.into_iter().chain(media) {
            let file = file(reference)?;
            if listed.last() != Some(&file) && listed.len() <= left {
                listed.push(file);
            }
        }
        return Some(Group::of(listed));
    }
    // A single file with its own index.
    (!base.is_empty() && !base.ends_with('/')).then(|| Some(Group::of(vec![file("")?])))?
}

/// The base of references of a representation: that of every parent in front. `None` for one that
/// is too long to be of files.
fn base_url(parents: &[Addressing<'_, '_>]) -> Option<String> {
    let mut base = String::new();
    for part in parents.iter().rev().filter_map(|parent| Some(parent.base?.text()?.trim())) {
        (base.len() + part.len() <= MAX_NAME).then(|| base.push_str(part))?;
    }
    Some(base)
}

/// Fills the identifiers that do not change from segment to segment; `None` for names longer than
/// files have.
fn fill(template: &str, representation: Node<'_, '_>) -> Option<String> {
    let mut filled = template.to_owned();
    for (identifier, attribute) in [("$RepresentationID$", "id"), ("$Bandwidth$", "bandwidth")] {
        let value = representation.attribute(attribute).unwrap_or_default();
        let more = filled.matches(identifier).count().saturating_mul(value.len());
        if filled.len().saturating_add(more) > 2 * MAX_NAME {
            return None;
        }
        filled = filled.replace(identifier, value);
    }
    Some(filled.replace("$$", "$")).filter(|name| name.len() <= MAX_NAME)
}

/// The files that a template with a number or a time fits, in the order of the numbers.
fn numbered(template: &str, first: u64, files: &BTreeSet<String>) -> Vec<String> {
    let split = |name: &str| -> Option<(String, String)> {
        let (front, rest) = template.split_once(name)?;
        let (_, back) = rest.split_once('$')?;
        Some((front.to_owned(), back.to_owned()))
    };
    let (pattern, first) = match split("$Number") {
        Some(pattern) => (Some(pattern), first),
        None => (split("$Time"), 0),
    };
    let Some((front, back)) = pattern else { return Vec::new() };
    let number = |file: &String| -> Option<u64> {
        let digits = file.strip_prefix(&front)?.strip_suffix(&back)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let beside = files.range::<str, _>((Included(front.as_str()), Unbounded));
    let beside = beside.take_while(|file| file.starts_with(&front));
    let fits = beside.filter_map(|file| Some((number(file)?, file)));
    let mut fits: Vec<(u64, &String)> = fits.filter(|(number, _)| *number >= first).collect();
    fits.sort();
    fits.into_iter().map(|(_, file)| file.clone()).collect()
}
