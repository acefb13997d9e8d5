//! Titles with thumbnails beside the built-in clip.

use std::fs;
use std::path::PathBuf;

use super::origin::Shelf;
use super::server::{Stream, own_media_dir};
use super::text;

/// Three sheets of 4x2 thumbnails, one a second.
pub(crate) const SHEETS: &str = "thumbs_4x2.mp4";

/// Five images of one thumbnail each, one every five seconds.
pub(crate) const STILLS: &str = "stills.mp4";

/// A file of the test media.
pub(crate) fn source(name: &str) -> PathBuf {
    own_media_dir().join("thumbs").join(name)
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    fs::read(source(name)).unwrap()
}

/// A server with a title `film`: the clip, of 24 seconds, with sheets and stills.
pub(crate) fn film() -> Shelf {
    let (sheets, stills) = (bytes(SHEETS), bytes(STILLS));
    text::film(&[(SHEETS, &sheets), (STILLS, &stills)])
}

/// The images of a file of the test media as they lie there: each starts with `signature`.
pub(crate) fn images(file: &[u8], signature: &[u8]) -> Vec<usize> {
    let starts = file.windows(signature.len()).enumerate();
    starts.filter(|(_, window)| *window == signature).map(|(at, _)| at).collect()
}

/// The playlist of a track of images, found in the multivariant playlist of a format.
pub(crate) fn playlist_of<'m>(stream: &Stream, master: &'m str, name: &str) -> Option<String> {
    let lines = |line: &&'m str| line.starts_with("#EXT-X-IMAGE-STREAM-INF:");
    let mut uris = master.lines().filter(lines).filter_map(|line| text::attribute(line, "URI"));
    let uri = uris.find(|uri| uri.contains(&format!("Manifest({name},")))?;
    Some(stream.url(uri))
}
