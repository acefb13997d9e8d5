//! Adaptation sets of text tracks: WebVTT or IMSC 1 in fragments, or one file of WebVTT; never WebVTT files
//! in a template, which stop some players (players.md section 1).

use std::io;

use super::mpd::{ROLE_SCHEME, alignment, label, template, template_of_files};
use super::{on_demand, protection};
use crate::media::TextRendition;
use crate::media::text::Purpose;
use crate::package::files::SegmentFiles;
use crate::package::media_file::Front;
use crate::package::presentation::{ListedText, Presentation};
use crate::package::request::TrackRef;
use crate::package::text::{Row, TextForm};
use crate::package::xml::Xml;

/// MIME type of a file of WebVTT.
const WEBVTT: &str = "text/vtt";

/// One set for each text track that is listed, with ids from `first_id` on. `files` has what the file
/// of each begins with, in formats of files.
pub(super) fn adaptation_sets(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    files: &[Front],
    first_id: usize,
) -> io::Result<()> {
    for (listed, id) in presentation.listed_text().zip(first_id..) {
        let files_of = presentation.files_of_text(listed.text).map(|files| &files.segments);
        if let Some(SegmentFiles::Document(url)) = files_of {
            document(xml, id, listed.text, url)?;
        } else if let Some(row) = presentation.text_form(listed.text).and_then(TextForm::fragments)
        {
            adaptation_set(xml, presentation, files, id, listed, row)?;
        }
    }
    Ok(())
}

/// A set of one file of WebVTT, whose times are those of the presentation.
fn document(xml: &mut Xml, id: usize, text: &TextRendition, url: &str) -> io::Result<()> {
    let (id, bitrate) = (id.to_string(), text.bitrate.to_string());
    let mut attributes = vec![("id", id.as_str()), ("contentType", "text"), ("mimeType", WEBVTT)];
    if let Some(tag) = &text.tag {
        attributes.push(("lang", tag));
    }
    let name = format!("{id}_{}_{bitrate}", text.name);
    xml.element("AdaptationSet", &attributes, |xml| {
        label(xml, text.title.as_deref())?;
        roles(xml, text)?;
        let representation = [("id", &*name), ("bandwidth", &bitrate)];
        xml.element("Representation", &representation, |xml| xml.text("BaseURL", &[], url))
    })
}

fn adaptation_set(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    files: &[Front],
    id: usize,
    listed: &ListedText<'_>,
    row: &Row,
) -> io::Result<()> {
    let text = listed.text;
    let (id, bitrate) = (id.to_string(), text.bitrate.to_string());
    let (aligned, sap) = alignment(presentation);
    let mut attributes = vec![
        ("id", id.as_str()),
        ("contentType", "text"),
        ("mimeType", row.content_type),
        (aligned, "true"),
        (sap, "1"),
    ];
    if let Some(tag) = &text.tag {
        attributes.push(("lang", tag));
    }
    let name = format!("{id}_{}_{bitrate}", text.name);
    let representation = [("id", &*name), ("bandwidth", &bitrate), ("codecs", row.codecs)];
    xml.element("AdaptationSet", &attributes, |xml| {
        if let Some(key) = listed.keys.first() {
            protection::descriptors(xml, presentation, key)?;
        }
        label(xml, text.title.as_deref())?;
        roles(xml, text)?;
        if presentation.selectors.format.has_files() {
            let (track, url) = (TrackRef::of_text(text), presentation.text_file_url(text));
            let file = (&track, &*url);
            return on_demand::representation(xml, presentation, file, files, &representation);
        }
        if presentation.files.is_some() {
            return xml.element("Representation", &representation, |xml| {
                let (files, first) = (presentation.files_of_text(text), listed.fragments.start);
                template_of_files(xml, presentation, files, first, listed.spans())
            });
        }
        let leaf = presentation.text_leaf(text);
        template(xml, presentation, &leaf, Some(&leaf), listed.spans())?;
        xml.empty("Representation", &representation)
    })
}

fn roles(xml: &mut Xml, text: &TextRendition) -> io::Result<()> {
    purpose(xml, text.purpose)?;
    if text.default { role(xml, "main") } else { Ok(()) }
}

/// The role of a purpose.
pub(super) fn purpose(xml: &mut Xml, purpose: Purpose) -> io::Result<()> {
    role(xml, purpose.role())
}

fn role(xml: &mut Xml, value: &str) -> io::Result<()> {
    xml.empty("Role", &[("schemeIdUri", ROLE_SCHEME), ("value", value)])
}
