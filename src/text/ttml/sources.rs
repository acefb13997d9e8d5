//! Documents that follow one another in a track become one. What they say beside their paragraphs
//! is kept once for all that say the same; where they differ, each has ids of its own, for a segment
//! may show paragraphs of several.

use std::collections::HashMap;
use std::sync::Arc;

use super::reader::MAX_DIVISIONS;
use super::{head, ids};
use crate::text::{Division, Document, Paragraph, Preamble, Source};

/// The sources of a track.
#[derive(Debug)]
pub struct Sources<'a> {
    /// Of each document the number of its source, and its divisions.
    documents: Vec<(usize, &'a [Division])>,
    merged: Vec<Merged>,
    divisions: HashMap<(usize, &'a Division), usize>,
    /// Attributes of paragraphs, which cues of one share.
    attributes: HashMap<(usize, &'a str), Arc<str>>,
}

/// A source, and how what stands in it is changed.
#[derive(Debug)]
struct Merged {
    source: Source,
    /// Before ids; empty for the only source.
    prefix: String,
    /// The element around its divisions in place of `body`; empty for the only source.
    around: Division,
}

impl<'a> Sources<'a> {
    /// Compares the documents. Those without cues have no part in it, unless there are no others.
    pub fn of(documents: &'a [Document]) -> Self {
        let mut numbers = HashMap::new();
        let mut found = Vec::new();
        let mut number = |source: &'a Source| {
            *numbers.entry([&source.attributes, &source.head, &source.body]).or_insert_with(|| {
                found.push(source);
                found.len() - 1
            })
        };
        let silent = documents.iter().all(|document| document.cues().is_empty());
        let read = |document: &'a Document| match &document.preamble {
            Preamble::Ttml { sources } if silent || !document.cues().is_empty() => {
                sources.first().map_or((0, &[][..]), |own| (number(own), &own.divisions))
            }
            _ => (0, &[][..]),
        };
        let documents = documents.iter().map(read).collect();
        let merged = match found.as_slice() {
            [only] => vec![Merged::alone(only)],
            several => several.iter().enumerate().map(|(n, own)| Merged::apart(own, n)).collect(),
        };
        Self { documents, merged, divisions: HashMap::new(), attributes: HashMap::new() }
    }

    /// A paragraph of one of the documents, as it stands under the [`Self::preamble`].
    pub fn paragraph(&mut self, document: usize, paragraph: &'a Paragraph) -> Option<Paragraph> {
        let (number, divisions) = *self.documents.get(document)?;
        let division = self.division(number, divisions.get(paragraph.division)?)?;
        let prefix = &self.merged.get(number)?.prefix;
        let written = &*paragraph.attributes;
        let attributes = self.attributes.entry((number, written));
        let attributes = attributes.or_insert_with(|| ids::in_attributes(written, prefix).into());
        Some(Paragraph {
            source: number,
            division,
            attributes: Arc::clone(attributes),
            content: ids::in_elements(&paragraph.content, prefix).into(),
        })
    }

    /// The index of a division among those of its source; beyond the limit the first one.
    fn division(&mut self, number: usize, division: &'a Division) -> Option<usize> {
        if let Some(known) = self.divisions.get(&(number, division)) {
            return Some(*known);
        }
        let Merged { source, prefix, around } = self.merged.get_mut(number)?;
        let index = source.divisions.len();
        if index > 0 && self.divisions.len() >= MAX_DIVISIONS {
            return Some(0);
        }
        source.divisions.push(Division {
            open: format!("{}{}", around.open, ids::in_elements(&division.open, prefix)),
            close: format!("{}{}", division.close, around.close),
        });
        self.divisions.insert((number, division), index);
        Some(index)
    }

    /// What stands around the paragraphs.
    pub fn preamble(self) -> Preamble {
        match self.merged.is_empty() {
            true => Preamble::WebVtt { blocks: String::new() },
            false => Preamble::Ttml {
                sources: self.merged.into_iter().map(|merged| merged.source).collect(),
            },
        }
    }
}

impl Merged {
    /// Everything as it is.
    fn alone(source: &Source) -> Self {
        let source = Source { divisions: Vec::new(), ..source.clone() };
        Self { source, prefix: String::new(), around: Division::default() }
    }

    /// What can stand in one document with others: it says nothing for `body`, and text that may go
    /// without a region, as long as there is none, gets one that is no different.
    fn apart(source: &Source, number: usize) -> Self {
        let name = format!("s{number}");
        let prefix = format!("{name}-");
        let mut body = ids::in_attributes(&source.body, &prefix);
        let [styling, mut layout] =
            head::parts(&source.head).map(|part| ids::in_elements(&part, &prefix));
        if layout.is_empty() {
            layout = format!("<region xml:id=\"{name}\"></region>");
            if !body.contains(" region=") {
                body.push_str(&format!(" region=\"{name}\""));
            }
        }
        let around = Division { open: format!("<div{body}>"), close: "</div>".to_owned() };
        let head = head::of_parts(&styling, &layout);
        let source = Source { head, body: String::new(), ..Self::alone(source).source };
        Self { source, prefix, around }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::ttml::{parse, write};

    fn document(head: &str, body: &str) -> Document {
        parse(&format!(
            "<tt xmlns='http://www.w3.org/ns/ttml' xmlns:s='http://www.w3.org/ns/ttml#styling'>\
             <head>{head}</head>{body}</tt>"
        ))
        .unwrap()
    }

    /// One document of all cues, as they are.
    fn joined(documents: &[Document]) -> Document {
        let mut sources = Sources::of(documents);
        let mut builder = crate::text::Builder::default();
        for (n, document) in documents.iter().enumerate() {
            for cue in document.cues() {
                let paragraph = sources.paragraph(n, cue.paragraph.as_ref().unwrap());
                builder.push(crate::text::Cue { paragraph, ..cue.clone() });
            }
        }
        builder.finish(sources.preamble())
    }

    fn placed(origin: &str, colour: &str, time: &str) -> Document {
        let head = format!(
            "<styling><style xml:id='a' s:color='{colour}'/><style xml:id='b' style='a'/></styling>\
             <layout><region xml:id='r' s:origin='{origin}' s:extent='10% 10%'/></layout>"
        );
        let body = format!(
            "<body style='b'><div region='r'><p {time}>x <span style='b'>style=\"b\"</span></p></div></body>"
        );
        document(&head, &body)
    }

    fn segment(document: &Document, start: i64, end: i64) -> String {
        write(&document.slice(start * 10_000_000, end * 10_000_000, 0), None, 0).unwrap()
    }

    #[test]
    fn equal_heads_are_kept_once_and_change_nothing() {
        let times = ["begin='0s' end='1s'", "begin='1s' end='2s'"];
        let documents = times.map(|time| placed("10% 10%", "red", time));
        let [silent, other] =
            ["", "<body><div xml:lang='x'><p begin='3s' end='4s'>y</p></div></body>"]
                .map(|body| document("", body));
        let both = joined(&documents);
        assert_eq!(segment(&both, 0, 1), segment(&documents[0], 0, 1));
        assert_eq!(segment(&both, 1, 2), segment(&documents[1], 1, 2));
        assert_eq!(segment(&joined(&[silent]), 0, 1), segment(&document("", ""), 0, 1));
        let [first, second] = documents;
        let with_silent = joined(&[document("", ""), first, document("", "<body/>"), second]);
        assert_eq!(with_silent, both);
        // Divisions of later documents are their own.
        let division = |region: &str, time: &str| {
            let layout = "<layout><region xml:id='q'/><region xml:id='r'/></layout>";
            document(layout, &format!("<body><div region='{region}'><p {time}>x</p></div></body>"))
        };
        let both = joined(&[division("q", times[0]), division("r", times[1])]);
        assert!(segment(&both, 1, 2).contains("<div region=\"r\"><p"), "{both:?}");
        assert_eq!(segment(&joined(&[other]), 3, 4).matches("<div").count(), 1);
    }

    #[test]
    fn different_heads_stand_in_a_segment_beside_each_other() {
        let documents = [
            placed("10% 10%", "red", "begin='0s' end='2s'"),
            placed("20% 70%", "blue", "begin='2s' end='4s'"),
            document("", "<body><div><p begin='4s' end='6s'>nowhere</p></div></body>"),
        ];
        let all = joined(&documents);
        let again = parse(&segment(&all, 0, 6)).unwrap();
        let cues: Vec<_> = again.cues().iter().map(|cue| (&*cue.settings, &*cue.text)).collect();
        assert_eq!(
            cues,
            [
                ("line:10% position:15%,center size:10%", "<c.red>x style=\"b\"</c>"),
                ("line:70% position:25%,center size:10%", "<c.blue>x style=\"b\"</c>"),
                ("", "nowhere")
            ]
        );
        let text = segment(&all, 0, 6);
        let tree = roxmltree::Document::parse(&text).unwrap();
        let count = |name: &str| tree.descendants().filter(|node| node.has_tag_name(name)).count();
        assert_eq!(["styling", "layout", "style", "region", "body"].map(count), [1, 1, 4, 3, 1]);
        // A segment that shows one of them has the head of that.
        let second = segment(&all, 2, 4);
        assert!(second.contains("20% 70%") && !second.contains("10% 10%\" tts:extent"), "{second}");
        assert!(second.contains("<region xml:id=\"s1-r\""), "{second}");
        assert!(segment(&all, 5, 6).contains("<div region=\"s2\"><div><p"));
        assert!(segment(&all, 7, 8).contains("<style xml:id=\"s0-a\""));
    }
}
