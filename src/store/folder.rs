//! What lies in the folder of an asset: media, each in a file of its own or in an init segment with
//! many media segments, and perhaps a server manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::files::FileVersion;
use crate::media::segments::{self, Document, Group, MissingSegment};

/// Files that are taken for media; everything else in a folder is left alone.
const MEDIA_EXTENSIONS: &[&str] =
    &["mp4", "m4v", "m4a", "mov", "ismv", "isma", "ismt", "cmfv", "cmfa", "cmft"];

/// Files that may hold subtitles or captions.
const TEXT_EXTENSIONS: &[&str] = &["vtt", "webvtt", "srt", "ttml", "dfxp", "xml"];

const SERVER_MANIFEST_EXTENSION: &[&str] = &["ism"];

/// Manifests of other packagers, which say what segments belong together.
const DOCUMENT_EXTENSIONS: &[&str] = &["m3u8", "mpd"];

/// Larger manifests, in bytes, are not read.
const MAX_DOCUMENT: u64 = 4 << 20;

/// More manifests are refused.
const MAX_DOCUMENTS: usize = 64;

/// All manifests together may have no more bytes: they are held in memory at the same time.
const MAX_DOCUMENTS_SIZE: usize = 16 << 20;

/// Segments lie at most that many folders deep.
const MAX_DEPTH: usize = 3;

/// More files in one folder, and those in it, are refused: two weeks of two-second segments are
/// fewer.
const MAX_ENTRIES: usize = 600_000;

/// Whether the name is that of a media file.
pub fn is_media(path: &Path) -> bool {
    has_extension(path, MEDIA_EXTENSIONS)
}

/// Whether the name is that of a file of subtitles or captions.
pub fn is_text(path: &Path) -> bool {
    has_extension(path, TEXT_EXTENSIONS)
}

/// Whether a file or folder is one that is not looked at. Manifests of other packagers may name segments
/// in any way, so nothing is left out for its extension.
pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Why a folder cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Segments of another packager are not complete.
    #[error(transparent)]
    Segments(#[from] MissingSegment),
    /// There is more than is looked at; the text names the limit.
    #[error("limit: {0}")]
    Limit(&'static str),
}

/// Media of one or more tracks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Path of the first file below the folder, with `/` between its parts.
    pub name: String,
    /// One file, or an init segment and its media segments in order.
    pub files: Vec<PathBuf>,
    /// The language that a manifest beside it says it is in, as it is written there.
    pub language: Option<String>,
}

/// What matters of a folder, each list by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Media.
    pub media: Vec<Media>,
    /// Text files.
    pub text: Vec<PathBuf>,
    /// Server manifests; more than one is a mistake.
    pub manifests: Vec<PathBuf>,
    /// Folders in it that hold segments, and manifests of other packagers: a change of them may
    /// change which media there are. Their versions are those before they were read.
    pub watched: Vec<(PathBuf, FileVersion)>,
}

impl Folder {
    /// Lists a folder.
    ///
    /// # Errors
    /// The folder cannot be read, or a manifest in it names segments that are not there.
    pub fn read(dir: &Path) -> Result<Self, FolderError> {
        let mut listing = Listing::default();
        let folders = listing.add(dir, "")?;
        let manifests = listing.with_extension(SERVER_MANIFEST_EXTENSION);
        let here = listing.files.keys().cloned().collect::<BTreeSet<String>>();
        let whole = |name: &String| is_media(Path::new(name)) || is_segment(name);
        if !listing.documents().is_empty() || !here.iter().any(whole) {
            for folder in folders {
                listing.descend(dir, &folder, 1)?;
            }
        }
        let mut watched = Vec::new();
        for document in listing.documents() {
            let version = FileVersion::at(&document)?;
            watched.push((document, version));
        }
        let groups = listing.groups(&here)?;
        let listed: BTreeSet<&String> = groups.iter().flat_map(|group| &group.files).collect();
        let single = |name: &&String| is_media(Path::new(name)) && !listed.contains(name);
        let singles = here.iter().filter(single).map(|name| Group::of(vec![name.clone()]));
        let mut media: Vec<Media> = groups
            .iter()
            .cloned()
            .chain(singles)
            .filter_map(|group| listing.media(&group))
            .collect();
        media.sort_by(|a, b| a.name.cmp(&b.name));
        // Text that a manifest lists is in segments, which hold no whole track.
        let whole_text = |name: &&String| is_text(Path::new(name)) && !listed.contains(name);
        let text = here.iter().filter(whole_text).filter_map(|name| listing.files.get(name));
        let text = text.cloned().collect();
        watched.extend(listing.folders.into_iter().filter(|_| !groups.is_empty()));
        Ok(Self { media, text, manifests, watched })
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

/// The files of a folder and of folders in it.
#[derive(Default)]
struct Listing {
    /// Regular files by their paths below the folder.
    files: BTreeMap<String, PathBuf>,
    /// The folders in it that were looked into, as they were before.
    folders: Vec<(PathBuf, FileVersion)>,
}

impl Listing {
    /// Adds the files of one folder and gives the names of the folders in it. Names that are not
    /// Unicode cannot stand in manifests.
    fn add(&mut self, dir: &Path, prefix: &str) -> Result<Vec<String>, FolderError> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let path = entry.path();
            let Some(name) = path.file_name().and_then(OsStr::to_str) else { continue };
            let name = format!("{prefix}{name}");
            if is_hidden(&path) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(name);
            } else if path.is_file() {
                self.files.insert(name, path);
            }
            if self.files.len() > MAX_ENTRIES {
                return Err(FolderError::Limit("a folder has at most 600,000 files"));
            }
        }
        folders.sort();
        Ok(folders)
    }

    fn descend(&mut self, root: &Path, folder: &str, depth: usize) -> Result<(), FolderError> {
        let dir = root.join(folder);
        let version = FileVersion::at(&dir)?;
        let deeper = self.add(&dir, &format!("{folder}/"))?;
        self.folders.push((dir, version));
        if depth < MAX_DEPTH {
            for folder in deeper {
                self.descend(root, &folder, depth + 1)?;
            }
        }
        Ok(())
    }

    fn with_extension(&self, extensions: &[&str]) -> Vec<PathBuf> {
        self.files.values().filter(|path| has_extension(path, extensions)).cloned().collect()
    }

    fn documents(&self) -> Vec<PathBuf> {
        self.with_extension(DOCUMENT_EXTENSIONS)
    }

    /// Files that are to be read as one. Without a manifest, folders in the folder belong to it
    /// only if each of them is the segments of one rendition; else they are assets of their own.
    fn groups(&self, here: &BTreeSet<String>) -> Result<Vec<Group>, FolderError> {
        let (mut texts, mut size) = (Vec::new(), 0);
        for (name, path) in &self.files {
            if has_extension(path, DOCUMENT_EXTENSIONS) {
                let text = read_document(path)?;
                size += text.len();
                texts.push((name, text));
            }
            if texts.len() > MAX_DOCUMENTS || size > MAX_DOCUMENTS_SIZE {
                return Err(FolderError::Limit("a folder has at most 64 manifests, with 16 MiB"));
            }
        }
        let documents: Vec<Document<'_>> =
            texts.iter().map(|(name, text)| Document { name, text }).collect();
        let names: BTreeSet<String> = self.files.keys().cloned().collect();
        let groups = segments::group(&names, &documents)?;
        let top = |group: &Group| group.files.iter().all(|file| here.contains(file));
        let renditions = documents.is_empty() && self.folders_are_renditions(&groups);
        let listed = documents.iter().any(|document| here.contains(document.name));
        Ok(groups.into_iter().filter(|group| listed || renditions || top(group)).collect())
    }

    fn folders_are_renditions(&self, groups: &[Group]) -> bool {
        let mut folders = BTreeSet::new();
        let mut apart = |group: &Group| {
            let folder = group.files.first().and_then(|name| name.rsplit_once('/'));
            folder.is_some_and(|(folder, _)| {
                !folder.contains('/') && folders.insert(folder.to_owned())
            })
        };
        let grouped: BTreeSet<&String> = groups.iter().flat_map(|group| &group.files).collect();
        let media = |name: &&String| is_media(Path::new(name)) || is_segment(name);
        groups.iter().all(&mut apart)
            && self.files.keys().filter(media).all(|name| grouped.contains(name))
    }

    fn media(&self, group: &Group) -> Option<Media> {
        let path = |name: &String| self.files.get(name).cloned();
        let files = group.files.iter().map(path).collect::<Option<Vec<PathBuf>>>()?;
        let language = group.language.clone();
        Some(Media { name: group.files.first()?.clone(), files, language })
    }
}

fn read_document(path: &Path) -> io::Result<String> {
    let mut data = Vec::new();
    fs::File::open(path)?.take(MAX_DOCUMENT + 1).read_to_end(&mut data)?;
    let whole = data.len() as u64 <= MAX_DOCUMENT;
    Ok(if whole { String::from_utf8(data).unwrap_or_default() } else { String::new() })
}

fn is_segment(name: &str) -> bool {
    has_extension(Path::new(name), segments::EXTENSIONS)
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    extensions.iter().any(|known| known.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, names: &[&str]) {
        for name in names {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }

    fn media(dir: &Path) -> Vec<String> {
        let describe = |media: Media| format!("{} {}", media.name, media.files.len());
        Folder::read(dir).unwrap().media.into_iter().map(describe).collect()
    }

    #[test]
    fn media_and_manifests_are_told_from_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            &["b.MP4", "a.m4a", "c.ismv", "d.cmft", "e.ismt", "film.ism", "notes.txt", "a.VTT"],
        );
        fs::create_dir(dir.path().join("folder.mp4")).unwrap();
        assert_eq!(media(dir.path()), ["a.m4a 1", "b.MP4 1", "c.ismv 1", "d.cmft 1", "e.ismt 1"]);
        let folder = Folder::read(dir.path()).unwrap();
        assert_eq!(folder.text, [dir.path().join("a.VTT")]);
        assert_eq!(folder.manifest_stem(), Some("film"));
        fs::write(dir.path().join("other.ism"), "").unwrap();
        assert_eq!(Folder::read(dir.path()).unwrap().manifest_stem(), None);
    }

    #[test]
    fn segments_beside_other_media_are_one_rendition() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &["v_init.mp4", "v_1.m4s", "v_2.m4s", "sound.mp4", "deeper/film.mp4"]);
        assert_eq!(media(dir.path()), ["sound.mp4 1", "v_init.mp4 3"]);
    }

    #[test]
    fn folders_of_segments_are_renditions_and_folders_of_films_are_assets() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &["A48/init.mp4", "A48/1.m4s", "V300/init.mp4", "V300/1.m4s"]);
        assert_eq!(media(dir.path()), ["A48/init.mp4 2", "V300/init.mp4 2"]);
        assert_eq!(Folder::read(dir.path()).unwrap().watched.len(), 2);
        write(dir.path(), &["other/film.mp4"]);
        assert!(media(dir.path()).is_empty());
    }

    #[test]
    fn assets_with_manifests_of_their_own_stay_apart() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &["one/init.mp4", "one/1.m4s", "one/m.mpd", "two/init.mp4", "two/1.m4s"]);
        assert!(media(dir.path()).is_empty());
        assert_eq!(media(&dir.path().join("one")), ["init.mp4 2"]);
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &["one/v/init.mp4", "one/v/1.m4s", "two/v/init.mp4", "two/v/1.m4s"]);
        assert!(media(dir.path()).is_empty());
        assert_eq!(media(&dir.path().join("one")), ["v/init.mp4 2"]);
    }

    #[test]
    fn what_changes_after_it_was_read_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &["v/init.mp4", "v/1.m4s", "m.mpd"]);
        let folder = Folder::read(dir.path()).unwrap();
        write(dir.path(), &["v/2.m4s"]);
        fs::write(dir.path().join("m.mpd"), "other").unwrap();
        assert_eq!(folder.watched.len(), 2);
        for (path, version) in folder.watched {
            assert_ne!(FileVersion::at(&path).unwrap(), version, "{}", path.display());
        }
    }

    #[test]
    fn manifests_are_counted_and_weighed() {
        let refused = |dir: &tempfile::TempDir| match Folder::read(dir.path()) {
            Err(FolderError::Limit(_)) => true,
            Err(error) => panic!("{error}"),
            Ok(_) => false,
        };
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..MAX_DOCUMENTS).map(|n| format!("{n}.m3u8")).collect();
        write(dir.path(), &names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(!refused(&dir));
        write(dir.path(), &["one-more.mpd"]);
        assert!(refused(&dir));
        let dir = tempfile::tempdir().unwrap();
        for n in 0..5 {
            assert!(!refused(&dir));
            fs::write(dir.path().join(format!("{n}.m3u8")), " ".repeat(4 << 20)).unwrap();
        }
        assert!(refused(&dir));
    }

    #[test]
    fn a_manifest_reaches_into_folders() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &["v/a.mp4", "v/x.bin", "v/other.mp4"]);
        let list = "#EXTM3U\n#EXT-X-MAP:URI=\"v/a.mp4\"\n#EXTINF:2,\nv/x.bin\n";
        fs::write(dir.path().join("p.m3u8"), list).unwrap();
        assert_eq!(media(dir.path()), ["v/a.mp4 2"]);
        fs::remove_file(dir.path().join("v/x.bin")).unwrap();
        let refused = Folder::read(dir.path()).unwrap_err().to_string();
        assert_eq!(refused, "segments: p.m3u8 names v/x.bin, which is not in the folder");
    }
}
