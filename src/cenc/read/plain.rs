//! Protected samples that do not lie in fragments: the movie header has their places, their IVs are in
//! `senc` beside them or where `saio` points (ISO/IEC 14496-12 sections 8.6 to 8.7; ISO/IEC 23001-7
//! section 7).

use super::ReadError;
use super::fragment::{Aux, Locked};
use super::movie::{Movie, Track};
use crate::bytes::{ReadAt, Reader, Truncated};
use crate::isobmff::cenc::protection::group_runs;
use crate::isobmff::cenc::senc::Senc;
use crate::isobmff::moov::tkhd::Tkhd;
use crate::isobmff::stbl::{ChunkOffsets, ChunkRun, ChunkRuns, SampleSizes};
use crate::isobmff::{BoxRef, FourCc, children};

/// More samples are not taken: a day of 50 pictures a second has fewer.
const MAX_SAMPLES: usize = 5_000_000;

/// Longer auxiliary data are refused, in bytes.
const MAX_AUX: u64 = 512 << 20;

const TABLES: &str = "its sample tables contradict each other";

impl Locked {
    /// The protected samples of a whole `moov` box. `source` is the file, of which auxiliary data are
    /// read.
    ///
    /// # Errors
    /// A broken box, tables that contradict each other, samples without an IV.
    pub fn of_movie<S: ReadAt + ?Sized>(
        moov: &[u8],
        movie: &Movie,
        source: &S,
    ) -> Result<Self, ReadError> {
        let mut locked = Self::default();
        for header in children(FourCc(*b"file"), moov) {
            for trak in header?.children() {
                let trak = trak?;
                if &trak.kind.0 == b"trak" {
                    locked.track(&trak, movie, source)?;
                }
            }
        }
        locked.samples.sort_by_key(|sample| sample.offset);
        Ok(locked)
    }

    fn track<S: ReadAt + ?Sized>(
        &mut self,
        trak: &BoxRef<'_>,
        movie: &Movie,
        source: &S,
    ) -> Result<(), ReadError> {
        let id = Tkhd::parse(&trak.require(b"tkhd")?)?.track_id;
        let Some(known) = movie.tracks.get(&id).filter(|known| known.is_plain()) else {
            return Ok(());
        };
        let stbl = trak.require(b"mdia")?.require(b"minf")?.require(b"stbl")?;
        let refuse = |rule| ReadError::Fragment { track: id, rule };
        let sizes = SampleSizes::parse(&stbl)?;
        if self.samples.len() + sizes.count() as usize > MAX_SAMPLES {
            return Err(refuse("the tracks have more than 5,000,000 samples together"));
        }
        let outside;
        let senc =
            match Senc::find(&stbl)?.map_or_else(|| Senc::find(trak), |senc| Ok(Some(senc)))? {
                Some(senc) => Some(senc),
                None => {
                    outside = auxiliary(&stbl, source).map_err(|error| error.of_track(id))?;
                    outside.as_ref().map(|(sizes, data)| Senc::of_auxiliary(sizes, data))
                }
            };
        let mut groups = Vec::new();
        for child in stbl.children() {
            let child = child?;
            if &child.kind.0 == b"sbgp" {
                groups.extend(group_runs(&child)?);
            }
        }
        let groups = known.described(groups).ok_or(refuse("a group is not described"))?;
        let mut aux = Aux::of_track(id, senc, groups);
        let mut places = Places::of(&stbl)?;
        for size in sizes.iter() {
            let (offset, description) = places.next(size).ok_or(refuse(TABLES))?;
            let entry = known.entries.get((description as usize).wrapping_sub(1));
            match entry.ok_or(refuse(TABLES))? {
                Some(entry) => aux.entry = Some(*entry),
                None => continue,
            }
            self.add(offset, size, &mut aux)?;
        }
        Ok(())
    }
}

impl Track {
    /// Whether it has protected samples outside of fragments.
    fn is_plain(&self) -> bool {
        self.has_samples && self.entries.iter().any(Option::is_some)
    }
}

/// Where samples lie, one after the other.
struct Places<'a> {
    offsets: ChunkOffsets<'a>,
    runs: Vec<ChunkRun>,
    run: usize,
    chunk: usize,
    /// Samples of the chunk that were given.
    given: u32,
    at: u64,
}

impl<'a> Places<'a> {
    fn of(stbl: &BoxRef<'a>) -> Result<Self, ReadError> {
        let runs = ChunkRuns::parse(&stbl.require(b"stsc")?)?.iter().collect();
        let offsets = ChunkOffsets::parse(stbl)?;
        Ok(Self { offsets, runs, run: 0, chunk: 0, given: 0, at: 0 })
    }

    /// Offset and description of the next sample.
    fn next(&mut self, size: u32) -> Option<(u64, u32)> {
        loop {
            let run = self.runs.get(self.run)?;
            let next_run = self.runs.get(self.run + 1);
            if next_run.is_some_and(|next| next.first_chunk as usize <= self.chunk + 1) {
                self.run += 1;
                continue;
            }
            if self.given == run.samples_per_chunk {
                (self.chunk, self.given) = (self.chunk + 1, 0);
                // Chunks without samples come to an end with the offsets.
                self.offsets.get(self.chunk)?;
                continue;
            }
            if self.given == 0 {
                self.at = self.offsets.get(self.chunk)?;
            }
            let offset = self.at;
            self.given += 1;
            self.at = self.at.checked_add(size.into())?;
            return Some((offset, run.description));
        }
    }
}

/// Sizes of the auxiliary data of the samples, and the data one after the other.
type Auxiliary = (Vec<u8>, Vec<u8>);

/// What is wrong with auxiliary data.
enum AuxError {
    Rule(&'static str),
    Read(ReadError),
}

impl AuxError {
    fn of_track(self, track: u32) -> ReadError {
        match self {
            Self::Rule(rule) => ReadError::Fragment { track, rule },
            Self::Read(error) => error,
        }
    }
}

impl<E: Into<ReadError>> From<E> for AuxError {
    fn from(error: E) -> Self {
        Self::Read(error.into())
    }
}

/// The data that `saiz` and `saio` describe; `None` where they are not there.
fn auxiliary<S: ReadAt + ?Sized>(
    stbl: &BoxRef<'_>,
    source: &S,
) -> Result<Option<Auxiliary>, AuxError> {
    let (Some(saiz), Some(saio)) = (stbl.find(b"saiz")?, stbl.find(b"saio")?) else {
        return Ok(None);
    };
    let cut = |Truncated| AuxError::Rule("saiz or saio is cut short");
    let sizes = sizes_of(&saiz)?;
    let (version, flags, rest) = saio.full()?;
    let mut reader = Reader::new(rest);
    reader.skip(if flags & 1 == 0 { 0 } else { 8 }).map_err(cut)?;
    let count = reader.u32().map_err(cut)?;
    let total: u64 = sizes.iter().map(|size| u64::from(*size)).sum();
    if total > MAX_AUX.min(source.len()) {
        return Err(AuxError::Rule("its auxiliary data are larger than the file"));
    }
    if count != 1 {
        return Err(AuxError::Rule("its auxiliary data lie in several places, without senc"));
    }
    let offset = reader.u32_or_u64(version != 0).map_err(cut)?;
    let mut data = vec![0; usize::try_from(total).unwrap_or(usize::MAX)];
    source.read_exact_at(offset, &mut data).map_err(ReadError::Io)?;
    Ok(Some((sizes, data)))
}

fn sizes_of(saiz: &BoxRef<'_>) -> Result<Vec<u8>, AuxError> {
    let cut = |Truncated| AuxError::Rule("saiz or saio is cut short");
    let (_, flags, rest) = saiz.full()?;
    let mut reader = Reader::new(rest);
    reader.skip(if flags & 1 == 0 { 0 } else { 8 }).map_err(cut)?;
    let (default, count) = (reader.u8().map_err(cut)?, reader.u32().map_err(cut)?);
    if count as usize > MAX_SAMPLES {
        return Err(AuxError::Rule("it has more than 5,000,000 samples"));
    }
    match default {
        0 => Ok(reader.take(count as usize).map_err(cut)?.to_vec()),
        size => Ok(vec![size; count as usize]),
    }
}
