//! What playlists list and which keys they name, as they say it: for whoever compares it with what is
//! there.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::{ReadError, attribute, is_multivariant, range};

/// More of one kind is refused.
const MAX_LISTED: usize = 4096;

/// More formats of keys in force at once are refused: each is looked at for each segment.
const MAX_FORMATS: usize = 16;

/// More segments of one stretch are not named.
const MAX_SAMPLES: usize = 64;

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
    /// Whether it is said of any of them that they are clear: in front of keys they may have the init
    /// segment of what is protected.
    pub is_clear: bool,
    /// The first segment behind each change of keys, up to 64 of them, and which bytes.
    pub samples: Vec<(String, Option<Range<u64>>)>,
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

/// What a key line says, read once: what is in force is asked for segment after segment.
struct InForce<'t> {
    line: usize,
    attributes: &'t str,
    format: &'t str,
    /// The same for all lines with this format, method and address.
    id: usize,
}

/// Init segments with the numbers of their stretches.
type Known<'t> = HashMap<(&'t str, Option<Range<u64>>), usize>;

fn media(text: &str) -> Result<Listing, ReadError> {
    let mut stretches: Vec<Stretch> = vec![Stretch::default()];
    let (mut known, mut ids, mut seen) = (Known::new(), HashMap::new(), HashSet::new());
    let (mut current, mut in_force): (usize, Vec<InForce<'_>>) = (0, Vec::new());
    // How many keys are said, and whether those in force are said of the current stretch.
    let (mut told, mut is_said) = (0, false);
    let mut none = false;
    // Whether segments stand in front of the first init segment.
    let mut bare = false;
    // Which bytes the next segment has, and where a range without an offset starts.
    let (mut bytes, mut next_byte) = (None, 0);
    for ((line, tag, value), whole) in lines(text).zip(text.lines()) {
        is_said &= !matches!(tag, "#EXT-X-KEY" | "#EXT-X-MAP");
        match tag {
            "#EXT-X-KEY" if attribute(value, "METHOD") == Some("NONE") => {
                in_force.clear();
                none = true;
            }
            "#EXT-X-KEY" => {
                none = false;
                let format = attribute(value, "KEYFORMAT").unwrap_or("identity");
                let named = ["METHOD", "URI"].map(|name| attribute(value, name));
                let next = ids.len();
                let id = *ids.entry((format, named)).or_insert(next);
                in_force.retain(|key| key.format != format);
                in_force.push(InForce { line, attributes: value, format, id });
                if in_force.len() > MAX_FORMATS {
                    let rule = "more than 16 formats of keys are in force";
                    return Err(ReadError::Line { line, rule });
                }
            }
            "#EXT-X-MAP" => current = enter(&mut stretches, &mut known, line, value)?,
            "#EXT-X-BYTERANGE" => {
                let refuse = |rule| ReadError::Line { line, rule };
                bytes = Some(range(value, next_byte).map_err(refuse)?);
            }
            _ if tag.is_empty() || tag.starts_with('#') => {}
            // A segment: what is in force is said of its stretch, once for each key.
            _ => {
                let bytes = bytes.take();
                next_byte = bytes.as_ref().map_or(0, |bytes: &Range<u64>| bytes.end);
                if std::mem::replace(&mut is_said, true) {
                    continue;
                }
                bare |= current == 0;
                let samples = &mut stretches[current].samples;
                if !in_force.is_empty() && samples.len() < MAX_SAMPLES {
                    samples.push((whole.trim().to_owned(), bytes));
                }
                stretches[current].is_clear |= none;
                for key in &in_force {
                    if seen.insert((current, key.id)) {
                        let attributes = key.attributes.to_owned();
                        stretches[current].keys.push(KeyLine { line: key.line, attributes });
                        told += 1;
                    }
                }
                bounded(told)?;
            }
        }
    }
    stretches.retain(|stretch| bare || stretch.map.is_some());
    Ok(Listing::Media(stretches))
}

/// The stretch of an init segment, which may be there from before.
fn enter<'t>(
    stretches: &mut Vec<Stretch>,
    known: &mut Known<'t>,
    line: usize,
    attributes: &'t str,
) -> Result<usize, ReadError> {
    let refuse = |rule| ReadError::Line { line, rule };
    let uri = attribute(attributes, "URI").ok_or(refuse("EXT-X-MAP has no URI"))?;
    let bytes = attribute(attributes, "BYTERANGE").map(|text| range(text, 0)).transpose();
    let bytes = bytes.map_err(refuse)?;
    let number = *known.entry((uri, bytes.clone())).or_insert(stretches.len());
    if number == stretches.len() {
        stretches.push(Stretch { map: Some((uri.to_owned(), bytes)), ..Stretch::default() });
        bounded(stretches.len())?;
    }
    Ok(number)
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
        let text = "#EXTM3U\n#EXT-X-MAP:URI=\"clear\"\n#EXTINF:1,\n0\n\
            #EXT-X-MAP:URI=\"lead\"\n#EXT-X-KEY:METHOD=NONE\n0\n#EXT-X-MAP:URI=\"i\"\n\
            #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"a\"\n\
            #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"b\",KEYFORMAT=\"x\"\n\
            #EXTINF:1,\n1\n#EXTINF:1,\n2\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"c\"\n3\n\
            #EXT-X-KEY:METHOD=NONE\n4\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"unused\"\n";
        let stretch = |uri: &str, keys, is_clear, samples: &[&str]| {
            let map = Some((uri.to_owned(), None));
            let samples = samples.iter().map(|uri| ((*uri).to_owned(), None)).collect();
            Stretch { map, keys, is_clear, samples }
        };
        let keys = vec![
            key(9, "METHOD=SAMPLE-AES,URI=\"a\""),
            key(10, "METHOD=SAMPLE-AES,URI=\"b\",KEYFORMAT=\"x\""),
            key(15, "METHOD=SAMPLE-AES,URI=\"c\""),
        ];
        let expected = vec![
            stretch("clear", vec![], false, &[]),
            stretch("lead", vec![], true, &[]),
            stretch("i", keys, true, &["1", "3"]),
        ];
        assert_eq!(listing(text), Ok(Listing::Media(expected)));
    }

    #[test]
    fn segments_without_an_init_segment_are_a_stretch_too() {
        let text = "#EXTM3U\n#EXTINF:1,\n0.ts\n#EXTINF:1,\n1.ts\n";
        assert_eq!(listing(text), Ok(Listing::Media(vec![Stretch::default()])));
        assert_eq!(listing("#EXTM3U\n"), Ok(Listing::Media(vec![])));
    }

    #[test]
    fn samples_have_the_bytes_of_their_segments() {
        let key = |uri: &str| format!("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"{uri}\"\n");
        let text = format!(
            "#EXTM3U\n#EXT-X-MAP:URI=\"f\",BYTERANGE=\"9@0\"\n{}#EXT-X-BYTERANGE:5@9\nf\n\
             #EXT-X-BYTERANGE:6\nf\n{}#EXT-X-BYTERANGE:7\nf\nhttp://h/f\n",
            key("a"),
            key("b")
        );
        let Listing::Media(stretches) = listing(&text).unwrap() else {
            panic!("no media playlist")
        };
        let expected = [("f".to_owned(), Some(9..14)), ("f".to_owned(), Some(20..27))];
        assert_eq!(stretches[0].samples, expected);
    }

    #[test]
    fn a_stretch_that_comes_again_has_each_key_once() {
        let map = |uri: &str| format!("#EXT-X-MAP:URI=\"{uri}\"\n0\n1\n");
        let line = |uri: &str| format!("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"{uri}\"\n0\n1\n");
        let turn = [map("i"), line("a"), map("j"), line("b")].concat();
        let text = format!("#EXTM3U\n{}", turn.repeat(3000));
        let Listing::Media(stretches) = listing(&text).unwrap() else {
            panic!("no media playlist")
        };
        let lines = |stretch: &Stretch| stretch.keys.iter().map(|key| key.line).collect::<Vec<_>>();
        // Of a turn, the lines from 2 are: i, two segments, a, two, j, two, b, two. In the second turn
        // b is still in force in i.
        assert_eq!(stretches.iter().map(lines).collect::<Vec<_>>(), [vec![5, 11], vec![5, 11]]);
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
