//! Whether an MP4, with or without fragments, is consistent in what it says of its protection.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use crate::bytes::{ReadAt, Reader, Truncated};
use crate::cenc::Scheme;
use crate::cenc::read::{Lock, Locked, LockedSample, Movie, ReadError};
use crate::ids::KeyId;
use crate::isobmff::moof::Tfhd;
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
    check.samples(Place::Movie, &Locked::of_movie(&found.moov, &movie, source)?);
    check.movie_auxiliary(found.moov_offset, &found.moov)?;
    let mut buffer = Vec::new();
    for moof in found.fragments {
        buffer.resize(moof.size, 0);
        source.read_exact_at(moof.offset, &mut buffer).map_err(ReadError::Io)?;
        let locked = Locked::parse(&buffer, moof.offset, &movie)?;
        check.samples(Place::Fragment(moof.offset), &locked);
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

/// Where something is said.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In the movie header.
    Movie,
    /// In the fragment at that offset of the file.
    Fragment(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Movie => f.write_str("movie header"),
            Self::Fragment(offset) => write!(f, "fragment at {offset}"),
        }
    }
}

struct Check {
    /// Of the file, in bytes.
    length: u64,
    /// IVs of key streams.
    ivs: HashSet<(KeyId, [u8; 16])>,
    report: Report,
}

impl Check {
    fn samples(&mut self, place: Place, locked: &Locked) {
        for (n, sample) in locked.samples.iter().enumerate() {
            self.sample(place, n, sample, locked);
        }
    }

    fn sample(&mut self, place: Place, number: usize, sample: &LockedSample, locked: &Locked) {
        let Lock { scheme, kid, iv, .. } = sample.lock;
        if let Some(track) = self.report.tracks.get_mut(&sample.track) {
            track.samples += 1;
            track.kids.insert(kid);
        }
        let mut say = |what: String| self.report.say(place, sample.track, &what);
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
    fn auxiliary(&mut self, offset: u64, moof: &[u8]) -> Result<(), BoxError> {
        let mut first = true;
        for header in children(FourCc(*b"file"), moof) {
            for child in header?.children() {
                let child = child?;
                if &child.kind.0 == b"traf" {
                    let base = base_of(&child, offset, std::mem::take(&mut first))?;
                    let start = offset + offset_in(moof, child.body) as u64;
                    self.pointers(Place::Fragment(offset), &Pointers::read(&child, start, base)?);
                }
            }
        }
        Ok(())
    }

    /// The same in the tables of tracks, which count from the start of the file.
    fn movie_auxiliary(&mut self, offset: u64, moov: &[u8]) -> Result<(), BoxError> {
        for header in children(FourCc(*b"file"), moov) {
            for child in header?.children() {
                let child = child?;
                if &child.kind.0 == b"trak" {
                    let stbl = child.require(b"mdia")?.require(b"minf")?.require(b"stbl")?;
                    let start = offset + offset_in(moov, stbl.body) as u64;
                    self.pointers(Place::Movie, &Pointers::read(&stbl, start, Some(0))?);
                }
            }
        }
        Ok(())
    }

    fn pointers(&mut self, place: Place, found: &Pointers) {
        if let Some(what) = found.contradiction() {
            self.report.say(place, 0, &what);
        }
    }
}

impl Report {
    fn say(&mut self, place: Place, track: u32, what: &str) {
        let track = if track == 0 { String::new() } else { format!(", track {track}") };
        match self.findings.len() {
            n if n < MAX_FINDINGS => {
                self.findings.push(format!("{place}{track}: {what}"));
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

/// What offsets of a track fragment count from (ISO/IEC 14496-12 section 8.8.7.1): what it says
/// itself, or the start of `moof`; `None` for the end of the data of the one before.
fn base_of(traf: &BoxRef<'_>, moof: u64, first: bool) -> Result<Option<u64>, BoxError> {
    let tfhd = Tfhd::parse(&traf.require(b"tfhd")?)?;
    Ok(tfhd.base_data_offset.or((tfhd.base_is_moof || first).then_some(moof)))
}

/// Where the auxiliary data of a track are, and how much, by either way of saying it; offsets count
/// from the start of the file.
#[derive(Debug, Default)]
struct Pointers {
    /// First byte behind the count of `senc`, and bytes from there to its end.
    senc: Option<(u64, u64)>,
    /// Offset that `saio` gives, where it is known what it counts from.
    saio: Option<u64>,
    /// Sum of the sizes of `saiz`.
    saiz: Option<u64>,
}

impl Pointers {
    /// The children of `parent` start at `start`, what `saio` says counts from `base`.
    fn read(parent: &BoxRef<'_>, start: u64, base: Option<u64>) -> Result<Self, BoxError> {
        let mut pointers = Self::default();
        let mut at = start;
        for child in parent.children() {
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
                b"saio" => {
                    let offset = saio(&child).map_err(truncated)?;
                    pointers.saio =
                        offset.zip(base).map(|(offset, base)| base.wrapping_add(offset));
                }
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
