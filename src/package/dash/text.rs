//! Adaptation sets of text tracks: WebVTT or IMSC 1 in fragments, never WebVTT files in a template,
//! which stop some players (players.md section 1).

use std::io;

use super::mpd::{ROLE_SCHEME, template};
use crate::media::TextRendition;
use crate::media::text::Purpose;
use crate::package::compat::Compat;
use crate::package::presentation::{ListedText, Presentation};
use crate::package::text::TextForm;
use crate::package::xml::Xml;

/// Roles that tell players what a text is for (ISO/IEC 23009-1 section 5.8.5.5).
const ROLES: &[(Purpose, &str)] = &[
    (Purpose::Subtitles, "subtitle"),
    (Purpose::Captions, "caption"),
    (Purpose::Forced, "forced-subtitle"),
];

/// One set for each text track that is listed, with ids from `first_id` on.
pub(super) fn adaptation_sets(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    first_id: usize,
) -> io::Result<()> {
    for (n, listed) in presentation.listed_text().enumerate() {
        if let Some(row) = TextForm::in_fragments(listed.text).fragments() {
            let mime_and_codecs = (row.content_type, row.codecs);
            adaptation_set(xml, presentation, first_id + n, listed, mime_and_codecs)?;
        }
    }
    Ok(())
}

fn adaptation_set(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    id: usize,
    listed: &ListedText<'_>,
    (mime, codecs): (&str, &str),
) -> io::Result<()> {
    let text = listed.text;
    let (id, bitrate) = (id.to_string(), text.bitrate.to_string());
    let mut attributes = vec![
        ("id", id.as_str()),
        ("contentType", "text"),
        ("mimeType", mime),
        ("segmentAlignment", "true"),
        ("startWithSAP", "1"),
    ];
    if let Some(tag) = &text.tag {
        attributes.push(("lang", tag));
    }
    let representation = format!("{id}_{}_{bitrate}", text.name);
    xml.element("AdaptationSet", &attributes, |xml| {
        // The schema of most validators does not know the element.
        if let Some(title) = text.title.as_ref().filter(|_| presentation.compat == Compat::Ams) {
            xml.text("Label", &[], title)?;
        }
        roles(xml, text)?;
        let leaf = presentation.text_leaf(listed.text);
        template(xml, presentation, &leaf, Some(&leaf), listed.spans())?;
        xml.empty(
            "Representation",
            &[("id", &representation), ("bandwidth", &bitrate), ("codecs", codecs)],
        )
    })
}

fn roles(xml: &mut Xml, text: &TextRendition) -> io::Result<()> {
    let main = text.default.then_some("main");
    let purpose = ROLES.iter().filter(|(purpose, _)| *purpose == text.purpose);
    let mut values = purpose.map(|(_, value)| *value).chain(main);
    values
        .try_for_each(|value| xml.empty("Role", &[("schemeIdUri", ROLE_SCHEME), ("value", value)]))
}
