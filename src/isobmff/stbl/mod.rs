//! Sample tables as lazy views: the entry count is checked against the box once, entries are read
//! from the bytes when they are asked for (ISO/IEC 14496-12 section 8.6 and 8.7).

mod chunks;
mod sizes;
mod times;

pub use chunks::{ChunkOffsets, ChunkRun, ChunkRuns};
pub use sizes::SampleSizes;
pub use times::{CompositionOffsets, SyncSamples, TimeRuns};

use super::{BoxError, BoxRef, Rule};
use crate::bytes::{Reader, Writer};

/// A table of fixed-size entries behind a 32-bit count.
fn entries<'a, const N: usize>(table: &BoxRef<'a>) -> Result<(u8, &'a [[u8; N]]), BoxError> {
    let (version, _, rest) = table.full()?;
    let mut reader = Reader::new(rest);
    let count = reader.u32().map_err(|_| table.error(Rule::Truncated))? as usize;
    let (entries, _) = reader.rest().as_chunks::<N>();
    let entries = entries.get(..count).ok_or(table.error(Rule::CountExceedsBox))?;
    Ok((version, entries))
}

/// Writes the four tables of an init segment, which are empty.
pub fn write_empty(w: &mut Writer) {
    for kind in [b"stts", b"stsc", b"stco"] {
        super::full_box(w, kind, 0, 0, |w| w.u32(0));
    }
    super::full_box(w, b"stsz", 0, 0, |w| w.zeros(8));
}
