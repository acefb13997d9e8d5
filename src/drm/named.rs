//! Which keys a `pssh` is for.

use super::playready::Object;
use super::widevine::PsshData;
use crate::ids::{KeyId, SystemId};
use crate::isobmff::cenc::Pssh;

/// Whether a system is to ask for that key by this box: it names it, or no key at all. Data that do
/// not read name none.
pub fn is_for(pssh: &Pssh, kid: KeyId) -> bool {
    let named = named(pssh);
    named.is_empty() || named.contains(&kid)
}

fn named(pssh: &Pssh) -> Vec<KeyId> {
    let mut named = pssh.key_ids.clone();
    match pssh.system {
        SystemId::WIDEVINE => {
            if let Ok(data) = PsshData::read(&pssh.data) {
                named.extend(data.kids().chain(data.entitled_kids()));
            }
        }
        SystemId::PLAY_READY => {
            if let Ok(header) = Object::read(&pssh.data).and_then(|object| object.header()) {
                named.extend(header.keys.iter().map(|key| key.kid));
            }
        }
        _ => {}
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cenc::Scheme;
    use crate::drm::playready::{Header, HeaderKey};

    #[test]
    fn a_box_is_for_the_keys_that_it_names_or_for_all() {
        let [one, two] = [1, 2].map(|n| KeyId::from_bytes([n; 16]));
        let header = Header::new(vec![HeaderKey::new(one, Scheme::Cenc, [0; 8])]);
        for (pssh, for_one, for_two) in [
            (Pssh::common(vec![one]), true, false),
            (PsshData::new(&[one], Scheme::Cenc).pssh(), true, false),
            (PsshData::new(&[two, one], Scheme::Cenc).pssh(), true, true),
            (PsshData::new(&[], Scheme::Cenc).pssh(), true, true),
            (Object::new(&header).pssh().unwrap(), true, false),
            (Pssh { system: SystemId::WIDEVINE, key_ids: vec![], data: vec![0xff] }, true, true),
        ] {
            assert_eq!((is_for(&pssh, one), is_for(&pssh, two)), (for_one, for_two), "{pssh:?}");
        }
    }
}
