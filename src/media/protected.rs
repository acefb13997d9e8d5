//! Sample entries of tracks that somebody has encrypted already: they are not encrypted once more.

use super::MediaRule;
use crate::isobmff::cenc::protection::EntryProtection;
use crate::isobmff::entry::{AudioEntry, VisualEntry, entries};
use crate::isobmff::moov::trak::Trak;
use crate::isobmff::{BoxError, BoxRef, FourCc, Rule, find};

/// Types of sample entries that stand for protected ones (ISO/IEC 14496-12 section 8.12).
const PROTECTED: [&[u8; 4]; 4] = [b"encv", b"enca", b"enct", b"encs"];

/// Whether the samples of a `trak` are encrypted, or some of them.
pub(super) fn is_protected(trak: &BoxRef<'_>) -> bool {
    let path = [b"mdia", b"minf", b"stbl", b"stsd"];
    let found = path.into_iter().try_fold(*trak, |parent, name| parent.require(name));
    // A track without these is refused, or left out, by whoever reads it.
    let entries = found.ok().and_then(|stsd| entries(&stsd).ok());
    entries.is_some_and(|all| all.iter().any(|entry| PROTECTED.contains(&&entry.kind.0)))
}

/// Refuses a `trak` whose samples are encrypted.
pub(super) fn refuse(trak: &BoxRef<'_>) -> Result<(), MediaRule> {
    match is_protected(trak) {
        true => Err(MediaRule::Encrypted { track: Trak::id(trak)? }),
        false => Ok(()),
    }
}

/// A sample entry under the type that it had before its samples were encrypted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// The entry; of encrypted samples it still has its `sinf`.
    pub(super) entry: BoxRef<'a>,
    /// Whether its samples are encrypted.
    pub(super) protected: bool,
}

impl<'a> Entry<'a> {
    /// Reads an entry of pictures or sound.
    ///
    /// # Errors
    /// A protected entry that does not say what it stands for.
    pub(super) fn of(entry: BoxRef<'a>) -> Result<Self, BoxError> {
        let children = match &entry.kind.0 {
            b"encv" => VisualEntry::parse(&entry)?.children,
            b"enca" => AudioEntry::parse(&entry)?.children,
            _ => return Ok(Self { entry, protected: false }),
        };
        let missing = entry.error(Rule::MissingChild(FourCc(*b"sinf")));
        let sinf = find(children, b"sinf")?.ok_or(missing)?;
        let kind = EntryProtection::of_sinf(&sinf)?.original;
        Ok(Self { entry: BoxRef { kind, ..entry }, protected: true })
    }
}
