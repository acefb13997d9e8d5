//! The key that an asset id names. The id is bytes, and whatever the application passed
//! (fairplay.md section 8).

use url::Url;

use crate::ids::KeyId;

/// Bytes of a name at most.
const MAX_NAME: usize = 256;

/// The key that an asset id names: a GUID as text, in UTF-8 or UTF-16LE, with or without `skd://` in
/// front; an address with `kid` in its query, as our playlists have it; or 16 bytes that are no text.
pub fn kid_of(asset: &[u8]) -> Option<KeyId> {
    match <[u8; 16]>::try_from(asset) {
        Ok(bytes) if !bytes.iter().all(u8::is_ascii_graphic) => Some(KeyId::from_bytes(bytes)),
        _ => of_text(text(asset)?.trim()),
    }
}

/// The name of content that an asset id is, where it is no key.
pub fn name_of(asset: &[u8]) -> Option<String> {
    let text = text(asset)?;
    let name = text.trim();
    let name = name.strip_prefix("skd://").unwrap_or(name).trim_end_matches('/');
    (1..=MAX_NAME).contains(&name.len()).then(|| name.to_owned())
}

/// Old applications made the id in UTF-16LE.
fn text(asset: &[u8]) -> Option<String> {
    let (pairs, rest) = asset.as_chunks::<2>();
    if rest.is_empty() && !pairs.is_empty() && pairs.iter().all(|pair| pair[1] == 0) {
        return Some(pairs.iter().map(|pair| char::from(pair[0])).collect());
    }
    std::str::from_utf8(asset).ok().map(str::to_owned)
}

fn of_text(text: &str) -> Option<KeyId> {
    let name = text.strip_prefix("skd://").unwrap_or(text);
    name.trim_end_matches('/').parse().ok().or_else(|| {
        let url = Url::parse(&format!("skd://{name}")).ok()?;
        let kid = url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("kid"));
        kid.and_then(|(_, value)| value.parse().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_key_is_found_and_nothing_else() {
        let dashed = "01234567-89ab-cdef-0123-456789abcdef";
        let kid: KeyId = dashed.parse().unwrap();
        let wide: Vec<u8> = dashed.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for asset in [
            dashed.as_bytes(),
            b"0123456789ABCDEF0123456789abcdef",
            format!("skd://{dashed}").as_bytes(),
            format!("skd://{dashed}/").as_bytes(),
            format!("skd://host:88/keydelivery/FairPlay/?x=1&KID={dashed}").as_bytes(),
            format!("host/keydelivery/FairPlay/?kid={dashed}").as_bytes(),
            &wide,
            kid.as_bytes(),
        ] {
            assert_eq!(kid_of(asset), Some(kid), "{asset:?}");
        }
        for asset in ["", "film", "sixteen-letters-", "skd://film", "host/?kid=film", "\u{fffd}"] {
            assert_eq!(kid_of(asset.as_bytes()), None, "{asset}");
        }
        for (asset, name) in [("skd://film/", Some("film")), (" film ", Some("film")), ("", None)] {
            assert_eq!(name_of(asset.as_bytes()).as_deref(), name, "{asset}");
        }
        assert_eq!(name_of(&[b'x'; 257]), None);
        assert_eq!(name_of(b"f\0i\0").as_deref(), Some("fi"));
        assert_eq!(name_of(&[0xff; 20]), None);
        assert_eq!(kid_of(&[0xff; 15]), None);
        assert_eq!(kid_of(&[0xff; 200]), None);
    }
}
