//! `portcullis add`: publishes MP4 files and prints where they are.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::content::{
    FORMS, Findings, Folder, Library, access_name, folders_at, name_from, request,
};
use super::instance::{self, MissingKek};
use super::progress::Bar;
use super::{CliError, log, run};
use crate::cli::out::outln;
use crate::config::Config;
use crate::keys::{Hierarchy, Rotation, StorageEncryption};
use crate::media::Encrypted;
use crate::package::compat::Compat;
use crate::service::publish::PublishRequest;
use crate::service::streams::{Access, Catalog, KeyInfo, Stream};
use crate::store::folder::is_media;

const COPY_PIECE: usize = 1 << 20;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A folder is one asset and stays where it is; files are copied into the data folder and make one
asset together, one file per quality level or language. Adding the same again changes nothing.

Examples:
  portcullis add ~/Movies/trailer
  portcullis add film_1080p.mp4 film_720p.mp4 film_en.m4a --name film --policy token
  portcullis add ~/Movies/trailer --filter mobile
  portcullis add ~/Movies/trailer --rotate 60s
  portcullis add ~/Movies/packaged --encrypted pass --streaming-policy clear")]
pub(super) struct Args {
    /// Folders with MP4 files, or MP4 files that belong together
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Name of the asset [default: that of the folder or the first file]
    #[arg(long)]
    name: Option<String>,
    /// Who gets the keys
    #[arg(long, value_enum, default_value_t = Policy::Token)]
    policy: Policy,
    /// A streaming policy, or clear, aes, cenc, cbcs or drm for the built-in ones
    #[arg(long, value_name = "NAME", default_value = "cenc")]
    streaming_policy: String,
    /// A filter that the stream always applies; may be given several times
    #[arg(long = "filter", value_name = "NAME")]
    filters: Vec<String>,
    /// Whose manifests to write: modern, or ams for those of Azure Media Services
    #[arg(long, value_name = "PROFILE", default_value_t)]
    compat: Compat,
    /// How the files are encrypted where they lie, as the AMS v3 method getEncryptionKey answers;
    /// needs exactly one asset
    #[arg(long, value_name = "FILE")]
    storage_encryption: Option<PathBuf>,
    /// Files whose samples another packager has encrypted: refuse, or pass to have them served as they
    /// are, under a streaming policy that encrypts nothing
    #[arg(long, value_name = "WHAT", default_value_t)]
    encrypted: Encrypted,
    /// Change the keys so often: 60s, 5m. Each crypto period gets keys of its own
    #[arg(long, value_name = "TIME")]
    rotate: Option<SignedDuration>,
    /// How many keys there are, which the periods take in turn [default: enough for the whole asset]
    #[arg(long, value_name = "COUNT", requires = "rotate")]
    rotate_keys: Option<u32>,
    /// When the first period is on the clock, as 2026-11-26T20:00:00Z: keys of later periods are given
    /// out when their time comes [default: all keys at any time]
    #[arg(long, value_name = "TIME", requires = "rotate")]
    rotate_start: Option<Timestamp>,
    /// How long before its period a key is given out
    #[arg(long, value_name = "TIME", requires = "rotate_start")]
    rotate_lead: Option<SignedDuration>,
    /// What licences give out: flat, the key of each crypto period, or root-leaf, one key under which
    /// those of all periods stand in the media; Widevine alone, which the streaming policy must
    /// announce
    #[arg(long, value_name = "FORM", requires = "rotate", conflicts_with = "rotate_start",
          value_enum, default_value_t = RotateHierarchy::Flat)]
    rotate_hierarchy: RotateHierarchy,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database [default: portcullis-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Policy {
    /// Everybody who asks
    Open,
    /// Bearers of a token
    Token,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RotateHierarchy {
    /// The key of each crypto period
    Flat,
    /// One root key for each label
    RootLeaf,
}

impl From<RotateHierarchy> for Hierarchy {
    fn from(asked: RotateHierarchy) -> Self {
        match asked {
            RotateHierarchy::Flat => Self::Flat,
            RotateHierarchy::RootLeaf => Self::RootLeaf,
        }
    }
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let mut config = Config::load(args.config.as_deref(), std::env::vars())?;
    config.overlay(None, args.data.clone());
    log::start(&config.log)?;
    let store = instance::open(&config, MissingKek::Create).await?;
    let folders = folders(&args, &config.data)?;
    let origin = run::origin(&store, &config);
    let library = Library::new(store.clone(), origin.clone(), &config);
    library.policies().await?;
    let catalog = Catalog::new(store, origin, config.origin(config.listen));
    let mut streams = Vec::new();
    let mut all = Findings { images: Vec::new(), warnings: Vec::new() };
    for folder in &folders {
        let found = library.register(folder).await?;
        let named = |what: String| format!("{}: {what}", folder.name);
        all.images.extend(found.images.into_iter().map(named));
        all.warnings.extend(found.warnings.into_iter().map(named));
        let locator = library.publish(&args.request(folder)).await?;
        streams.push(catalog.stream(&locator).await?);
    }
    print(&streams, &all, args.json)
}

impl Args {
    fn request(&self, folder: &Folder) -> PublishRequest {
        let form = FORMS.iter().find(|form| form.short == self.streaming_policy);
        let access = match self.policy {
            Policy::Token if form.is_none_or(|form| form.has_keys) => Access::Token,
            Policy::Token | Policy::Open => Access::Open,
        };
        let policy = form.map_or(self.streaming_policy.as_str(), |form| form.policy);
        let mut name = format!("{}-{}-{}", folder.name, self.streaming_policy, access_name(access));
        for filter in &self.filters {
            name += "-";
            name += filter;
        }
        if let Some(period) = self.rotate {
            name += &format!("-rotate{}s", period.as_secs());
            if self.rotate_hierarchy == RotateHierarchy::RootLeaf {
                name += "-root-leaf";
            }
        }
        let request = request(name, &folder.name, policy, access, self.compat);
        PublishRequest { filters: self.filters.clone(), rotation: self.rotation(), ..request }
    }

    fn rotation(&self) -> Option<Rotation> {
        // Kept as the store keeps times.
        let start = self.rotate_start.map(|start| start.as_millisecond());
        Some(Rotation {
            period: self.rotate?,
            keys: self.rotate_keys,
            start: start.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            lead: self.rotate_lead.unwrap_or(SignedDuration::ZERO),
            hierarchy: self.rotate_hierarchy.into(),
        })
    }
}

/// The folders to publish; files are brought together in one first.
fn folders(args: &Args, data: &Path) -> Result<Vec<Folder>, CliError> {
    let (dirs, files): (Vec<_>, Vec<_>) = args.paths.iter().partition(|path| path.is_dir());
    let mut folders = Vec::new();
    for dir in dirs {
        folders.extend(folders_at(dir)?);
    }
    if let Some(first) = files.first() {
        let name = args.name.clone().unwrap_or_else(|| name_from(first.file_stem()));
        folders.push(gather(&name_from(Some(name.as_ref())), &files, data)?);
    }
    match (&args.name, folders.as_mut_slice()) {
        (Some(name), [only]) => only.name = name_from(Some(name.as_ref())),
        (Some(_), _) => return Err(CliError::usage("--name needs exactly one asset")),
        (None, _) => {}
    }
    match (&args.storage_encryption, folders.as_mut_slice()) {
        (Some(path), [only]) => only.storage_encryption = Some(Arc::new(encryption(path)?)),
        (Some(_), _) => {
            return Err(CliError::usage("--storage-encryption needs exactly one asset"));
        }
        (None, _) => {}
    }
    for folder in &mut folders {
        folder.encrypted = args.encrypted;
    }
    Ok(folders)
}

fn encryption(path: &Path) -> Result<StorageEncryption, CliError> {
    let document = fs::read(path).map(Zeroizing::new);
    let document = document.map_err(|error| CliError::file(path, &error))?;
    StorageEncryption::parse(&document)
        .map_err(|error| CliError::refused(format_args!("{}: {error}", path.display())))
}

/// Copies files into a folder of their own below the data folder.
fn gather(name: &str, files: &[&PathBuf], data: &Path) -> Result<Folder, CliError> {
    if let Some(other) = files.iter().find(|file| !is_media(file)) {
        return Err(CliError::refused(format_args!("{}: not an MP4 file", other.display())));
    }
    let dir = data.join("assets").join(name);
    instance::make_private_dir(&dir)?;
    for file in files {
        let target = dir.join(file.file_name().unwrap_or_default());
        copy(file, &target)
            .map_err(|error| CliError::refused(format_args!("{}: {error}", file.display())))?;
    }
    let dir = dir.canonicalize().map_err(|error| CliError::file(&dir, &error))?;
    Ok(Folder { name: name.to_owned(), ..Folder::at(dir) })
}

/// Copies under a temporary name, then renames: a running server never sees half a file. A copy of
/// the same size and time is left as it is.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut source = File::open(from)?;
    let metadata = source.metadata()?;
    let modified = metadata.modified()?;
    let same = |there: fs::Metadata| {
        there.len() == metadata.len() && there.modified().is_ok_and(|time| time == modified)
    };
    if fs::metadata(to).is_ok_and(same) {
        return Ok(());
    }
    let part = to.with_extension("part");
    let mut target = File::create(&part)?;
    let progress = Bar::new(metadata.len());
    let mut piece = vec![0; COPY_PIECE];
    loop {
        let count = source.read(&mut piece)?;
        if count == 0 {
            break;
        }
        target.write_all(&piece[..count])?;
        progress.advance(count as u64);
    }
    target.set_modified(modified)?;
    target.sync_all()?;
    fs::rename(&part, to)
}

fn print(streams: &[Stream<KeyInfo>], found: &Findings, json: bool) -> Result<(), CliError> {
    let Findings { images, warnings } = found;
    if json {
        let document =
            serde_json::json!({ "streams": streams, "images": images, "warnings": warnings });
        outln!("{}", serde_json::to_string_pretty(&document).map_err(CliError::environment)?);
        return Ok(());
    }
    for images in images {
        outln!("found: {images}");
    }
    for warning in warnings {
        outln!("warning: {warning}");
    }
    for stream in streams {
        outln!("{}", stream.name);
        for manifest in &stream.manifests {
            outln!("  {:5} {}", manifest.protocol, manifest.url);
        }
        if stream.policy == Access::Token {
            outln!("  keys need a token: portcullis token make --policy token --expires-in 1h");
        }
    }
    Ok(())
}
