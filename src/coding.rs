//! Content codings: text in forms that are shorter on the wire (RFC 9110 section 8.4.1).
//!
//! A form is made when it is first asked for and kept beside the plain text. Each has an entity tag
//! of its own, because strong tags name bytes (RFC 9110 section 8.8.3.3).

use std::io::{self, Write};
use std::sync::OnceLock;

use bytes::Bytes;
use twox_hash::XxHash3_128;

/// Text that is shorter is sent as it is: the headers are longer.
const WORTHWHILE: usize = 256;

/// A coding that text is offered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip (RFC 1952).
    Gzip,
}

/// One row of the table of codings.
#[derive(Debug)]
pub struct Row {
    /// The coding.
    pub coding: Coding,
    /// Its name in `Content-Encoding` and `Accept-Encoding`.
    pub name: &'static str,
    /// Another name in `Accept-Encoding` (RFC 9110 section 8.4.1.3).
    pub alias: Option<&'static str>,
    encode: fn(&[u8]) -> io::Result<Vec<u8>>,
}

/// Every coding, the one that makes playlists shortest first. The levels are those behind which the
/// text gets little shorter for much more time.
pub const TABLE: [Row; 3] = [
    Row { coding: Coding::Brotli, name: "br", alias: None, encode: brotli },
    Row { coding: Coding::Zstd, name: "zstd", alias: None, encode: zstd },
    Row { coding: Coding::Gzip, name: "gzip", alias: Some("x-gzip"), encode: gzip },
];

impl Coding {
    /// The table row of this coding.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

/// Whether a media type is text that gets shorter: manifests, playlists, subtitles, pages.
pub fn shortens(content_type: &str) -> bool {
    const ENDINGS: &[&str] = &["xml", "json", "mpegurl"];
    let kind = content_type.split(';').next().unwrap_or_default().trim_end();
    kind.starts_with("text/") || kind == "image/svg+xml" || {
        kind.starts_with("application/") && ENDINGS.iter().any(|ending| kind.ends_with(ending))
    }
}

/// Bytes and their strong entity tag.
#[derive(Debug, Clone)]
pub struct Form {
    /// The bytes.
    pub bytes: Bytes,
    /// The tag, with its quotes.
    pub tag: String,
}

impl Form {
    fn new(bytes: Bytes) -> Self {
        Self { tag: tag_of(&bytes), bytes }
    }
}

/// The entity tag of bytes in memory. It tells versions apart and keeps nobody from making two
/// texts of one tag on purpose: whoever can write here can write anything.
pub fn tag_of(bytes: &[u8]) -> String {
    format!("\"{:032x}\"", XxHash3_128::oneshot(bytes))
}

/// A text and its coded forms.
#[derive(Debug)]
pub struct Text {
    plain: Form,
    /// By the order of [`TABLE`]; a form that is not shorter is not there.
    coded: [OnceLock<Option<Form>>; TABLE.len()],
}

impl Text {
    /// A text without any coded form yet.
    pub fn new(plain: Bytes) -> Self {
        Self { plain: Form::new(plain), coded: [const { OnceLock::new() }; TABLE.len()] }
    }

    /// The text as it is.
    pub fn plain(&self) -> &Form {
        &self.plain
    }

    /// Whether [`Self::coded`] answers without working.
    pub fn is_ready(&self, coding: Coding) -> bool {
        self.plain.bytes.len() < WORTHWHILE || self.coded[coding as usize].get().is_some()
    }

    /// The text in a coding; `None` when that makes it no shorter. The first call takes some
    /// milliseconds for 100 KB.
    pub fn coded(&self, coding: Coding) -> Option<&Form> {
        if self.plain.bytes.len() < WORTHWHILE {
            return None;
        }
        let make = || {
            // Writing to memory does not fail; if it did, the plain text would be sent.
            let coded = (coding.row().encode)(&self.plain.bytes).ok()?;
            (coded.len() < self.plain.bytes.len()).then(|| Form::new(coded.into()))
        };
        self.coded[coding as usize].get_or_init(make).as_ref()
    }
}

fn brotli(text: &[u8]) -> io::Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: 5,
        size_hint: text.len(),
        ..Default::default()
    };
    let mut out = Vec::with_capacity(text.len() / 8);
    brotli::BrotliCompress(&mut &*text, &mut out, &params)?;
    Ok(out)
}

fn zstd(text: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(text, 9)
}

fn gzip(text: &[u8]) -> io::Result<Vec<u8>> {
    let out = Vec::with_capacity(text.len() / 8);
    let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
    encoder.write_all(text)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn playlist() -> Vec<u8> {
        let line = |n| format!("#EXTINF:6.0,\nFragments(video={n}0000000,format=m3u8-cmaf)\n");
        (0..100).map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn rows_stand_in_the_order_of_codings() {
        for (n, row) in TABLE.iter().enumerate() {
            assert_eq!(row.coding as usize, n);
            assert_eq!(row.coding.row().name, row.name);
        }
    }

    #[test]
    fn every_form_reads_back_and_has_a_tag_of_its_own() {
        let text = Text::new(playlist().into());
        let mut tags = vec![&text.plain().tag];
        for row in &TABLE {
            assert!(!text.is_ready(row.coding));
            let form = text.coded(row.coding).unwrap();
            assert!(text.is_ready(row.coding));
            assert!(form.bytes.len() * 4 < text.plain().bytes.len(), "{}", row.name);
            let (coded, mut plain) = (&*form.bytes, Vec::new());
            match row.coding {
                Coding::Brotli => {
                    brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain).unwrap()
                }
                Coding::Zstd => zstd::Decoder::new(coded).unwrap().read_to_end(&mut plain).unwrap(),
                Coding::Gzip => {
                    flate2::read::GzDecoder::new(coded).read_to_end(&mut plain).unwrap()
                }
            };
            assert_eq!(plain, playlist(), "{}", row.name);
            assert!(!tags.contains(&&form.tag));
            tags.push(&form.tag);
        }
    }

    #[test]
    fn what_gets_no_shorter_stays_plain() {
        let noise = (0..100u32).flat_map(|n| XxHash3_128::oneshot(&n.to_be_bytes()).to_be_bytes());
        let noise: Vec<u8> = noise.collect();
        for content in [playlist()[..200].to_vec(), noise] {
            let text = Text::new(content.into());
            assert!(TABLE.iter().all(|row| text.coded(row.coding).is_none()));
        }
    }

    #[test]
    fn text_is_told_from_media() {
        for kind in [
            "text/vtt",
            "text/html; charset=utf-8",
            "application/dash+xml",
            "application/vnd.ms-sstr+xml",
            "application/vnd.apple.mpegurl",
            "application/json",
            "application/problem+json",
            "application/ttml+xml",
            "image/svg+xml",
        ] {
            assert!(shortens(kind), "{kind}");
        }
        for kind in ["video/mp4", "audio/mp4", "video/mp2t", "application/octet-stream", ""] {
            assert!(!shortens(kind), "{kind}");
        }
    }
}
