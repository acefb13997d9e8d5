//! Tracks that somebody has encrypted already: they are not encrypted once more.

use super::MediaRule;
use crate::isobmff::BoxRef;
use crate::isobmff::entry::entries;
use crate::isobmff::moov::trak::Trak;

/// Types of sample entries that stand for protected ones (ISO/IEC 14496-12 section 8.12).
const PROTECTED: [&[u8; 4]; 4] = [b"encv", b"enca", b"enct", b"encs"];

/// Refuses a `trak` whose samples are encrypted.
pub(super) fn refuse(trak: &BoxRef<'_>) -> Result<(), MediaRule> {
    let path = [b"mdia", b"minf", b"stbl", b"stsd"];
    let found = path.into_iter().try_fold(*trak, |parent, name| parent.require(name));
    // A track without these is refused, or left out, by whoever reads it.
    let Some(entries) = found.ok().and_then(|stsd| entries(&stsd).ok()) else { return Ok(()) };
    if entries.iter().any(|entry| PROTECTED.contains(&&entry.kind.0)) {
        return Err(MediaRule::Encrypted { track: Trak::id(trak)? });
    }
    Ok(())
}
