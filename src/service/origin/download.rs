//! Files of the asset, byte for byte (ams.md section 2.6).

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::answer::{Answer, CachePolicy, Content, tag};
use super::{Code, OriginError};
use crate::bytes::ReadAt;
use crate::package::format::Protocol;
use crate::package::plan::{Cipher, Extent, Plan};
use crate::policy::StreamingPolicy;
use crate::protection::Protection;
use crate::store;
use crate::store::files::LocalFile;
use crate::store::source::{MediaSource, cipher_of};

/// Not served as they are: server-side files and fragmented Smooth sources.
const NOT_SERVED: &[&str] = &["ism", "ismc", "ismv", "isma", "ismt", "mpi"];

/// Types by extension; anything else is bytes.
const TYPES: &[(&str, &str)] = &[
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("cmfv", "video/mp4"),
    ("cmfa", "audio/mp4"),
    ("cmft", "application/mp4"),
    ("mov", "video/quicktime"),
    ("m4a", "audio/mp4"),
    ("vtt", "text/vtt"),
    ("srt", "application/x-subrip"),
    ("ttml", "application/ttml+xml"),
    ("jpg", "image/jpeg"),
    ("png", "image/png"),
    ("json", "application/json"),
];

/// No more are listed: folders of segments have many.
const MAX_LISTED: usize = 1000;

pub(super) async fn answer(
    policy: &StreamingPolicy,
    asset: &store::Asset,
    name: &str,
) -> Result<Answer, OriginError> {
    if !policy.allows(Protocol::Download, Protection::Clear) {
        let detail = "the streaming policy does not allow downloads";
        return Err(OriginError::new(Code::OUTPUT_FORMAT_BLOCKED, detail));
    }
    let extension = extension(name);
    if !is_served(name) {
        return Err(missing());
    }
    let path = asset.dir.join(name);
    let cipher = cipher_of(&path, asset.storage_encryption.as_deref());
    // A link could lead out of the folder, so it is not followed.
    let opened = tokio::task::spawn_blocking(move || LocalFile::open_no_link(&path)).await;
    let file = opened.map_err(|_| missing())?.map_err(|error| match error.kind() {
        // A name that no file could have, by its length, is one that no file has.
        ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::InvalidFilename => missing(),
        _ => OriginError::storage(&error),
    })?;
    let version = file.version().to_bytes();
    let mut parts = vec![asset.name.as_bytes(), name.as_bytes(), &version];
    // Other bytes are sent when the same ones are decrypted in another way.
    let encryption = asset.storage_encryption.as_ref().filter(|_| cipher.is_some());
    let encryption = encryption.map(|encryption| encryption.identity());
    parts.extend(encryption.as_ref().map(<[u8; 32]>::as_slice));
    let etag = tag(&parts);
    let file = file.decrypted_by(cipher);
    let known = TYPES.iter().find(|(known, _)| *known == extension);
    let extent = Extent { offset: 0, length: file.len() };
    Ok(Answer {
        content_type: known.map_or("application/octet-stream", |(_, mime)| mime),
        etag,
        cache: CachePolicy::Download,
        content: Content::Planned(
            Arc::new(Plan::new(Bytes::new(), vec![extent], Cipher::Clear)),
            [Arc::new(MediaSource::of_file(file))].into(),
        ),
        following: None,
        standing: None,
    })
}

fn extension(name: &str) -> String {
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    extension.unwrap_or_default().to_ascii_lowercase()
}

fn is_served(name: &str) -> bool {
    !name.starts_with('.') && !NOT_SERVED.contains(&extension(name).as_str())
}

/// The files of an asset that are served as they are, by name; of many, some. Of a folder that is not
/// there, none.
pub(in crate::service) async fn names(asset: &store::Asset) -> Vec<String> {
    let dir = asset.dir.clone();
    let list = move || {
        let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
        // As above, links are not followed.
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let names = files.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> =
            names.filter(|name| is_served(name)).take(MAX_LISTED).collect();
        names.sort();
        names
    };
    tokio::task::spawn_blocking(list).await.unwrap_or_default()
}

fn missing() -> OriginError {
    OriginError::new(Code::RESOURCE_NOT_FOUND, "the asset has no such file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StorageEncryption;
    use crate::policy::predefined;

    fn encryption(iv: u64) -> Arc<StorageEncryption> {
        let key = data_encoding::BASE64.encode(&[7; 32]);
        let document = format!(
            r#"{{"key": "{key}", "assetFileEncryptionMetadata":
                [{{"initializationVector": "{iv}", "assetFileName": "a.mp4"}}]}}"#
        );
        Arc::new(StorageEncryption::parse(document.as_bytes()).unwrap())
    }

    #[tokio::test]
    async fn what_is_decrypted_in_another_way_has_another_tag() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.mp4", "b.mp4"] {
            std::fs::write(dir.path().join(name), "content").unwrap();
        }
        let policy = predefined::find("Predefined_DownloadOnly").unwrap();
        let mut asset = store::Asset {
            name: "film".to_owned(),
            dir: dir.path().to_owned(),
            segment_ms: 6000,
            created: jiff::Timestamp::UNIX_EPOCH,
            storage_encryption: None,
            encrypted: Default::default(),
        };
        let mut tags = Vec::new();
        for storage_encryption in [None, Some(encryption(1)), Some(encryption(2))] {
            asset.storage_encryption = storage_encryption;
            let [a, b] = ["a.mp4", "b.mp4"].map(|name| answer(&policy, &asset, name));
            tags.push((a.await.unwrap().etag, b.await.unwrap().etag));
        }
        let [plain, one, other] = tags.as_slice() else { panic!("{tags:?}") };
        assert!(plain.0 != one.0 && one.0 != other.0 && plain.0 != other.0, "{tags:?}");
        assert!(plain.1 == one.1 && one.1 == other.1, "it is listed nowhere: {tags:?}");
    }
}
