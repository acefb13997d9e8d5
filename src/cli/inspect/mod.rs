//! `portcullis inspect`: boxes, tracks and protection of a file or an address, and the keys that a
//! manifest names.

mod boxes;
mod known;
mod manifest;

use std::path::PathBuf;
use std::sync::Arc;

use super::CliError;
use super::key_args::KeyArgs;
use super::place::{Place, Reach};
use crate::inspect::kind;
use crate::isobmff::is_mp4;

const EXAMPLES: &str = "\
Of an MP4, an init segment or a fragment, the boxes are listed. Of an MPD, an HLS playlist or a Smooth
Streaming manifest, what it says of keys is decoded, the playlists and init segments that it names are
read too, and all is compared: KID in tenc = MPD = pssh = PlayReady Object = KEYID of playlists, scheme,
IV and checksums. With --keys or --data the key records are compared as well.

Examples:
  portcullis inspect movie.mp4
  portcullis inspect manifest.mpd --keys 9eb4050de44b4802932e27d75083e266:166634c6...
  portcullis inspect --data portcullis-data 'http://127.0.0.1:8080/<locator>/movie.ism/manifest(format=mpd-time-cmaf,encryption=cenc)'

Exit code 1 when a box is broken, when the fragments of a file contradict themselves in what they
say of their protection (subsamples against sizes, saiz and saio against senc, an IV used twice), and
when two places speak of different keys. Each is named: file, element, value.";

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A file, or an http address
    target: String,
    #[command(flatten)]
    keys: KeyArgs,
    /// Folder of the database that has the locator of the address
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let place = Place::of(&args.target, &args.reach)?;
    let known = known::keys(&args, &place).await?;
    let start = place.look().await?;
    let source: Arc<str> = place.to_string().into();
    let Some(kind) = kind(&start) else {
        // Boxes of systems are looked at without a file around them too.
        if !is_mp4(&start) && start.get(4..8) != Some(b"pssh") {
            return Err(CliError::refused(format_args!("{source}: {}", nothing_known(&start))));
        }
        let report = match &place {
            Place::File { path, .. } => boxes::of_file(&source, path, known.as_ref())?,
            Place::Address(_) => boxes::Report::of(&source, start.as_slice(), known.as_ref())
                .map_err(CliError::environment)?,
        };
        return boxes::conclude(&report, args.json);
    };
    let survey = manifest::Survey::of(&place, kind, start, known.as_ref()).await?;
    survey.conclude(args.json)
}

fn nothing_known(start: &[u8]) -> &'static str {
    match start {
        [] => "there is nothing in it",
        _ => "this is no MP4, MPD, HLS playlist or Smooth Streaming manifest",
    }
}
