//! From files and folders on the command line to assets and streams in the store.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;

use super::CliError;
use super::findings::Findings;
use super::progress::patiently;
use crate::config::Config;
use crate::keys::StorageEncryption;
use crate::media::Encrypted;
use crate::package::compat::Compat;
use crate::service::origin::Origin;
use crate::service::publish::{
    PublishError, PublishRequest, Publisher, default_token_policy, open_policy,
};
use crate::service::streams::Access;
use crate::store::{Asset, Locator, Store, StoreError, folder};

/// Issuer and audience of the token policy that `dev` and `add` make.
const TOKEN_ISSUER: &str = "portcullis";
const TOKEN_AUDIENCE: &str = "portcullis";

/// A way of publishing, under a name short enough for stream names.
#[derive(Debug)]
pub(super) struct Form {
    /// Name on the command line and in stream names.
    pub(super) short: &'static str,
    /// The streaming policy.
    pub(super) policy: &'static str,
    /// Whether there are keys to give under an open or a token policy.
    pub(super) has_keys: bool,
}

/// The ways that `dev` publishes everything in.
pub(super) const FORMS: &[Form] = &[
    Form { short: "clear", policy: "Predefined_ClearStreamingOnly", has_keys: false },
    Form { short: "aes", policy: "Predefined_ClearKey", has_keys: true },
    Form { short: "cenc", policy: "Portcullis_CencClearKey", has_keys: true },
    Form { short: "cbcs", policy: "Portcullis_CbcsClearKey", has_keys: true },
    Form { short: "drm", policy: "Predefined_MultiDrmStreaming", has_keys: true },
];

/// Name of the content key policy, and last part of stream names.
pub(super) fn access_name(access: Access) -> &'static str {
    match access {
        Access::Open => "open",
        Access::Token => "token",
    }
}

/// A folder that becomes an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    /// Name of the asset.
    pub(super) name: String,
    /// The folder.
    pub(super) dir: PathBuf,
    /// How its files are encrypted where they lie.
    pub(super) storage_encryption: Option<Arc<StorageEncryption>>,
    /// What becomes of files whose samples somebody has encrypted already.
    pub(super) encrypted: Encrypted,
}

impl Folder {
    /// An asset named after its folder.
    pub(super) fn at(dir: PathBuf) -> Self {
        let name = name_from(dir.file_name());
        Self { name, dir, storage_encryption: None, encrypted: Encrypted::Refuse }
    }
}

/// An asset name out of a file or folder name: only what may stand in URLs and tools. Where letters of
/// other scripts have no place in it, a digest of the whole name tells it from others.
pub(super) fn name_from(name: Option<&OsStr>) -> String {
    let name = name.map(OsStr::to_string_lossy).unwrap_or_default();
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }
    };
    let kept: String = name.chars().map(safe).collect();
    let kept = kept.trim_matches(|c| "-.".contains(c));
    let is_lost = |c: char| !c.is_ascii() && (c.is_alphanumeric() || kept.is_empty());
    let is_whole = !name.chars().any(is_lost);
    let kept = if kept.is_empty() { "asset" } else { kept };
    if is_whole {
        return kept.to_owned();
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    format!("{kept}-{}", HEXLOWER.encode(&digest.as_ref()[..4]))
}

/// Each folder once, with names that differ.
pub(super) fn distinct(folders: Vec<Folder>) -> Vec<Folder> {
    let mut found: Vec<Folder> = Vec::new();
    for folder in folders {
        if !found.iter().any(|other| other.dir == folder.dir) {
            found.push(Folder { name: numbered(folder.name, &found), ..folder });
        }
    }
    found
}

/// The name, with a number when one of the others has it.
pub(super) fn numbered(name: String, others: &[Folder]) -> String {
    let mut names = (2..).map(|number| format!("{name}-{number}"));
    let is_taken = |name: &String| others.iter().any(|other| other.name == *name);
    if is_taken(&name) { names.find(|name| !is_taken(name)).unwrap_or_default() } else { name }
}

/// The folder itself when it has media files, else every folder in it that has some, by name.
pub(super) fn folders_at(dir: &Path) -> Result<Vec<Folder>, CliError> {
    let dir = dir.canonicalize().map_err(|error| refused(dir, &error))?;
    if has_media(&dir)? {
        return Ok(vec![Folder::at(dir)]);
    }
    let (mut found, mut unused) = (Vec::new(), Vec::new());
    for path in entries(&dir)? {
        if !path.is_dir() || folder::is_hidden(&path) {
            continue;
        }
        match has_media(&path)? {
            true => found.push(Folder::at(path)),
            false => unused.push(path),
        }
    }
    if found.is_empty() {
        let dir = dir.display();
        return Err(CliError::refused(format_args!("{dir}: no MP4 files here or one folder down")));
    }
    for path in unused {
        tracing::warn!("{}: left out: no MP4 files here", path.display());
    }
    Ok(found)
}

fn has_media(dir: &Path) -> Result<bool, CliError> {
    let folder = folder::Folder::read(dir).map_err(|error| refused(dir, &error))?;
    Ok(!folder.media.is_empty())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, CliError> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut paths = read().map_err(|error| refused(dir, &error))?;
    paths.sort();
    Ok(paths)
}

/// A path that the user gave cannot be read.
fn refused(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    CliError::refused(format_args!("{}: {error}", path.display()))
}

/// Puts folders into the store and streams on top of them.
pub(super) struct Library {
    store: Store,
    publisher: Publisher,
    origin: Origin,
    segment_ms: u32,
}

impl Library {
    /// `origin` is what will serve the streams.
    pub(super) fn new(store: Store, origin: Origin, config: &Config) -> Self {
        let segment_ms = u32::try_from(config.media.segment.as_millis()).unwrap_or(u32::MAX);
        Self { publisher: Publisher::new(store.clone()), store, origin, segment_ms }
    }

    /// Checks a folder and makes it an asset, or gives the asset of that name this folder.
    pub(super) async fn register(&self, folder: &Folder) -> Result<Findings, CliError> {
        let found = self.check(folder, &folder.dir).await?;
        self.put(folder).await?;
        Ok(found)
    }

    /// Refuses names that assets of other folders have.
    pub(super) async fn free(&self, folders: &[Folder]) -> Result<(), CliError> {
        for Folder { name, dir, .. } in folders {
            let asset = match self.store.asset(name).await {
                Err(StoreError::NotFound { .. }) => continue,
                found => found?,
            };
            // One that is not there may be so for a while.
            let other = asset.dir.canonicalize().unwrap_or_else(|_| asset.dir.clone());
            if other != *dir {
                let (dir, other) = (dir.display(), other.display());
                return Err(CliError::refused(format_args!(
                    "{dir}: the asset {name} is another folder, {other}: choose another name with \
                     --name, or --replace it and keep its streams and keys"
                )));
            }
        }
        Ok(())
    }

    /// Refuses what could not be published whatever the media are.
    pub(super) async fn fits(&self, request: &PublishRequest) -> Result<(), CliError> {
        self.store.streaming_policy(&request.streaming_policy).await?;
        for filter in &request.filters {
            self.store.filter(&request.asset, filter).await?;
        }
        match self.store.locator_by_name(&request.name).await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
            // It is compared, and nothing is made.
            Ok(_) => self.publish(request).await.map(drop),
        }
    }

    /// What is found in the folder, or in another one that is going to be it.
    pub(super) async fn check(&self, folder: &Folder, dir: &Path) -> Result<Findings, CliError> {
        let asset = self.asset(folder, dir);
        let what = format!("reading {}", folder.dir.display());
        let checked = patiently(what, self.origin.check(&asset)).await.map_err(|error| {
            CliError::refused(format_args!("{}: {error}", folder.dir.display()))
        })?;
        Ok(Findings::of(&checked.asset))
    }

    /// Refuses what could not be published if the folder, or another one that is going to be it, were
    /// the asset.
    pub(super) async fn judge(
        &self,
        request: &PublishRequest,
        folder: &Folder,
        dir: &Path,
    ) -> Result<(), CliError> {
        let asset = self.asset(folder, dir);
        Ok(self.publisher.judge(request, &asset, Timestamp::now()).await?)
    }

    /// Makes a folder that was checked an asset.
    pub(super) async fn put(&self, folder: &Folder) -> Result<(), CliError> {
        Ok(self.store.put_asset(self.asset(folder, &folder.dir)).await?)
    }

    fn asset(&self, folder: &Folder, dir: &Path) -> Asset {
        Asset {
            name: folder.name.clone(),
            dir: dir.to_owned(),
            segment_ms: self.segment_ms,
            created: Timestamp::now(),
            storage_encryption: folder.storage_encryption.clone(),
            encrypted: folder.encrypted,
        }
    }

    /// Makes the content key policies `open` and `token` unless they are there.
    pub(super) async fn policies(&self) -> Result<(), CliError> {
        let open = open_policy(access_name(Access::Open));
        let name = access_name(Access::Token);
        let token = default_token_policy(name, TOKEN_ISSUER, TOKEN_AUDIENCE)?;
        for policy in [open, token] {
            self.publisher.policy_once(&policy).await?;
        }
        Ok(())
    }

    /// Like [`Self::publish`], but a stream of that name that differs makes way, with its keys.
    pub(super) async fn replace(&self, request: &PublishRequest) -> Result<Locator, CliError> {
        match self.publisher.publish_once(request, Timestamp::now()).await {
            Err(PublishError::Different { .. }) => {
                let old = self.store.locator_by_name(&request.name).await?;
                tracing::warn!(stream = request.name, asset = old.asset, "replaced");
                self.store.delete_locator(old.id).await?;
                self.publish(request).await
            }
            outcome => Ok(outcome?),
        }
    }

    /// Publishes an asset; a stream that is there and alike stays as it is, keys included.
    pub(super) async fn publish(&self, request: &PublishRequest) -> Result<Locator, CliError> {
        Ok(self.publisher.publish_once(request, Timestamp::now()).await?)
    }
}

/// The stream `name` of an asset.
pub(super) fn request(
    name: String,
    asset: &str,
    policy: &str,
    access: Access,
    compat: Compat,
) -> PublishRequest {
    PublishRequest {
        asset: asset.to_owned(),
        name,
        streaming_policy: policy.to_owned(),
        content_key_policy: Some(access_name(access).to_owned()),
        compat,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asset_names_hold_only_what_urls_and_tools_take() {
        for (file, expected) in [
            ("trailer", "trailer"),
            ("My Movie (2024)", "My-Movie--2024"),
            ("My Movie – 2024", "My-Movie---2024"),
            ("été", "t-bd010c64"),
            ("..", "asset"),
            ("日本", "asset-cf2abf0c"),
            ("🎬", "asset-0de8a531"),
            ("a.b_c-d", "a.b_c-d"),
        ] {
            assert_eq!(name_from(Some(OsStr::new(file))), expected, "{file}");
        }
    }

    #[test]
    fn a_folder_stands_for_itself_or_for_the_folders_in_it() {
        let root = tempfile::tempdir().unwrap();
        for dir in ["one", "two", "empty"] {
            fs::create_dir(root.path().join(dir)).unwrap();
        }
        for file in ["one/a.MP4", "two/b.m4a", "empty/notes.txt"] {
            fs::write(root.path().join(file), "").unwrap();
        }
        let names = |dir: &Path| -> Vec<String> {
            folders_at(dir).unwrap().into_iter().map(|folder| folder.name).collect()
        };
        assert_eq!(names(root.path()), ["one", "two"]);
        assert_eq!(names(&root.path().join("one")), ["one"]);
        assert!(folders_at(&root.path().join("empty")).is_err());
        assert!(folders_at(&root.path().join("nowhere")).is_err());
    }
}
