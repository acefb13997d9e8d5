//! `portcullis apply`, `list`, `show` and `delete`: stored things as JSON documents.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use super::instance::{self, MissingKek};
use super::{CliError, log};
use crate::cli::out::outln;
use crate::config::Config;
use crate::policy::unique;
use crate::service::publish::Publisher;
use crate::service::resource::{
    Listing, Outcome, Resource, ResourceError, ResourceKind, Secrets, TABLE,
};
use crate::store::Store;

/// A longer file is refused, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A file holds one resource or an array of them: {\"name\": ..., \"type\": ..., \"properties\": ...}.
Types: contentKeyPolicies, streamingPolicies, accountFilters, streamingLocators (named NAME) and
assetFilters (named ASSET/NAME), with or without Microsoft.Media/mediaServices/ and the name of an
account in front. Nothing is stored unless all of it reads; policies are stored before locators.
What is refused then ends the work, and what was stored before it stays. The same again changes
nothing. Streaming policies and locators never change: one that differs from what is there is
refused. A running server sees the rest within five seconds.

Examples:
  portcullis apply policies.json locators.json
  portcullis apply filters.json
  portcullis show asset-filters film/trailer | portcullis apply -")]
pub(super) struct Apply {
    /// JSON files, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// content-key-policies, streaming-policies, streaming-locators, account-filters, asset-filters
    #[arg(value_parser = kind)]
    kind: ResourceKind,
    /// Print the documents as a JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
pub(super) struct Show {
    #[command(flatten)]
    one: One,
    /// With content keys and the secrets of policies
    #[arg(long)]
    with_secrets: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct One {
    /// content-key-policies, streaming-policies, streaming-locators, account-filters, asset-filters
    #[arg(value_parser = kind)]
    kind: ResourceKind,
    /// NAME, or ASSET/NAME for what belongs to an asset
    name: String,
    #[command(flatten)]
    place: Place,
}

/// Where the database is.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database [default: portcullis-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Place {
    /// What is there already.
    pub(super) async fn open(self) -> Result<Store, CliError> {
        instance::open_existing(&self.config()?).await
    }

    async fn open_or_create(self) -> Result<Store, CliError> {
        instance::open(&self.config()?, MissingKek::Create).await
    }

    fn config(self) -> Result<Config, CliError> {
        let mut config = Config::load(self.config.as_deref(), std::env::vars())?;
        config.overlay(None, self.data);
        log::start(&config.log)?;
        Ok(config)
    }
}

pub(super) async fn apply(args: Apply) -> Result<(), CliError> {
    let mut resources = Vec::new();
    for file in &args.files {
        resources.extend(read(file)?);
    }
    resources.sort_by_key(|resource| resource.kind);
    // One for all: it keeps the indexes of the assets it has seen.
    let publisher = Publisher::new(args.place.open_or_create().await?);
    for resource in &resources {
        let done = match resource.store(&publisher, Timestamp::now()).await? {
            Outcome::Created => "created",
            Outcome::Replaced => "replaced",
            Outcome::Unchanged => "unchanged",
        };
        outln!("{}/{} {done}", resource.kind.row().plural, resource.name());
    }
    Ok(())
}

pub(super) async fn list(args: List) -> Result<(), CliError> {
    let Listing { found, damaged } = Resource::list(&args.place.open().await?, args.kind).await?;
    for error in damaged {
        eprintln!("warning: left out: {error}");
    }
    if args.json {
        let document = |resource: &Resource| resource.to_document(Secrets::Hidden);
        return print(&found.iter().map(document).collect());
    }
    for resource in found {
        outln!("{}", resource.name());
    }
    Ok(())
}

pub(super) async fn show(args: Show) -> Result<(), CliError> {
    let Show { one, with_secrets } = args;
    let secrets = if with_secrets { Secrets::Shown } else { Secrets::Hidden };
    let store = one.place.open().await?;
    let found = Resource::find(&store, one.kind, &one.name, secrets).await?;
    print(&found.to_document(secrets))
}

pub(super) async fn delete(args: One) -> Result<(), CliError> {
    Ok(Resource::delete(&args.place.open().await?, args.kind, &args.name).await?)
}

fn kind(text: &str) -> Result<ResourceKind, String> {
    let kinds = || TABLE.iter().map(|row| row.plural).collect::<Vec<_>>().join(", ");
    ResourceKind::from_cli(text).ok_or_else(|| format!("the kinds are {}", kinds()))
}

/// The resources of a file; each is checked before any is stored.
fn read(file: &Path) -> Result<Vec<Resource>, CliError> {
    let refused = |what: &dyn std::fmt::Display| {
        CliError::refused(format_args!("{}: {what}", file.display()))
    };
    let text = text(file).map_err(|error| refused(&error))?;
    match unique::parse(&text).map_err(|error| refused(&error))? {
        Value::Array(documents) => {
            let numbered = documents.into_iter().enumerate();
            let read = |(n, document)| {
                let resource = Resource::from_document(document);
                resource.map_err(|error| refused(&format_args!("[{n}]: {error}")))
            };
            numbered.map(read).collect()
        }
        document => Ok(vec![Resource::from_document(document).map_err(|error| refused(&error))?]),
    }
}

fn text(file: &Path) -> io::Result<String> {
    let input: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(File::open(file)?),
    };
    let mut text = String::new();
    input.take(MAX_FILE + 1).read_to_string(&mut text)?;
    match text.len() as u64 {
        ..=MAX_FILE => Ok(text),
        _ => Err(io::Error::other("the file is larger than 4 MiB")),
    }
}

fn print(document: &Value) -> Result<(), CliError> {
    outln!("{}", serde_json::to_string_pretty(document).map_err(CliError::environment)?);
    Ok(())
}

impl From<ResourceError> for CliError {
    fn from(error: ResourceError) -> Self {
        match error {
            ResourceError::Store(error) => error.into(),
            ResourceError::Publish(error) => error.into(),
            refusal => Self::refused(refusal),
        }
    }
}
