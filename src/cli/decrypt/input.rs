//! What is decrypted: files, addresses, and what playlists list.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::bytes::ReadAt;
use crate::cli::CliError;
use crate::cli::place::Place;
use crate::inspect::{Kind, kind};
use crate::package::hls::read::{Key, Part, parts};
use crate::store::files::LocalFile;

/// A longer segment is not decrypted as a whole, in bytes.
const MAX_SEGMENT: u64 = 1 << 30;

/// What all pieces of a presentation may take together, in bytes: about a million of them.
const MAX_LISTED: usize = 256 << 20;

/// What is left for the pieces of all tracks together: in few bytes, a manifest can list very many.
#[derive(Debug)]
pub(super) struct Budget(usize);

/// A part of the stream that is decrypted next.
#[derive(Debug)]
pub(super) struct Piece {
    place: Place,
    bytes: Option<Range<u64>>,
    /// What a playlist says that it is encrypted with.
    pub(super) key: Option<Key>,
    /// Whether a playlist lists it.
    pub(super) is_listed: bool,
    /// What was there when it was looked at, if it is an address.
    fetched: Option<Vec<u8>>,
}

/// The bytes of a piece.
#[derive(Debug)]
pub(super) enum Media {
    File { file: LocalFile, bytes: Range<u64> },
    Memory(Vec<u8>),
}

/// What stands for an input whose first bytes, or all of a manifest, are `data`: itself, or the parts
/// of the playlist that it is.
pub(super) fn pieces_of(
    place: &Place,
    data: Vec<u8>,
    budget: &mut Budget,
) -> Result<Vec<Piece>, CliError> {
    if kind(&data) != Some(Kind::Playlist) {
        let fetched = matches!(place, Place::Address(_)).then_some(data);
        let place = place.clone();
        return Ok(vec![Piece { place, bytes: None, key: None, is_listed: false, fetched }]);
    }
    let refuse = |error: &dyn fmt::Display| CliError::refused(format_args!("{place}: {error}"));
    let text = String::from_utf8(data).map_err(|_| refuse(&"this is not UTF-8"))?;
    let parts = parts(&text).map_err(|error| refuse(&error))?;
    // The addresses of keys are of it.
    budget.spend(text.len())?;
    let piece = |part: Part| budget.piece(place.resolve(&part.uri)?, part.bytes, part.key);
    parts.into_iter().map(piece).collect()
}

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_LISTED)
    }
}

impl Budget {
    /// A part that a manifest lists.
    pub(super) fn piece(
        &mut self,
        place: Place,
        bytes: Option<Range<u64>>,
        key: Option<Key>,
    ) -> Result<Piece, CliError> {
        self.spend(size_of::<Piece>() + place.name_len())?;
        Ok(Piece { place, bytes, key, is_listed: true, fetched: None })
    }

    fn spend(&mut self, bytes: usize) -> Result<(), CliError> {
        let refuse = || CliError::refused("it lists more segments than are kept in memory");
        self.0 = self.0.checked_sub(bytes).ok_or_else(refuse)?;
        Ok(())
    }
}

impl Piece {
    /// The file that it is of.
    pub(super) fn file(&self) -> Option<&Path> {
        self.place.file()
    }

    /// Opens the file, or fetches what is at the address.
    pub(super) async fn load(&mut self) -> Result<Media, CliError> {
        let media = match (&self.place, self.fetched.take()) {
            (_, Some(data)) => Media::Memory(data),
            (Place::Address(_), None) => {
                let bytes = self.bytes.clone();
                return self.place.read(bytes, MAX_SEGMENT).await.map(Media::Memory);
            }
            (Place::File { path, .. }, None) => {
                let file = LocalFile::open(path).map_err(|error| CliError::file(path, &error))?;
                Media::File { bytes: 0..file.len(), file }
            }
        };
        let part = match self.bytes.clone() {
            Some(bytes) => media.part(bytes),
            None => Some(media),
        };
        part.ok_or_else(|| CliError::refused(format_args!("{self}: the byte range lies outside")))
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}

impl Media {
    /// Some of the bytes; `None` when they are not there.
    fn part(self, bytes: Range<u64>) -> Option<Self> {
        if bytes.start > bytes.end || bytes.end > self.len() {
            return None;
        }
        Some(match self {
            Self::File { file, .. } => Self::File { file, bytes },
            Self::Memory(mut data) => {
                data.truncate(bytes.end as usize);
                Self::Memory(data.split_off(bytes.start as usize))
            }
        })
    }

    /// All bytes, in memory.
    pub(super) fn into_vec(self) -> io::Result<Vec<u8>> {
        let (file, bytes) = match self {
            Self::Memory(data) => return Ok(data),
            Self::File { file, bytes } => (file, bytes),
        };
        let length = bytes.end - bytes.start;
        if length > MAX_SEGMENT {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the segment is over 1 GiB"));
        }
        let mut data = vec![0; length as usize];
        file.read_exact_at(bytes.start, &mut data)?;
        Ok(data)
    }
}

impl ReadAt for Media {
    fn len(&self) -> u64 {
        match self {
            Self::File { bytes, .. } => bytes.end - bytes.start,
            Self::Memory(data) => data.len() as u64,
        }
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Memory(data) => data.as_slice().read_exact_at(offset, buffer),
            Self::File { file, bytes } => {
                let past = offset.checked_add(buffer.len() as u64);
                if past.is_none_or(|past| past > bytes.end - bytes.start) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                file.read_exact_at(bytes.start + offset, buffer)
            }
        }
    }
}

#[cfg(test)]
impl Budget {
    /// Of so many pieces with names of at most 100 bytes.
    pub(super) fn of(pieces: usize) -> Self {
        Self(pieces * (size_of::<Piece>() + 100))
    }
}
