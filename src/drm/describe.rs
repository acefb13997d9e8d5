//! What the data of a `pssh` say, as text, for `inspect`: a table of systems, each with the function
//! that reads its data.

use data_encoding::HEXLOWER;

use super::playready::{HeaderKey, Object, PlayReadyError};
use super::widevine::{PsshData, WidevineError};
use crate::ids::{KeyId, SystemId};
use crate::isobmff::describe::Fields;

/// The data are not what the system expects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// Of Widevine.
    #[error(transparent)]
    Widevine(#[from] WidevineError),
    /// Of PlayReady.
    #[error(transparent)]
    PlayReady(#[from] PlayReadyError),
}

type Describe = fn(&[u8]) -> Result<Fields, DataError>;

const TABLE: &[(SystemId, Describe)] =
    &[(SystemId::WIDEVINE, widevine), (SystemId::PLAY_READY, play_ready)];

/// What the data of a system say; `None` for systems that are not in the table.
///
/// # Errors
/// Data that are not what the system expects.
pub fn describe(system: SystemId, data: &[u8]) -> Option<Result<Fields, DataError>> {
    let (_, read) = TABLE.iter().find(|(known, _)| *known == system)?;
    Some(read(data))
}

fn widevine(data: &[u8]) -> Result<Fields, DataError> {
    let data = PsshData::read(data)?;
    let kids = listed(data.kids().chain(data.entitled_kids()));
    let roots = Some(listed(data.root_kids())).filter(|roots| !roots.is_empty());
    let scheme = data.protection_scheme.map(u32::to_be_bytes);
    let scheme = scheme.map(|code| code.escape_ascii().to_string());
    let content_id = data.content_id.map(|id| HEXLOWER.encode(&id));
    let optional = [
        ("wrapped under", roots),
        ("scheme", scheme),
        ("provider", data.provider),
        ("content id", content_id),
        ("policy", data.policy),
        ("crypto period", data.crypto_period_index.map(|n| n.to_string())),
    ];
    Ok([vec![("data kids", kids)], said(optional)].concat())
}

fn play_ready(data: &[u8]) -> Result<Fields, DataError> {
    let header = Object::read(data)?.header()?;
    let kids = listed(header.keys.iter().map(|key| key.kid));
    let algorithm = header.keys.iter().find_map(|key| key.algorithm);
    let checksum = |key: &HeaderKey| key.checksum.as_deref().map(|sum| HEXLOWER.encode(sum));
    let checksums: Vec<String> = header.keys.iter().filter_map(checksum).collect();
    let custom = header.custom_attributes.map(|custom| custom.as_str().to_owned());
    let optional = [
        ("algorithm", algorithm.map(|algorithm| algorithm.name().to_owned())),
        ("checksums", Some(checksums.join(" ")).filter(|text| !text.is_empty())),
        ("licence URL", header.la_url.map(|url| address(&url))),
        ("custom attributes", custom),
    ];
    let first = vec![("header", header.version.name().to_owned()), ("data kids", kids)];
    Ok([first, said(optional)].concat())
}

/// An address without what may be secret: its query, and the name and the password in front of the host.
/// Slashes are as browsers take them: also backward, and one may do.
pub fn address(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let end = bare.find([':', '/', '\\']).filter(|end| bare[*end..].starts_with(':'));
    let (scheme, rest) = bare.split_at(end.map_or(0, |end| end + 1));
    let behind = rest.trim_start_matches(['/', '\\']);
    let slashes = &rest[..rest.len() - behind.len()];
    if scheme.is_empty() && slashes.is_empty() {
        return bare.to_owned();
    }
    let (authority, path) = behind.split_at(behind.find(['/', '\\']).unwrap_or(behind.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}{slashes}{host}{path}")
}

/// What is there, without characters that would steer a terminal.
fn said<const N: usize>(optional: [(&'static str, Option<String>); N]) -> Fields {
    let plain = |value: String| value.replace(char::is_control, " ");
    optional.into_iter().filter_map(|(name, value)| Some((name, plain(value?)))).collect()
}

fn listed(kids: impl Iterator<Item = KeyId>) -> String {
    kids.map(|kid| kid.to_string()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cenc::Scheme;
    use crate::crypto::root::Wrapped;
    use crate::drm::playready::Header;
    use crate::drm::widevine::EntitledKey;

    #[test]
    fn what_the_data_say_is_listed() {
        let kid = KeyId::from_bytes([0x11; 16]);
        let names = |system, data: &[u8]| {
            let fields = describe(system, data).unwrap().unwrap();
            fields.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let widevine = PsshData::new(&[kid], Scheme::Cbcs).pssh();
        let kids = format!("data kids={kid}");
        assert_eq!(names(widevine.system, &widevine.data), [&*kids, "scheme=cbcs"]);
        let root = KeyId::from_bytes([0x22; 16]);
        let wrapped = Wrapped { iv: [3; 16], key: [4; 16] };
        let keys = vec![EntitledKey::new(root, kid, &wrapped)];
        let entitled = PsshData::entitled(keys, Scheme::Cenc).pssh();
        let under = format!("wrapped under={root}");
        assert_eq!(names(entitled.system, &entitled.data), [&*kids, &under, "scheme=cenc"]);
        let header = Header::new(vec![HeaderKey::new(kid, Scheme::Cenc, [9; 8])]);
        let header = Header { la_url: Some("https://u:p@a/?token=x".to_owned()), ..header };
        let object = Object::new(&header).pssh().unwrap();
        let expected = [
            "header=4.0.0.0",
            &kids,
            "algorithm=AESCTR",
            "checksums=0909090909090909",
            "licence URL=https://a/",
        ];
        assert_eq!(names(object.system, &object.data), expected);
    }

    #[test]
    fn addresses_tell_neither_queries_nor_passwords() {
        for (url, expected) in [
            ("https://h/a@b?token=x", "https://h/a@b"),
            ("https://u:p@h:1/a#x", "https://h:1/a"),
            ("https://u:p@q@h", "https://h"),
            ("skd://u@h/", "skd://h/"),
            ("//u:p@h/a", "//h/a"),
            ("https:\\\\u:p@h\\a", "https:\\\\h\\a"),
            ("https:u:p@h/a", "https:h/a"),
            ("keys/a@b:c", "keys/a@b:c"),
            ("a@b?c", "a@b"),
            ("urn:uuid:1", "urn:uuid:1"),
            ("", ""),
        ] {
            assert_eq!(address(url), expected);
        }
    }

    #[test]
    fn no_data_steer_a_terminal() {
        let provider = Some("a\u{1b}[2Jb".to_owned());
        let data = PsshData { provider, ..PsshData::default() }.pssh().data;
        let fields = describe(SystemId::WIDEVINE, &data).unwrap().unwrap();
        assert_eq!(fields[1], ("provider", "a [2Jb".to_owned()));
    }

    #[test]
    fn unknown_systems_are_passed_over_and_broken_data_are_not() {
        assert_eq!(describe(SystemId::COMMON, &[]), None);
        assert!(describe(SystemId::PLAY_READY, &[1, 2]).is_some_and(|said| said.is_err()));
    }
}
