//! The movie header: which tracks are protected, and how (ISO/IEC 14496-12 section 8.12).

use std::collections::HashMap;

use super::ReadError;
use super::fragment::Groups;
use crate::cenc::Scheme;
use crate::isobmff::cenc::protection::{EntryProtection, SampleProtection, group_descriptions};
use crate::isobmff::entry::{AudioEntry, VisualEntry, entries};
use crate::isobmff::moov::mvex::{SampleDefaults, parse_trex};
use crate::isobmff::moov::tkhd::Tkhd;
use crate::isobmff::{BoxError, BoxRef, Children, FourCc, Rule, children, find};

/// What a movie header says of its tracks.
#[derive(Debug, Default)]
pub struct Movie {
    /// By track id.
    pub tracks: HashMap<u32, Track>,
}

/// A track.
#[derive(Debug, Default)]
pub struct Track {
    /// Defaults of its fragments.
    pub defaults: SampleDefaults,
    /// Protection by sample description; `None` = clear.
    pub entries: Vec<Option<Entry>>,
    /// Groups of samples with a key of their own, that fragments refer to.
    pub groups: Vec<SampleProtection>,
    /// Whether the movie header has samples of it.
    pub has_samples: bool,
}

/// A protected sample description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its scheme.
    pub scheme: Scheme,
    /// What its samples have unless they are in a group.
    pub defaults: SampleProtection,
}

impl Movie {
    /// Reads a whole `moov` box.
    ///
    /// # Errors
    /// A broken box, or an unknown scheme.
    pub fn parse(moov: &[u8]) -> Result<Self, ReadError> {
        let mut movie = Self::default();
        for header in children(FourCc(*b"file"), moov) {
            movie.read(&header?)?;
        }
        Ok(movie)
    }

    fn read(&mut self, moov: &BoxRef<'_>) -> Result<(), ReadError> {
        for child in moov.children() {
            let child = child?;
            if &child.kind.0 == b"trak" {
                let id = Tkhd::parse(&child.require(b"tkhd")?)?.track_id;
                self.tracks.insert(id, Track::read(id, &child)?);
            }
        }
        let Some(mvex) = moov.find(b"mvex")? else { return Ok(()) };
        for child in mvex.children() {
            let child = child?;
            if &child.kind.0 == b"trex" {
                let (id, defaults) = parse_trex(&child)?;
                self.tracks.entry(id).or_default().defaults = defaults;
            }
        }
        Ok(())
    }
}

impl Track {
    fn read(id: u32, trak: &BoxRef<'_>) -> Result<Self, ReadError> {
        let stbl = trak.require(b"mdia")?.require(b"minf")?.require(b"stbl")?;
        let mut track = Self::default();
        for entry in entries(&stbl.require(b"stsd")?)? {
            let protection = sinf(&entry)?.map(|sinf| EntryProtection::of_sinf(&sinf));
            let protection = protection.transpose()?;
            track.entries.push(protection.map(|found| Entry::of(id, &found)).transpose()?);
        }
        // Groups of other kinds have boxes of their own.
        for child in stbl.children() {
            let child = child?;
            if &child.kind.0 == b"sgpd" {
                track.groups.extend(group_descriptions(&child)?);
            }
        }
        track.has_samples = has_samples(&stbl)?;
        Ok(track)
    }
}

impl Track {
    /// Runs of groups, the last first, with their descriptions in the movie header; `None` when one is
    /// not described.
    pub(super) fn described(&self, runs: Vec<(u32, u32)>) -> Option<Groups> {
        let describe = |index: u32| match index {
            0 => Some(None),
            index => self.groups.get(index as usize - 1).copied().map(Some),
        };
        runs.into_iter().rev().map(|(count, index)| Some((count, describe(index)?))).collect()
    }
}

impl Entry {
    /// What a fragment says of its own in the place of the movie header (PIFF 1.1 section 5.3.2).
    pub(super) fn of_override(
        track: u32,
        scheme: FourCc,
        defaults: SampleProtection,
    ) -> Result<Self, ReadError> {
        let known = Scheme::of_fourcc(scheme);
        let scheme = known.ok_or(ReadError::UnknownScheme { track, scheme })?;
        Ok(Self { scheme, defaults })
    }

    fn of(track: u32, found: &EntryProtection) -> Result<Self, ReadError> {
        let scheme = found.scheme;
        let known = Scheme::of_fourcc(scheme);
        let scheme = known.ok_or(ReadError::UnknownScheme { track, scheme })?;
        Ok(Self { scheme, defaults: found.defaults })
    }
}

fn has_samples(stbl: &BoxRef<'_>) -> Result<bool, BoxError> {
    let Some(stsz) = stbl.find(b"stsz")? else { return Ok(false) };
    let (_, _, rest) = stsz.full()?;
    let count = rest.get(4..8).ok_or(stsz.error(Rule::Truncated))?;
    Ok(count.iter().any(|byte| *byte != 0))
}

/// The protection box of a sample entry, if the entry is of a protected type.
fn sinf<'a>(entry: &BoxRef<'a>) -> Result<Option<BoxRef<'a>>, BoxError> {
    match inner_boxes(entry)? {
        Some(inner) => find(inner, b"sinf"),
        None => Ok(None),
    }
}

/// The child boxes of a protected sample entry.
pub(in crate::cenc) fn inner_boxes<'a>(
    entry: &BoxRef<'a>,
) -> Result<Option<Children<'a>>, BoxError> {
    Ok(match &entry.kind.0 {
        b"encv" => Some(VisualEntry::parse(entry)?.children),
        b"enca" => Some(AudioEntry::parse(entry)?.children),
        b"enct" | b"encs" => {
            let inner = entry.body.get(8..).ok_or(entry.error(Rule::Truncated))?;
            Some(children(entry.kind, inner))
        }
        _ => None,
    })
}
