//! Where the bytes of a rendition come from: one file, many that are read as one, or an object.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::cloud::ObjectFile;
use super::files::{FileVersion, LocalFile};
use crate::bytes::ReadAt;
use crate::crypto::storage::FileCipher;
use crate::keys::StorageEncryption;

/// Files of one source that are open at a time: readers move from one segment to the next.
const OPEN_PARTS: usize = 4;

/// One file or several, read at positions, with the versions they had when they were opened.
#[derive(Debug)]
pub struct MediaSource {
    parts: Parts,
    versions: Arc<[FileVersion]>,
}

#[derive(Debug)]
enum Parts {
    One(LocalFile),
    Many(Joined),
    Object(ObjectFile),
}

impl MediaSource {
    /// A single file.
    pub fn of_file(file: LocalFile) -> Self {
        Self { versions: [file.version()].into(), parts: Parts::One(file) }
    }

    /// An object of an object store.
    pub fn of_object(object: ObjectFile) -> Self {
        Self { versions: [object.version()].into(), parts: Parts::Object(object) }
    }

    /// Opens a file, or looks at several that are opened when they are needed. `encryption` says
    /// which are stored encrypted: they are read as what they are without.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(paths: &[PathBuf], encryption: Option<&StorageEncryption>) -> io::Result<Self> {
        match paths {
            [only] => {
                let file = LocalFile::open(only)?.decrypted_by(cipher_of(only, encryption));
                Ok(Self::of_file(file))
            }
            many => {
                let look = |path: &PathBuf| FileVersion::at(path);
                let versions: Arc<[FileVersion]> =
                    many.iter().map(look).collect::<io::Result<_>>()?;
                let joined = Joined::new(many, &versions, encryption);
                Ok(Self { parts: Parts::Many(joined), versions })
            }
        }
    }

    /// The versions of its files, in order.
    pub fn versions(&self) -> &Arc<[FileVersion]> {
        &self.versions
    }

    /// Memory of the source in bytes, for caches.
    pub fn heap_size(&self) -> usize {
        let parts = match &self.parts {
            Parts::One(_) => FileCipher::SIZE,
            Parts::Many(joined) => joined.parts.iter().map(Part::heap_size).sum(),
            // Blocks are held for all objects together.
            Parts::Object(_) => 0,
        };
        size_of::<Self>() + size_of_val(&*self.versions) + parts
    }

    /// Fails when what was read may be of another version than it was opened with.
    ///
    /// # Errors
    /// `InvalidData` when it has changed.
    pub fn check_unchanged(&self) -> io::Result<()> {
        match &self.parts {
            Parts::One(file) => file.check_unchanged(),
            // Every read has looked at its file, or named the version that it wants.
            Parts::Many(_) | Parts::Object(_) => Ok(()),
        }
    }

    /// Like [`ReadAt::read_exact_at`], but only from the page cache.
    ///
    /// # Errors
    /// `WouldBlock` when a byte would have to come from the disk or from a store, or a file has to be
    /// opened.
    pub fn read_cached_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match &self.parts {
            Parts::One(file) => file.read_cached_at(offset, buffer),
            Parts::Object(_) => Err(io::ErrorKind::WouldBlock.into()),
            Parts::Many(joined) => {
                joined.read(offset, buffer, Joined::opened, LocalFile::read_cached_at)
            }
        }
    }
}

impl ReadAt for MediaSource {
    fn len(&self) -> u64 {
        match &self.parts {
            Parts::One(file) => file.len(),
            Parts::Many(joined) => joined.length,
            Parts::Object(object) => object.len(),
        }
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match &self.parts {
            Parts::One(file) => file.read_exact_at(offset, buffer),
            Parts::Object(object) => object.read_exact_at(offset, buffer),
            Parts::Many(joined) => {
                joined.read(offset, buffer, Joined::open, LocalFile::read_exact_at)
            }
        }
    }
}

/// A file among many.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    version: FileVersion,
    cipher: Option<FileCipher>,
    /// Where it starts.
    start: u64,
}

impl Part {
    fn heap_size(&self) -> usize {
        let cipher = if self.cipher.is_some() { FileCipher::SIZE } else { 0 };
        size_of::<Self>() + self.path.as_os_str().len() + cipher
    }
}

/// Files one behind the other, of which few are open.
#[derive(Debug)]
struct Joined {
    parts: Box<[Part]>,
    length: u64,
    /// The parts in use, the one used last at the end.
    open: Mutex<VecDeque<(usize, Arc<LocalFile>)>>,
}

impl Joined {
    fn new(
        paths: &[PathBuf],
        versions: &[FileVersion],
        encryption: Option<&StorageEncryption>,
    ) -> Self {
        let mut length = 0_u64;
        let mut part = |(path, version): (&PathBuf, &FileVersion)| {
            let start = length;
            length = length.saturating_add(version.length);
            let cipher = cipher_of(path, encryption);
            Part { path: path.clone(), version: *version, cipher, start }
        };
        let parts = paths.iter().zip(versions).map(&mut part).collect();
        Self { parts, length, open: Mutex::default() }
    }

    /// Reads a range part by part. After each read the file is looked at: what was read before
    /// belongs to the version that is known.
    fn read(
        &self,
        mut offset: u64,
        mut buffer: &mut [u8],
        file: impl Fn(&Self, usize) -> io::Result<Arc<LocalFile>>,
        read: impl Fn(&LocalFile, u64, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut n = self.parts.partition_point(|part| part.start <= offset).saturating_sub(1);
        while !buffer.is_empty() {
            let part = self.parts.get(n).ok_or(io::ErrorKind::UnexpectedEof)?;
            let at = offset - part.start;
            let left = part.version.length.saturating_sub(at);
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let (head, rest) = buffer.split_at_mut(count);
            if count > 0 {
                let file = file(self, n)?;
                read(&file, at, head)?;
                file.check_unchanged()?;
            }
            buffer = rest;
            offset += count as u64;
            n += 1;
        }
        Ok(())
    }

    /// A part that is open already.
    fn opened(&self, n: usize) -> io::Result<Arc<LocalFile>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let at =
            open.iter().position(|(number, _)| *number == n).ok_or(io::ErrorKind::WouldBlock)?;
        let used = open.remove(at).ok_or(io::ErrorKind::WouldBlock)?;
        let file = Arc::clone(&used.1);
        open.push_back(used);
        Ok(file)
    }

    /// A part, opened if need be in the place of the one that was not used for longest.
    fn open(&self, n: usize) -> io::Result<Arc<LocalFile>> {
        if let Ok(file) = self.opened(n) {
            return Ok(file);
        }
        let part = self.parts.get(n).ok_or(io::ErrorKind::UnexpectedEof)?;
        let file = open_version(&part.path, part.version)?.decrypted_by(part.cipher.clone());
        let file = Arc::new(file);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_PARTS {
            open.pop_front();
        }
        open.push_back((n, Arc::clone(&file)));
        Ok(file)
    }
}

/// The cipher of a stored file, if it is encrypted.
pub fn cipher_of(path: &Path, encryption: Option<&StorageEncryption>) -> Option<FileCipher> {
    encryption?.cipher(path.file_name()?.to_str()?)
}

fn open_version(path: &Path, version: FileVersion) -> io::Result<LocalFile> {
    let file = LocalFile::open(path)?;
    if file.version() == version {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the file changed before it was read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(dir: &Path, contents: &[&[u8]]) -> Vec<PathBuf> {
        let write = |(n, content): (usize, &&[u8])| {
            let path = dir.join(n.to_string());
            std::fs::write(&path, content).unwrap();
            path
        };
        contents.iter().enumerate().map(write).collect()
    }

    #[test]
    fn many_files_read_as_one_with_few_of_them_open() {
        let dir = tempfile::tempdir().unwrap();
        let contents: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![n; usize::from(n % 3)]).collect();
        let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
        let source = MediaSource::open(&parts(dir.path(), &slices), None).unwrap();
        let all = contents.concat();
        assert_eq!(source.len(), all.len() as u64);
        for start in 0..all.len() {
            for end in start..=all.len() {
                let mut buffer = vec![0; end - start];
                source.read_exact_at(start as u64, &mut buffer).unwrap();
                assert_eq!(buffer, all[start..end]);
            }
        }
        let Parts::Many(joined) = &source.parts else { panic!("one file") };
        assert!(joined.open.lock().unwrap().len() <= OPEN_PARTS);
        let beyond = source.read_exact_at(all.len() as u64 - 1, &mut [0; 2]).unwrap_err();
        assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn every_part_is_weighed() {
        let dir = tempfile::tempdir().unwrap();
        let contents: Vec<&[u8]> = vec![b"x"; 100];
        let paths = parts(dir.path(), &contents);
        let weight = |paths: &[PathBuf]| MediaSource::open(paths, None).unwrap().heap_size();
        let each = (weight(&paths) - weight(&paths[..2])) / 98;
        let least = size_of::<Part>() + size_of::<FileVersion>() + dir.path().as_os_str().len();
        assert!(each >= least, "{each} bytes of {least}");
    }

    #[test]
    fn a_part_that_was_written_anew_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let paths = parts(dir.path(), &[b"one", b"two"]);
        let source = MediaSource::open(&paths, None).unwrap();
        let mut buffer = [0; 6];
        let cached = source.read_cached_at(0, &mut buffer).unwrap_err();
        assert_eq!(cached.kind(), io::ErrorKind::WouldBlock, "nothing is open yet");
        source.read_exact_at(0, &mut buffer).unwrap();
        assert_eq!(&buffer, b"onetwo");
        for path in &paths {
            std::fs::write(path, "other").unwrap();
            let refused = source.read_exact_at(0, &mut buffer).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
            std::fs::remove_file(path).unwrap();
        }
    }
}
