//! The verdict over a manifest: each track with its init segment, and the session keys.

use std::collections::HashSet;

use super::consistency::{Difference, KnownKeys, MAX_DIFFERENCES, check};
use super::movie::Init;
use super::{Audience, Statement, Track};
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

/// The same of a track whose fragments name keys of their own, as `own` has them: they decide, not the
/// init segment, which has then to agree with itself only.
pub fn of_fragments(
    track: &Track,
    init: &Init,
    own: &[Statement],
    known: Option<&KnownKeys>,
) -> Vec<Difference> {
    let mut found = init.check(None);
    let ivs: Vec<[u8; 16]> = own.iter().filter_map(|said| said.iv).collect();
    // Of several keys the manifest may name as that of the track any one, or that of the init segment.
    let defaults = init.tracks.iter().flat_map(|(_, said)| &said.kids);
    let used = own.iter().flat_map(|said| &said.kids);
    let any: HashSet<KeyId> = used.chain(defaults).copied().collect();
    let is_any = |said: &Statement| {
        own.len() > 1
            && said.audience == Audience::Everybody
            && said.kids.iter().all(|kid| any.contains(kid))
    };
    let mut all = Vec::new();
    for said in &track.statements {
        let mut said = said.clone();
        if is_any(&said) {
            said.kids.clear();
        }
        // Each key has its IV.
        said.iv = said.iv.filter(|iv| !ivs.is_empty() && !ivs.contains(iv));
        all.push(said);
    }
    let schemes = init.tracks.first().map(|(_, said)| said.schemes.clone()).unwrap_or_default();
    all.extend(own.first().map(|first| {
        let mut reference = Statement { schemes, iv: ivs.first().copied(), ..first.clone() };
        reference.name_keys(own.iter().flat_map(|said| said.kids.iter().copied()));
        reference
    }));
    found.extend(check(&all, known));
    found.truncate(MAX_DIFFERENCES);
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

    fn said(kid: u8) -> Statement {
        Statement {
            kids: vec![KeyId::from_bytes([kid; 16])],
            ..Statement::new(&"a".into(), "e", Audience::Everybody)
        }
    }

    fn track(statements: Vec<Statement>) -> Track {
        let (name, samples) = ("v".into(), Vec::new());
        Track { name, statements, init: None, protects_samples: true, samples }
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
    fn fragments_that_name_keys_decide() {
        let init = Init { tracks: vec![(1, said(1))], systems: Vec::new() };
        let system = |kid| Statement { audience: Audience::System("s".into()), ..said(kid) };
        let iv = |kid, n| Statement { iv: Some([n; 16]), ..said(kid) };
        let lines = |statements, own: &[Statement]| {
            let found = of_fragments(&track(statements), &init, own, None);
            found.iter().map(ToString::to_string).collect::<String>()
        };
        assert_eq!(lines(vec![said(2), system(2)], &[said(2)]), "");
        assert!(lines(vec![said(1)], &[said(2)]).contains("KID 01010101"));
        assert!(lines(vec![said(2), system(1)], &[said(2)]).contains("KID 01010101"));
        // Several keys in one track.
        let both = [iv(2, 8), iv(3, 9)];
        for kid in [1, 2, 3] {
            assert_eq!(lines(vec![iv(kid, 9), system(2), system(3)], &both), "", "{kid}");
        }
        assert!(lines(vec![said(4)], &both).contains("KID 04040404"));
        assert!(lines(vec![system(2)], &both).contains("KID 02020202"));
        assert!(lines(vec![iv(2, 7)], &both).contains("IV 07070707"));
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
