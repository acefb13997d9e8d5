//! The key that an asset id names. The id is bytes, and whatever the application passed
//! (fairplay.md section 8).

use url::Url;

use crate::ids::KeyId;

/// The key that an asset id names: a GUID as text, in UTF-8 or UTF-16LE, with or without `skd://` in
/// front; an address with `kid` in its query, as our playlists have it; or 16 bytes that are no text.
pub fn kid_of(asset: &[u8]) -> Option<KeyId> {
    match <[u8; 16]>::try_from(asset) {
        Ok(bytes) if !bytes.iter().all(u8::is_ascii_graphic) => Some(KeyId::from_bytes(bytes)),
        _ => of_text(text(asset)?.trim()),
    }
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
        assert_eq!(kid_of(&[0xff; 15]), None);
        assert_eq!(kid_of(&[0xff; 200]), None);
    }
}
