//! Adaptation sets of thumbnails (DASH-IF IOP 4.3 section 6.2.6): each segment is an image, which
//! holds as many thumbnails as the property says, at equal distances in time.

use std::io;

use super::mpd::template;
use crate::package::presentation::{ListedImages, Presentation};
use crate::package::xml::Xml;

/// The property stands in the representation: that is where players look for it.
const TILES: &str = "http://dashif.org/guidelines/thumbnail_tile";

/// One set for each image track, with ids from `first_id` on: their grids differ.
pub(super) fn adaptation_sets(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    first_id: usize,
) -> io::Result<()> {
    let mut numbered = presentation.images.iter().zip(first_id..);
    numbered.try_for_each(|(listed, id)| adaptation_set(xml, presentation, id, listed))
}

fn adaptation_set(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    id: usize,
    listed: &ListedImages<'_>,
) -> io::Result<()> {
    let images = listed.images;
    let (id, bitrate) = (id.to_string(), images.bitrate.to_string());
    let (width, height) = (images.track.size.0.to_string(), images.track.size.1.to_string());
    let mime = images.track.codec.row().content_type;
    let attributes = [("id", id.as_str()), ("contentType", "image"), ("mimeType", mime)];
    xml.element("AdaptationSet", &attributes, |xml| {
        template(xml, presentation, &presentation.image_leaf(images), None, listed.spans())?;
        let attributes = [
            ("id", &*format!("{id}_{}_{bitrate}", images.name)),
            ("bandwidth", &bitrate),
            ("width", &width),
            ("height", &height),
        ];
        xml.element("Representation", &attributes, |xml| {
            let grid = images.grid.to_string();
            xml.empty("EssentialProperty", &[("schemeIdUri", TILES), ("value", &grid)])
        })
    })
}
