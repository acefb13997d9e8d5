//! The server manifest of a folder and the client manifest beside it, read when an asset is loaded.

use std::io;
use std::path::{Path, PathBuf};

use super::OriginError;
use super::assets::file_name;
use crate::bytes::ReadAt;
use crate::keys::StorageEncryption;
use crate::media::{ClientManifest, ServerManifest};
use crate::store::files::{FileVersion, LocalFile};
use crate::store::source::cipher_of;

/// Both as one.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    /// The server manifest, completed by the client manifest.
    pub(super) server: Option<ServerManifest>,
    /// Why the client manifest is left out.
    pub(super) note: Option<String>,
}

impl Manifests {
    /// Reads the server manifest at `path`; `watched` takes the files that were read.
    ///
    /// # Errors
    /// A server manifest that cannot be read, or is none.
    pub(super) fn read(
        path: &Path,
        encryption: Option<&StorageEncryption>,
        watched: &mut Vec<(PathBuf, FileVersion)>,
    ) -> Result<Self, OriginError> {
        let storage = |error: io::Error| OriginError::storage(&error);
        watched.push((path.to_owned(), FileVersion::at(path).map_err(storage)?));
        let data = front(path, ServerManifest::MAX_SIZE, encryption).map_err(storage)?;
        let parsed = ServerManifest::parse(&data);
        let mut server = parsed.map_err(|rule| rule.in_file(&file_name(path)))?;
        let client = match &server.client_manifest {
            Some(name) => path.with_file_name(name),
            None => path.with_extension("ismc"),
        };
        let mut note = None;
        // One that comes later changes the folder, which is watched.
        if let Ok(version) = FileVersion::at(&client) {
            let read = front(&client, ClientManifest::MAX_SIZE, encryption);
            match read.map_err(|error| error.to_string()).and_then(|it| ClientManifest::parse(&it))
            {
                Ok(client) => client.complete(&mut server),
                Err(why) => note = Some(format!("{}: left out: {why}", file_name(&client))),
            }
            watched.push((client, version));
        }
        Ok(Self { server: Some(server), note })
    }
}

/// One byte more than a document may have is enough to refuse it.
fn front(path: &Path, most: usize, encryption: Option<&StorageEncryption>) -> io::Result<Vec<u8>> {
    let file = LocalFile::open(path)?.decrypted_by(cipher_of(path, encryption));
    let length = usize::try_from(file.len()).unwrap_or(usize::MAX);
    let mut data = vec![0; length.min(most + 1)];
    file.read_exact_at(0, &mut data)?;
    Ok(data)
}
