//! Segments of the representations of an MPD (ISO/IEC 23009-1 sections 5.3.9 and 5.6).

use std::collections::BTreeSet;

use roxmltree::Node;

use super::{Document, Group, resolve};

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
    representations.filter_map(|node| group(document, node, files)).collect()
}

/// Elements are known by their local names: old packagers use other namespaces.
trait Local {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl Local for Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.tag_name().name() == name
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name_local(name))
}

/// What the parents of a representation say counts for it unless it says otherwise.
fn inherited<'a, 'i: 'a, T>(
    representation: Node<'a, 'i>,
    look: impl Fn(Node<'a, 'i>) -> Option<T>,
) -> Option<T> {
    representation.ancestors().find_map(look)
}

fn group(
    document: &Document<'_>,
    representation: Node<'_, '_>,
    files: &BTreeSet<String>,
) -> Option<Group> {
    let base = base_url(representation);
    let file = |reference: &str| resolve(document.name, &base, reference);
    let template = |name: &str| {
        inherited(representation, |node| child(node, "SegmentTemplate")?.attribute(name))
    };
    if let (Some(init), Some(media)) = (template("initialization"), template("media")) {
        let fill = |text| fill(text, representation);
        let mut listed = vec![file(&fill(init))?];
        listed.extend(numbered(&file(&fill(media))?, first(representation), files));
        return Some(Group { files: listed });
    }
    if let Some(list) = inherited(representation, |node| child(node, "SegmentList")) {
        let init = child(list, "Initialization").and_then(|node| node.attribute("sourceURL"));
        let segments = list.children().filter(|node| node.has_tag_name_local("SegmentURL"));
        let media = segments.filter_map(|node| node.attribute("media"));
        let mut listed: Vec<String> =
            init.into_iter().chain(media).map(file).collect::<Option<_>>()?;
        listed.dedup();
        return Some(Group { files: listed });
    }
    // A single file with its own index.
    (!base.is_empty() && !base.ends_with('/')).then(|| Some(Group { files: vec![file("")?] }))?
}

/// The base of references of a representation: that of every parent in front.
fn base_url(representation: Node<'_, '_>) -> String {
    let text = |node: Node<'_, '_>| Some(child(node, "BaseURL")?.text()?.trim().to_owned());
    let mut parts: Vec<String> = representation.ancestors().filter_map(text).collect();
    parts.reverse();
    parts.concat()
}

/// Fills the identifiers that do not change from segment to segment.
fn fill(template: &str, representation: Node<'_, '_>) -> String {
    let value = |name: &str| representation.attribute(name).unwrap_or_default();
    template
        .replace("$RepresentationID$", value("id"))
        .replace("$Bandwidth$", value("bandwidth"))
        .replace("$$", "$")
}

/// The number of the first segment, where segments have numbers.
fn first(representation: Node<'_, '_>) -> u64 {
    let start =
        inherited(representation, |node| child(node, "SegmentTemplate")?.attribute("startNumber"));
    start.and_then(|start| start.parse().ok()).unwrap_or(0)
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
    let fits = files.iter().filter_map(|file| Some((number(file)?, file)));
    let mut fits: Vec<(u64, &String)> = fits.filter(|(number, _)| *number >= first).collect();
    fits.sort();
    fits.into_iter().map(|(_, file)| file.clone()).collect()
}
