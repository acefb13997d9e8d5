//! `portcullis decrypt`: encrypted files, segments and playlists to clear ones.

mod input;

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;

use self::input::{Media, Piece, pieces};
use super::CliError;
use super::key_args::KeyArgs;
use super::progress::Bar;
use crate::bytes::ReadAt;
use crate::cenc::decrypt::{Decryptor, Keyring};
use crate::crypto::Expanded;
use crate::crypto::cbc::open_padded;
use crate::ids::KeyId;
use crate::isobmff::is_mp4;
use crate::package::hls::read::{Key, Method};
use crate::store::private::Draft;

const PIECE: usize = 1 << 20;

/// Arguments of `decrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
IN is a fragmented MP4, or an init segment and its segments in order, or one HLS media playlist;
each may be a file or an http:// address. Understood are cenc, cens, cbc1, cbcs and PIFF 1.1 in
fragmented MP4, whatever keys and groups it has, and AES-128 in playlists. Nothing moves inside of
MP4 files: boxes that spoke of protection become 'free'. A playlist comes out as one file.
OUT is readable by its owner only.

Whoever lists processes sees the keys of a command line: --key-file hides them.

Examples:
  portcullis decrypt film_cenc.mp4 film.mp4 --keys 9eb4050de44b4802932e27d75083e266:166634c6...
  portcullis decrypt init.mp4 segment-1.m4s segment-2.m4s film.mp4 --key-file film.keys
  portcullis decrypt playlist.m3u8 film.ts --key-file film.keys --json")]
pub(super) struct Args {
    /// What is read, and last the file that is written
    #[arg(required = true, num_args = 2.., value_names = ["IN", "OUT"],
          value_parser = NonEmptyStringValueParser::new())]
    paths: Vec<String>,
    #[command(flatten)]
    keys: KeyArgs,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Report {
    output: String,
    bytes: u64,
    fragments: u64,
    /// Decrypted samples by track.
    samples: BTreeMap<u32, u64>,
    /// Segments that were decrypted as a whole.
    segments: u64,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let (output, inputs) = args.paths.split_last().expect("there are two paths at least");
    let keys = args.keys.keyring()?;
    let path = Path::new(output);
    let mut draft = Draft::beside(path).map_err(|error| CliError::file(path, &error))?;
    let sink = BufWriter::with_capacity(PIECE, draft.file());
    let mut work =
        Work { sink, keys: &keys, decryptor: Decryptor::new(&keys), bytes: 0, segments: 0 };
    let bar = Bar::new(0);
    for input in inputs {
        for mut piece in pieces(input).await? {
            let media = piece.load().await?;
            bar.expect(media.len());
            work.open(&piece, media, &bar)?;
        }
    }
    drop(bar);
    let report = work.finish(output).map_err(|error| CliError::file(path, &error))?;
    draft.replace(path).map_err(|error| CliError::file(path, &error))?;
    report.print(args.json)
}

struct Work<'k, W: Write> {
    sink: W,
    keys: &'k Keyring,
    decryptor: Decryptor<'k>,
    /// Written past the decryptor.
    bytes: u64,
    segments: u64,
}

impl<W: Write> Work<'_, W> {
    fn open(&mut self, piece: &Piece, media: Media, bar: &Bar) -> Result<(), CliError> {
        let named =
            |error: &dyn std::fmt::Display| CliError::refused(format_args!("{piece}: {error}"));
        let mut start = [0; 8];
        let is_fragmented = media.read_exact_at(0, &mut start).is_ok() && is_mp4(&start);
        match &piece.key {
            Some(key) if key.method == Method::Aes128 => {
                let mut data = media.into_vec().map_err(|error| named(&error))?;
                if !open_padded(self.key(key)?, key.iv, &mut data) {
                    return Err(named(&"the key or the IV is not that of this segment"));
                }
                self.segments += 1;
                self.write(&data, bar)
            }
            _ if is_fragmented => {
                let done = self.decryptor.decrypt(&media, &mut self.sink, |n| bar.advance(n));
                done.map_err(|error| named(&error))
            }
            Some(_) => Err(named(&"SAMPLE-AES is decrypted in fragmented MP4 only")),
            None if piece.is_listed => {
                let data = media.into_vec().map_err(|error| named(&error))?;
                self.write(&data, bar)
            }
            None => Err(named(&"this is neither an MP4 nor an HLS playlist")),
        }
    }

    /// The key of whole segments: that whose KID the address names, or the only one.
    fn key(&self, key: &Key) -> Result<&Expanded, CliError> {
        let kid = key.uri.split(['?', '&']).find_map(|part| part.strip_prefix("kid="));
        let kid = kid.and_then(|kid| kid.parse::<KeyId>().ok());
        let named = kid.and_then(|kid| self.keys.get(kid));
        named.or(self.keys.only()).ok_or_else(|| match kid {
            Some(kid) => CliError::refused(format_args!("no key of the KID {kid} is given")),
            None => CliError::refused("the playlist names no KID: give just one key"),
        })
    }

    fn write(&mut self, data: &[u8], bar: &Bar) -> Result<(), CliError> {
        self.sink.write_all(data).map_err(CliError::environment)?;
        self.bytes += data.len() as u64;
        bar.advance(data.len() as u64);
        Ok(())
    }

    fn finish(mut self, output: &str) -> std::io::Result<Report> {
        self.sink.flush()?;
        let done = self.decryptor.done;
        Ok(Report {
            output: output.to_owned(),
            bytes: self.bytes + done.bytes,
            fragments: done.fragments,
            samples: done.samples,
            segments: self.segments,
        })
    }
}

impl Report {
    fn print(&self, json: bool) -> Result<(), CliError> {
        if json {
            let text = serde_json::to_string_pretty(self).map_err(CliError::environment)?;
            println!("{text}");
            return Ok(());
        }
        let Self { output, bytes, fragments, samples, segments } = self;
        println!("{output}: {bytes} bytes");
        if *segments > 0 {
            println!("{segments} segments decrypted");
        }
        for (track, count) in samples {
            println!("track {track}: {count} samples decrypted in {fragments} fragments");
        }
        if samples.is_empty() && *segments == 0 {
            println!("nothing in it was encrypted");
        }
        Ok(())
    }
}
