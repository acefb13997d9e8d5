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
    for_each(FourCc(*b"file"), header, |node| strip_box(node, MAX_DEPTH))
}

/// Boxes inside each other; deeper ones are no boxes that samples depend on.
const MAX_DEPTH: usize = 8;

fn strip_box(mut node: BoxMut<'_>, depth: usize) -> Result<(), BoxError> {
    let kind = node.kind;
    let gone = match &kind.0 {
        b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" | b"moof" | b"traf" if depth > 0 => {
            return for_each(kind, node.body(), |child| strip_box(child, depth - 1));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_inside_boxes_do_not_exhaust_the_stack() {
        let depth: u32 = 100_000;
        let mut nested: Vec<u8> = (1..=depth)
            .rev()
            .flat_map(|n| [&(8 * n).to_be_bytes()[..], b"trak"].concat())
            .collect();
        strip(&mut nested).unwrap();
    }
}
