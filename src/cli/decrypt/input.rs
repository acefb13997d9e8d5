//! What is decrypted: files, addresses, and what playlists list.

use std::fmt;
use std::io;
use std::ops::Range;

use crate::bytes::ReadAt;
use crate::cli::CliError;
use crate::cli::fetch::fetch;
use crate::cli::place::Place;
use crate::package::hls::read::{Key, Part, parts};
use crate::store::files::LocalFile;

/// A longer segment is not decrypted as a whole, in bytes.
const MAX_SEGMENT: u64 = 1 << 30;

const PLAYLIST_START: &[u8] = b"#EXTM3U";

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

/// What stands for an input: itself, or the parts of the playlist that it is.
pub(super) async fn pieces(input: &str) -> Result<Vec<Piece>, CliError> {
    let place = Place::of(input)?;
    let data = place.look().await?;
    if !data.starts_with(PLAYLIST_START) {
        let fetched = matches!(place, Place::Address(_)).then_some(data);
        return Ok(vec![Piece { place, bytes: None, key: None, is_listed: false, fetched }]);
    }
    let refuse = |error: &dyn fmt::Display| CliError::refused(format_args!("{place}: {error}"));
    let text = String::from_utf8(data).map_err(|_| refuse(&"this is not UTF-8"))?;
    let parts = parts(&text).map_err(|error| refuse(&error))?;
    let piece = |part: Part| {
        let place = place.resolve(&part.uri)?;
        Ok(Piece { place, bytes: part.bytes, key: part.key, is_listed: true, fetched: None })
    };
    parts.into_iter().map(piece).collect()
}

impl Piece {
    /// Opens the file, or fetches what is at the address.
    pub(super) async fn load(&mut self) -> Result<Media, CliError> {
        let media = match (&self.place, self.fetched.take()) {
            (_, Some(data)) => Media::Memory(data),
            (Place::Address(url), None) => Media::Memory(fetch(url.as_str()).await?),
            (Place::File(path), None) => {
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
