//! Segments of an HLS media playlist (RFC 8216 section 4.3), and what others say of it.

use std::collections::HashMap;

use super::{Document, Group, is_playlist, resolve};

/// Media playlists with the languages that multivariant playlists say they are in.
pub(super) type Languages = HashMap<String, String>;

/// What all multivariant playlists of a folder say (section 4.3.4.1).
pub(super) fn languages(documents: &[Document<'_>]) -> Languages {
    let mut languages = Languages::new();
    for document in documents.iter().filter(|document| is_playlist(document)) {
        let lines = document.text.lines();
        for attributes in lines.filter_map(|line| line.trim().strip_prefix("#EXT-X-MEDIA:")) {
            let name = quoted(attributes, "URI").and_then(|uri| resolve(document.name, "", uri));
            let language = quoted(attributes, "LANGUAGE");
            if let (Some(name), Some(language)) = (name, language) {
                languages.entry(name).or_insert_with(|| language.to_owned());
            }
        }
    }
    languages
}

/// The group of a media playlist with fragmented MP4; nothing for other playlists.
pub(super) fn group(document: &Document<'_>, languages: &Languages) -> Option<Group> {
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
    let language = languages.get(document.name).cloned();
    (!files.is_empty()).then_some(Group { files, language })
}

/// The value of a quoted attribute.
fn quoted<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let named = format!("{name}=\"");
    let mut found = attributes.match_indices(&named).map(|(at, _)| attributes.split_at(at));
    // Not the end of a longer name.
    let (_, rest) = found.find(|(front, _)| front.is_empty() || front.ends_with([',', ' ']))?;
    rest[named.len()..].split_once('"').map(|(value, _)| value)
}
