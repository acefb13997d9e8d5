//! Subtitles and captions: documents of timed cues, read from WebVTT, TTML and SubRip, written as
//! segments.
//!
//! A [`Document`] keeps its cues as text, in the spelling of each syntax that it is written in: a
//! segment is then little more than a concatenation. Cue text of WebVTT passes through unchanged;
//! of TTML the elements and attributes of the text profiles pass through. What one syntax cannot
//! say of the other is left out.
//!
//! | file | what it holds |
//! |---|---|
//! | `document` | cues in order, limits, what a segment shows |
//! | `encoding` | bytes to text |
//! | `webvtt` | W3C WebVTT: parser, segments |
//! | `subrip` | SubRip: parser |
//! | `ttml` | W3C TTML and IMSC 1: parser, documents |
//! | `wvtt` | ISO/IEC 14496-30: WebVTT in samples |

mod document;
mod encoding;
mod error;
mod stamp;
mod subrip;
pub mod ttml;
pub mod webvtt;
pub mod wvtt;

pub use document::{
    Builder, Cue, Division, Document, MAX_AT_ONCE, Paragraph, Preamble, Shown, Slice, Source,
};
pub use encoding::decode;
pub use error::TextError;

/// A larger file, in bytes, is refused.
pub const MAX_SIZE: usize = 16 << 20;

/// Extensions of the files that thumbnails lie in.
const IMAGES: &[&str] = &["jpg", "jpeg", "png", "webp", "avif", "gif"];

/// Reads a WebVTT, TTML or SubRip file, told apart by how it starts.
///
/// # Errors
/// A file that is too large, in another encoding, of neither kind, or that lists thumbnails.
pub fn parse(data: &[u8]) -> Result<Document, TextError> {
    if data.len() > MAX_SIZE {
        return Err(TextError::TooLarge);
    }
    let text = encoding::decode(data)?;
    if text.trim_start().starts_with('<') {
        return ttml::parse(&text);
    }
    let document = match subrip::is_subrip(&text) {
        true => subrip::parse(&text),
        false => webvtt::parse(&text)?,
    };
    match names_images(&document) {
        true => Err(TextError::NamesImages),
        false => Ok(document),
    }
}

/// Whether every cue is the name of an image, perhaps with a place in it (`sheet.jpg#xywh=0,0,160,90`):
/// players of web pages read such files for their scrub bars.
fn names_images(document: &Document) -> bool {
    let names_image = |cue: &Cue| {
        let name = cue.text.split(['#', '?']).next().unwrap_or_default().trim();
        let (_, extension) = name.rsplit_once('.').unwrap_or_default();
        let known = IMAGES.iter().any(|image| image.eq_ignore_ascii_case(extension));
        known && !name.contains(char::is_whitespace)
    };
    !document.cues().is_empty() && document.cues().iter().all(names_image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Everything that is made of a document, of which nothing may fail.
    fn write_all(document: &Document) {
        let slice = document.slice(0, 100_000_000, 0);
        let _ = webvtt::write(&slice, Some(900_000));
        let _ = ttml::write(&slice, None, 0);
        let _ = wvtt::samples(&slice);
    }

    #[test]
    fn files_that_name_images_are_no_text() {
        let read = |cues: &[&str]| {
            let cue = |text: &&str| format!("00:01.000 --> 00:02.000\n{text}\n\n");
            parse(format!("WEBVTT\n\n{}", cues.iter().map(cue).collect::<String>()).as_bytes())
        };
        for cues in [&["a/sheet.JPG#xywh=0,0,160,90", "b.png"][..], &["https://x.y/a.webp?q=1"]] {
            assert_eq!(read(cues), Err(TextError::NamesImages), "{cues:?}");
        }
        for cues in [&["a.jpg", "spoken"][..], &["Send me that.jpg"], &["jpg"], &[]] {
            assert!(read(cues).is_ok(), "{cues:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(data: Vec<u8>) {
            let _ = parse(&data);
        }

        #[test]
        fn arbitrary_webvtt_never_panics(lines in proptest::collection::vec(
            "(STYLE|REGION|NOTE|[0-9:.]{9,12} --> [0-9:.]{9,12}( [a-z]+:[0-9%,a-z-]+)?|\\PC*|<[a-z./ 0-9:]*>|)", 0..40,
        )) {
            let parsed = parse(format!("WEBVTT\n{}", lines.join("\n")).as_bytes());
            write_all(&parsed.unwrap());
        }

        #[test]
        fn arbitrary_subrip_never_panics(lines in proptest::collection::vec(
            "([0-9]{1,3}|[0-9:,.]{8,12} --> [0-9:,.]{8,12}|\\PC*|<[a-z/ ]*>|\\{\\\\[a-z0-9]*\\}?|)", 0..40,
        )) {
            let text = format!("00:00:01,000 --> 00:00:02,000\n{}", lines.join("\n"));
            write_all(&parse(text.as_bytes()).unwrap());
        }

        #[test]
        fn arbitrary_ttml_never_panics(begin in "\\PC{0,12}", end in "[0-9:.hmsft]{0,12}", body in "[<>/a-z &;=\"0-9]{0,60}") {
            let text = format!(
                "<tt xmlns='http://www.w3.org/ns/ttml'><body><div><p begin=\"{begin}\" end='{end}'>{body}</p></div></body></tt>"
            );
            if let Ok(document) = parse(text.as_bytes()) {
                write_all(&document);
            }
        }
    }
}
