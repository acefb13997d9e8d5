//! Captions inside pictures: EXT-X-MEDIA lines of a group of their own (RFC 8216 section 4.3.4.1;
//! ams.md section 3.1).

use super::version;
use crate::codec::Codec;
use crate::codec::captions::Captions;
use crate::media::Track;
use crate::package::presentation::Presentation;

const GROUP: &str = "cc";

/// From this version on INSTREAM-ID may name services of CEA-708.
const SERVICES_FROM: u8 = 7;

/// INSTREAM-ID and NAME of each channel that is there.
fn channels(captions: Captions, version: u8) -> impl Iterator<Item = (&'static str, &'static str)> {
    let rows = [
        (captions.field_1, "CC1", "CEA608_CC"),
        (captions.field_2, "CC3", "CEA608_CC3"),
        (captions.digital && version >= SERVICES_FROM, "SERVICE1", "CEA708_CC"),
    ];
    rows.into_iter().filter(|(there, ..)| *there).map(|(_, id, name)| (id, name))
}

fn listed(presentation: &Presentation<'_>) -> Vec<(&'static str, &'static str)> {
    channels(presentation.captions(), version(presentation)).collect()
}

/// The lines of the group.
pub(super) fn media_lines(presentation: &Presentation<'_>) -> Vec<String> {
    let line = |(id, name): (&str, &str)| {
        format!(
            "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"{GROUP}\",NAME=\"{name}\",DEFAULT=NO,\
             AUTOSELECT=YES,INSTREAM-ID=\"{id}\""
        )
    };
    listed(presentation).into_iter().map(line).collect()
}

/// The attribute of a variant with pictures, or without, that names the group. Where no pictures
/// have captions, all variants say so (RFC 8216bis section 4.4.6.2), else players offer some.
pub(super) fn group(presentation: &Presentation<'_>, pictures: bool) -> String {
    if !listed(presentation).is_empty() {
        return if pictures { format!(",CLOSED-CAPTIONS=\"{GROUP}\"") } else { String::new() };
    }
    let is_none = presentation.video().next().is_some()
        && presentation.captions() == Captions::default()
        && presentation.video().all(|level| was_searched(&level.rendition.track));
    if is_none { ",CLOSED-CAPTIONS=NONE".to_owned() } else { String::new() }
}

/// Whether captions would have been found: not in encrypted sources, nor in the messages of AV1.
fn was_searched(track: &Track) -> bool {
    track.sealed.is_none() && !matches!(track.codec, Codec::Av1(_))
}
