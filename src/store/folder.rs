//! What lies in the folder of an asset: media files, and perhaps a server manifest.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// Files that are taken for media; everything else in a folder is left alone.
const MEDIA_EXTENSIONS: &[&str] = &["mp4", "m4v", "m4a", "mov", "ismv", "isma", "cmfv", "cmfa"];

const SERVER_MANIFEST_EXTENSION: &[&str] = &["ism"];

/// Whether the name is that of a media file.
pub fn is_media(path: &Path) -> bool {
    has_extension(path, MEDIA_EXTENSIONS)
}

/// The regular files of a folder that matter, each list by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Media files.
    pub media: Vec<PathBuf>,
    /// Server manifests; more than one is a mistake.
    pub manifests: Vec<PathBuf>,
}

impl Folder {
    /// Lists a folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn read(dir: &Path) -> io::Result<Self> {
        let mut folder = Self::default();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if is_media(&path) && path.is_file() {
                folder.media.push(path);
            } else if has_extension(&path, SERVER_MANIFEST_EXTENSION) && path.is_file() {
                folder.manifests.push(path);
            }
        }
        folder.media.sort();
        folder.manifests.sort();
        Ok(folder)
    }

    /// The stem of the only server manifest: what stands before `.ism` in URLs. Without one, or
    /// with several, the name of the asset stands there.
    pub fn manifest_stem(&self) -> Option<&str> {
        match self.manifests.as_slice() {
            [only] => only.file_stem().and_then(OsStr::to_str),
            _ => None,
        }
    }
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    extensions.iter().any(|known| known.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_and_manifests_are_told_from_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.MP4", "a.m4a", "c.ismv", "film.ism", "notes.txt", "film.ismc"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        std::fs::create_dir(dir.path().join("folder.mp4")).unwrap();
        let folder = Folder::read(dir.path()).unwrap();
        assert_eq!(folder.media, ["a.m4a", "b.MP4", "c.ismv"].map(|name| dir.path().join(name)));
        assert_eq!(folder.manifest_stem(), Some("film"));
        std::fs::write(dir.path().join("other.ism"), "").unwrap();
        assert_eq!(Folder::read(dir.path()).unwrap().manifest_stem(), None);
    }
}
