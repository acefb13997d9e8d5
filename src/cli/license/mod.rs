//! `portcullis license`: a client for a first look at a licence service, without a browser.

mod clearkey;
mod fairplay;
mod playready;
mod widevine;

use std::path::PathBuf;
use std::pin::Pin;

use clap::{ArgGroup, Subcommand};
use data_encoding::HEXLOWER;

use super::CliError;
use crate::cli::out::outln;
use crate::crypto::ContentKey;
use crate::ids::KeyId;
use crate::license::Trust;
use crate::service::trust;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask for a licence as a player does, print KID:KEY lines
    Request(Request),
}

/// Arguments of `license request`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Test devices only: production services refuse them, and production devices give their keys to
nobody. 'drm init' makes devices, and 'dev' has some. 'generated' makes one of Widevine under a root
of its own, which only 'dev --any-device' trusts. The content keys are printed.

Examples:
  portcullis license request --system widevine --url http://127.0.0.1:8080/keydelivery/Widevine/ \\
      --device drm/widevine/device_l3.wvd --kid 9eb4050d-e44b-4802-932e-27d75083e266
  portcullis license request --system playready --url http://127.0.0.1:8080/keydelivery/PlayReady/ \\
      --device drm/playready/device_sl2000.prd --drm-dir drm --kid 9eb4050d-e44b-4802-932e-27d75083e266
  portcullis license request --system clearkey --url http://127.0.0.1:8080/keydelivery/ClearKey/ \\
      --kid 9eb4050d-e44b-4802-932e-27d75083e266
  portcullis license request --system fairplay --url http://127.0.0.1:8080/keydelivery/FairPlay/ \\
      --drm-dir drm --kid 9eb4050d-e44b-4802-932e-27d75083e266")]
#[command(group = ArgGroup::new("what").required(true))]
struct Request {
    /// The protection system
    #[arg(long, value_name = "SYSTEM", value_parser = systems())]
    system: String,
    /// Address of licences
    #[arg(long, value_name = "URL")]
    url: String,
    /// Device file, or 'generated'; FairPlay makes one for each request
    #[arg(long, value_name = "FILE", default_value = GENERATED)]
    device: String,
    /// Folder with the roots of the device; PlayReady and FairPlay clients encrypt to a key in it
    #[arg(long, value_name = "DIR")]
    drm_dir: Option<PathBuf>,
    /// A key that is asked for; may be given several times
    #[arg(long, value_name = "KID", group = "what")]
    kid: Vec<KeyId>,
    /// A pssh box or its data (PlayReady: the data alone, ClearKey: boxes alone) in base64, in the
    /// place of keys
    #[arg(long, value_name = "BASE64", group = "what")]
    pssh: Option<String>,
    /// FairPlay: version of the request, 1 (RSA 1024) or 2 (RSA 2048); by default the highest for
    /// which the folder has a certificate
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=2))]
    spc_version: Option<u32>,
    /// Token, sent as a bearer's
    #[arg(long, env = "PORTCULLIS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Show who asks to the service only, by its certificate
    #[arg(long)]
    privacy: bool,
    /// Ask for a licence to be kept
    #[arg(long)]
    offline: bool,
    /// Renew the licence afterwards
    #[arg(long)]
    renew: bool,
    /// Give the licence back at the end
    #[arg(long)]
    release: bool,
}

/// The device that is made for one request.
const GENERATED: &str = "generated";

type Keys = Vec<(KeyId, ContentKey)>;
type Asking<'a> = Pin<Box<dyn Future<Output = Result<Keys, CliError>> + 'a>>;

/// A system that the client speaks.
struct Row {
    name: &'static str,
    ask: fn(&Request) -> Asking<'_>,
}

const SYSTEMS: &[Row] = &[
    Row { name: "widevine", ask: widevine::ask },
    Row { name: "playready", ask: playready::ask },
    Row { name: "clearkey", ask: clearkey::ask },
    Row { name: "fairplay", ask: fairplay::ask },
];

fn systems() -> Vec<&'static str> {
    SYSTEMS.iter().map(|row| row.name).collect()
}

/// What the folder knows of this system.
fn load_trust(request: &Request) -> Result<Trust, CliError> {
    let dir = request.drm_dir.as_deref();
    let dir =
        dir.ok_or_else(|| CliError::usage("--drm-dir is needed: whom the client believes"))?;
    trust::load(dir).map_err(CliError::usage)
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let Command::Request(request) = args.command;
    let system = SYSTEMS.iter().find(|row| row.name == request.system);
    let system = system.ok_or_else(|| CliError::usage("the system is not known"))?;
    for (kid, key) in (system.ask)(&request).await? {
        outln!("{}:{}", HEXLOWER.encode(kid.as_bytes()), HEXLOWER.encode(key.expose()));
    }
    Ok(())
}
