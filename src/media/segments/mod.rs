//! Renditions that lie in many files: an init segment and media segments, as packagers of DASH and
//! HLS leave them. Which files belong together, and in which order, is said by playlists, by MPDs,
//! or else by the names.

mod mpd;
mod names;
mod playlist;

use std::collections::BTreeSet;

/// Files that are one MP4 when they are read one behind the other. Names are paths below the folder
/// of the asset, with `/` between their parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The init segment first; a single file has everything.
    pub files: Vec<String>,
    /// The language that a manifest says it is in, as it is written there: many packagers leave it
    /// out of the init segment.
    pub language: Option<String>,
}

impl Group {
    /// Files of which nothing else is known.
    pub fn of(files: Vec<String>) -> Self {
        Self { files, language: None }
    }
}

/// A manifest of another packager.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its path below the folder of the asset.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// A manifest names a file that is not in the folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("segments: {document} names {file}, which is not in the folder")]
pub struct MissingSegment {
    /// The manifest.
    pub document: String,
    /// The file.
    pub file: String,
}

/// Extensions of media segments, whose files are no media by themselves.
pub const EXTENSIONS: &[&str] = &["m4s"];

/// Longer names, in bytes, are those of no file: operating systems allow no longer paths.
const MAX_NAME: usize = 4096;

/// The groups of a folder whose files are `files`. A manifest that lists nothing of the folder says
/// nothing; when none says anything, files are grouped by name.
///
/// # Errors
/// A manifest that lists a segment which is not there, beside others that are.
pub fn group(
    files: &BTreeSet<String>,
    documents: &[Document<'_>],
) -> Result<Vec<Group>, MissingSegment> {
    let mut groups: Vec<Group> = Vec::new();
    let languages = playlist::languages(documents);
    for document in documents {
        let listed = match is_playlist(document) {
            true => Vec::from_iter(playlist::group(document, &languages)),
            false => mpd::groups(document, files),
        };
        for group in listed {
            add(&mut groups, group, files, document)?;
        }
    }
    if groups.is_empty() {
        groups = names::groups(&files.iter().map(String::as_str).collect::<Vec<_>>());
    }
    Ok(groups)
}

fn is_playlist(document: &Document<'_>) -> bool {
    document.name.to_ascii_lowercase().ends_with(".m3u8")
}

/// Takes a group; of one whose init segment a manifest before has listed, what that did not say.
fn add(
    groups: &mut Vec<Group>,
    group: Group,
    files: &BTreeSet<String>,
    document: &Document<'_>,
) -> Result<(), MissingSegment> {
    let Some(init) = group.files.first() else { return Ok(()) };
    if let Some(known) = groups.iter_mut().find(|known| known.files.first() == Some(init)) {
        known.language = known.language.take().or(group.language);
        return Ok(());
    }
    let there = |file: &&String| files.contains(*file);
    if !group.files.iter().any(|file| there(&file)) {
        return Ok(());
    }
    if let Some(missing) = group.files.iter().find(|file| !there(file)) {
        let (document, file) = (document.name.to_owned(), missing.clone());
        return Err(MissingSegment { document, file });
    }
    groups.push(group);
    Ok(())
}

/// The path below the folder that a reference in a document means; `None` for what lies elsewhere.
fn resolve(document: &str, base: &str, reference: &str) -> Option<String> {
    let reference = reference.split(['?', '#']).next().unwrap_or_default();
    if base.len() + reference.len() > MAX_NAME {
        return None;
    }
    let joined = format!("{base}{reference}");
    if joined.contains("://") || joined.starts_with('/') {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(&joined).decode_utf8().ok()?;
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in decoded.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part if part.contains(['\\', '\0']) => return None,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests;
