//! The file of a text track in the DASH on-demand profile (ISO/IEC 23009-1 section 8.3): init segment,
//! one `sidx` and fragments, as that of a rendition, but made whole: text is small.

use std::ops::Range;

use super::format::Format;
use super::text::{Row, init_segment, segment};
use crate::bytes::Writer;
use crate::isobmff::sidx::{self, Reference};
use crate::media::TextRendition;
use crate::text::TextError;
use crate::time::WIRE_TIMESCALE;

/// A larger file, in bytes, is refused: it is held in memory.
const MAX_FILE: usize = 32 << 20;

/// Writes the listed fragments of a text track behind init segment and index.
///
/// # Errors
/// [`TextError::SegmentTooLarge`], [`TextError::FileTooLarge`] also for more fragments than an
/// index has entries.
pub fn write(
    text: &TextRendition,
    fragments: Range<usize>,
    row: &Row,
    format: Format,
) -> Result<Vec<u8>, TextError> {
    if fragments.len() > sidx::MAX_REFERENCES {
        return Err(TextError::FileTooLarge);
    }
    let start = text.cuts.starts.get(fragments.start).map_or(0, |cut| cut.start);
    let mut media = Vec::new();
    let mut references = Vec::with_capacity(fragments.len());
    for n in fragments {
        let fragment = segment(text, n, row.form, format)?;
        references.push(reference(text, n, fragment.len())?);
        media.extend(fragment);
        if media.len() > MAX_FILE {
            return Err(TextError::FileTooLarge);
        }
    }
    let mut w = Writer::with_capacity(1024 + references.len() * 12 + media.len());
    w.bytes(&init_segment(text, row, format.row().container));
    sidx::write(&mut w, WIRE_TIMESCALE, start, &references);
    w.bytes(&media);
    Ok(w.into_vec())
}

fn reference(text: &TextRendition, n: usize, size: usize) -> Result<Reference, TextError> {
    let (start, end) = text.cuts.span(n).unwrap_or_default();
    let narrow = |value: u64| u32::try_from(value).map_err(|_| TextError::FileTooLarge);
    Ok(Reference { size: narrow(size as u64)?, duration: narrow(end.saturating_sub(start))? })
}
