//! `portcullis add`: publishes MP4 files and prints where they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::content::{
    FORMS, Folder, Form, Library, access_name, distinct, folders_at, name_from, numbered, request,
};
use super::duration::duration;
use super::findings::Findings;
use super::gather::{Gathered, folder_of, gather};
use super::instance::{self, MissingKek};
use super::{CliError, log, run};
use crate::cli::out::outln;
use crate::config::Config;
use crate::keys::{Hierarchy, Rotation, StorageEncryption};
use crate::media::Encrypted;
use crate::package::compat::Compat;
use crate::service::publish::PublishRequest;
use crate::service::streams::{Access, Catalog, KeyInfo, Stream};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A folder is one asset and stays where it is; files are copied into the data folder and make one
asset together, one file per quality level or language; they come to the files that an asset of that
name has. Adding the same again changes nothing, and media that are refused leave the asset as it was.

Examples:
  portcullis add ~/Movies/trailer
  portcullis add film_1080p.mp4 film_720p.mp4 film_en.m4a --name film --policy token
  portcullis add ~/Movies/trailer --filter mobile
  portcullis add ~/Movies/trailer --rotate 60s
  portcullis add ~/Movies/packaged --encrypted pass --streaming-policy clear")]
pub(super) struct Args {
    /// Folders with MP4 files, or MP4 files and subtitles that belong together
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Name of the asset [default: that of the folder or the first file]
    #[arg(long)]
    name: Option<String>,
    /// Let an asset of that name have this folder in place of another: its streams and keys stay
    #[arg(long)]
    replace: bool,
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
    #[arg(long, value_name = "TIME", value_parser = duration)]
    rotate: Option<SignedDuration>,
    /// How many keys there are, which the periods take in turn [default: enough for the whole asset]
    #[arg(long, value_name = "COUNT", requires = "rotate")]
    rotate_keys: Option<u32>,
    /// When the first period is on the clock, as 2026-11-26T20:00:00Z: keys of later periods are given
    /// out when their time comes [default: all keys at any time]
    #[arg(long, value_name = "TIME", requires = "rotate")]
    rotate_start: Option<Timestamp>,
    /// How long before its period a key is given out
    #[arg(long, value_name = "TIME", requires = "rotate_start", value_parser = duration)]
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
    let (folders, files) = given(&args, &config.data)?;
    let origin = run::origin(&store, &config);
    let library = Library::new(store.clone(), origin.clone(), &config);
    library.policies().await?;
    // Before anything is copied.
    if !args.replace {
        library.free(&folders).await?;
    }
    for folder in &folders {
        library.fits(&args.request(folder)).await?;
    }
    let mut gathered = match (files.as_slice(), folders.last()) {
        ([_, ..], Some(folder)) => Some(gather(&folder.dir, &files)?),
        _ => None,
    };
    let catalog = Catalog::new(store, origin, config.origin(config.listen));
    let mut streams = Vec::new();
    let mut all = Findings { images: Vec::new(), warnings: Vec::new() };
    for folder in &folders {
        let gathered = gathered.take_if(|gathered| gathered.is_for(&folder.dir));
        let stage = gathered.as_ref().map_or(&*folder.dir, Gathered::stage);
        let (found, request) = (library.check(folder, stage).await?, args.request(folder));
        library.judge(&request, folder, stage).await?;
        gathered.map_or(Ok(()), Gathered::keep)?;
        library.put(folder).await?;
        let named = |what: String| format!("{}: {what}", folder.name);
        all.images.extend(found.images.into_iter().map(named));
        all.warnings.extend(found.warnings.into_iter().map(named));
        let locator = library.publish(&request).await?;
        streams.push(catalog.stream(&locator).await?);
    }
    print(&streams, &all, &place(&args), args.json)
}

impl Args {
    fn form(&self) -> Option<&'static Form> {
        FORMS.iter().find(|form| form.short == self.streaming_policy)
    }

    fn streaming_policy(&self) -> &str {
        self.form().map_or(self.streaming_policy.as_str(), |form| form.policy)
    }

    fn request(&self, folder: &Folder) -> PublishRequest {
        let form = self.form();
        let access = match self.policy {
            Policy::Token if form.is_none_or(|form| form.has_keys) => Access::Token,
            Policy::Token | Policy::Open => Access::Open,
        };
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
        let request = request(name, &folder.name, self.streaming_policy(), access, self.compat);
        PublishRequest { filters: self.filters.clone(), rotation: self.rotation(), ..request }
    }

    fn rotation(&self) -> Option<Rotation> {
        // Kept as the store keeps times.
        let start = self.rotate_start.map(|start| start.as_millisecond());
        Some(Rotation {
            period: Some(self.rotate?),
            keys: self.rotate_keys,
            start: start.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            lead: self.rotate_lead.unwrap_or(SignedDuration::ZERO),
            hierarchy: self.rotate_hierarchy.into(),
            forced: Vec::new(),
        })
    }
}

/// The folders to publish, and the files that go into the last of them before.
fn given<'a>(args: &'a Args, data: &Path) -> Result<(Vec<Folder>, Vec<&'a Path>), CliError> {
    let (dirs, files): (Vec<_>, Vec<_>) =
        args.paths.iter().map(PathBuf::as_path).partition(|path| path.is_dir());
    let mut folders = Vec::new();
    for dir in dirs {
        folders.extend(folders_at(dir)?);
    }
    let mut folders = distinct(folders);
    let name = args.name.as_ref().map(|name| name_from(Some(name.as_ref())));
    if let Some(first) = files.first() {
        let name = name.clone().unwrap_or_else(|| name_from(first.file_stem()));
        let name = numbered(name, &folders);
        let dir = folder_of(&name, data)?;
        folders.push(Folder { name, ..Folder::at(dir) });
    }
    match (name, folders.as_mut_slice()) {
        (Some(name), [only]) => only.name = name,
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
    Ok((folders, files))
}

fn encryption(path: &Path) -> Result<StorageEncryption, CliError> {
    let document = fs::read(path).map(Zeroizing::new);
    let document = document.map_err(|error| CliError::file(path, &error))?;
    StorageEncryption::parse(&document)
        .map_err(|error| CliError::refused(format_args!("{}: {error}", path.display())))
}

/// Where the database is, in the words of another command.
fn place(args: &Args) -> String {
    let part = |name: &str, path: &Option<PathBuf>| {
        path.as_ref().map_or_else(String::new, |path| format!(" --{name} {}", path.display()))
    };
    part("config", &args.config) + &part("data", &args.data)
}

fn print(
    streams: &[Stream<KeyInfo>],
    found: &Findings,
    place: &str,
    json: bool,
) -> Result<(), CliError> {
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
        for url in &stream.downloads {
            outln!("  file  {url}");
        }
        if stream.policy == Access::Token {
            outln!(
                "  keys need a token: portcullis token make --policy token --expires-in 1h{place}"
            );
        }
    }
    Ok(())
}
