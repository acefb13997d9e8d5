//! `portcullis decrypt`: encrypted files, segments, playlists and presentations to clear ones.

mod input;
mod presentation;
mod target;
mod work;

use std::path::Path;

use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;

use self::input::{Budget, Piece, pieces_of};
use self::presentation::{Track, tracks};
use self::target::Targets;
use self::work::{Done, Report, decrypt, extensions};
use super::CliError;
use super::key_args::KeyArgs;
use super::place::{Place, Reach};
use super::progress::Bar;
use crate::cenc::decrypt::Keyring;
use crate::cli::out::outln;

/// Arguments of `decrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
IN is an MP4, or an init segment and its segments in order, or an HLS media playlist: they come out as
one file. IN may also be one MPD or one HLS multivariant playlist: then OUT is a folder, and each
representation or playlist becomes a file in it. Each may be a file or an http:// address. A manifest
that is a file names files in its folder and below; --allow-outside lets it name others, and addresses.

Understood are cenc, cens, cbc1, cbcs and PIFF 1.1 in MP4, in fragments or not, whatever keys and
groups it has; AES-128 in playlists and MPDs; SAMPLE-AES in transport streams and packed audio. Nothing
moves inside of MP4 files: boxes that spoke of protection become 'free'. OUT is readable by its owner
only. It is no input, and written over only with --force.

Whoever lists processes sees the keys of a command line: --key-file hides them.
Exit codes: 0 done, 1 the input was refused or a key is missing, 2 wrong usage, 3 a file or the network
failed.

Examples:
  portcullis decrypt film_cenc.mp4 film.mp4 --keys 9eb4050de44b4802932e27d75083e266:166634c6...
  portcullis decrypt init.mp4 segment-1.m4s segment-2.m4s film.mp4 --key-file film.keys
  portcullis decrypt playlist.m3u8 film.ts --key-file film.keys --json
  portcullis decrypt http://127.0.0.1:8080/film/manifest.mpd film/ --key-file film.keys")]
pub(super) struct Args {
    /// What is read, and last the file or folder that is written
    #[arg(required = true, num_args = 2.., value_names = ["IN", "OUT"],
          value_parser = NonEmptyStringValueParser::new())]
    paths: Vec<String>,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    reach: Reach,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// What was done with a presentation.
#[derive(Debug, Serialize)]
struct Folder {
    output: String,
    tracks: Vec<Report>,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let (output, inputs) = args.paths.split_last().expect("there are two paths at least");
    let keys = args.keys.keyring()?;
    let output = Path::new(output);
    let (mut pieces, mut budget) = (Vec::new(), Budget::default());
    let mut places = Vec::new();
    for input in inputs {
        let place = Place::of(input, &args.reach)?;
        let data = place.look().await?;
        places.push(place.clone());
        match tracks(&place, &data, &mut budget).await? {
            None => pieces.extend(pieces_of(&place, data, &mut budget)?),
            Some(tracks) if inputs.len() == 1 => {
                check(output, &place, &tracks, args.force)?;
                return presentation(tracks, &keys, output, args.json).await;
            }
            Some(_) => {
                return Err(CliError::usage("a manifest of several tracks is the only input"));
            }
        }
    }
    let read = places.iter().filter_map(Place::file).chain(pieces.iter().filter_map(Piece::file));
    Targets::beside(read, args.force).check(output)?;
    let bar = Bar::new(0);
    let report = decrypt(pieces, &keys, output, false, &bar).await?.finish()?;
    drop(bar);
    if args.json {
        return print_json(&report);
    }
    report.print();
    Ok(())
}

/// Refuses a folder in which a file of a track would be in the place of another.
fn check(folder: &Path, manifest: &Place, tracks: &[Track], force: bool) -> Result<(), CliError> {
    let pieces = tracks.iter().flat_map(|track| &track.pieces).filter_map(Piece::file);
    let targets = Targets::beside(manifest.file().into_iter().chain(pieces), force);
    let mut names = tracks.iter().flat_map(|track| {
        extensions().map(|extension| folder.join(&track.name).with_extension(extension))
    });
    names.try_for_each(|name| targets.check(&name))
}

/// Each track becomes a file in a folder, which goes again where it was made for nothing.
async fn presentation(
    tracks: Vec<Track>,
    keys: &Keyring,
    folder: &Path,
    json: bool,
) -> Result<(), CliError> {
    let is_new = !folder.exists();
    std::fs::create_dir_all(folder).map_err(|error| CliError::file(folder, &error))?;
    let reports = all(tracks, keys, folder).await.inspect_err(|_| {
        if is_new {
            // Not when something is in it. That the command failed is told anyway.
            let _ = std::fs::remove_dir(folder);
        }
    })?;
    if json {
        return print_json(&Folder { output: folder.display().to_string(), tracks: reports });
    }
    reports.iter().for_each(Report::print);
    Ok(())
}

/// The files get their names together: where one fails, nothing is left that another try would have to
/// write over.
async fn all(tracks: Vec<Track>, keys: &Keyring, folder: &Path) -> Result<Vec<Report>, CliError> {
    let bar = Bar::new(0);
    let mut done = Vec::new();
    for Track { name, pieces } in tracks {
        done.push(decrypt(pieces, keys, &folder.join(name), true, &bar).await?);
    }
    drop(bar);
    done.into_iter().map(Done::finish).collect()
}

fn print_json(report: &impl Serialize) -> Result<(), CliError> {
    outln!("{}", serde_json::to_string_pretty(report).map_err(CliError::environment)?);
    Ok(())
}
