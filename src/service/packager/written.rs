//! Where files will be written: none twice, and none over an input or what is no file.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::PackageError;
use super::job::Job;
use super::order::{Order, Output};
use super::text::TextJob;
use crate::store::{Location, real};

/// The places so far. Files get their names when they are complete, so which file lies at a name does
/// not matter, but links on the way to it do.
pub(super) struct Written {
    inputs: HashSet<PathBuf>,
    taken: HashSet<PathBuf>,
    folders: HashMap<PathBuf, PathBuf>,
}

impl Written {
    /// What the order names: manifests, playlists, files, init segments, and templates as they stand.
    pub(super) fn of(order: &Order) -> Result<Self, PackageError> {
        let mut written =
            Self { inputs: HashSet::new(), taken: HashSet::new(), folders: HashMap::new() };
        let inputs = order.streams.iter().map(|stream| &stream.input);
        for input in inputs.chain(order.text.iter().map(|text| &text.input)) {
            let real = match input {
                Location::Local(path) => path.canonicalize().ok(),
                Location::Object(_) => None,
            };
            let spot = real.unwrap_or_else(|| written.spot(input));
            written.inputs.insert(spot);
        }
        let media = order.streams.iter().map(|stream| &stream.output);
        let outputs = media.chain(order.text.iter().map(|text| &text.output));
        let outputs = outputs.flat_map(Output::places).cloned();
        for place in order.mpd.iter().cloned().chain(order.playlists()).chain(outputs) {
            written.add(&place)?;
        }
        Ok(written)
    }

    /// Adds the segments, whose names are known when it is known where media are cut.
    pub(super) fn add_segments(
        &mut self,
        jobs: &[Job<'_>],
        text: &[TextJob<'_>],
    ) -> Result<(), PackageError> {
        jobs.iter().flat_map(Job::places).try_for_each(|place| self.add(&place))?;
        for job in text {
            job.places()?.iter().try_for_each(|place| self.add(place))?;
        }
        Ok(())
    }

    fn add(&mut self, place: &Location) -> Result<(), PackageError> {
        let spot = self.spot(place);
        let rule = match () {
            () if self.inputs.contains(&spot) => "this is an input, which is not written over",
            () if !place.is_object() && is_other(&spot) => "this is there already, and is no file",
            () if !self.taken.insert(spot) => "written twice",
            () => return Ok(()),
        };
        Err(PackageError::refused(format!("{place}: {rule}")))
    }

    /// The one name of a place: links and detours on the way to it are followed.
    fn spot(&mut self, place: &Location) -> PathBuf {
        let Location::Local(path) = place else { return PathBuf::from(place.to_string()) };
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return path.clone();
        };
        let known = self.folders.entry(folder.to_owned()).or_insert_with(|| real(folder));
        known.join(name)
    }
}

/// Whether a folder, a device or the like is there; a file would take its place.
fn is_other(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file())
}
