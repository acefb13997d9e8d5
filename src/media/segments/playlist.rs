//! Segments of an HLS media playlist (RFC 8216 section 4.3).

use super::{Document, Group, resolve};

/// The group of a media playlist with fragmented MP4; nothing for other playlists.
pub(super) fn group(document: &Document<'_>) -> Option<Group> {
    let mut files: Vec<String> = Vec::new();
    for line in document.text.lines().map(str::trim) {
        if line == "#EXT-X-I-FRAMES-ONLY" || line.starts_with("#EXT-X-STREAM-INF") {
            return None;
        }
        let uri = match line.strip_prefix("#EXT-X-MAP:") {
            Some(attributes) => quoted(attributes, "URI")?,
            None if line.is_empty() || line.starts_with('#') => continue,
            // A segment without an init segment before it is no fragmented MP4.
            None if files.is_empty() => return None,
            None => line,
        };
        let file = resolve(document.name, "", uri)?;
        // Byte ranges of one file follow each other; the init segment may be named again.
        if files.last() != Some(&file) && files.first() != Some(&file) {
            files.push(file);
        }
    }
    (!files.is_empty()).then_some(Group { files })
}

/// The value of a quoted attribute.
fn quoted<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = attributes.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}
