//! Captions inside pictures: EXT-X-MEDIA lines of a group of their own (RFC 8216 section 4.3.4.1;
//! ams.md section 3.1).

use super::version;
use crate::codec::captions::Captions;
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

/// The attribute of variants with pictures that names the group; empty without captions.
pub(super) fn group(presentation: &Presentation<'_>) -> String {
    let listed = listed(presentation);
    if listed.is_empty() { String::new() } else { format!(",CLOSED-CAPTIONS=\"{GROUP}\"") }
}
