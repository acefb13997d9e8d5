//! One stream, piece by piece, into one file.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::input::{Media, Piece};
use crate::bytes::ReadAt;
use crate::cenc::decrypt::{Decryptor, Keyring};
use crate::cli::CliError;
use crate::cli::out::outln;
use crate::cli::progress::Bar;
use crate::crypto::Expanded;
use crate::crypto::cbc::open_padded;
use crate::ids::KeyId;
use crate::isobmff::is_mp4;
use crate::mpegts::open::Opener;
use crate::package::hls::read::{Key, Method};
use crate::store::private::{Draft, Unnamed};

const BUFFER: usize = 1 << 20;

/// What was done.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) output: String,
    bytes: u64,
    fragments: u64,
    /// Decrypted samples by track.
    samples: BTreeMap<u32, u64>,
    /// Segments that were decrypted as a whole.
    segments: u64,
}

/// A stream that is decrypted, in a file without its name.
pub(super) struct Done {
    file: Unnamed,
    output: PathBuf,
    report: Report,
}

impl Done {
    /// Gives the file its name.
    pub(super) fn finish(self) -> Result<Report, CliError> {
        let Self { file, output, report } = self;
        file.replace(&output).map_err(|error| CliError::file(&output, &error))?;
        Ok(report)
    }
}

/// Decrypts a stream into a file, which gets the extension of what it holds where it `has_none`.
pub(super) async fn decrypt(
    pieces: Vec<Piece>,
    keys: &Keyring,
    output: &Path,
    has_none: bool,
    bar: &Bar,
) -> Result<Done, CliError> {
    let file = |error: std::io::Error| CliError::file(output, &error);
    let mut draft = Draft::beside(output).map_err(file)?;
    let mut work = Work {
        sink: BufWriter::with_capacity(BUFFER, draft.file()),
        keys,
        decryptor: Decryptor::new(keys),
        opener: Opener::default(),
        extension: None,
        bytes: 0,
        segments: 0,
    };
    for mut piece in pieces {
        let media = piece.load().await?;
        bar.expect(media.len());
        work.open(&piece, media, bar)?;
    }
    let (mut report, extension) = work.finish().map_err(file)?;
    let mut output = output.to_owned();
    if has_none {
        output.set_extension(extension.unwrap_or("bin"));
    }
    report.output = output.display().to_string();
    Ok(Done { file: draft.close(), output, report })
}

struct Work<'k, W: Write> {
    sink: W,
    keys: &'k Keyring,
    decryptor: Decryptor<'k>,
    opener: Opener,
    /// Of files that hold what the first piece is.
    extension: Option<&'static str>,
    /// Written past the decryptor.
    bytes: u64,
    segments: u64,
}

/// Whether what is clear begins so.
type Begins = fn(&[u8]) -> bool;

/// Extensions, each with how what is clear begins; the last fits everything.
const KINDS: &[(&str, Begins)] = &[
    ("mp4", is_mp4),
    ("ts", |start| start.starts_with(&[0x47])),
    ("vtt", |start| start.starts_with(b"WEBV") || start.starts_with(b"\xef\xbb\xbfW")),
    ("ttml", |start| start.starts_with(b"<")),
    ("ac3", |start| start.starts_with(&[0x0b, 0x77])),
    ("aac", |start| start.starts_with(b"ID3") || start.starts_with(&[0xff])),
    (OTHER, |_| true),
];

const OTHER: &str = "bin";

fn extension(start: &[u8]) -> &'static str {
    KINDS.iter().find(|(_, begins)| begins(start)).map_or(OTHER, |(extension, _)| extension)
}

/// All that files of tracks may get.
pub(super) fn extensions() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(extension, _)| *extension)
}

impl<W: Write> Work<'_, W> {
    fn open(&mut self, piece: &Piece, media: Media, bar: &Bar) -> Result<(), CliError> {
        let named =
            |error: &dyn std::fmt::Display| CliError::refused(format_args!("{piece}: {error}"));
        let mut start = [0; 8];
        let is_boxes = media.read_exact_at(0, &mut start).is_ok() && is_mp4(&start);
        match &piece.key {
            Some(key) if key.method == Method::Aes128 => {
                let mut data = media.into_vec().map_err(|error| named(&error))?;
                if !open_padded(self.key(key)?, key.iv, &mut data) {
                    return Err(named(&"the key or the IV is not that of this segment"));
                }
                self.segments += 1;
                if is_mp4(&data) {
                    // Samples may be encrypted too, and counted they are anyway.
                    return self.boxes(piece, data.as_slice(), bar);
                }
                self.write(&data, bar)
            }
            _ if is_boxes => self.boxes(piece, &media, bar),
            Some(key) => {
                let data = media.into_vec().map_err(|error| named(&error))?;
                if !Opener::is_one(&data) {
                    return Err(named(&"this is neither MP4, a transport stream nor packed audio"));
                }
                let secret = self.key(key)?.clone();
                let clear = self.opener.open(&secret, key.iv, &data);
                self.segments += 1;
                self.write(&clear.map_err(|error| named(&error))?, bar)
            }
            None if piece.is_listed => {
                let data = media.into_vec().map_err(|error| named(&error))?;
                self.write(&data, bar)
            }
            None => Err(named(&"this is neither an MP4, an MPD nor an HLS playlist")),
        }
    }

    fn boxes<S: ReadAt + ?Sized>(
        &mut self,
        piece: &Piece,
        media: &S,
        bar: &Bar,
    ) -> Result<(), CliError> {
        self.extension.get_or_insert("mp4");
        let done = self.decryptor.decrypt(media, &mut self.sink, |n| bar.advance(n));
        done.map_err(|error| CliError::refused(format_args!("{piece}: {error}")))
    }

    /// The key of whole segments: that whose KID the address names, and where it names none the only one.
    fn key(&self, key: &Key) -> Result<&Expanded, CliError> {
        let kid = key.uri.split(['?', '&']).find_map(|part| part.strip_prefix("kid="));
        let kid = kid.and_then(|kid| kid.parse::<KeyId>().ok());
        match kid {
            Some(kid) => self
                .keys
                .get(kid)
                .ok_or_else(|| CliError::refused(format_args!("no key of the KID {kid} is given"))),
            None => self
                .keys
                .only()
                .ok_or_else(|| CliError::refused("the playlist names no KID: give just one key")),
        }
    }

    fn write(&mut self, data: &[u8], bar: &Bar) -> Result<(), CliError> {
        self.extension.get_or_insert(extension(data));
        self.sink.write_all(data).map_err(CliError::environment)?;
        self.bytes += data.len() as u64;
        bar.advance(data.len() as u64);
        Ok(())
    }

    fn finish(mut self) -> std::io::Result<(Report, Option<&'static str>)> {
        self.sink.flush()?;
        let done = self.decryptor.done;
        let report = Report {
            output: String::new(),
            bytes: self.bytes + done.bytes,
            fragments: done.fragments,
            samples: done.samples,
            segments: self.segments,
        };
        Ok((report, self.extension))
    }
}

impl Report {
    pub(super) fn print(&self) {
        let Self { output, bytes, fragments, samples, segments } = self;
        outln!("{output}: {bytes} bytes");
        if *segments > 0 {
            outln!("{segments} segments decrypted");
        }
        for (track, count) in samples {
            outln!("track {track}: {count} samples decrypted in {fragments} fragments");
        }
        if samples.is_empty() && *segments == 0 {
            outln!("nothing in it was encrypted");
        }
    }
}
