//! A folder of roots and credentials: `trust.json` and the files that it names, read and written.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use crate::license::trust::{Files, Trust, TrustError};
use crate::policy::Secret;
use crate::store::private::{Draft, make_dir};

pub use crate::license::trust::TRUST_FILE;

/// Longer files are refused; a key has a few kilobytes, a long list of models some hundred.
const MAX_FILE: u64 = 1 << 20;

/// Reads the folder.
///
/// # Errors
/// [`TrustError`] for files that cannot be read or lie elsewhere, and for the rules of the document.
pub fn load(dir: &Path) -> Result<Trust, TrustError> {
    let files = Folder(dir);
    Trust::read(files.read(TRUST_FILE)?.expose(), &files)
}

/// Writes files into the folder, in their order, each whole or not at all and readable by the owner
/// alone. Names are relative to the folder.
///
/// # Errors
/// What the operating system says.
pub fn write<'f>(
    dir: &Path,
    files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
) -> io::Result<()> {
    for (name, content) in files {
        let path = dir.join(name);
        make_dir(path.parent().unwrap_or(dir))?;
        let mut draft = Draft::beside(&path)?;
        draft.write(content)?;
        draft.replace(&path)?;
    }
    Ok(())
}

struct Folder<'a>(&'a Path);

impl Files for Folder<'_> {
    fn read(&self, name: &str) -> Result<Secret, TrustError> {
        let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || name.is_empty() {
            return Err(TrustError::new(
                name,
                "files lie in the folder: a relative path is expected",
            ));
        }
        let path = self.0.join(name);
        let failed =
            |error: std::io::Error| TrustError::new(path.display().to_string(), error.to_string());
        let mut content = Vec::new();
        let file = File::open(&path).map_err(failed)?;
        file.take(MAX_FILE + 1).read_to_end(&mut content).map_err(failed)?;
        let content = Secret::from_bytes(content);
        if content.expose().len() as u64 > MAX_FILE {
            return Err(TrustError::new(name, format!("more than {MAX_FILE} bytes")));
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_outside_the_folder_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("inside"), "x").unwrap();
        let files = Folder(dir.path());
        assert_eq!(files.read("inside").unwrap().expose(), b"x");
        let absolute = dir.path().join("inside");
        for name in ["../inside", "/etc/hostname", "a/../inside", "", absolute.to_str().unwrap()] {
            assert!(files.read(name).is_err(), "{name}");
        }
    }
}
