//! What a movie fragment says of keys of its own: groups of type `seig` and the boxes of PIFF that name
//! one, and the `pssh` beside them (ISO/IEC 23001-7 section 6; packaging.md section 1.7).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::consistency::{Difference, KnownKeys, check};
use super::data::add_system;
use super::{Audience, Statement};
use crate::ids::KeyId;
use crate::isobmff::cenc::protection::{SampleProtection, group_descriptions};
use crate::isobmff::cenc::senc::Senc;
use crate::isobmff::{BoxError, BoxRef, FourCc, children};

/// All that is wrong with what a whole `moof` box at `offset` of a file says by itself: a system that it
/// speaks to finds all of its keys.
///
/// # Errors
/// A broken box.
pub fn differences(
    source: &Arc<str>,
    offset: u64,
    moof: &[u8],
    known: Option<&KnownKeys>,
) -> Result<Vec<Difference>, BoxError> {
    let place = |what: &str| format!("{what} of the fragment at {offset}");
    let (mut systems, mut keys) = (Vec::new(), BTreeSet::new());
    for header in children(FourCc(*b"file"), moof) {
        for child in header?.children() {
            let child = child?;
            match &child.kind.0 {
                b"pssh" => add_system(&mut systems, source, &place("pssh"), child.body),
                b"traf" => keys.extend(own_keys(&child)?),
                _ => {}
            }
        }
    }
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut own = Statement::new(source, place("keys"), Audience::Everybody);
    own.name_keys(keys);
    systems.push(own);
    Ok(check(&systems, known))
}

/// The keys that the fragments of a segment name themselves, each as a statement of the track.
///
/// # Errors
/// A broken box.
pub fn own_statements(source: &Arc<str>, segment: &[u8]) -> Result<Vec<Statement>, BoxError> {
    let mut said: Vec<Statement> = Vec::new();
    for found in children(FourCc(*b"file"), segment) {
        let found = found?;
        if &found.kind.0 != b"moof" {
            continue;
        }
        for traf in found.children() {
            let traf = traf?;
            let own = if &traf.kind.0 == b"traf" { protections(&traf)? } else { Vec::new() };
            for key in own {
                if said.iter().any(|said| said.kids == [key.kid]) {
                    continue;
                }
                let mut own = Statement::new(source, "keys of fragments", Audience::Everybody);
                own.name_keys([key.kid]);
                own.iv = key.constant_iv;
                own.tell("KID", key.kid.to_string());
                said.push(own);
            }
        }
    }
    Ok(said)
}

/// The keys that a track fragment names itself.
fn own_keys(traf: &BoxRef<'_>) -> Result<Vec<KeyId>, BoxError> {
    Ok(protections(traf)?.into_iter().map(|own| own.kid).collect())
}

/// How a track fragment says itself that samples are protected.
fn protections(traf: &BoxRef<'_>) -> Result<Vec<SampleProtection>, BoxError> {
    let mut described = Vec::new();
    for child in traf.children() {
        let child = child?;
        if &child.kind.0 == b"sgpd" {
            described.extend(group_descriptions(&child)?);
        }
    }
    let own = Senc::find(traf)?.and_then(|senc| senc.own).map(|(_, own)| own);
    Ok(described.into_iter().chain(own).filter(|own| own.is_protected).collect())
}

#[cfg(test)]
mod tests {
    use super::super::data::TOO_MANY;
    use super::*;
    use crate::bytes::Writer;
    use crate::isobmff::cenc::Pssh;
    use crate::isobmff::{boxed, full_box};

    /// A `moof` that speaks to so many systems and names so many keys, of which they are told the first.
    fn moof(systems: u32, keys: u32) -> Vec<u8> {
        let kid = |n: u32| KeyId::from_bytes(u128::from(n).to_be_bytes());
        let mut w = Writer::default();
        boxed(&mut w, b"moof", |w| {
            (0..systems).for_each(|_| Pssh::common(vec![kid(0)]).write(w));
            boxed(w, b"traf", |w| {
                full_box(w, b"sgpd", 1, 0, |w| {
                    w.bytes(b"seig");
                    w.u32(20);
                    w.u32(keys);
                    for n in 0..keys {
                        w.bytes(&[0, 0, 1, 8]);
                        w.bytes(kid(n).as_bytes());
                    }
                });
            });
        });
        w.into_vec()
    }

    fn found(systems: u32, keys: u32) -> Vec<String> {
        let found = differences(&"x".into(), 0, &moof(systems, keys), None).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn systems_are_told_every_key_and_of_very_many_that_is_not_asked() {
        assert!(found(2, 1).is_empty() && found(0, 3).is_empty() && found(3, 0).is_empty());
        let one = found(1, 2);
        assert!(one.len() == 1 && one[0].starts_with("x: pssh of the fragment at 0"), "{one:?}");
        let many = found(0, 300);
        assert!(many.len() == 1 && many[0].ends_with("more than 256 keys"), "{many:?}");
        let many = found(300, 1);
        assert!(many.iter().any(|said| said.ends_with(TOO_MANY)), "{many:?}");
        assert!(many.len() <= 257, "{}", many.len());
    }
}
