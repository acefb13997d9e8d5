//! Files and objects that are written: nothing has its name before it is complete.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::PackageError;
use super::work::side_by_side;
use crate::store::cloud::{Cloud, Upload};
use crate::store::{Location, private};

/// So many documents are sent to a store at once.
const AT_ONCE: usize = 8;

/// A file or an object that is not complete; when dropped, nothing is left of it.
pub(super) struct Draft {
    place: Location,
    kind: Kind,
}

enum Kind {
    File(private::Draft, PathBuf),
    Object(Box<Upload>),
}

impl Draft {
    /// Begins what will have its name at `place` and be about `expected` bytes long.
    pub(super) fn begin(
        place: &Location,
        cloud: &Arc<Cloud>,
        expected: u64,
    ) -> Result<Self, PackageError> {
        let failed = PackageError::write(place);
        let kind = match place {
            Location::Local(path) => {
                make_folder(path)?;
                private::Draft::public_beside(path).map(|draft| Kind::File(draft, path.clone()))
            }
            Location::Object(name) => {
                cloud.create(name, expected).map(|upload| Kind::Object(Box::new(upload)))
            }
        };
        Ok(Self { kind: kind.map_err(failed)?, place: place.clone() })
    }

    /// Writes at a position, where nothing was written yet.
    pub(super) fn write(&self, content: &[u8], position: u64) -> Result<(), PackageError> {
        let written = match &self.kind {
            Kind::File(draft, _) => draft.shared().write_all_at(content, position),
            Kind::Object(upload) => upload.write_all_at(content, position),
        };
        written.map_err(PackageError::write(&self.place))
    }

    /// Gives it its name.
    pub(super) fn finish(&self) -> Result<(), PackageError> {
        let done = match &self.kind {
            Kind::File(draft, path) => draft.replace(path),
            Kind::Object(upload) => upload.finish(),
        };
        done.map_err(PackageError::write(&self.place))
    }
}

/// Writes the whole of a file or an object; gives its bytes.
pub(super) fn write_whole(
    place: &Location,
    cloud: &Arc<Cloud>,
    content: &[u8],
) -> Result<u64, PackageError> {
    let length = content.len() as u64;
    let draft = Draft::begin(place, cloud, length)?;
    draft.write(content, 0)?;
    draft.finish().map(|()| length)
}

/// Writes documents as wholes, several at once where they go to a store: each waits there for its
/// answers. The first error ends the work.
pub(super) fn write_all(
    documents: &[(Location, Vec<u8>)],
    cloud: &Arc<Cloud>,
) -> Result<(), PackageError> {
    let is_remote = documents.iter().any(|(place, _)| place.is_object());
    let threads = if is_remote { AT_ONCE.min(documents.len()) } else { 1 };
    let next = AtomicUsize::new(0);
    side_by_side(threads, &|| {
        while let Some((place, content)) = documents.get(next.fetch_add(1, Relaxed)) {
            write_whole(place, cloud, content)
                .inspect_err(|_| next.store(documents.len(), Relaxed))?;
        }
        Ok(())
    })
}

fn make_folder(path: &Path) -> Result<(), PackageError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Some(folder) = folder else { return Ok(()) };
    let place = Location::Local(folder.to_owned());
    fs::create_dir_all(folder).map_err(PackageError::write(&place))
}
