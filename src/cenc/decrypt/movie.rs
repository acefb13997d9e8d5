//! The movie header: which tracks are protected, and how (ISO/IEC 14496-12 section 8.12).

use std::collections::HashMap;

use super::DecryptError;
use super::sample::Mode;
use crate::isobmff::cenc::protection::{
    EntryProtection, SampleProtection, group_descriptions, is_key_group,
};
use crate::isobmff::edit::{BoxMut, for_each};
use crate::isobmff::entry::{AudioEntry, VisualEntry, entries};
use crate::isobmff::moov::mvex::{SampleDefaults, parse_trex};
use crate::isobmff::moov::tkhd::Tkhd;
use crate::isobmff::{BoxError, BoxRef, Children, FourCc, Rule, children, find};

/// What a movie header says of its tracks.
#[derive(Debug, Default)]
pub(super) struct Movie {
    pub(super) tracks: HashMap<u32, Track>,
}

/// A track.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// Defaults of its fragments.
    pub(super) defaults: SampleDefaults,
    /// Protection by sample description; `None` = clear.
    pub(super) entries: Vec<Option<Entry>>,
    /// Groups of samples with a key of their own, that fragments refer to.
    pub(super) groups: Vec<SampleProtection>,
}

/// A protected sample description.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) mode: Mode,
    pub(super) defaults: SampleProtection,
}

impl Movie {
    /// Reads a whole `moov` box and takes the protection out of it.
    ///
    /// # Errors
    /// A broken box, an unknown scheme, protected samples that do not lie in fragments.
    pub(super) fn open(moov: &mut [u8]) -> Result<Self, DecryptError> {
        let file = FourCc(*b"file");
        let mut movie = Self::default();
        for header in children(file, moov) {
            movie.read(&header?)?;
        }
        for_each(file, moov, |mut header| for_each(header.kind, header.body(), strip))?;
        Ok(movie)
    }

    fn read(&mut self, moov: &BoxRef<'_>) -> Result<(), DecryptError> {
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
    fn read(id: u32, trak: &BoxRef<'_>) -> Result<Self, DecryptError> {
        let stbl = trak.require(b"mdia")?.require(b"minf")?.require(b"stbl")?;
        let mut track = Self::default();
        for entry in entries(&stbl.require(b"stsd")?)? {
            let protection = sinf(&entry)?.map(|sinf| EntryProtection::of_sinf(&sinf));
            let protection = protection.transpose()?;
            track.entries.push(protection.map(|found| Entry::of(id, &found)).transpose()?);
        }
        if let Some(sgpd) = stbl.find(b"sgpd")? {
            track.groups = group_descriptions(&sgpd)?;
        }
        let is_protected = track.entries.iter().any(Option::is_some);
        if is_protected && has_samples(&stbl)? {
            let rule = "protected samples outside of fragments are not decrypted";
            return Err(DecryptError::Fragment { track: id, rule });
        }
        Ok(track)
    }
}

impl Entry {
    fn of(track: u32, found: &EntryProtection) -> Result<Self, DecryptError> {
        let scheme = found.scheme;
        let mode = Mode::of(scheme).ok_or(DecryptError::UnknownScheme { track, scheme })?;
        Ok(Self { mode, defaults: found.defaults })
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
    match fixed_fields(entry)? {
        Some(inner) => find(inner, b"sinf"),
        None => Ok(None),
    }
}

/// The child boxes of a protected sample entry.
fn fixed_fields<'a>(entry: &BoxRef<'a>) -> Result<Option<Children<'a>>, BoxError> {
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

/// Takes the protection out of a child of `moov`, and of what it holds.
fn strip(mut node: BoxMut<'_>) -> Result<(), BoxError> {
    let kind = node.kind;
    match &kind.0 {
        b"trak" | b"mdia" | b"minf" | b"stbl" => return for_each(kind, node.body(), strip),
        b"stsd" => {
            let entries = node.body().get_mut(8..);
            let truncated = BoxError::new(kind, Rule::Truncated);
            return for_each(kind, entries.ok_or(truncated)?, strip_entry);
        }
        b"pssh" => node.blank(),
        b"sgpd" | b"sbgp" if is_key_group(node.body()) => node.blank(),
        _ => {}
    }
    Ok(())
}

fn strip_entry(mut entry: BoxMut<'_>) -> Result<(), BoxError> {
    let (kind, body) = (entry.kind, entry.body());
    let view = BoxRef { kind, raw: body, body };
    let Some(inner) = fixed_fields(&view)? else { return Ok(()) };
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
