//! Takes out of headers what says that samples are protected. Boxes keep their place: those that
//! spoke of nothing else become `free`.

use crate::cenc::read::inner_boxes;
use crate::isobmff::cenc::protection::{EntryProtection, is_key_group};
use crate::isobmff::cenc::senc::Senc;
use crate::isobmff::edit::{BoxMut, for_each};
use crate::isobmff::{BoxError, BoxRef, FourCc, Rule, find};

/// Works on a whole `moov` or `moof` box.
///
/// # Errors
/// A broken box.
pub(super) fn strip(header: &mut [u8]) -> Result<(), BoxError> {
    for_each(FourCc(*b"file"), header, strip_box)
}

fn strip_box(mut node: BoxMut<'_>) -> Result<(), BoxError> {
    let kind = node.kind;
    let gone = match &kind.0 {
        b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" | b"moof" | b"traf" => {
            return for_each(kind, node.body(), strip_box);
        }
        b"stsd" => {
            let entries = node.body().get_mut(8..);
            let truncated = BoxError::new(kind, Rule::Truncated);
            return for_each(kind, entries.ok_or(truncated)?, strip_entry);
        }
        b"pssh" | b"saiz" | b"saio" => true,
        b"sgpd" | b"sbgp" => is_key_group(node.body()),
        other => Senc::is_one(other, node.body()),
    };
    if gone {
        node.blank();
    }
    Ok(())
}

/// Gives a sample entry its type back.
fn strip_entry(mut entry: BoxMut<'_>) -> Result<(), BoxError> {
    let (kind, body) = (entry.kind, entry.body());
    let view = BoxRef { kind, raw: body, body };
    let Some(inner) = inner_boxes(&view)? else { return Ok(()) };
    let Some(sinf) = find(inner.clone(), b"sinf")? else { return Ok(()) };
    let original = EntryProtection::of_sinf(&sinf)?.original;
    let fixed = body.len() - inner.length();
    for_each(kind, &mut entry.body()[fixed..], |mut child| {
        if &child.kind.0 == b"sinf" {
            child.blank();
        }
        Ok(())
    })?;
    entry.rename(original);
    Ok(())
}
