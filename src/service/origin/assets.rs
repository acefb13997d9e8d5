//! Assets as they are needed to answer: files opened and indexed once, kept as long as nothing in
//! the folder changes, weighed in bytes, loaded once for any number of first requests.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use moka::future::Cache;

use super::check::Check;
use super::manifests::Manifests;
use super::turns::Turns;
use super::{Code, OriginError, sidecars};
use crate::keys::StorageEncryption;
use crate::media::timeline::Cutting;
use crate::media::{
    Asset, Encrypted, FileIndex, MediaError, MediaRule, Rendition, Sidecar, SourceFile,
};
use crate::package::filter::{self, Filter, FilterError};
use crate::package::request::Query;
use crate::package::selection::Selection;
use crate::store;
use crate::store::files::FileVersion;
use crate::store::folder::{Folder, FolderError, Media};
use crate::store::source::MediaSource;

/// What errors about no single file name.
const WHOLE_FOLDER: &str = "the folder of the asset";

/// How old the last look at the files may be. Under load it keeps the storage from being asked for
/// every request; nobody can tell an answer from one that began so much earlier. No answer mixes
/// old and new bytes: each piece is checked by itself.
const GOOD_FOR: Duration = Duration::from_millis(10);

/// The same for segments, of which there may be thousands. New ones change the folder, which is
/// looked at as often as everything else.
const SEGMENTS_GOOD_FOR: Duration = Duration::from_secs(1);

/// More media files in one folder are refused.
const MAX_FILES: usize = 256;

/// What is not asked for that long is dropped, with its open files.
const IDLE: Duration = Duration::from_secs(600);

/// An asset with its files open.
#[derive(Debug)]
pub struct LoadedAsset {
    /// The asset.
    pub asset: Asset,
    /// Stem of the server manifest, which stands in URLs; `None` when there is none.
    pub manifest_stem: Option<String>,
    sources: Vec<Arc<MediaSource>>,
    /// How many fragments make a segment of a transport stream, if the server manifest says so.
    pub fragments_per_segment: Option<usize>,
    /// What would give another asset if it changed: the folder, its media, its manifest.
    watched: Arc<[(PathBuf, FileVersion)]>,
    /// Files of renditions in many files alike.
    segments: Arc<[(PathBuf, FileVersion)]>,
    /// Tells what was loaded from what is loaded later, in this process.
    pub(super) generation: u64,
    /// Of the files, and of their segments where there are any.
    pub(super) checks: Box<[Arc<Check>]>,
    /// What is left without filters and choices, once it was asked for.
    whole: OnceLock<Arc<Selection>>,
}

impl LoadedAsset {
    /// What filters and query leave. Most requests have neither and share one selection.
    pub(super) fn select(
        &self,
        filters: &[Arc<Filter>],
        query: &Query,
    ) -> Result<Arc<Selection>, FilterError> {
        let select = || filter::select(&self.asset, filters, query).map(Arc::new);
        if !filters.is_empty() || *query != Query::default() {
            return select();
        }
        match self.whole.get() {
            Some(whole) => Ok(Arc::clone(whole)),
            None => select().map(|whole| Arc::clone(self.whole.get_or_init(|| whole))),
        }
    }

    /// What holds the bytes of a rendition.
    pub fn source(&self, rendition: &Rendition) -> &Arc<MediaSource> {
        self.source_of(rendition.file)
    }

    /// What holds the bytes of the file of that place in [`Asset::files`].
    pub fn source_of(&self, file: usize) -> &Arc<MediaSource> {
        // The asset was assembled from these sources.
        &self.sources[file]
    }

    /// Whether the files are as they were when they were loaded.
    async fn is_current(&self) -> bool {
        for check in &self.checks {
            if !check.holds().await {
                return false;
            }
        }
        true
    }

    fn weight(&self) -> u32 {
        let file = |file: &SourceFile| file.name.len() + file.index.heap_size();
        let files: usize = self.asset.files.iter().map(file).sum();
        let sources: usize = self.sources.iter().map(|source| source.heap_size()).sum();
        let watched = heap_size_of(&self.watched) + heap_size_of(&self.segments);
        let weight = size_of::<Self>() + self.asset.heap_size() + files + sources + watched;
        u32::try_from(weight).unwrap_or(u32::MAX)
    }
}

/// Looks whether files are still of these versions.
fn unchanged(watched: &Arc<[(PathBuf, FileVersion)]>) -> impl Fn() -> bool + Send + Sync + 'static {
    let watched = Arc::clone(watched);
    let same = |(path, version): &(PathBuf, FileVersion)| {
        FileVersion::at(path).is_ok_and(|now| now == *version)
    };
    move || watched.iter().all(same)
}

/// Memory of paths and versions in bytes.
fn heap_size_of(watched: &[(PathBuf, FileVersion)]) -> usize {
    let paths: usize = watched.iter().map(|(path, _)| path.as_os_str().len()).sum();
    paths + size_of_val(watched)
}

/// How files are read: by the identity of their storage encryption, if they have one, and with what
/// becomes of encrypted samples.
type Way = (Option<[u8; 32]>, Encrypted);

fn way_of(stored: &store::Asset) -> Way {
    let encryption = stored.storage_encryption.as_ref().map(|known| known.identity());
    (encryption, stored.encrypted)
}

/// An asset in the cache: what was read in one way is not what is read in another.
type AssetKey = (PathBuf, Cutting, Way);

/// An index in the cache: the first file, the versions of all, and how they are read.
type IndexKey = (PathBuf, Arc<[FileVersion]>, Way);

/// The loaded assets.
#[derive(Debug, Clone)]
pub struct AssetCache {
    assets: Cache<AssetKey, Arc<LoadedAsset>>,
    /// Indexes by path and version: when one file of many changes, one is read.
    indexes: Cache<IndexKey, Arc<FileIndex>>,
    generations: Arc<AtomicU64>,
}

impl AssetCache {
    /// A cache that holds about `capacity` bytes of indexes.
    pub fn new(capacity: u64) -> Self {
        Self {
            assets: Cache::builder()
                .max_capacity(capacity)
                .weigher(|_, asset: &Arc<LoadedAsset>| asset.weight())
                .time_to_idle(IDLE)
                .build(),
            indexes: Cache::builder()
                .max_capacity(capacity)
                .weigher(|(path, versions, _): &IndexKey, index: &Arc<FileIndex>| {
                    let key = path.as_os_str().len() + size_of_val(&**versions);
                    u32::try_from(key + index.heap_size()).unwrap_or(u32::MAX)
                })
                .time_to_idle(IDLE)
                .build(),
            generations: Arc::default(),
        }
    }

    /// The asset as its folder is now.
    ///
    /// # Errors
    /// Media that cannot be published, or a storage failure.
    pub async fn get(
        &self,
        stored: &store::Asset,
        cutting: Cutting,
    ) -> Result<Arc<LoadedAsset>, OriginError> {
        let key = (stored.dir.clone(), cutting, way_of(stored));
        if let Some(loaded) = self.assets.get(&key).await {
            if loaded.is_current().await {
                return Ok(loaded);
            }
            self.forget(&key, &loaded).await;
        }
        // Boxed: futures are moved as they are passed on, and that of a load is large.
        let load = Box::pin(self.load(stored, cutting));
        let loaded = Box::pin(self.assets.try_get_with(key, load)).await;
        loaded.map_err(|error| (*error).clone())
    }

    /// Drops a stale asset, unless another request has replaced it already.
    async fn forget(&self, key: &AssetKey, stale: &Arc<LoadedAsset>) {
        let current = self.assets.get(key).await;
        if current.is_some_and(|current| Arc::ptr_eq(&current, stale)) {
            self.assets.invalidate(key).await;
        }
    }

    async fn load(
        &self,
        stored: &store::Asset,
        cutting: Cutting,
    ) -> Result<Arc<LoadedAsset>, OriginError> {
        let began = Instant::now();
        let store::Asset { name, dir, storage_encryption, .. } = stored.clone();
        let way = way_of(stored);
        let opened = blocking(move || open_folder(&dir, storage_encryption.as_deref())).await??;
        // Side by side, as far as the machine has use for it: a folder may have hundreds of files.
        let turns = Turns::new();
        let reading: Vec<_> = opened
            .media
            .iter()
            .map(|(media, source)| {
                let (cache, turns) = (self.clone(), turns.clone());
                let (media, source) = (media.clone(), Arc::clone(source));
                tokio::spawn(async move { cache.index(&media, &source, way, &turns).await })
            })
            .collect();
        let mut sources = Vec::with_capacity(reading.len());
        for ((media, _), index) in opened.media.iter().zip(reading) {
            let index = index.await.map_err(|_| reading_failed())??;
            sources.push(SourceFile {
                name: media.name.clone(),
                language: media.language.clone(),
                index,
            });
        }
        let (manifests, sidecars) = (opened.manifests, opened.sidecars);
        let assembled = blocking(move || {
            let Manifests { server, note } = manifests;
            let packed = server.as_ref().and_then(|server| server.fragments_per_segment);
            let mut asset = Asset::assemble(&name, sources, &sidecars, server.as_ref(), cutting)?;
            asset.skipped.extend(note);
            Ok::<_, MediaError>((asset, packed))
        });
        let (asset, fragments_per_segment) = assembled.await??;
        let watched = Arc::from(opened.watched);
        let segments: Arc<[_]> = Arc::from(opened.segments);
        let mut checks = vec![Check::new(began, GOOD_FOR, unchanged(&watched))];
        if !segments.is_empty() {
            checks.push(Check::new(began, SEGMENTS_GOOD_FOR, unchanged(&segments)));
        }
        Ok(Arc::new(LoadedAsset {
            asset,
            manifest_stem: opened.manifest_stem,
            fragments_per_segment,
            sources: opened.media.into_iter().map(|(_, source)| source).collect(),
            checks: checks.into(),
            watched,
            segments,
            generation: self.generations.fetch_add(1, Relaxed),
            whole: OnceLock::new(),
        }))
    }

    async fn index(
        &self,
        media: &Media,
        source: &Arc<MediaSource>,
        way: Way,
        turns: &Turns,
    ) -> Result<Arc<FileIndex>, OriginError> {
        let (name, source) = (media.name.clone(), Arc::clone(source));
        let path = media.files.first().cloned().unwrap_or_default();
        let key = (path, Arc::clone(source.versions()), way);
        let read = async move {
            let read = move || {
                let index =
                    FileIndex::read_as(&*source, way.1).map_err(|rule| rule.in_file(&name))?;
                source.check_unchanged().map_err(|error| OriginError::storage(&error))?;
                Ok::<_, OriginError>(Arc::new(index))
            };
            turns.blocking(read).await?
        };
        self.indexes.try_get_with(key, read).await.map_err(|error| (*error).clone())
    }
}

/// Runs what waits for a disk apart from the threads that serve.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, OriginError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| reading_failed())
}

/// A task that reads ended without an answer.
pub(super) fn reading_failed() -> OriginError {
    OriginError::new(Code::STORAGE_FAILURE, "reading the media failed")
}

/// A folder with its media files open.
struct OpenedFolder {
    media: Vec<(Media, Arc<MediaSource>)>,
    segments: Vec<(PathBuf, FileVersion)>,
    sidecars: Vec<Sidecar>,
    manifests: Manifests,
    manifest_stem: Option<String>,
    watched: Vec<(PathBuf, FileVersion)>,
}

fn open_folder(
    dir: &Path,
    encryption: Option<&StorageEncryption>,
) -> Result<OpenedFolder, OriginError> {
    let storage = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            OriginError::new(Code::RESOURCE_NOT_FOUND, "the folder of the asset is not there")
        }
        _ => OriginError::storage(&error),
    };
    // Before the entries: what changes in between is noticed at the next request.
    let mut watched = vec![(dir.to_owned(), FileVersion::at(dir).map_err(storage)?)];
    let folder = Folder::read(dir).map_err(|error| match error {
        FolderError::Io(error) => storage(error),
        FolderError::Segments(missing) => MediaRule::from(missing).in_file(WHOLE_FOLDER).into(),
        FolderError::Limit(limit) => MediaRule::Limit(limit).in_file(WHOLE_FOLDER).into(),
    })?;
    let manifest_stem = folder.manifest_stem().map(str::to_owned);
    watched.extend(folder.watched);
    if folder.media.len() > MAX_FILES {
        let rule = MediaRule::NoPlayableTrack("more than 256 media files".to_owned());
        return Err(rule.in_file(WHOLE_FOLDER).into());
    }
    let open = |media: Media| Ok((Arc::new(MediaSource::open(&media.files, encryption)?), media));
    let opened: Vec<(Arc<MediaSource>, Media)> =
        folder.media.into_iter().map(open).collect::<io::Result<_>>().map_err(storage)?;
    let mut segments = Vec::new();
    for (source, media) in &opened {
        let versions = media.files.iter().cloned().zip(source.versions().iter().copied());
        let list = if media.files.len() == 1 { &mut watched } else { &mut segments };
        list.extend(versions);
    }
    let read = sidecars::read(&folder.text, encryption).map_err(storage)?;
    watched.extend(folder.text.into_iter().zip(&read).map(|(path, (_, version))| (path, *version)));
    let manifests = match folder.manifests.as_slice() {
        [] => Manifests::default(),
        [path] => Manifests::read(path, encryption, &mut watched)?,
        _ => return Err(several_manifests()),
    };
    Ok(OpenedFolder {
        manifest_stem,
        media: opened.into_iter().map(|(source, media)| (media, source)).collect(),
        segments,
        sidecars: read.into_iter().map(|(sidecar, _)| sidecar).collect(),
        manifests,
        watched,
    })
}

fn several_manifests() -> OriginError {
    let rule = MediaRule::ServerManifest("the folder holds several .ism files".to_owned());
    MediaError { file: WHOLE_FOLDER.to_owned(), rule }.into()
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
