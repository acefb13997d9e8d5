//! MPDs of anybody, read: which representations there are, where their segments lie, and which
//! elements speak of their protection (ISO/IEC 23009-1 sections 5.3, 5.6 and 5.8.4.1).
//!
//! Elements are known by their local names: old packagers use other namespaces.

mod segments;
mod template;

use std::collections::HashMap;

use roxmltree::{Node, NodeId};

pub use template::fill;

use self::segments::Addressing;
use crate::package::part::Part;

/// More representations are refused.
const MAX_REPRESENTATIONS: usize = 1024;

/// An MPD that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No film has so many.
    #[error("MPD: there are more than {MAX_REPRESENTATIONS} representations")]
    TooManyRepresentations,
    /// The segments of a representation cannot be named.
    #[error("MPD: representation {name}: {rule}")]
    Segments {
        /// Its name.
        name: String,
        /// What is wrong.
        rule: &'static str,
    },
}

/// A representation of a period.
#[derive(Debug)]
pub struct Representation<'a, 'i> {
    /// `id`, with the number of the period in front where there are several.
    pub name: String,
    /// The element.
    pub node: Node<'a, 'i>,
    /// `video`, `audio`, `text` or `image` as the MPD says it; empty where it does not.
    pub content: String,
    addressing: Addressing<'a, 'i>,
}

/// The representations of a document in its order.
///
/// # Errors
/// [`ReadError::TooManyRepresentations`].
pub fn representations<'a, 'i>(
    root: Node<'a, 'i>,
) -> Result<Vec<Representation<'a, 'i>>, ReadError> {
    let periods: Vec<_> = named(root, "Period").collect();
    let mut elements = HashMap::new();
    let mut all = Vec::new();
    for (n, period) in periods.iter().enumerate() {
        let found = period.descendants().filter(|node| is(*node, "Representation"));
        for node in found {
            if all.len() == MAX_REPRESENTATIONS {
                return Err(ReadError::TooManyRepresentations);
            }
            let id = node.attribute("id").unwrap_or("without id");
            let name = match periods.len() {
                1 => id.to_owned(),
                _ => format!("{id} of period {}", n + 1),
            };
            let addressing = Addressing::of(node, &mut elements);
            all.push(Representation { name, node, content: content(node), addressing });
        }
    }
    Ok(all)
}

impl Representation<'_, '_> {
    /// Where its init segment is; `None` where it has none, or is one file whose front it is.
    pub fn init(&self) -> Option<Part> {
        self.addressing.init(self.node)
    }

    /// The file that it is; `None` where it has many.
    pub fn file(&self) -> Option<Part> {
        self.addressing.file()
    }

    /// Its media segments in order, init segment not included.
    ///
    /// # Errors
    /// [`ReadError::Segments`].
    pub fn segments(&self) -> Result<Vec<Part>, ReadError> {
        self.addressing.segments(self.node).map_err(|rule| {
            let name = self.name.clone();
            ReadError::Segments { name, rule }
        })
    }
}

/// What the elements around a representation say that it holds.
fn content(node: Node<'_, '_>) -> String {
    let said = |node: Node<'_, '_>| {
        let content = node.attribute("contentType").map(str::to_owned);
        let mime = || node.attribute("mimeType")?.split('/').next().map(str::to_owned);
        content.or_else(mime)
    };
    node.ancestors().take_while(|node| !is(*node, "Period")).find_map(said).unwrap_or_default()
}

/// Whether an element has that name, in whatever namespace.
pub fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

/// The children of that name.
pub fn named<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| is(*child, name))
}

/// What was found in elements, so that the children of each are looked through once.
type Elements<'a, 'i> = HashMap<NodeId, segments::Element<'a, 'i>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(part: &Part) -> String {
        part.uris().collect::<Vec<_>>().join(" + ")
    }

    fn parts(list: &[Part]) -> Vec<String> {
        let text = |part: &Part| match &part.bytes {
            Some(bytes) => format!("{} {}-{}", joined(part), bytes.start, bytes.end),
            None => joined(part),
        };
        list.iter().map(text).collect()
    }

    /// Init segment and segments of the first representation.
    fn read(period: &str) -> (Option<String>, Result<Vec<String>, ReadError>) {
        let text = format!(
            "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' mediaPresentationDuration='PT10S'>\
             <BaseURL>a/</BaseURL><Period><AdaptationSet mimeType='video/mp4'>{period}\
             </AdaptationSet></Period></MPD>"
        );
        let document = crate::xml::parse(&text).unwrap();
        let all = representations(document.root_element()).unwrap();
        let init = all[0].init().map(|part| parts(&[part]).remove(0));
        assert_eq!(all[0].content, "video");
        (init, all[0].segments().map(|list| parts(&list)))
    }

    #[test]
    fn segments_are_named_in_every_way_that_an_mpd_has() {
        let timeline = "<SegmentTemplate initialization='$RepresentationID$/i' \
            media='$RepresentationID$-$Time%04d$' startNumber='7'><SegmentTimeline>\
            <S t='5' d='10' r='1'/><S d='3'/></SegmentTimeline></SegmentTemplate>\
            <Representation id='v' bandwidth='9'/>";
        assert_eq!(read(timeline).0.as_deref(), Some("a/ + v/i"));
        assert_eq!(read(timeline).1.unwrap(), ["a/ + v-0005", "a/ + v-0015", "a/ + v-0025"]);
        let numbered = "<Representation id='v' bandwidth='9'><SegmentTemplate timescale='2' \
            duration='8' media='$Bandwidth$_$Number$$$'/></Representation>";
        assert_eq!(read(numbered).1.unwrap(), ["a/ + 9_1$", "a/ + 9_2$", "a/ + 9_3$"]);
        let listed = "<Representation id='v'><SegmentList><Initialization sourceURL='i' \
            range='0-9'/><SegmentURL media='m'/><SegmentURL mediaRange='10-19'/></SegmentList>\
            </Representation>";
        assert_eq!(read(listed).0.as_deref(), Some("a/ + i 0-10"));
        assert_eq!(read(listed).1.unwrap(), ["a/ + m", "a/ 10-20"]);
        let file = "<Representation id='v'><BaseURL>f.mp4</BaseURL><SegmentBase \
            indexRange='100-199'/></Representation>";
        assert_eq!(read(file).0.as_deref(), Some("a/ + f.mp4 0-100"));
        assert_eq!(read(file).1.unwrap(), ["a/ + f.mp4"]);
        // In front of an index at the start, there is nothing.
        assert_eq!(read(&file.replace("100-199", "0-99")).0, None);
    }

    #[test]
    fn what_lasts_for_ever_is_refused() {
        let of = |children: &str| {
            read(&format!(
                "<Representation id='v'><SegmentTemplate media='$Number$' {children}\
                 </SegmentTemplate></Representation>"
            ))
            .1
            .unwrap_err()
            .to_string()
        };
        for (children, complaint) in [
            ("duration='1' timescale='4000000000'>", "more than"),
            ("><SegmentTimeline><S d='1' r='4294967295'/></SegmentTimeline>", "more than"),
            ("><SegmentTimeline><S d='1' r='-1'/></SegmentTimeline>", "open"),
            ("duration='x'>", "no number"),
            (">", "neither"),
        ] {
            assert!(of(children).contains(complaint), "{children}: {}", of(children));
        }
    }
}
