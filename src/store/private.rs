//! Files that only their owner may use: new ones under names that nobody can foresee, and old ones
//! that were made with a wider mode.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::random;

const OWNER_ONLY: u32 = 0o600;
/// What the user mask leaves of it.
const EVERYBODY: u32 = 0o666;
const OTHERS: u32 = 0o077;
/// Everything that a mode may grant to others except reading by the group.
const BEYOND_GROUP_READ: u32 = 0o037;
/// More names in a row are taken by intent only.
const ATTEMPTS: usize = 8;

/// Creates a folder, and those above it, that only the owner may enter.
///
/// # Errors
/// What the operating system says.
pub fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A file without its final name; removed when dropped.
#[derive(Debug)]
pub struct Draft {
    file: File,
    name: Unnamed,
}

/// A complete file without its final name; removed when dropped.
#[derive(Debug)]
pub struct Unnamed(PathBuf);

impl Draft {
    /// Makes an empty file beside `path`. What lies there under the chosen name, a link too, is
    /// never opened.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn beside(path: &Path) -> io::Result<Self> {
        Self::beside_with(path, OWNER_ONLY)
    }

    /// As [`Self::beside`], of a file that others may read: what is made to be served.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn public_beside(path: &Path) -> io::Result<Self> {
        Self::beside_with(path, EVERYBODY)
    }

    fn beside_with(path: &Path, mode: u32) -> io::Result<Self> {
        Self::under(mode, || {
            let suffix = random::bytes::<8>().map_err(io::Error::other)?;
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}.part", HEXLOWER.encode(&*suffix)));
            Ok(path.with_file_name(name))
        })
    }

    fn under(mode: u32, mut name: impl FnMut() -> io::Result<PathBuf>) -> io::Result<Self> {
        let mut attempts = 0;
        loop {
            let path = name()?;
            let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
            attempts += 1;
            match opened {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && attempts < ATTEMPTS => {}
                opened => return opened.map(|file| Self { file, name: Unnamed(path) }),
            }
        }
    }

    /// Writes the content and waits until it is on disk.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.file.sync_all()
    }

    /// The open file, for content that comes in pieces.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// The same, for content that is written at positions.
    pub fn shared(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, in place of what has it.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn replace(&self, path: &Path) -> io::Result<()> {
        self.name.replace(path)
    }

    /// Closes the file, which gets its name when others are complete too.
    pub fn close(self) -> Unnamed {
        self.name
    }

    /// Gives the file its name unless it is taken.
    ///
    /// # Errors
    /// `AlreadyExists`, or what the operating system says.
    pub fn claim(self, path: &Path) -> io::Result<()> {
        fs::hard_link(&self.name.0, path)
    }
}

impl Unnamed {
    /// As [`Draft::replace`].
    ///
    /// # Errors
    /// What the operating system says.
    pub fn replace(&self, path: &Path) -> io::Result<()> {
        fs::rename(&self.0, path)
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        // Gone already when it was renamed.
        let _ = fs::remove_file(&self.0);
    }
}

/// Takes the file, if there is one, from everybody but its owner. A file of another owner that the
/// group may only read stays: somebody gave it to us that way.
///
/// Works on the path: closing a second descriptor would end SQLite's locks on the file.
///
/// # Errors
/// The file is open to others and its mode cannot be changed.
pub(super) fn tighten(path: &Path) -> io::Result<()> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & OTHERS == 0 {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY)) {
        Ok(()) => tracing::warn!(?path, mode = format!("{mode:o}"), "was open to others"),
        Err(_) if mode & BEYOND_GROUP_READ == 0 => {}
        Err(error) => {
            let rule = format!(
                "is open to others (mode {mode:o}) and cannot be closed to them ({error}); only \
                 the user of this process may have access"
            );
            return Err(io::Error::new(error.kind(), rule));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_name_that_is_taken_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("victim"), "kept").unwrap();
        symlink(at("victim"), at("trap")).unwrap();
        let mut names = ["trap", "free"].into_iter();
        let mut draft = Draft::under(OWNER_ONLY, || Ok(at(names.next().unwrap()))).unwrap();
        draft.write(b"secret").unwrap();
        assert_eq!(fs::read(at("victim")).unwrap(), b"kept");
        assert_eq!(fs::read(at("free")).unwrap(), b"secret");
        drop(draft);
        assert!(!at("free").exists());
        let always = Draft::under(OWNER_ONLY, || Ok(at("trap"))).unwrap_err();
        assert_eq!(always.kind(), ErrorKind::AlreadyExists);
    }

    #[test]
    fn drafts_of_one_file_have_names_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        let (one, other) = (Draft::beside(&path).unwrap(), Draft::beside(&path).unwrap());
        assert_ne!(one.name.0, other.name.0);
        let mode = one.file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, OWNER_ONLY);
        one.claim(&path).unwrap();
        let taken = other.claim(&path).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
