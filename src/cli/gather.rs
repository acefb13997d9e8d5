//! Files that become one asset. They are copied beside its folder, and go into it when all of it was
//! found right: what is refused or cut off leaves the asset as it was.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::CliError;
use super::instance::make_private_dir;
use super::progress::Bar;
use crate::store::folder::{is_media, is_text};
use crate::store::private::make_dir;

const COPY_PIECE: usize = 1 << 20;

/// Where copies wait, beside the folders of assets. Hidden, so that it is nobody's asset.
const STAGE: &str = ".adding";

/// An asset as it is going to be: copies of new files, and links to those that its folder has.
#[derive(Debug)]
pub(super) struct Gathered {
    /// Its folder.
    dir: PathBuf,
    stage: PathBuf,
    /// Names of the new files.
    new: Vec<PathBuf>,
    /// The folder of both, locked: one run at a time has a stage. One that is cut off lets go of it.
    assets: File,
}

/// The folder of the asset that files become, below the data folder.
pub(super) fn folder_of(name: &str, data: &Path) -> Result<PathBuf, CliError> {
    let assets = data.join("assets");
    make_private_dir(&assets)?;
    let assets = assets.canonicalize().map_err(|error| CliError::file(&assets, &error))?;
    let dir = assets.join(name);
    Ok(dir.canonicalize().unwrap_or(dir))
}

/// Copies files that shall go into the folder.
pub(super) fn gather(dir: &Path, files: &[&Path]) -> Result<Gathered, CliError> {
    let files = named(files)?;
    let mut gathered = Gathered::begin(dir).map_err(|error| CliError::file(dir, &error))?;
    for (name, file) in files {
        let copied = gathered.copy(Path::new(name), file);
        copied.map_err(|error| CliError::refused(format_args!("{}: {error}", file.display())))?;
    }
    gathered.link().map_err(|error| CliError::file(dir, &error))?;
    Ok(gathered)
}

/// Media and text files by their names, which they keep.
fn named<'a>(files: &[&'a Path]) -> Result<BTreeMap<&'a OsStr, &'a Path>, CliError> {
    let mut named = BTreeMap::new();
    for file in files {
        if !file.exists() {
            return Err(CliError::refused(format_args!(
                "{}: there is no such file",
                file.display()
            )));
        }
        if !is_media(file) && !is_text(file) {
            let rule = "not an MP4 file, nor subtitles";
            return Err(CliError::refused(format_args!("{}: {rule}", file.display())));
        }
        if let Some(other) = named.insert(file.file_name().unwrap_or_default(), *file) {
            let (one, other) = (other.display(), file.display());
            let rule = "the files of an asset have names of their own: rename one";
            return Err(CliError::refused(format_args!("{one} and {other}: {rule}")));
        }
    }
    Ok(named)
}

impl Gathered {
    /// What a run left here that was cut off is removed.
    fn begin(dir: &Path) -> io::Result<Self> {
        let parent = dir.parent().unwrap_or(Path::new("/"));
        let assets = File::open(parent)?;
        assets.lock()?;
        let stage = parent.join(STAGE);
        match fs::remove_dir_all(&stage) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        make_dir(&stage)?;
        Ok(Self { dir: dir.to_owned(), stage, new: Vec::new(), assets })
    }

    /// Where all that the asset will have can be read, until it is kept.
    pub(super) fn stage(&self) -> &Path {
        &self.stage
    }

    /// Whether it becomes the asset of this folder.
    pub(super) fn is_for(&self, dir: &Path) -> bool {
        self.dir == dir
    }

    /// A file of the same size and time that the folder has is not copied again.
    fn copy(&mut self, name: &Path, from: &Path) -> io::Result<()> {
        let mut source = File::open(from)?;
        let metadata = source.metadata()?;
        let modified = metadata.modified()?;
        let same = |there: fs::Metadata| {
            there.len() == metadata.len() && there.modified().is_ok_and(|time| time == modified)
        };
        if fs::metadata(self.dir.join(name)).is_ok_and(same) {
            return Ok(());
        }
        let mut target = File::create_new(self.stage.join(name))?;
        let progress = Bar::new(metadata.len());
        let mut piece = vec![0; COPY_PIECE];
        loop {
            let count = source.read(&mut piece)?;
            if count == 0 {
                break;
            }
            target.write_all(&piece[..count])?;
            progress.advance(count as u64);
        }
        target.set_modified(modified)?;
        target.sync_all()?;
        self.new.push(name.to_owned());
        Ok(())
    }

    /// Lets the stage have the other files of the folder. Hard links would change their times, at which
    /// a server looks.
    fn link(&self) -> io::Result<()> {
        if !self.dir.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.dir)? {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
            if path.is_file() && !self.new.iter().any(|new| new.as_os_str() == name) {
                symlink(path, self.stage.join(name))?;
            }
        }
        Ok(())
    }

    /// Moves the new files into the folder, on disk with the return. A new asset is there at once; of
    /// one that is there, each file.
    pub(super) fn keep(self) -> Result<(), CliError> {
        self.moved().map_err(|error| CliError::file(&self.dir, &error))
    }

    fn moved(&self) -> io::Result<()> {
        if !self.dir.exists() {
            File::open(&self.stage)?.sync_all()?;
            fs::rename(&self.stage, &self.dir)?;
            return self.assets.sync_all();
        }
        for name in &self.new {
            fs::rename(self.stage.join(name), self.dir.join(name))?;
        }
        File::open(&self.dir)?.sync_all()
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        // Gone already when it became the folder; else the next run removes it.
        let _ = fs::remove_dir_all(&self.stage);
    }
}
