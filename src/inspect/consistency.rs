//! Whether everything that is said of the key of a track agrees: KID in `tenc` = MPD = `pssh` = PRO =
//! key record, and schemes, IVs and checksums with it. The one place where this is judged: `inspect`
//! asks it of files, and the making of locators of what would be served.

use std::collections::{HashMap, HashSet};
use std::fmt;

use data_encoding::HEXLOWER;
use serde::Serialize;

use super::{Audience, Statement};
use crate::cenc::Scheme;
use crate::crypto::root::Wrapped;
use crate::crypto::{ContentKey, Expanded, KeyMaterial, RootKey};
use crate::drm::playready;
use crate::ids::KeyId;

/// More differences of one track are not told: nobody reads them, and they come from files of anybody.
pub const MAX_DIFFERENCES: usize = 256;

/// More KIDs of one value are only counted.
const MAX_LISTED: usize = 16;

/// What is known of a key from its record, or from whoever has it.
#[derive(Debug)]
pub struct Known {
    /// The scheme that the key is for; `None` where it may be any.
    pub scheme: Option<Scheme>,
    /// The key, for checksums and for what is wrapped under it.
    pub key: Option<KeyMaterial>,
}

/// Known keys by KID.
#[derive(Debug, Default)]
pub struct KnownKeys(HashMap<KeyId, Known>);

impl KnownKeys {
    fn get(&self, kid: KeyId) -> Option<&Known> {
        self.0.get(&kid)
    }

    fn content(&self, kid: KeyId) -> Option<&ContentKey> {
        self.get(kid)?.key.as_ref()?.content()
    }

    fn root(&self, kid: KeyId) -> Option<&RootKey> {
        self.get(kid)?.key.as_ref()?.root()
    }
}

impl FromIterator<(KeyId, Known)> for KnownKeys {
    fn from_iter<I: IntoIterator<Item = (KeyId, Known)>>(known: I) -> Self {
        Self(known.into_iter().collect())
    }
}

/// Two statements that do not go together. Says no key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Difference {
    /// The file or the address, without its query.
    pub source: String,
    /// The box, element or line in it.
    pub element: String,
    /// What it says.
    pub value: String,
    /// What it should say; empty where the value is wrong by itself.
    pub expected: String,
    /// Who says so.
    pub by: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, element, value, expected, by } = self;
        write!(f, "{source}: {element}: {value}")?;
        if expected.is_empty() { Ok(()) } else { write!(f, ", but {by}: {expected}") }
    }
}

/// The differences in what is said of one track, up to [`MAX_DIFFERENCES`]. Keys are compared with `known`
/// unless that is `None`.
pub fn check(statements: &[Statement], known: Option<&KnownKeys>) -> Vec<Difference> {
    let mut found: Vec<Difference> = statements.iter().filter_map(broken).collect();
    let names_track =
        |said: &&Statement| said.audience == Audience::Everybody && !said.kids.is_empty();
    // What lies in the samples' own file comes last and is the reference for all others.
    let reference = statements.iter().rfind(names_track);
    if let Some(reference) = reference {
        found.extend(kids(statements, reference));
    }
    found.extend(schemes(statements));
    found.extend(ivs(statements));
    if let Some(known) = known {
        found.extend(records(statements, reference, known));
    }
    found.truncate(MAX_DIFFERENCES);
    found
}

fn broken(said: &Statement) -> Option<Difference> {
    Some(difference(said, said.broken.clone()?, String::new(), String::new()))
}

fn difference(said: &Statement, value: String, expected: String, by: String) -> Difference {
    Difference {
        source: said.source.to_string(),
        element: said.element.clone(),
        value,
        expected,
        by,
    }
}

/// Everybody is told of the key of the reference: each statement about the track names it, and each
/// system finds it among all that its document says to it.
fn kids(statements: &[Statement], reference: &Statement) -> Vec<Difference> {
    let mut told: HashMap<_, HashSet<KeyId>> = HashMap::new();
    for said in statements {
        told.entry((&said.audience, &said.source)).or_default().extend(&said.kids);
    }
    let by = reference.place();
    let mut found = Vec::new();
    for kid in &reference.kids {
        let lacks = |said: &Statement| match &said.audience {
            _ if said.kids.is_empty() || said.broken.is_some() => false,
            Audience::Everybody => !said.kids.contains(kid),
            Audience::System(_) => !told[&(&said.audience, &said.source)].contains(kid),
        };
        for said in statements.iter().filter(|said| lacks(said)) {
            if found.len() == MAX_DIFFERENCES {
                return found;
            }
            let (value, expected) = (listed(&said.kids), format!("KID {kid}"));
            found.push(difference(said, value, expected, by.clone()));
        }
    }
    found
}

/// The last that allows one scheme only is the reference.
fn schemes(statements: &[Statement]) -> Vec<Difference> {
    let Some(reference) = statements.iter().rfind(|said| said.schemes.len() == 1) else {
        return Vec::new();
    };
    let scheme = reference.schemes[0];
    let differs = |said: &&Statement| !said.schemes.is_empty() && !said.schemes.contains(&scheme);
    let told = |schemes: &[Scheme]| {
        let names: Vec<String> = schemes.iter().map(|s| s.row().fourcc.to_string()).collect();
        format!("scheme {}", names.join(" or "))
    };
    let found = statements.iter().filter(differs);
    let told = |said| difference(said, told(&said.schemes), told(&[scheme]), reference.place());
    found.map(told).collect()
}

fn ivs(statements: &[Statement]) -> Vec<Difference> {
    let Some((reference, iv)) = statements.iter().rev().find_map(|said| Some((said, said.iv?)))
    else {
        return Vec::new();
    };
    // Only samples have one IV for all; that of segments is in another document for each.
    if reference.audience != Audience::Everybody {
        return Vec::new();
    }
    let differs = |said: &&Statement| said.iv.is_some_and(|own| own != iv);
    let told = |iv: [u8; 16]| format!("IV {}", HEXLOWER.encode(&iv));
    let found = statements.iter().filter(differs);
    let told = |said: &Statement| {
        difference(said, told(said.iv.unwrap_or_default()), told(iv), reference.place())
    };
    found.map(told).collect()
}

/// The key of the track is known, for its scheme, and checksums are of it. Where nothing names the key
/// of the track, all keys that are announced have to be known.
fn records(
    statements: &[Statement],
    reference: Option<&Statement>,
    known: &KnownKeys,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let named = |said: &&Statement| match reference {
        Some(_) => said.audience == Audience::Everybody,
        None => true,
    };
    for said in statements.iter().filter(named) {
        for kid in &said.kids {
            if found.len() == MAX_DIFFERENCES {
                return found;
            }
            let refuse = |expected: String| {
                difference(said, format!("KID {kid}"), expected, "the key record".to_owned())
            };
            match known.get(*kid) {
                None => found.push(refuse("there is none of this KID".to_owned())),
                Some(Known { scheme: Some(scheme), .. })
                    if !said.schemes.is_empty() && !said.schemes.contains(scheme) =>
                {
                    found.push(refuse(format!("the key is for scheme {}", scheme.row().fourcc)));
                }
                Some(_) => {}
            }
        }
    }
    let sums = statements.iter().flat_map(|said| checksums(said, known));
    found.extend(sums.take(MAX_DIFFERENCES));
    let keys = statements.iter().flat_map(|said| wrapped(said, known));
    found.extend(keys.take(MAX_DIFFERENCES));
    found
}

fn checksums(said: &Statement, known: &KnownKeys) -> Vec<Difference> {
    let wrong = said.checksums.iter().filter(|(kid, sum)| {
        let key = known.content(*kid).map(Expanded::new);
        key.is_some_and(|key| playready::checksum(*kid, &key)[..] != sum[..])
    });
    let told = |(kid, _): &(KeyId, Vec<u8>)| {
        let expected = "the checksum is that of another key".to_owned();
        difference(said, format!("checksum of KID {kid}"), expected, "the key record".to_owned())
    };
    wrong.map(told).collect()
}

/// Wrapped keys open to the keys of their records, as far as both are known.
fn wrapped(said: &Statement, known: &KnownKeys) -> Vec<Difference> {
    let other = |(kid, root, wrapped): &&(KeyId, KeyId, Wrapped)| {
        let opened = known.root(*root).map(|root| root.unwrap(wrapped));
        known.content(*kid).zip(opened).is_some_and(|(key, opened)| *key != opened)
    };
    let told = |(kid, root, _): &(KeyId, KeyId, Wrapped)| {
        let value = format!("KID {kid} wrapped under {root}");
        let expected = "it opens to another key".to_owned();
        difference(said, value, expected, "the key record".to_owned())
    };
    said.wrapped.iter().filter(other).map(told).collect()
}

fn listed(kids: &[KeyId]) -> String {
    let first: Vec<String> = kids.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    let more = match kids.len().saturating_sub(MAX_LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("KID {}{more}", first.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: KeyId = KeyId::from_bytes([0xaa; 16]);
    const B: KeyId = KeyId::from_bytes([0xbb; 16]);

    fn said(element: &str, system: Option<&str>, kids: &[KeyId], schemes: &[Scheme]) -> Statement {
        let audience = match system {
            Some(system) => Audience::System(system.to_owned()),
            None => Audience::Everybody,
        };
        Statement {
            kids: kids.to_vec(),
            schemes: schemes.to_vec(),
            ..Statement::new(&"film.mpd".into(), element, audience)
        }
    }

    fn track() -> Vec<Statement> {
        vec![
            said("generic", None, &[A], &[Scheme::Cenc]),
            said("box one", Some("Widevine"), &[B], &[Scheme::Cenc]),
            said("box two", Some("Widevine"), &[A], &[]),
            said("pro", Some("PlayReady"), &[A], &[Scheme::Cenc, Scheme::Cens]),
            said("licence", Some("FairPlay"), &[], &[]),
            said("tenc", None, &[A], &[Scheme::Cenc]),
        ]
    }

    fn lines(statements: &[Statement], known: Option<&KnownKeys>) -> Vec<String> {
        check(statements, known).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_agrees_passes() {
        assert_eq!(check(&track(), None), []);
        let key = KeyMaterial::from_slice(&[7; 16]);
        let known = KnownKeys::from_iter([(A, Known { scheme: Some(Scheme::Cenc), key })]);
        assert_eq!(check(&track(), Some(&known)), []);
    }

    #[test]
    fn each_difference_is_named_with_both_sides() {
        let mut other = track();
        other[0].kids = vec![B];
        other[2].kids = vec![B];
        other[3].schemes = vec![Scheme::Cbcs, Scheme::Cbc1];
        let by = "film.mpd: tenc";
        assert_eq!(
            lines(&other, None),
            [
                format!("film.mpd: generic: KID {B}, but {by}: KID {A}"),
                format!("film.mpd: box one: KID {B}, but {by}: KID {A}"),
                format!("film.mpd: box two: KID {B}, but {by}: KID {A}"),
                format!("film.mpd: pro: scheme cbcs or cbc1, but {by}: scheme cenc"),
            ]
        );
        let mut ivs = track();
        ivs[0].iv = Some([1; 16]);
        ivs[5].iv = Some([2; 16]);
        let said = lines(&ivs, None);
        assert!(said.len() == 1 && said[0].contains("generic: IV 0101"), "{said:?}");
        let mut broken = track();
        broken[1].broken = Some("the box ends too early".to_owned());
        assert!(lines(&broken, None)[0].contains("box one: the box ends too early"));
    }

    #[test]
    fn differences_and_what_they_list_are_bounded() {
        let kids = |first: u128| -> Vec<KeyId> {
            (first..first + 100).map(|n| KeyId::from_bytes(n.to_be_bytes())).collect()
        };
        let mut statements = vec![said("box", Some("Widevine"), &kids(1000), &[]); 50];
        statements.push(said("tenc", None, &kids(0), &[]));
        let found = check(&statements, Some(&KnownKeys::default()));
        assert_eq!(found.len(), MAX_DIFFERENCES);
        assert!(found[0].value.ends_with(" and 84 more"), "{}", found[0]);
        let unknown = check(&statements[..50], Some(&KnownKeys::default()));
        assert_eq!(unknown.len(), MAX_DIFFERENCES);
    }

    #[test]
    fn records_are_asked_for_the_key_of_the_track_or_else_for_all() {
        let known = |scheme, key| KnownKeys::from_iter([(A, Known { scheme, key })]);
        let none = lines(&track(), Some(&KnownKeys::default()));
        assert_eq!(none.len(), 2);
        assert!(none[1].contains(&format!("tenc: KID {A}, but the key record: there is none")));
        let other = lines(&track(), Some(&known(Some(Scheme::Cbcs), None)));
        assert!(other[0].contains("the key is for scheme cbcs"), "{other:?}");
        // Without a track, what is announced has to be known.
        assert_eq!(lines(&track()[1..5], Some(&known(None, None))).len(), 1);
        let mut summed = track();
        summed[3].checksums = vec![(A, vec![0; 8])];
        let key = KeyMaterial::from_slice(&[7; 16]);
        let said = lines(&summed, Some(&known(None, key)));
        assert!(said.len() == 1 && said[0].contains("pro: checksum of KID"), "{said:?}");
    }

    #[test]
    fn wrapped_keys_open_to_those_of_their_records() {
        let known = |key: &[u8]| Known { scheme: None, key: KeyMaterial::from_slice(key) };
        let root = RootKey::from_bytes([5; 32].into());
        let mut told = track();
        told[2].wrapped = vec![(A, B, root.wrap(A, &ContentKey::from_bytes([7; 16])))];
        let found = |key: &[u8], root: &[u8]| {
            let known = KnownKeys::from_iter([(A, known(key)), (B, known(root))]);
            lines(&told, Some(&known))
        };
        assert_eq!(found(&[7; 16], &[5; 32]), [""; 0]);
        for (key, root) in [([8; 16], [5; 32]), ([7; 16], [6; 32])] {
            let said = found(&key, &root);
            let expected = format!("box two: KID {A} wrapped under {B}, but the key record");
            assert!(said.len() == 1 && said[0].contains(&expected), "{said:?}");
        }
        assert_eq!(
            found(&[7; 16], &[]),
            [""; 0],
            "of a root that is not known nothing can be said"
        );
    }
}
