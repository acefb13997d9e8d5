//! The file of the key-encryption key.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::private::{Draft, tighten};
use super::{StoreError, durable, random};
use crate::keys::{KeyEncryptionKey, ParseKekError};

/// More than any form of a key with blanks around it; a longer file is something else.
const MAX_FILE_LEN: u64 = 256;

/// No key-encryption key can be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KekError {
    /// The file holds something else.
    #[error("{path:?}: {error}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is expected.
        error: ParseKekError,
    },
    /// The file cannot be read or written.
    #[error("{path:?}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: Arc<std::io::Error>,
    },
    /// The operating system gave no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] StoreError),
}

/// Reads the key-encryption key from a file, which is closed to everybody but its owner first.
///
/// # Errors
/// [`KekError`] when the file cannot be read or holds something else.
pub fn load(path: &Path) -> Result<KeyEncryptionKey, KekError> {
    let io = |error| KekError::Io { path: path.to_owned(), error: Arc::new(error) };
    tighten(path).map_err(io)?;
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_LEN as usize + 1));
    let file = fs::File::open(path).map_err(io)?;
    file.take(MAX_FILE_LEN + 1).read_to_end(&mut content).map_err(io)?;
    KeyEncryptionKey::from_file_content(&content)
        .map_err(|error| KekError::Malformed { path: path.to_owned(), error })
}

/// Reads the key-encryption key from a file; when there is none, makes a random key and a file
/// that only the owner may read. Two processes that do so at once get the same key.
///
/// # Errors
/// [`KekError`], as for [`load`].
pub fn load_or_create(path: &Path) -> Result<KeyEncryptionKey, KekError> {
    if !path.exists() {
        create(path, &KeyEncryptionKey::from_bytes(random::bytes()?))?;
    }
    load(path)
}

/// Writes a temporary file and links it to its name, so that no reader ever sees half a key and a
/// key that is there already stays.
fn create(path: &Path, kek: &KeyEncryptionKey) -> Result<(), KekError> {
    let io = |error| KekError::Io { path: path.to_owned(), error: Arc::new(error) };
    let made = Draft::beside(path)
        .and_then(|mut draft| {
            draft.write(format!("{}\n", *kek.to_hex()).as_bytes())?;
            draft.claim(path)
        })
        .and_then(|()| durable::sync_parent(path));
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(io(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_made_key_is_private_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        let made = load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load_or_create(&path).unwrap().fingerprint(), made.fingerprint());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_file_that_was_open_to_others_is_closed_to_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        load(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        assert!(matches!(load(&path), Err(KekError::Io { .. })));
        for content in [&b""[..], b"passphrase", &[b'0'; 100_000]] {
            fs::write(&path, content).unwrap();
            assert!(matches!(load(&path), Err(KekError::Malformed { .. })));
        }
    }
}
