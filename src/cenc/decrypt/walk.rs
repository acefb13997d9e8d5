//! The walk over a file: boxes are read, opened and written in their order.

use std::collections::BTreeMap;
use std::io::Write;

use super::pending::Pending;
use super::sample::open;
use super::strip::strip;
use super::{DecryptError, Keyring};
use crate::bytes::ReadAt;
use crate::cenc::read::{Locked, Movie, ReadError};
use crate::isobmff::{BoxError, BoxHeader, FourCc, Rule, is_mp4, scan};

/// Larger headers are refused: two days of 60 fps video need less.
const MAX_HEADER: u64 = 256 << 20;

/// Larger samples are refused: a picture of 8K in lossless quality is smaller.
const MAX_SAMPLE: u32 = 256 << 20;

/// How much is copied at once.
const PIECE: u64 = 1 << 20;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bytes written.
    pub bytes: u64,
    /// Movie fragments.
    pub fragments: u64,
    /// Samples decrypted, by track.
    pub samples: BTreeMap<u32, u64>,
}

/// Opens a stream that lies in one file or in many: an init segment, then fragments.
#[derive(Debug)]
pub struct Decryptor<'k> {
    keys: &'k Keyring,
    movie: Option<Movie>,
    /// What was done so far.
    pub done: Summary,
}

impl<'k> Decryptor<'k> {
    /// Opens with these keys.
    pub fn new(keys: &'k Keyring) -> Self {
        Self { keys, movie: None, done: Summary::default() }
    }

    /// Copies the next file of the stream to `sink`, decrypted. Needs as much memory as the largest
    /// header or sample. `progress` is told of bytes that were written.
    ///
    /// # Errors
    /// [`DecryptError`]; what was written until then is of no use.
    pub fn decrypt<S: ReadAt + ?Sized>(
        &mut self,
        source: &S,
        sink: &mut impl Write,
        progress: impl FnMut(u64),
    ) -> Result<(), DecryptError> {
        let done = &mut self.done;
        let mut walk = Walk { source, sink, progress, buffer: Vec::new(), at: 0, done };
        let (mut pending, mut looked) = (Pending::default(), false);
        while let Some((header, size)) = walk.header()? {
            match &header.kind.0 {
                b"moov" => {
                    walk.load(header.kind, size)?;
                    let described = walk.movie(&mut self.movie)?;
                    if !looked {
                        pending.add(described);
                    }
                    strip(&mut walk.buffer)?;
                    walk.store()?;
                }
                b"moof" => {
                    walk.load(header.kind, size)?;
                    let movie = self.movie.as_ref().ok_or(ReadError::NoMovie)?;
                    pending.add(Locked::parse(&walk.buffer, walk.at, movie)?);
                    strip(&mut walk.buffer)?;
                    walk.done.fragments += 1;
                    walk.store()?;
                }
                _ => {
                    // The movie header may lie behind the samples that it describes.
                    if &header.kind.0 == b"mdat" && self.movie.is_none() && !looked {
                        looked = true;
                        pending.add(walk.look_ahead(&mut self.movie)?);
                    }
                    walk.copy(walk.at + size, &mut pending, self.keys)?;
                }
            }
        }
        match pending.first() {
            None => Ok(()),
            Some((sample, _)) => Err(refused(sample.track, "a sample lies where no box has data")),
        }
    }
}

fn refused(track: u32, rule: &'static str) -> DecryptError {
    ReadError::Fragment { track, rule }.into()
}

struct Walk<'s, S: ?Sized, W, P> {
    source: &'s S,
    sink: &'s mut W,
    progress: P,
    buffer: Vec<u8>,
    /// How much of the source is done, in bytes.
    at: u64,
    done: &'s mut Summary,
}

impl<S: ReadAt + ?Sized, W: Write, P: FnMut(u64)> Walk<'_, S, W, P> {
    /// The header of the next box, and its size in the file.
    fn header(&self) -> Result<Option<(BoxHeader, u64)>, DecryptError> {
        let (offset, length) = (self.at, self.source.len());
        if offset == length {
            return Ok(None);
        }
        let mut bytes = [0; BoxHeader::MAX_LEN];
        let room = (length - offset).min(bytes.len() as u64) as usize;
        self.source.read_exact_at(offset, &mut bytes[..room]).map_err(ReadError::Io)?;
        let header = BoxHeader::parse(&bytes[..room])?;
        if offset == 0 && !is_mp4(&bytes[..room]) {
            return Err(ReadError::NotMp4.into());
        }
        let size = header.size.unwrap_or(length - offset);
        if size > length - offset {
            return Err(BoxError::new(header.kind, Rule::PastEndOfFile).into());
        }
        Ok(Some((header, size)))
    }

    /// Reads a whole box into the buffer.
    fn load(&mut self, kind: FourCc, size: u64) -> Result<(), DecryptError> {
        if size > MAX_HEADER {
            return Err(BoxError::new(kind, Rule::TooLarge(MAX_HEADER)).into());
        }
        self.fill(size)
    }

    /// Reads the movie header in the buffer, and what it says of samples outside of fragments.
    fn movie(&self, movie: &mut Option<Movie>) -> Result<Locked, DecryptError> {
        let read = movie.insert(Movie::parse(&self.buffer)?);
        Ok(Locked::of_movie(&self.buffer, read, self.source)?)
    }

    /// Reads the movie header of the file, wherever it lies; none = the file goes on with one before.
    fn look_ahead(&mut self, movie: &mut Option<Movie>) -> Result<Locked, DecryptError> {
        let Ok(found) = scan(self.source) else { return Ok(Locked::default()) };
        self.buffer = found.moov;
        self.movie(movie)
    }

    fn fill(&mut self, size: u64) -> Result<(), DecryptError> {
        self.buffer.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
        Ok(self.source.read_exact_at(self.at, &mut self.buffer).map_err(ReadError::Io)?)
    }

    /// Writes the buffer.
    fn store(&mut self) -> Result<(), DecryptError> {
        self.sink.write_all(&self.buffer).map_err(DecryptError::Write)?;
        let bytes = self.buffer.len() as u64;
        self.at += bytes;
        self.done.bytes += bytes;
        (self.progress)(bytes);
        Ok(())
    }

    /// Copies up to `end`; of what lies there, locked samples are opened and forgotten. Headers may
    /// describe samples that lie behind other headers, but none that were copied before.
    fn copy(
        &mut self,
        end: u64,
        pending: &mut Pending,
        keys: &Keyring,
    ) -> Result<(), DecryptError> {
        while let Some((sample, subsamples)) =
            pending.first().filter(|(sample, _)| sample.offset < end)
        {
            let track = sample.track;
            if sample.offset < self.at {
                return Err(refused(track, "a sample lies before its header or in another sample"));
            }
            self.copy_clear(sample.offset)?;
            if sample.offset.saturating_add(sample.size.into()) > end || sample.size > MAX_SAMPLE {
                return Err(refused(track, "a sample reaches over the end of its box"));
            }
            self.fill(sample.size.into())?;
            let kid = sample.lock.kid;
            let key = keys.get(kid).ok_or(DecryptError::NoKey { track, kid })?;
            if !open(&sample.lock, key, &mut self.buffer, subsamples) {
                let rule = "the subsamples of a sample are larger than the sample";
                return Err(refused(track, rule));
            }
            self.store()?;
            *self.done.samples.entry(track).or_default() += 1;
            pending.opened();
        }
        self.copy_clear(end)
    }

    fn copy_clear(&mut self, end: u64) -> Result<(), DecryptError> {
        while self.at < end {
            self.fill((end - self.at).min(PIECE))?;
            self.store()?;
        }
        Ok(())
    }
}
