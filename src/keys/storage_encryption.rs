//! Key and IVs of a storage-encrypted asset, in the document that the AMS v3 method
//! `getEncryptionKey` answers (ams.md section 14.2):
//!
//! ```json
//! {"key": "base64 of 32 bytes",
//!  "assetFileEncryptionMetadata": [
//!    {"assetFileName": "film.mp4", "initializationVector": "7394857394857", "assetFileId": "..."}]}
//! ```
//!
//! IVs are unsigned 64-bit numbers in decimal digits. Files that are not listed are not encrypted.

use std::collections::HashMap;
use std::fmt;

use data_encoding::BASE64;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::crypto::storage::{FileCipher, StorageKey};

/// A larger document, in bytes, is refused.
const MAX_SIZE: usize = 1 << 20;

/// How the files of an asset are encrypted where they are stored. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct StorageEncryption {
    key: StorageKey,
    ivs: HashMap<String, u64>,
    document: Zeroizing<Vec<u8>>,
    identity: [u8; 32],
}

/// The document is not what it should be; says nothing of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("storage encryption: {0}")]
pub struct StorageEncryptionError(&'static str);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    key: String,
    asset_file_encryption_metadata: Vec<FileMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileMetadata {
    asset_file_name: String,
    initialization_vector: String,
}

impl StorageEncryption {
    /// Reads the document.
    ///
    /// # Errors
    /// [`StorageEncryptionError`] with what is wrong.
    pub fn parse(document: &[u8]) -> Result<Self, StorageEncryptionError> {
        let wrong = |what| move || StorageEncryptionError(what);
        if document.len() > MAX_SIZE {
            return Err(StorageEncryptionError("the document is larger than 1 MiB"));
        }
        let read: Document = serde_json::from_slice(document).map_err(|_| {
            StorageEncryptionError("no JSON with key and assetFileEncryptionMetadata")
        })?;
        let text = Zeroizing::new(read.key);
        let key = BASE64.decode(text.trim().as_bytes()).ok().map(Zeroizing::new);
        let key = key.and_then(|key| <[u8; 32]>::try_from(key.as_slice()).ok());
        let key = key.ok_or_else(wrong("the key is not the base64 of 32 bytes"))?;
        let key = Zeroizing::new(key);
        let mut ivs = HashMap::new();
        for file in read.asset_file_encryption_metadata {
            let iv = iv(&file.initialization_vector);
            let iv = iv.ok_or_else(wrong("an initializationVector is no number of 64 bits"))?;
            ivs.insert(file.asset_file_name, iv);
        }
        if ivs.is_empty() {
            return Err(StorageEncryptionError("no file is listed"));
        }
        let key = StorageKey::from_bytes(key);
        let identity = key.identity(document);
        let document = Zeroizing::new(document.to_vec());
        Ok(Self { key, ivs, document, identity })
    }

    /// Tells what is read with it from what is read with another key or other IVs: the same for
    /// the same document, and no secret.
    pub fn identity(&self) -> [u8; 32] {
        self.identity
    }

    /// The document it was read from, to be sealed.
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// The cipher of a file; `None` for one that is not listed.
    pub fn cipher(&self, file_name: &str) -> Option<FileCipher> {
        self.ivs.get(file_name).map(|iv| self.key.cipher(*iv))
    }
}

/// Some tools print the number as if it had a sign.
fn iv(text: &str) -> Option<u64> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse().ok().map(i64::cast_unsigned))
}

impl fmt::Debug for StorageEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageEncryption(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn document(key: &str, iv: &str) -> String {
        format!(
            r#"{{"key": "{key}", "assetFileEncryptionMetadata": [{{"initializationVector": "{iv}",
                "assetFileName": "a.mp4", "assetFileId": "nb:cid:UUID:1"}}]}}"#
        )
    }

    #[test]
    fn listed_files_have_a_cipher_and_others_have_none() {
        let key = BASE64.encode(&[7; 32]);
        for iv in ["0", "18446744073709551615", "-988929866"] {
            let read = StorageEncryption::parse(document(&key, iv).as_bytes()).unwrap();
            assert!(read.cipher("a.mp4").is_some() && read.cipher("b.mp4").is_none());
            assert_eq!(format!("{read:?}"), "StorageEncryption(redacted)");
            let again = StorageEncryption::parse(document(&key, iv).as_bytes()).unwrap();
            assert_eq!(read.identity(), again.identity());
            for (key, iv) in [(BASE64.encode(&[8; 32]).as_str(), iv), (&key, "1")] {
                let other = StorageEncryption::parse(document(key, iv).as_bytes()).unwrap();
                assert_ne!(read.identity(), other.identity());
            }
        }
    }

    #[test]
    fn refusals_do_not_repeat_what_is_secret() {
        let short = BASE64.encode(&[7; 16]);
        let key = BASE64.encode(&[7; 32]);
        for text in [document(&short, "1"), document(&key, "x"), document("?", "1"), key.clone()] {
            let refused = StorageEncryption::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(!refused.contains(&short) && !refused.contains(&key), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn any_document_is_taken(bytes: Vec<u8>) {
            let _ = StorageEncryption::parse(&bytes);
        }
    }
}
