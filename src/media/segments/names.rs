//! Segments by their names alone: `init` in one name, numbers in the others, the rest alike.

use std::collections::BTreeMap;

use super::{EXTENSIONS, Group};

/// Words that packagers put around numbers, and that say nothing about the rendition.
const WORDS: &[&str] = &["fragment", "segment", "chunk", "media", "frag", "seg"];

/// What the init segments of a packager have in their names.
const INIT: &str = "init";

/// Extensions of init segments.
const INIT_EXTENSIONS: &[&str] = &["mp4", "m4s", "m4v", "m4a", "cmfv", "cmfa", "cmft", "m4i"];

/// The groups among files: one for each init segment with media segments of the same name.
pub(super) fn groups(files: &[&str]) -> Vec<Group> {
    let mut segments: BTreeMap<Series<'_>, Vec<(u64, &str)>> = BTreeMap::new();
    for file in files {
        if let Some((series, number)) = segment(file) {
            segments.entry(series).or_default().push((number, file));
        }
    }
    let mut groups = Vec::new();
    for file in files {
        let Some(mut found) = init(file).and_then(|series| segments.remove(&series)) else {
            continue;
        };
        found.sort_unstable();
        let media = found.into_iter().map(|(_, name)| name.to_owned());
        groups.push(Group::of(std::iter::once((*file).to_owned()).chain(media).collect()));
    }
    groups
}

/// What the segments of a rendition have in common: the folder, and the name without the rest.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series<'a> {
    folder: &'a str,
    name: String,
}

struct Name<'a> {
    folder: &'a str,
    stem: String,
    extension: String,
}

impl<'a> Name<'a> {
    fn of(file: &'a str) -> Option<Self> {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let (stem, extension) = name.rsplit_once('.')?;
        let (stem, extension) = (stem.to_ascii_lowercase(), extension.to_ascii_lowercase());
        Some(Self { folder, stem, extension })
    }

    /// The series of a name from which what tells its segments apart is taken.
    fn series(&self, bare: &str) -> Series<'a> {
        let without = |name: String, word: &&str| name.replace(*word, "");
        let name = WORDS.iter().fold(bare.to_owned(), without);
        let name = name.chars().filter(char::is_ascii_alphanumeric).collect();
        Series { folder: self.folder, name }
    }
}

fn init(file: &str) -> Option<Series<'_>> {
    let name = Name::of(file)?;
    let known = INIT_EXTENSIONS.contains(&name.extension.as_str()) && name.stem.contains(INIT);
    known.then(|| name.series(&name.stem.replace(INIT, "")))
}

/// The series of a media segment and its number: the last one in its name.
fn segment(file: &str) -> Option<(Series<'_>, u64)> {
    let name = Name::of(file)?;
    if !EXTENSIONS.contains(&name.extension.as_str()) || name.stem.contains(INIT) {
        return None;
    }
    let end = name.stem.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name.stem[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + name.stem[at..].chars().next().map_or(1, char::len_utf8));
    let number = name.stem[start..end].parse().ok()?;
    let bare = format!("{} {}", &name.stem[..start], &name.stem[end..]);
    Some((name.series(&bare), number))
}
