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
    ("mov", "video/quicktime"),
    ("m4a", "audio/mp4"),
    ("vtt", "text/vtt"),
    ("ttml", "application/ttml+xml"),
    ("jpg", "image/jpeg"),
    ("png", "image/png"),
    ("json", "application/json"),
];

pub(super) async fn answer(
    policy: &StreamingPolicy,
    asset: &store::Asset,
    name: &str,
) -> Result<Answer, OriginError> {
    if !policy.allows(Protocol::Download, Protection::Clear) {
        let detail = "the streaming policy does not allow downloads";
        return Err(OriginError::new(Code::OUTPUT_FORMAT_BLOCKED, detail));
    }
    let extension = Path::new(name).extension().and_then(OsStr::to_str).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    if name.starts_with('.') || NOT_SERVED.contains(&extension.as_str()) {
        return Err(missing());
    }
    let path = asset.dir.join(name);
    let cipher = cipher_of(&path, asset.storage_encryption.as_deref());
    // A link could lead out of the folder, so it is not followed.
    let opened = tokio::task::spawn_blocking(move || LocalFile::open_no_link(&path)).await;
    let file = opened.map_err(|_| missing())?.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::InvalidInput => missing(),
        _ => OriginError::storage(&error),
    })?;
    let file = file.decrypted_by(cipher);
    let known = TYPES.iter().find(|(known, _)| *known == extension);
    let extent = Extent { offset: 0, length: file.len() };
    Ok(Answer {
        content_type: known.map_or("application/octet-stream", |(_, mime)| mime),
        etag: tag(&[asset.name.as_bytes(), name.as_bytes(), &file.version().to_bytes()]),
        cache: CachePolicy::Download,
        content: Content::Planned(
            Arc::new(Plan::new(Bytes::new(), vec![extent], Cipher::Clear)),
            [Arc::new(MediaSource::of_file(file))].into(),
        ),
        following: None,
    })
}

fn missing() -> OriginError {
    OriginError::new(Code::RESOURCE_NOT_FOUND, "the asset has no such file")
}
