//! What a movie fragment says of keys of its own: groups of type `seig` and the boxes of PIFF that name
//! one, and the `pssh` beside them (ISO/IEC 23001-7 section 6; packaging.md section 1.7).

use std::sync::Arc;

use super::consistency::{Difference, KnownKeys, check};
use super::{Audience, Statement};
use crate::ids::KeyId;
use crate::isobmff::cenc::Pssh;
use crate::isobmff::cenc::protection::group_descriptions;
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
    let (mut systems, mut keys) = (Vec::new(), Vec::new());
    for header in children(FourCc(*b"file"), moof) {
        for child in header?.children() {
            let child = child?;
            match &child.kind.0 {
                b"pssh" => {
                    let said = Statement::new(source, place("pssh"), Audience::Everybody);
                    systems.push(match Pssh::read(child.body) {
                        Ok(pssh) => said.of_pssh(&pssh),
                        Err(error) => said.broken(error),
                    });
                }
                b"traf" => keys.extend(own_keys(&child)?),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    for kid in keys {
        let mut own = Statement::new(source, place("key"), Audience::Everybody);
        own.kids.push(kid);
        let all: Vec<Statement> = systems.iter().cloned().chain([own]).collect();
        found.extend(check(&all, known));
    }
    Ok(found)
}

/// The keys that a track fragment names itself.
fn own_keys(traf: &BoxRef<'_>) -> Result<Vec<KeyId>, BoxError> {
    let mut described = Vec::new();
    for child in traf.children() {
        let child = child?;
        if &child.kind.0 == b"sgpd" {
            described.extend(group_descriptions(&child)?);
        }
    }
    let own = Senc::find(traf)?.and_then(|senc| senc.own).map(|(_, own)| own);
    let protected = described.into_iter().chain(own).filter(|own| own.is_protected);
    Ok(protected.map(|own| own.kid).collect())
}
