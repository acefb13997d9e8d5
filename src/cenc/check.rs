//! Whether a fragmented MP4 is consistent in what it says of its protection.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::bytes::{ReadAt, Reader, Truncated};
use crate::cenc::Scheme;
use crate::cenc::read::{Lock, Locked, LockedSample, Movie, ReadError};
use crate::ids::KeyId;
use crate::isobmff::{BoxError, BoxRef, FourCc, ScanError, children, scan};

/// More is not told: a file that is wrong once is mostly wrong everywhere.
const MAX_FINDINGS: usize = 20;

/// IVs beyond so many are not compared any more, so that memory stays bounded.
const MAX_IVS: usize = 4_000_000;

/// What a file says of its protection, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Report {
    /// By track id; clear tracks are not in it.
    pub tracks: BTreeMap<u32, TrackReport>,
    /// What does not go together, each with its fragment.
    pub findings: Vec<String>,
}

/// A protected track.
#[derive(Debug)]
pub struct TrackReport {
    /// Scheme of its sample entry.
    pub scheme: Scheme,
    /// KID of `tenc`.
    pub default_kid: KeyId,
    /// KIDs of the samples.
    pub kids: BTreeSet<KeyId>,
    /// How many samples are protected.
    pub samples: u64,
}

/// Reads all headers of a file; media data are not looked at.
///
/// # Errors
/// A file whose boxes cannot be read at all.
pub fn check<S: ReadAt + ?Sized>(source: &S) -> Result<Report, ReadError> {
    let found = scan(source).map_err(|error| match error {
        ScanError::Box(error) => ReadError::Box(error),
        ScanError::NotMp4 => ReadError::NotMp4,
        ScanError::Io(error) => ReadError::Io(error),
    })?;
    let movie = Movie::parse(&found.moov)?;
    let mut check = Check { length: source.len(), ivs: HashSet::new(), report: tracks(&movie) };
    let mut buffer = Vec::new();
    for moof in found.fragments {
        buffer.resize(moof.size, 0);
        source.read_exact_at(moof.offset, &mut buffer).map_err(ReadError::Io)?;
        let locked = Locked::parse(&buffer, moof.offset, &movie)?;
        for (n, sample) in locked.samples.iter().enumerate() {
            check.sample(moof.offset, n, sample, &locked);
        }
        check.auxiliary(moof.offset, &buffer)?;
    }
    Ok(check.report)
}

fn tracks(movie: &Movie) -> Report {
    let mut report = Report::default();
    for (id, track) in &movie.tracks {
        let Some(entry) = track.entries.iter().flatten().next() else { continue };
        let (scheme, default_kid) = (entry.scheme, entry.defaults.kid);
        let told = TrackReport { scheme, default_kid, kids: BTreeSet::new(), samples: 0 };
        report.tracks.insert(*id, told);
    }
    report
}

struct Check {
    /// Of the file, in bytes.
    length: u64,
    /// IVs of key streams.
    ivs: HashSet<(KeyId, [u8; 16])>,
    report: Report,
}

impl Check {
    fn sample(&mut self, fragment: u64, number: usize, sample: &LockedSample, locked: &Locked) {
        let Lock { scheme, kid, iv, .. } = sample.lock;
        if let Some(track) = self.report.tracks.get_mut(&sample.track) {
            track.samples += 1;
            track.kids.insert(kid);
        }
        let mut say = |what: String| self.report.say(fragment, sample.track, &what);
        let covered: u64 = locked.subsamples(sample).iter().map(|part| part.size()).sum();
        let size = u64::from(sample.size);
        if !locked.subsamples(sample).is_empty() && covered != size {
            say(format!("the subsamples of sample {number} have {covered} bytes, it has {size}"));
        }
        if sample.offset.checked_add(size).is_none_or(|end| end > self.length) {
            say(format!("sample {number} reaches past the end of the file"));
        }
        let is_stream = matches!(scheme, Scheme::Cenc | Scheme::Cens);
        if is_stream && size > 0 && self.ivs.len() < MAX_IVS && !self.ivs.insert((kid, iv)) {
            say(format!("sample {number} has an IV that another sample has under the same key"));
        }
    }

    /// Compares `saio` and `saiz` with the `senc` that they point into.
    fn auxiliary(&mut self, fragment: u64, moof: &[u8]) -> Result<(), BoxError> {
        for header in children(FourCc(*b"file"), moof) {
            let header = header?;
            for child in header.children() {
                let child = child?;
                if &child.kind.0 != b"traf" {
                    continue;
                }
                let start = offset_in(moof, child.body);
                if let Some(what) = Pointers::read(&child, start)?.contradiction() {
                    self.report.say(fragment, 0, &what);
                }
            }
        }
        Ok(())
    }
}

impl Report {
    fn say(&mut self, fragment: u64, track: u32, what: &str) {
        let track = if track == 0 { String::new() } else { format!(", track {track}") };
        match self.findings.len() {
            n if n < MAX_FINDINGS => {
                self.findings.push(format!("fragment at {fragment}{track}: {what}"));
            }
            MAX_FINDINGS => self.findings.push("more of this is not told".to_owned()),
            _ => {}
        }
    }
}

/// Where a slice lies in the one that it was taken from.
fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

/// Where the auxiliary data of a track fragment are, and how much, by either way of saying it;
/// offsets count from the start of `moof`.
#[derive(Debug, Default)]
struct Pointers {
    /// First byte behind the count of `senc`, and bytes from there to its end.
    senc: Option<(u64, u64)>,
    /// Offset that `saio` gives.
    saio: Option<u64>,
    /// Sum of the sizes of `saiz`.
    saiz: Option<u64>,
}

impl Pointers {
    fn read(traf: &BoxRef<'_>, start: usize) -> Result<Self, BoxError> {
        let mut pointers = Self::default();
        let mut at = start as u64;
        for child in traf.children() {
            let child = child?;
            let truncated = BoxError::truncated(&child.kind.0);
            match &child.kind.0 {
                b"senc" => {
                    let header = (child.raw.len() - child.body.len()) as u64 + 8;
                    pointers.senc = Some((
                        at + header,
                        child.raw.len() as u64 - header.min(child.raw.len() as u64),
                    ));
                }
                b"saio" => pointers.saio = saio(&child).map_err(truncated)?,
                b"saiz" => pointers.saiz = Some(saiz(&child).map_err(truncated)?),
                _ => {}
            }
            at += child.raw.len() as u64;
        }
        Ok(pointers)
    }

    fn contradiction(&self) -> Option<String> {
        let (first, length) = self.senc?;
        if let Some(saio) = self.saio.filter(|saio| *saio != first) {
            return Some(format!("saio points at {saio}, the data of senc start at {first}"));
        }
        let saiz = self.saiz.filter(|saiz| *saiz != length)?;
        Some(format!("saiz counts {saiz} bytes, senc has {length}"))
    }
}

/// The offset of a `saio` with one entry.
fn saio(saio: &BoxRef<'_>) -> Result<Option<u64>, Truncated> {
    let (version, flags, rest) = saio.full().map_err(|_| Truncated)?;
    let mut reader = Reader::new(rest);
    reader.skip(if flags & 1 == 0 { 0 } else { 8 })?;
    match reader.u32()? {
        1 => reader.u32_or_u64(version != 0).map(Some),
        _ => Ok(None),
    }
}

/// The sum of the sizes of a `saiz`.
fn saiz(saiz: &BoxRef<'_>) -> Result<u64, Truncated> {
    let (_, flags, rest) = saiz.full().map_err(|_| Truncated)?;
    let mut reader = Reader::new(rest);
    reader.skip(if flags & 1 == 0 { 0 } else { 8 })?;
    let (default, count) = (reader.u8()?, reader.u32()?);
    if default > 0 {
        return Ok(u64::from(default) * u64::from(count));
    }
    let sizes = reader.take(count as usize)?;
    Ok(sizes.iter().map(|size| u64::from(*size)).sum())
}
