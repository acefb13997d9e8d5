//! `portcullis dev`: one command from MP4 files to encrypted streams in a player.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::Map;

use super::content::{FORMS, Folder, Form, Library, access_name, distinct, folders_at, request};
use super::instance::{self, MissingKek};
use super::ready::{Ready, reveal};
use super::{CliError, Exit, demo, drm, log, run};
use crate::cli::out::outln;
use crate::config::Config;
use crate::package::compat::Compat;
use crate::policy::{Restriction, VerificationKey};
use crate::service::streams::{Access, Catalog, KeyInfo, Stream};
use crate::store::Store;
use crate::token::make::{SigningKey, TokenSpec, make};

/// How long the token that is printed is good for.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, clap::Args)]
#[command(after_help = "Without --media a built-in clip is served. Locators and keys are kept in \
    the data folder: a restart changes nothing.")]
pub(super) struct Args {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Folder for the database and keys, created when missing [default: portcullis-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder of MP4 files, or of such folders; may be given several times
    #[arg(long, value_name = "DIR")]
    media: Vec<PathBuf>,
    /// Folder with roots and credentials of licence services (trust.json) [default: one in the data
    /// folder, with keys that come with the program]
    #[arg(long, value_name = "DIR")]
    drm_dir: Option<PathBuf>,
    /// Give Widevine licences to any device, whoever made it
    #[arg(long)]
    any_device: bool,
    /// Whose manifests to write: modern, or ams for those of Azure Media Services
    #[arg(long, value_name = "PROFILE", default_value_t)]
    compat: Compat,
    /// Write addresses, token and keys of all streams to this file once requests are served
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let mut config = Config::load(None, std::env::vars())?;
    config.overlay(args.listen, args.data);
    config.drm.any_device = args.any_device;
    log::start(&config.log)?;
    let listeners = run::bind(&config).await?;
    let address = listeners.address;
    let store = instance::open(&config, MissingKek::Create).await?;
    let drm_dir = match args.drm_dir.or(config.drm.dir) {
        Some(dir) => dir,
        None => drm::unpack(&config.data)?,
    };
    config.drm.dir = Some(drm_dir.clone());
    let folders = folders(&args.media, &config.data)?;
    let origin = run::origin(&store, &config);
    let library = Library::new(store.clone(), origin.clone(), &config);
    publish(&library, &folders, args.compat).await?;
    let token = token(&store).await?;
    let catalog = Catalog::new(store.clone(), origin.clone(), config.origin(address))
        .with_token(token, config.own_hosts(address));
    let streams = catalog.streams(Timestamp::now()).await?;
    let mode = (&config, run::Mode::Development);
    let serving = run::serve(listeners, store.clone(), origin, catalog.clone(), mode);
    let announced = async {
        announce(&catalog, &streams, &drm_dir);
        match &args.ready_file {
            Some(path) => write_ready(path, &store, &catalog, streams).await,
            None => Ok(()),
        }
    };
    // The port is open already: whoever connects from now on is served.
    let (served, announced) = tokio::join!(serving, announced);
    announced.and(served)
}

/// What to serve, with names that differ.
fn folders(media: &[PathBuf], data: &Path) -> Result<Vec<Folder>, CliError> {
    if media.is_empty() {
        return Ok(vec![demo::unpack(data)?]);
    }
    let mut folders = Vec::new();
    for dir in media {
        folders.extend(folders_at(dir)?);
    }
    Ok(distinct(folders))
}

async fn publish(library: &Library, folders: &[Folder], compat: Compat) -> Result<(), CliError> {
    library.policies().await?;
    if let [only] = folders {
        warn(only, library.register(only).await?.warnings);
        return publish_folder(library, only, "", compat).await;
    }
    let mut last_refusal = None;
    let mut published = 0;
    for folder in folders {
        match library.register(folder).await {
            Ok(found) => {
                warn(folder, found.warnings);
                publish_folder(library, folder, &format!("{}-", folder.name), compat).await?;
                published += 1;
            }
            // One folder of many that cannot be played does not keep the others from being shown.
            Err(error) if error.exit == Exit::Refused => {
                tracing::warn!(%error, "left out");
                last_refusal = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match last_refusal {
        Some(refusal) if published == 0 => Err(refusal),
        _ => Ok(()),
    }
}

fn warn(folder: &Folder, warnings: Vec<String>) {
    for warning in warnings {
        tracing::warn!(asset = folder.name, "{warning}");
    }
}

async fn publish_folder(
    library: &Library,
    folder: &Folder,
    prefix: &str,
    compat: Compat,
) -> Result<(), CliError> {
    for (form, access) in forms() {
        let name = format!("{prefix}{}-{}", form.short, access_name(access));
        library.replace(&request(name, &folder.name, form.policy, access, compat)).await?;
    }
    Ok(())
}

/// Every form under every policy that makes a difference for it.
fn forms() -> impl Iterator<Item = (&'static Form, Access)> {
    let accesses = |form: &Form| match form.has_keys {
        true => &[Access::Open, Access::Token][..],
        false => &[Access::Open],
    };
    FORMS.iter().flat_map(move |form| accesses(form).iter().map(move |access| (form, *access)))
}

/// A token that the policy `token` accepts.
async fn token(store: &Store) -> Result<String, CliError> {
    let policy = store.content_key_policy(access_name(Access::Token)).await?;
    let restriction = policy.options.iter().find_map(|option| match &option.restriction {
        Restriction::Token(restriction) => Some(restriction),
        Restriction::Open {} => None,
    });
    let signed_by = restriction.map(|restriction| &restriction.primary_verification_key);
    let (Some(restriction), Some(VerificationKey::Symmetric { key_value })) =
        (restriction, signed_by)
    else {
        return Err(CliError::refused(
            "the content key policy \"token\" is not the one that dev makes: use another --data",
        ));
    };
    let spec = TokenSpec {
        issuer: restriction.issuer.clone(),
        audience: restriction.audience.clone(),
        expires: Timestamp::now() + TOKEN_LIFE,
        not_before: None,
        kid: None,
        claims: Map::new(),
    };
    make(&spec, &SigningKey::Symmetric(key_value.clone())).map_err(CliError::environment)
}

async fn write_ready(
    path: &Path,
    store: &Store,
    catalog: &Catalog,
    streams: Vec<Stream<KeyInfo>>,
) -> Result<(), CliError> {
    let mut revealed = Vec::new();
    for stream in streams {
        revealed.push(reveal(store, stream).await?.into());
    }
    let ready = Ready {
        origin: catalog.origin().to_owned(),
        key_delivery: catalog.key_delivery(),
        pid: std::process::id(),
        streams: revealed,
    };
    ready.write(path)
}

/// Prints the links, the token, and two commands that show what it is good for.
fn announce(catalog: &Catalog, streams: &[Stream<KeyInfo>], drm_dir: &Path) {
    outln!("Portcullis is ready: {}/\n", catalog.origin());
    for stream in streams {
        outln!("{}", stream.name);
        for manifest in &stream.manifests {
            outln!("  {:5} {}", manifest.protocol, manifest.url);
        }
        for (system, url) in &stream.licenses {
            outln!("  {system} {url}");
        }
    }
    outln!("\nLicences of all systems: {}", catalog.license_url_for_all());
    outln!("Streams for DRM test pages, switches for testers: {}/player", catalog.origin());
    let guarded =
        streams.iter().find_map(|stream| Some((stream.token.as_ref()?, stream.keys.first()?.kid)));
    if let Some((token, kid)) = guarded {
        let url = format!("{}/?kid={kid}", catalog.key_delivery());
        outln!("\nToken, good for 24 hours:\n{token}");
        outln!("\nGet a key:\n  curl -s -H 'Authorization: Bearer {token}' '{url}' | od -An -tx1");
        outln!("Be refused:\n  curl -s '{url}'");
    }
    announce_licence(catalog, streams, drm_dir);
}

/// Prints a command that gets a licence, with the folder of its test device.
fn announce_licence(catalog: &Catalog, streams: &[Stream<KeyInfo>], drm_dir: &Path) {
    let open = streams.iter().find(|stream| {
        stream.token.is_none() && stream.licenses.contains_key("com.widevine.alpha")
    });
    let device = drm_dir.join("widevine/device_l3.wvd");
    if let (Some(key), true) = (open.and_then(|stream| stream.keys.first()), device.exists()) {
        outln!(
            "\nGet a licence for a test device, of {} or of your own ('portcullis drm init'):\n  \
             portcullis license request --system widevine --url {}/Widevine/ --device '{}' --kid {}",
            drm_dir.display(),
            catalog.key_delivery(),
            device.display(),
            key.kid
        );
    }
}
