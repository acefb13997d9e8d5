//! Tracks that another packager has encrypted and that are passed through: their key as manifests name
//! it, and the protection systems that their file speaks to.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use super::announced::{Announced, ClearKeyLine, Custom, System};
use super::keyed::{KeyRuns, RenditionKey};
use crate::cenc::IvContext;
use crate::drm::playready::Object;
use crate::drm::widevine::PsshData;
use crate::ids::{KeyId, SystemId};
use crate::isobmff::cenc::Pssh;
use crate::media::{Rendition, Sealed};

/// The key of the listed fragments of a rendition; `None` where it is not encrypted already.
pub fn key_runs(rendition: &Rendition, fragments: &Range<usize>) -> Option<KeyRuns> {
    let sealed = rendition.track.sealed.as_ref()?;
    let starts = rendition.cuts.starts.iter();
    let lead = starts.take_while(|cut| sealed.leads(cut.sample)).count();
    let key = |_| Ok::<_, Infallible>(Some(key(sealed)));
    let Ok(runs) = KeyRuns::new(fragments.clone(), lead, |_| None, key);
    Some(runs)
}

/// All that the file of a track announces, as init segments have it.
pub fn boxes(sealed: &Sealed) -> Arc<[Announced]> {
    sealed.systems.iter().map(announced).collect()
}

/// Manifests name each system once, by a box that knows the key. Players of ClearKey need no box: they
/// ask for the key by its id.
fn key(sealed: &Sealed) -> RenditionKey {
    let kid = sealed.protection.kid;
    let mut systems: Vec<Announced> = Vec::new();
    for pssh in sealed.systems.iter().filter(|pssh| names(pssh, kid)) {
        let system = announced(pssh);
        if systems.iter().all(|known| known.id() != system.id()) {
            systems.push(system);
        }
    }
    systems.push(Announced {
        clear_key_lines: vec![ClearKeyLine::ClearKey],
        ..Announced::new(System::ClearKey)
    });
    // What is derived for samples is never asked for: they have their IVs.
    let ivs = IvContext::new(kid, &[]);
    RenditionKey { systems: systems.into(), ..RenditionKey::new(kid, ivs) }
}

/// Systems of which more is told than their box have rows of their own for it.
fn announced(pssh: &Pssh) -> Announced {
    let (system, custom) = match pssh.system {
        SystemId::PLAY_READY => (System::PlayReady, None),
        SystemId::WIDEVINE => (System::Widevine, None),
        id => (System::Custom, Some(Custom { id, value: None, key_format: None })),
    };
    Announced { pssh: Some(pssh.clone()), custom, ..Announced::new(system) }
}

/// Whether a box is about a key: it names it, or names none.
fn names(pssh: &Pssh, kid: KeyId) -> bool {
    let inside: Vec<KeyId> = match pssh.system {
        SystemId::WIDEVINE => {
            PsshData::read(&pssh.data).map_or_else(|_| Vec::new(), |data| data.kids().collect())
        }
        SystemId::PLAY_READY => {
            let header = Object::read(&pssh.data).and_then(|object| object.header());
            header.map_or_else(
                |_| Vec::new(),
                |header| header.keys.iter().map(|key| key.kid).collect(),
            )
        }
        _ => Vec::new(),
    };
    [&pssh.key_ids, &inside].iter().all(|kids| kids.is_empty() || kids.contains(&kid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cenc::Scheme;

    const A: KeyId = KeyId::from_bytes([0xaa; 16]);
    const B: KeyId = KeyId::from_bytes([0xbb; 16]);

    #[test]
    fn a_box_is_about_the_keys_that_it_names_or_about_all() {
        let widevine = PsshData::new(&[A], Scheme::Cenc).pssh();
        assert!(names(&widevine, A) && !names(&widevine, B));
        let common = Pssh::common(vec![A, B]);
        assert!(names(&common, A) && names(&common, B));
        let other = Pssh { system: SystemId::from_bytes([1; 16]), key_ids: vec![], data: vec![2] };
        assert!(names(&other, A) && names(&other, B));
        // What cannot be read is passed on: its system may read it.
        assert!(names(&Pssh { data: vec![0xff], ..widevine }, B));
    }

    #[test]
    fn systems_keep_their_ids() {
        for system in
            [SystemId::PLAY_READY, SystemId::WIDEVINE, SystemId::FAIR_PLAY, SystemId::COMMON]
        {
            let pssh = Pssh { system, key_ids: vec![A], data: vec![1] };
            let told = announced(&pssh);
            assert_eq!((told.id(), told.pssh), (Some(system), Some(pssh)));
        }
    }
}
