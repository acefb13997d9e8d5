//! Text files beside the media, read whole when an asset is loaded.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest::{SHA256, digest};

use super::assets::file_name;
use crate::bytes::ReadAt;
use crate::keys::StorageEncryption;
use crate::media::Sidecar;
use crate::store::files::{FileVersion, LocalFile};
use crate::store::source::{MediaSource, cipher_of};
use crate::text::{self, TextError};

/// More text files in one folder are left alone.
const MAX_FILES: usize = 64;

/// Reads the text files of a folder, and the version that was read of each. A file that is no text
/// says so when the asset is put together.
///
/// # Errors
/// A failure of the storage.
pub(super) fn read(
    paths: &[PathBuf],
    encryption: Option<&StorageEncryption>,
) -> io::Result<Vec<(Sidecar, FileVersion)>> {
    paths.iter().take(MAX_FILES).map(|path| read_one(path, encryption)).collect()
}

fn read_one(
    path: &Path,
    encryption: Option<&StorageEncryption>,
) -> io::Result<(Sidecar, FileVersion)> {
    let file = LocalFile::open(path)?.decrypted_by(cipher_of(path, encryption));
    let version = file.version();
    Ok((of(file_name(path), &MediaSource::of_file(file))?, version))
}

/// Reads one text file, whatever it lies in.
///
/// # Errors
/// A failure of the storage.
pub(in crate::service) fn of(name: String, source: &MediaSource) -> io::Result<Sidecar> {
    let (document, digest) = match usize::try_from(source.len()) {
        Ok(length) if length <= text::MAX_SIZE => {
            let mut data = vec![0; length];
            source.read_exact_at(0, &mut data)?;
            source.check_unchanged()?;
            let mut sum = [0; 32];
            sum.copy_from_slice(digest(&SHA256, &data).as_ref());
            (text::parse(&data).map(Arc::new), sum)
        }
        _ => (Err(TextError::TooLarge), [0; 32]),
    };
    Ok(Sidecar { name, digest, document })
}
