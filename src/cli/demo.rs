//! The clip that comes with the program, so that `dev` has something to show at once.

use std::fs;
use std::path::{Path, PathBuf};

use super::CliError;
use super::content::Folder;
use super::instance::make_private_dir;
use crate::store::private::Draft;

/// Name of the clip's asset.
const NAME: &str = "gate";

macro_rules! clip {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_bytes!(concat!("../../assets/demo/", $file)))),*]
    };
}

const FILES: &[(&str, &[u8])] = clip![
    "gate_h264_180p.mp4",
    "gate_h264_360p.mp4",
    "gate_h264_540p.mp4",
    "gate_aac_eng.mp4",
    "gate_aac_deu.mp4",
];

/// Writes the clip into the data folder, except for files that are there already.
pub(super) fn unpack(data: &Path) -> Result<Folder, CliError> {
    let dir = data.join("assets").join(NAME);
    make_private_dir(&dir)?;
    for (name, content) in FILES {
        write_once(dir.join(name), content)?;
    }
    let dir = dir.canonicalize().map_err(|error| CliError::file(&dir, &error))?;
    Ok(Folder { name: NAME.to_owned(), ..Folder::at(dir) })
}

/// Keeps a complete file and its time stamp, so that a restart changes no entity tag.
fn write_once(path: PathBuf, content: &[u8]) -> Result<(), CliError> {
    let complete = fs::read(&path).is_ok_and(|found| found == content);
    if complete {
        return Ok(());
    }
    let written = Draft::public_beside(&path).and_then(|mut draft| {
        draft.write(content)?;
        draft.replace(&path)
    });
    written.map_err(|error| CliError::file(&path, &error))
}
