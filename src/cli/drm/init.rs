//! `portcullis drm init`: a folder of one's own.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ring::rand::SystemRandom;
use serde_json::json;

use crate::cli::CliError;
use crate::cli::out::outln;
use crate::cli::progress::patiently;
use crate::crypto::random::System;
use crate::license::trust::make::{Files, MakeError, make};
use crate::license::widevine::maker::Maker;
use crate::service::trust::{self, TRUST_FILE};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Makes roots, what licence services prove themselves by, and test devices, those that a service must
refuse among them, for Widevine and PlayReady, and certificates and a secret key for FairPlay. Only
services and clients with this folder believe in them: production devices do not. All files are
readable by you alone. A folder that is complete is left as it is.

Example:
  portcullis drm init drm
  portcullis dev --drm-dir drm")]
pub(super) struct Args {
    /// The folder: empty, or not there yet
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let dir = &args.dir;
    if dir.join(TRUST_FILE).exists() {
        trust::load(dir)
            .map_err(|error| CliError::refused(format_args!("{}: {error}", dir.display())))?;
        return print(&args, None);
    }
    check_empty(dir)?;
    let work = tokio::task::spawn_blocking(made);
    let files = patiently("making keys".to_owned(), work).await.map_err(CliError::environment)?;
    let files = files.map_err(CliError::environment)?;
    let contents = files.iter().map(|(name, content)| (name.as_str(), content.as_slice()));
    trust::write(dir, contents).map_err(|error| CliError::file(dir, &error))?;
    print(&args, Some(&files))
}

fn made() -> Result<Files, MakeError> {
    let mut random = System::new();
    let mut maker = Maker { random: &mut random, now: Timestamp::now().as_second() };
    make(&mut maker, &SystemRandom::new())
}

/// What lies in the folder already may be of other use: it is not replaced.
fn check_empty(dir: &Path) -> Result<(), CliError> {
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CliError::refused(format_args!(
            "{}: there are files here, but no {TRUST_FILE}: name a folder that is empty or not there",
            dir.display()
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(CliError::file(dir, &error)),
    }
}

fn print(args: &Args, made: Option<&Files>) -> Result<(), CliError> {
    let dir = args.dir.display();
    let names = made.into_iter().flatten().map(|(name, _)| name);
    if args.json {
        let document = json!({ "dir": args.dir, "made": made.is_some(),
            "files": names.collect::<Vec<_>>() });
        outln!("{}", serde_json::to_string_pretty(&document).map_err(CliError::environment)?);
        return Ok(());
    }
    for name in names {
        outln!("{}", args.dir.join(name).display());
    }
    match made {
        Some(_) => outln!("\n{dir} is complete for Widevine, PlayReady and FairPlay"),
        None => outln!("{dir} is complete already, nothing was changed"),
    }
    Ok(())
}
