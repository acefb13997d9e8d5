//! What playlists list and which keys they name, as they say it: for whoever compares it with what is
//! there.

use std::collections::HashSet;
use std::ops::Range;

use super::{ReadError, attribute, is_multivariant, range};

/// More of one kind is refused.
const MAX_LISTED: usize = 4096;

/// More formats of keys in force at once are refused: each is looked at for each segment.
const MAX_FORMATS: usize = 16;

/// A playlist of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// Lists playlists.
    Multivariant {
        /// Variants and renditions; key frame playlists are left out.
        playlists: Vec<Reference>,
        /// Session keys.
        keys: Vec<KeyLine>,
    },
    /// Lists segments.
    Media(Vec<Stretch>),
}

/// A playlist that another lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it is.
    pub uri: String,
    /// What it is: the type of a rendition, or that it is a variant.
    pub kind: String,
}

/// Segments under one init segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretch {
    /// URI of the init segment, and which bytes.
    pub map: Option<(String, Option<Range<u64>>)>,
    /// Key lines in force for any of them, each once.
    pub keys: Vec<KeyLine>,
}

/// EXT-X-KEY or EXT-X-SESSION-KEY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLine {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// Its attributes as they stand there.
    pub attributes: String,
}

/// Reads a playlist.
///
/// # Errors
/// [`ReadError`].
pub fn listing(text: &str) -> Result<Listing, ReadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.starts_with("#EXTM3U") {
        return Err(ReadError::NoPlaylist);
    }
    if is_multivariant(text) { multivariant(text) } else { media(text) }
}

/// The lines with their numbers, each as tag and value.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    text.lines().enumerate().map(|(n, line)| {
        let (tag, value) = line.trim().split_once(':').unwrap_or((line.trim(), ""));
        (n + 1, tag, value)
    })
}

fn multivariant(text: &str) -> Result<Listing, ReadError> {
    let (mut playlists, mut keys) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    let mut variant = false;
    for ((line, tag, value), whole) in lines(text).zip(text.lines()) {
        let found = match tag {
            "#EXT-X-MEDIA" => {
                let kind = attribute(value, "TYPE").unwrap_or("rendition").to_ascii_lowercase();
                attribute(value, "URI").map(|uri| (uri, kind))
            }
            "#EXT-X-STREAM-INF" => {
                variant = true;
                None
            }
            "#EXT-X-SESSION-KEY" => {
                keys.push(KeyLine { line, attributes: value.to_owned() });
                None
            }
            _ if tag.is_empty() || tag.starts_with('#') => None,
            _ => std::mem::take(&mut variant).then(|| (whole.trim(), "variant".to_owned())),
        };
        if let Some((uri, kind)) = found
            && seen.insert(uri)
        {
            playlists.push(Reference { uri: uri.to_owned(), kind });
        }
        bounded(playlists.len().max(keys.len()))?;
    }
    Ok(Listing::Multivariant { playlists, keys })
}

fn media(text: &str) -> Result<Listing, ReadError> {
    let mut stretches: Vec<Stretch> = vec![Stretch::default()];
    let mut seen = HashSet::new();
    let (mut current, mut in_force): (usize, Vec<(usize, &str)>) = (0, Vec::new());
    let mut told = 0;
    for (line, tag, value) in lines(text) {
        match tag {
            "#EXT-X-KEY" if attribute(value, "METHOD") == Some("NONE") => in_force.clear(),
            "#EXT-X-KEY" => {
                in_force.retain(|(_, key)| format(key) != format(value));
                in_force.push((line, value));
                if in_force.len() > MAX_FORMATS {
                    let rule = "more than 16 formats of keys are in force";
                    return Err(ReadError::Line { line, rule });
                }
            }
            "#EXT-X-MAP" => current = enter(&mut stretches, line, value)?,
            _ if tag.is_empty() || tag.starts_with('#') => {}
            // A segment: what is in force is said of its stretch, once for each key.
            _ => {
                for (line, key) in &in_force {
                    let named = ["METHOD", "URI"].map(|name| attribute(key, name));
                    if seen.insert((current, format(key), named)) {
                        let key = KeyLine { line: *line, attributes: (*key).to_owned() };
                        stretches[current].keys.push(key);
                        told += 1;
                    }
                }
                bounded(told)?;
            }
        }
    }
    stretches.retain(|stretch| stretch.map.is_some() || !stretch.keys.is_empty());
    Ok(Listing::Media(stretches))
}

fn format(attributes: &str) -> &str {
    attribute(attributes, "KEYFORMAT").unwrap_or("identity")
}

/// The stretch of an init segment, which may be there from before.
fn enter(stretches: &mut Vec<Stretch>, line: usize, attributes: &str) -> Result<usize, ReadError> {
    let refuse = |rule| ReadError::Line { line, rule };
    let uri = attribute(attributes, "URI").ok_or(refuse("EXT-X-MAP has no URI"))?;
    let bytes = attribute(attributes, "BYTERANGE").map(|text| range(text, 0)).transpose();
    let map = Some((uri.to_owned(), bytes.map_err(refuse)?));
    if let Some(known) = stretches.iter().rposition(|stretch| stretch.map == map) {
        return Ok(known);
    }
    stretches.push(Stretch { map, keys: Vec::new() });
    bounded(stretches.len())?;
    Ok(stretches.len() - 1)
}

fn bounded(count: usize) -> Result<(), ReadError> {
    if count > MAX_LISTED { Err(ReadError::TooManyListed) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(line: usize, attributes: &str) -> KeyLine {
        KeyLine { line, attributes: attributes.to_owned() }
    }

    #[test]
    fn variants_renditions_and_session_keys_are_listed_once() {
        let text = "#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://k\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,URI=\"a.m3u8\",NAME=\"x\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n\
            v.m3u8?a=1\n#EXT-X-STREAM-INF:BANDWIDTH=2\nv.m3u8?a=1\n\
            #EXT-X-I-FRAME-STREAM-INF:URI=\"i.m3u8\"\n";
        let reference = |uri: &str, kind: &str| Reference { uri: uri.into(), kind: kind.into() };
        let playlists = vec![reference("a.m3u8", "audio"), reference("v.m3u8?a=1", "variant")];
        let keys = vec![key(2, "METHOD=SAMPLE-AES,URI=\"skd://k\"")];
        assert_eq!(listing(text), Ok(Listing::Multivariant { playlists, keys }));
    }

    #[test]
    fn each_stretch_has_the_keys_in_force_in_it() {
        let text = "#EXTM3U\n#EXT-X-MAP:URI=\"clear\"\n#EXTINF:1,\n0\n#EXT-X-MAP:URI=\"i\"\n\
            #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"a\"\n\
            #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"b\",KEYFORMAT=\"x\"\n\
            #EXTINF:1,\n1\n#EXTINF:1,\n2\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"c\"\n3\n\
            #EXT-X-KEY:METHOD=NONE\n4\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"unused\"\n";
        let stretch = |uri: &str, keys| Stretch { map: Some((uri.to_owned(), None)), keys };
        let keys = vec![
            key(6, "METHOD=SAMPLE-AES,URI=\"a\""),
            key(7, "METHOD=SAMPLE-AES,URI=\"b\",KEYFORMAT=\"x\""),
            key(12, "METHOD=SAMPLE-AES,URI=\"c\""),
        ];
        let expected = vec![stretch("clear", vec![]), stretch("i", keys)];
        assert_eq!(listing(text), Ok(Listing::Media(expected)));
    }

    #[test]
    fn what_is_listed_is_bounded() {
        let mut text = "#EXTM3U\n".to_owned();
        for n in 0..5000 {
            text += &format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{n}\"\n{n}\n");
        }
        assert_eq!(listing(&text), Err(ReadError::TooManyListed));
    }
}
