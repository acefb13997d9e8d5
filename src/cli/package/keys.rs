//! Keys and protection as users of shaka-packager write them.

use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

use super::nearest;
use crate::crypto::ContentKey;
use crate::isobmff::cenc::Pssh;
use crate::package::announced::System;
use crate::protection::Protection;
use crate::service::packager::order::LabelledKey;

/// Names of protections: those of Common Encryption, and those that HLS has.
const SCHEMES: &[(&str, Protection)] = &[
    ("cenc", Protection::Cenc),
    ("cbcs", Protection::Cbcs),
    ("cens", Protection::Cens),
    ("cbc1", Protection::Cbc1),
    ("SAMPLE-AES", Protection::Cbcs),
    ("AES-128", Protection::Cbc),
];

/// Names of systems.
const SYSTEMS: &[(&str, System)] = &[
    ("Widevine", System::Widevine),
    ("PlayReady", System::PlayReady),
    ("FairPlay", System::FairPlay),
    ("Marlin", System::Marlin),
    ("CommonSystem", System::ClearKey),
];

/// Reads `--protection_scheme`.
pub(super) fn scheme(text: &str) -> Result<Protection, String> {
    let found = SCHEMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, protection)| *protection).ok_or_else(|| {
        let nearest = nearest(text, SCHEMES.iter().map(|(name, _)| *name));
        let nearest = nearest.map_or_else(String::new, |name| format!("; {name} is"));
        format!("{text} is not known{nearest}")
    })
}

/// Reads one of `--protection_systems`.
pub(super) fn system(text: &str) -> Result<System, String> {
    let found = SYSTEMS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, system)| *system).ok_or_else(|| {
        let names: Vec<&str> = SYSTEMS.iter().map(|(name, _)| *name).collect();
        format!("{text} is not supported: {} are", names.join(", "))
    })
}

/// Reads `--pssh`: boxes one behind the other, in hexadecimal.
pub(super) fn boxes(text: &str) -> Result<Vec<Pssh>, String> {
    let data = HEXLOWER_PERMISSIVE.decode(text.as_bytes());
    let data = data.map_err(|_| "boxes are written in hexadecimal".to_owned())?;
    let boxes = Pssh::read_row(&data).map_err(|error| error.to_string())?;
    if boxes.is_empty() {
        return Err("there is no box".to_owned());
    }
    Ok(boxes)
}

/// Reads `--iv`: 16 bytes in hexadecimal.
pub(super) fn iv(text: &str) -> Result<[u8; 16], String> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let iv = bytes.and_then(|bytes| bytes.try_into().ok());
    iv.ok_or_else(|| "an IV has 32 hexadecimal digits".to_owned())
}

/// Reads one key, `label=HD:key_id=...:key=...`. What does not read is not repeated: it may hold a
/// key.
pub(super) fn key(text: &str) -> Result<LabelledKey, String> {
    let (mut label, mut kid, mut key) = (None, None, None);
    for part in text.trim().split(':') {
        let (name, value) = part
            .split_once('=')
            .ok_or("a key is written label=LABEL:key_id=32 digits:key=32 digits")?;
        let again = match name {
            "label" => label.replace(value.to_owned()).is_some(),
            "key_id" => kid.replace(value).is_some(),
            "key" => key.replace(value).is_some(),
            "iv" => return Err("an iv of a key is not supported: --iv is that of all".to_owned()),
            _ => return Err("a key has a label, a key_id and a key, and nothing else".to_owned()),
        };
        if again {
            return Err(format!("{name} stands twice in one key"));
        }
    }
    let label = label.filter(|label| !label.is_empty()).ok_or(
        "a key without a label would stand for every track: say label=AUDIO, SD, HD, UHD1 or UHD2, \
         or a label that descriptors name by drm_label=",
    )?;
    let kid = kid.ok_or_else(|| format!("the key of {label} has no key_id"))?;
    let kid = kid.parse().map_err(|_| format!("the key_id of {label} has not 32 digits"))?;
    let digits = key.ok_or_else(|| format!("the key of {label} has no key"))?;
    let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map(Zeroizing::new).ok();
    let bytes = bytes.and_then(|bytes| bytes.first_chunk().filter(|_| bytes.len() == 16).copied());
    let bytes = bytes.ok_or_else(|| format!("the key of {label} has not 32 hexadecimal digits"))?;
    Ok(LabelledKey { label, kid, key: ContentKey::from_bytes(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KID: &str = "9eb4050de44b4802932e27d75083e266";
    const KEY: &str = "166634c675823c235a4a9446fad52e4d";

    #[test]
    fn keys_have_labels_and_refusals_do_not_repeat_them() {
        let read = key(&format!("label=HD:key_id={KID}:key={KEY}")).unwrap();
        assert_eq!(read.label, "HD");
        assert_eq!(read.kid, KID.parse().unwrap());
        for (text, said) in [
            (format!("key_id={KID}:key={KEY}"), "without a label"),
            (format!("label=:key_id={KID}:key={KEY}"), "without a label"),
            (format!("label=SD:key_id={KID}:key={KEY}00"), "key of SD has not 32"),
            (format!("label=SD:key_id=12:key={KEY}"), "key_id of SD"),
            (format!("label=SD:key={KEY}"), "no key_id"),
            (format!("label=SD:key_id={KID}"), "no key"),
            (format!("label=SD:key_id={KID}:key={KEY}:key={KEY}"), "twice"),
            (format!("label=SD:key_id={KID}:key={KEY}:iv=00"), "--iv"),
            (format!("{KID}:{KEY}"), "a key is written"),
        ] {
            let refused = key(&text).unwrap_err();
            assert!(refused.contains(said), "{refused}");
            assert!(!refused.contains(KEY), "{refused}");
        }
    }

    #[test]
    fn schemes_systems_and_boxes_are_known_by_name() {
        assert_eq!(scheme("CBCS"), Ok(Protection::Cbcs));
        assert_eq!(scheme("aes-128"), Ok(Protection::Cbc));
        assert_eq!(scheme("cnec"), Err("cnec is not known; cenc is".to_owned()));
        assert_eq!(system("widevine"), Ok(System::Widevine));
        assert!(system("Adobe").unwrap_err().contains("Adobe is not supported: Widevine"));
        let common = Pssh::common(vec![KID.parse().unwrap()]);
        let text = data_encoding::HEXLOWER.encode(&common.to_vec());
        assert_eq!(boxes(&text), Ok(vec![common]));
        assert!(boxes("00").is_err());
        assert!(iv("00").is_err());
        assert_eq!(iv(KEY).map(|iv| iv[0]), Ok(0x16));
    }
}
