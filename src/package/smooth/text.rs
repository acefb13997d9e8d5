//! Text streams ([MS-SSTR] sections 2.2.2.3 to 2.2.2.5): TTML in fragments.

use std::io;

use super::manifest::chunk_list;
use crate::isobmff::moov::mdhd::Language;
use crate::media::text::Purpose;
use crate::package::presentation::{ListedText, Presentation};
use crate::package::xml::Xml;

/// A `StreamIndex` with its one quality level and its chunks.
pub(super) fn stream(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    listed: &ListedText<'_>,
    repeats: bool,
) -> io::Result<()> {
    let text = listed.text;
    let leaf = presentation.text_leaf(text).with("{start time}");
    let (chunks, bitrate) = (listed.fragments.len().to_string(), text.bitrate.to_string());
    let url = format!("QualityLevels({{bitrate}})/{leaf}");
    let subtype = if text.purpose == Purpose::Captions { "CAPT" } else { "SUBT" };
    let mut attributes = vec![("Type", "text"), ("Subtype", subtype), ("Name", &text.name)];
    if text.language != Language::UND {
        attributes.push(("Language", text.language.as_str()));
    }
    attributes.extend([("Chunks", &*chunks), ("QualityLevels", "1"), ("Url", &url)]);
    xml.element("StreamIndex", &attributes, |xml| {
        let level =
            [("Index", "0"), ("Bitrate", &*bitrate), ("FourCC", "TTML"), ("CodecPrivateData", "")];
        xml.empty("QualityLevel", &level)?;
        chunk_list(xml, listed.spans(), repeats)
    })
}
