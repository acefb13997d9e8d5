//! Whole presentations as inputs: the tracks of an MPD or of a multivariant playlist.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::input::{Budget, Piece, pieces_of};
use crate::cli::CliError;
use crate::cli::place::Place;
use crate::inspect::{Kind, Statement, kind, mpd};
use crate::package::dash::read::{Representation, representations};
use crate::package::hls::read::{Key, Listing, Method, is_multivariant, listing};
use crate::package::part::Part;
use crate::xml;

/// A track that becomes a file.
#[derive(Debug)]
pub(super) struct Track {
    /// Name of the file, without extension.
    pub(super) name: String,
    pub(super) pieces: Vec<Piece>,
}

/// The tracks of a manifest; `None` for what is one stream.
pub(super) async fn tracks(
    place: &Place,
    data: &[u8],
    budget: &mut Budget,
) -> Result<Option<Vec<Track>>, CliError> {
    let refuse = |error: &dyn fmt::Display| CliError::refused(format_args!("{place}: {error}"));
    let Some(kind) = kind(data) else { return Ok(None) };
    let text = std::str::from_utf8(data).map_err(|_| refuse(&"this is not UTF-8"))?;
    let mut found = match kind {
        Kind::Xml => of_mpd(place, text, budget)?,
        Kind::Playlist if !is_multivariant(text) => return Ok(None),
        Kind::Playlist => match listing(text).map_err(|error| refuse(&error))? {
            Listing::Media(_) => return Ok(None),
            Listing::Multivariant { playlists, .. } => {
                let mut tracks = Vec::new();
                for list in playlists {
                    let child = place.resolve(&list.uri)?;
                    let text = child.look().await?;
                    if crate::inspect::kind(&text) != Some(Kind::Playlist) {
                        return Err(refuse(&format_args!("{child} is no playlist")));
                    }
                    tracks.push((list.kind, pieces_of(&child, text, budget)?));
                }
                tracks
            }
        },
    };
    if found.is_empty() {
        return Err(refuse(&"there is no track in it"));
    }
    let mut names = HashSet::new();
    let tracks = found.drain(..).enumerate();
    let tracks = tracks
        .map(|(n, (name, pieces))| Track { name: file_name(&name, n + 1, &mut names), pieces });
    Ok(Some(tracks.collect()))
}

/// A name for the file of the track of this number that no other has. Some file systems know no case.
fn file_name(track: &str, number: usize, taken: &mut HashSet<String>) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    let mut name: String = track.chars().take(64).map(safe).collect();
    while name.is_empty() || !taken.insert(name.to_ascii_lowercase()) {
        name = format!("{name}-{number}");
    }
    name
}

type Named = (String, Vec<Piece>);

fn of_mpd(place: &Place, text: &str, budget: &mut Budget) -> Result<Vec<Named>, CliError> {
    let refuse = |error: &dyn fmt::Display| CliError::refused(format_args!("{place}: {error}"));
    let document = xml::parse(text).map_err(|error| refuse(&error))?;
    let root = document.root_element();
    if root.tag_name().name() != "MPD" {
        return Err(refuse(&"of XML, only MPDs are decrypted"));
    }
    let source: Arc<str> = place.to_string().into();
    let said = mpd::tracks(&source, root).map_err(|error| refuse(&error))?;
    let all = representations(root).map_err(|error| refuse(&error))?;
    let mut tracks = Vec::new();
    for (representation, said) in all.iter().zip(&said) {
        // Thumbnails are never encrypted, and are no stream.
        if representation.content == "image" {
            continue;
        }
        let key = sealed(&said.statements);
        let pieces = of_representation(place, representation, key.as_ref(), budget);
        tracks.push((representation.name.clone(), pieces.map_err(|error| refuse(&error))?));
    }
    Ok(tracks)
}

fn of_representation(
    place: &Place,
    representation: &Representation<'_, '_>,
    key: Option<&Key>,
    budget: &mut Budget,
) -> Result<Vec<Piece>, CliError> {
    let segments = representation.segments().map_err(CliError::refused)?;
    // One file has its init segment in front.
    let init = representation.init().filter(|_| representation.file().is_none());
    let piece =
        |part: &Part| budget.piece(place.resolve_part(part)?, part.bytes.clone(), key.cloned());
    init.iter().chain(&segments).map(piece).collect()
}

/// The key of segments that are encrypted as wholes (ISO/IEC 23009-4).
fn sealed(statements: &[Statement]) -> Option<Key> {
    let said = statements.iter().find(|said| said.audience == mpd::sealed())?;
    let uri = said.kids.first().map(|kid| format!("kid={kid}")).unwrap_or_default();
    Some(Key { method: Method::Aes128, uri: uri.into(), iv: said.iv? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::place::Reach;

    #[tokio::test]
    async fn segments_of_all_tracks_together_are_bounded() {
        let track = |n: usize| {
            format!(
                "<Representation id='{n}'><SegmentTemplate media='$Number$'><SegmentTimeline>\
                 <S d='1' r='99'/></SegmentTimeline></SegmentTemplate></Representation>"
            )
        };
        let tracks_in: String = (0..3).map(track).collect();
        let text =
            format!("<MPD><Period><AdaptationSet>{tracks_in}</AdaptationSet></Period></MPD>");
        let place = Place::of("m.mpd", &Reach::default()).unwrap();
        let found = tracks(&place, text.as_bytes(), &mut Budget::of(300)).await.unwrap().unwrap();
        assert_eq!(found.iter().map(|track| track.pieces.len()).collect::<Vec<_>>(), [100; 3]);
        // Each alone has room.
        let refused = tracks(&place, text.as_bytes(), &mut Budget::of(150)).await.unwrap_err();
        assert!(refused.to_string().contains("more segments"), "{refused}");
    }

    #[tokio::test]
    async fn only_playlists_are_children_and_share_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a.m3u8", &format!("#EXTM3U\n{}", "a\n".repeat(100)));
        write("b.m3u8", &format!("#EXTM3U\n{}", "b\n".repeat(100)));
        write("film.mp4", "\0\0\0\u{18}ftyp");
        let place = folder.path().join("master.m3u8");
        let place = Place::of(place.to_str().unwrap(), &Reach::default()).unwrap();
        let master = |names: &[&str]| {
            let lines = names.iter().map(|name| format!("#EXT-X-STREAM-INF:BANDWIDTH=1\n{name}\n"));
            format!("#EXTM3U\n{}", lines.collect::<String>())
        };
        let text = master(&["a.m3u8", "b.m3u8"]);
        let found = tracks(&place, text.as_bytes(), &mut Budget::of(250)).await.unwrap().unwrap();
        assert_eq!(found.iter().map(|track| track.pieces.len()).collect::<Vec<_>>(), [100; 2]);
        let refused = tracks(&place, text.as_bytes(), &mut Budget::of(120)).await.unwrap_err();
        assert!(refused.to_string().contains("more segments"), "{refused}");
        let text = master(&["a.m3u8", "film.mp4"]);
        let refused = tracks(&place, text.as_bytes(), &mut Budget::default()).await.unwrap_err();
        assert!(refused.to_string().contains("film.mp4 is no playlist"), "{refused}");
    }
}
