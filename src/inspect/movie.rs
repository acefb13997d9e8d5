//! `tenc` and `pssh` of an init segment or a whole file (ISO/IEC 23001-7 sections 8.1 and 8.2).

use std::sync::Arc;

use super::consistency::{Difference, KnownKeys, check};
use super::data::add_system;
use super::{Audience, Statement};
use crate::bytes::ReadAt;
use crate::cenc::read::{Movie, ReadError};
use crate::isobmff::{BoxError, FourCc, ScanError, children, scan};

/// What an init segment says.
#[derive(Debug, Default)]
pub struct Init {
    /// Of each protected track, by its id.
    pub tracks: Vec<(u32, Statement)>,
    /// To protection systems.
    pub systems: Vec<Statement>,
}

impl Init {
    /// All of it.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.systems.iter().chain(self.tracks.iter().map(|(_, said)| said))
    }

    /// All that is wrong with it by itself.
    pub fn check(&self, known: Option<&KnownKeys>) -> Vec<Difference> {
        let own = |(_, said): &(u32, Statement)| {
            let all: Vec<Statement> = self.systems.iter().chain([said]).cloned().collect();
            check(&all, known)
        };
        self.tracks.iter().flat_map(own).collect()
    }

    /// Reads the movie header of a file.
    ///
    /// # Errors
    /// A file whose boxes cannot be read.
    pub fn read<S: ReadAt + ?Sized>(source: &Arc<str>, file: &S) -> Result<Self, ReadError> {
        let found = scan(file).map_err(|error| match error {
            ScanError::Box(error) => ReadError::Box(error),
            ScanError::NotMp4 => ReadError::NotMp4,
            ScanError::Io(error) => ReadError::Io(error),
        })?;
        let movie = Movie::parse(&found.moov)?;
        let mut ids: Vec<u32> = movie.tracks.keys().copied().collect();
        ids.sort_unstable();
        let mut init = Self { tracks: Vec::new(), systems: systems(source, &found.moov)? };
        for id in ids {
            for entry in movie.tracks[&id].entries.iter().flatten() {
                let element = format!("tenc of track {id}");
                let mut said = Statement::new(source, element, Audience::Everybody);
                said.kids.push(entry.defaults.kid);
                said.schemes.push(entry.scheme);
                said.iv = entry.defaults.constant_iv;
                said.tell("scheme", entry.scheme.row().fourcc.to_string());
                said.tell("KID", entry.defaults.kid.to_string());
                init.tracks.push((id, said));
            }
        }
        Ok(init)
    }
}

fn systems(source: &Arc<str>, moov: &[u8]) -> Result<Vec<Statement>, BoxError> {
    let mut systems = Vec::new();
    for header in children(FourCc(*b"file"), moov) {
        for child in header?.children() {
            let child = child?;
            if &child.kind.0 == b"pssh" {
                add_system(&mut systems, source, "pssh", child.body);
            }
        }
    }
    Ok(systems)
}
