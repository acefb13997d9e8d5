//! The verdict over a manifest: each track with its init segment, and the session keys.

use std::collections::HashSet;

use super::consistency::{Difference, KnownKeys, MAX_DIFFERENCES, check};
use super::movie::Init;
use super::{Statement, Track};
use crate::ids::KeyId;

/// All that is wrong with what is said of a track of a manifest; `init` is its init segment, where it
/// was there to be read.
pub fn of_track(track: &Track, init: Option<&Init>, known: Option<&KnownKeys>) -> Vec<Difference> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let protected = init.map_or(&[][..], |init| &init.tracks);
    for (_, own) in protected {
        if found.len() >= MAX_DIFFERENCES {
            break;
        }
        let systems = init.iter().flat_map(|init| &init.systems);
        let all: Vec<Statement> =
            track.statements.iter().chain(systems).chain([own]).cloned().collect();
        for difference in check(&all, known) {
            if seen.insert(difference.clone()) {
                found.push(difference);
            }
        }
        if track.statements.is_empty() {
            let value = "the samples are protected".to_owned();
            found.push(silent(own, value, "nothing of it is said", "the manifest"));
        }
    }
    if protected.is_empty() {
        found.extend(check(&track.statements, known));
    }
    if let (Some(said), true, true, []) =
        (track.statements.first(), track.protects_samples, init.is_some(), protected)
    {
        let value = "the samples are protected".to_owned();
        found.push(silent(said, value, "no tenc says how", "the init segment"));
    }
    found
}

fn silent(said: &Statement, value: String, expected: &str, by: &str) -> Difference {
    Difference {
        source: said.source.to_string(),
        element: said.element.clone(),
        value,
        expected: expected.to_owned(),
        by: by.to_owned(),
    }
}

/// Session keys that no media playlist knows.
pub fn of_session<'s>(
    session: &[Statement],
    tracks: impl Iterator<Item = &'s Statement>,
) -> Vec<Difference> {
    let named: HashSet<KeyId> = tracks.flat_map(|said| said.kids.iter().copied()).collect();
    let mut found = check(session, None);
    for said in session.iter().filter(|_| !named.is_empty()) {
        for kid in said.kids.iter().filter(|kid| !named.contains(kid)) {
            if found.len() >= MAX_DIFFERENCES {
                return found;
            }
            let value = format!("KID {kid}");
            found.push(silent(said, value, "no key line or box has it", "the media playlists"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Audience;

    fn said(kid: u8) -> Statement {
        Statement {
            kids: vec![KeyId::from_bytes([kid; 16])],
            ..Statement::new(&"a".into(), "e", Audience::Everybody)
        }
    }

    fn track(statements: Vec<Statement>) -> Track {
        Track { name: "v".into(), statements, init: None, protects_samples: true }
    }

    #[test]
    fn manifests_and_init_segments_both_speak_of_protection_or_neither() {
        let clear = Init::default();
        let protected = Init { tracks: vec![(1, said(7))], systems: Vec::new() };
        assert_eq!(of_track(&track(vec![said(7)]), Some(&protected), None), []);
        let lines = |track, init| {
            let found = of_track(&track, Some(init), None);
            found.iter().map(ToString::to_string).collect::<String>()
        };
        assert!(lines(track(vec![said(7)]), &clear).contains("no tenc says how"));
        assert!(lines(track(vec![]), &protected).contains("nothing of it is said"));
        assert!(lines(track(vec![said(8)]), &protected).contains("but a: e: KID 07070707"));
        assert_eq!(of_track(&track(vec![]), Some(&clear), None), []);
    }

    #[test]
    fn each_difference_is_told_once_and_not_without_end() {
        let differs = |count: usize| {
            let tracks = (0..count as u32).map(|n| (n, said(7))).collect();
            of_track(&track(vec![said(8)]), Some(&Init { tracks, systems: Vec::new() }), None).len()
        };
        assert_eq!([1, 5].map(differs), [1, 1]);
        let tracks = (0..1000_u32).map(|n| {
            let mut own = said(7);
            own.element = n.to_string();
            (n, own)
        });
        let init = Init { tracks: tracks.collect(), systems: Vec::new() };
        assert_eq!(of_track(&track(vec![said(8)]), Some(&init), None).len(), MAX_DIFFERENCES);
        let session: Vec<Statement> = (0..1000).map(|_| said(9)).collect();
        assert_eq!(of_session(&session, [said(7)].iter()).len(), MAX_DIFFERENCES);
    }

    #[test]
    fn session_keys_are_those_of_media_playlists() {
        assert_eq!(of_session(&[said(7)], [said(7), said(8)].iter()), []);
        assert_eq!(of_session(&[said(9)], [said(7), said(8)].iter()).len(), 1);
        assert_eq!(of_session(&[said(9)], [].iter()), []);
    }
}
