//! Local media files: positioned reads on an open descriptor, and the version of a file.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::ReadWriteFlags;

use crate::bytes::ReadAt;
use crate::crypto::storage::FileCipher;

/// What opening a link says when links are not followed.
const LOOP: rustix::io::Errno = rustix::io::Errno::LOOP;

/// What tells one content of a path from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileVersion {
    /// Length in bytes.
    pub length: u64,
    /// Modification time: seconds and nanoseconds since the epoch.
    modified: (i64, i64),
    /// Change time alike: it cannot be set back, as copying tools do with the other.
    changed: (i64, i64),
    /// Device and inode: a file that is renamed over another is another file.
    node: (u64, u64),
}

impl FileVersion {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            node: (metadata.dev(), metadata.ino()),
        }
    }

    /// The version of an object in an object store, by the tag that tells its contents apart.
    pub(super) fn of_object(length: u64, modified: (i64, u32), tag: &str) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, tag.as_bytes());
        let half = |n: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&digest.as_ref()[8 * n..8 * n + 8]);
            u64::from_be_bytes(bytes)
        };
        let modified = (modified.0, i64::from(modified.1));
        Self { length, modified, changed: modified, node: (half(0), half(1)) }
    }

    /// The version of what lies at `path` now.
    ///
    /// # Errors
    /// The path is not there or cannot be looked at.
    pub fn at(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::of(&metadata))
    }

    /// Length and modification time as bytes, for files that are sent as they are: the same on every
    /// instance that sees the storage.
    pub fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.length.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.modified.0.to_be_bytes());
        bytes[16..].copy_from_slice(&self.modified.1.to_be_bytes());
        bytes
    }
}

/// An open file and the version it had when it was opened.
#[derive(Debug)]
pub struct LocalFile {
    file: File,
    version: FileVersion,
    cipher: Option<FileCipher>,
}

impl LocalFile {
    /// Opens a regular file; a named pipe or a device is refused without waiting for it.
    ///
    /// # Errors
    /// What the operating system says, or `InvalidInput` for what is no regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OFlags::NONBLOCK)
    }

    /// Like [`Self::open`], but a link in the place of the file is refused.
    ///
    /// # Errors
    /// As [`Self::open`]; `InvalidInput` for a link too.
    pub fn open_no_link(path: &Path) -> io::Result<Self> {
        let is_link = |error: &io::Error| rustix::io::Errno::from_io_error(error) == Some(LOOP);
        Self::open_with(path, OFlags::NONBLOCK | OFlags::NOFOLLOW).map_err(|error| {
            if is_link(&error) { io::ErrorKind::InvalidInput.into() } else { error }
        })
    }

    fn open_with(path: &Path, flags: OFlags) -> io::Result<Self> {
        let flags = flags.bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Self { version: FileVersion::of(&metadata), file, cipher: None })
    }

    /// Decrypts what is read from now on; without a cipher the file is read as it is.
    pub fn decrypted_by(self, cipher: Option<FileCipher>) -> Self {
        Self { cipher, ..self }
    }

    fn decrypt(&self, offset: u64, data: &mut [u8]) {
        if let Some(cipher) = &self.cipher {
            cipher.apply(offset, data);
        }
    }

    /// The version when it was opened.
    pub fn version(&self) -> FileVersion {
        self.version
    }

    /// Fails when the file has changed since it was opened: bytes of two versions must not mix.
    ///
    /// # Errors
    /// `InvalidData` when it has changed.
    pub fn check_unchanged(&self) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        let mut now = FileVersion::of(&metadata);
        if metadata.nlink() == 0 {
            // Another file took its name, which counts as a change of this one, but its bytes stay.
            now.changed = self.version.changed;
        }
        if now == self.version {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "the file changed while it was read"))
    }

    /// Like [`ReadAt::read_exact_at`], but only from the page cache.
    ///
    /// # Errors
    /// `WouldBlock` when a byte would have to come from the disk.
    pub fn read_cached_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.fill_cached(offset, buffer)?;
        self.decrypt(offset, buffer);
        Ok(())
    }

    fn fill_cached(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let mut slices = [IoSliceMut::new(buffer)];
            let flags = ReadWriteFlags::NOWAIT;
            match rustix::io::preadv2(&self.file, &mut slices, offset, flags) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    buffer = &mut buffer[count..];
                    offset += count as u64;
                }
                Err(rustix::io::Errno::INTR) => {}
                // Not every file system can tell; the caller then reads in its own time.
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::INVAL) => {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl ReadAt for LocalFile {
    fn len(&self) -> u64 {
        self.version.length
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)?;
        self.decrypt(offset, buffer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, b"one").unwrap();
        let file = LocalFile::open(&path).unwrap();
        file.check_unchanged().unwrap();
        let mut buffer = [0; 3];
        match file.read_cached_at(0, &mut buffer) {
            Ok(()) => assert_eq!(&buffer, b"one"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        std::fs::write(&path, b"three").unwrap();
        assert_eq!(file.check_unchanged().unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_ne!(FileVersion::at(&path).unwrap(), file.version());
    }

    #[test]
    fn a_file_whose_name_another_takes_stays_readable() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::write(&path, b"one").unwrap();
        std::fs::write(&other, b"two").unwrap();
        let file = LocalFile::open(&path).unwrap();
        std::fs::rename(&other, &path).unwrap();
        file.check_unchanged().unwrap();
        assert_ne!(FileVersion::at(&path).unwrap(), file.version());
    }

    #[test]
    fn only_regular_files_open() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::fs::write(&file, b"x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        LocalFile::open_no_link(&file).unwrap();
        let refused = LocalFile::open_no_link(&link).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        let refused = LocalFile::open(dir.path()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }
}
