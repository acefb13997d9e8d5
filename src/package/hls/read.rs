//! Media playlists of anybody, read: which bytes belong together, and what they are encrypted with
//! (RFC 8216 section 4.3).

mod listing;

pub use listing::{KeyLine, Listing, Reference, Stretch, listing};

use std::ops::Range;
use std::sync::Arc;

/// More parts are refused, as of an MPD: two days of two-second segments are fewer.
const MAX_PARTS: usize = 100_000;

/// A playlist that is none, or breaks a rule; the line counts from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It does not start as one.
    #[error("this is no HLS playlist: it does not start with #EXTM3U")]
    NoPlaylist,
    /// It lists playlists.
    #[error("this playlist lists playlists: give one of them, for example {0}")]
    Multivariant(String),
    /// No film has so many.
    #[error("there are more than 4096 playlists, init segments or keys")]
    TooManyListed,
    /// A line breaks a rule.
    #[error("line {line}: {rule}")]
    Line {
        /// Number of the line.
        line: usize,
        /// The rule.
        rule: &'static str,
    },
}

/// A resource, or a part of one, that goes into the stream next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it is, as the playlist says it.
    pub uri: String,
    /// Which of its bytes; `None` = all.
    pub bytes: Option<Range<u64>>,
    /// What it is encrypted with; `None` = it is clear.
    pub key: Option<Key>,
}

/// The identity key of parts; keys of other formats are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// How it is used.
    pub method: Method,
    /// Where it is; holds the KID where the server is one of ours. Shared by all parts that it is for:
    /// a playlist may name a long one once and list a million parts behind it.
    pub uri: Arc<str>,
    /// The IV; of AES-128, the number of the segment where the playlist names none.
    pub iv: [u8; 16],
}

/// `METHOD` of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The whole part is one AES-128-CBC chain with padding.
    Aes128,
    /// Samples are encrypted; in fragmented MP4 the boxes say how.
    Samples,
}

/// The parts of a media playlist in order, init segments included.
///
/// # Errors
/// [`ReadError`].
pub fn parts(text: &str) -> Result<Vec<Part>, ReadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.starts_with("#EXTM3U") {
        return Err(ReadError::NoPlaylist);
    }
    if is_multivariant(text) {
        let first = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
        return Err(ReadError::Multivariant(first.unwrap_or_default().to_owned()));
    }
    let mut state = State::default();
    for (n, line) in text.lines().enumerate() {
        state.line(line.trim()).map_err(|rule| ReadError::Line { line: n + 1, rule })?;
    }
    Ok(state.parts)
}

/// Whether a playlist lists playlists.
pub fn is_multivariant(text: &str) -> bool {
    text.contains("\n#EXT-X-STREAM-INF")
}

#[derive(Default)]
struct State {
    parts: Vec<Part>,
    sequence: u64,
    key: Option<(Method, Arc<str>, Option<[u8; 16]>)>,
    range: Option<Range<u64>>,
    /// Where a range without an offset starts.
    next: u64,
}

impl State {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        match tag {
            "#EXT-X-MEDIA-SEQUENCE" => {
                self.sequence = value.parse().map_err(|_| "EXT-X-MEDIA-SEQUENCE is no number")?;
            }
            "#EXT-X-KEY" => self.key(value)?,
            "#EXT-X-BYTERANGE" => self.range = Some(range(value, self.next)?),
            "#EXT-X-MAP" => {
                let uri = attribute(value, "URI").ok_or("EXT-X-MAP has no URI")?;
                let bytes = attribute(value, "BYTERANGE").map(|text| range(text, 0)).transpose()?;
                self.push(uri, bytes)?;
            }
            _ if line.is_empty() || line.starts_with('#') => {}
            _ => {
                let bytes = self.range.take();
                self.next = bytes.as_ref().map_or(0, |bytes| bytes.end);
                self.push(line, bytes)?;
                self.sequence = self.sequence.wrapping_add(1);
            }
        }
        Ok(())
    }

    fn push(&mut self, uri: &str, bytes: Option<Range<u64>>) -> Result<(), &'static str> {
        if self.parts.len() == MAX_PARTS {
            return Err("there are more than 100,000 segments");
        }
        let numbered = u128::from(self.sequence).to_be_bytes();
        let key = self.key.as_ref().map(|(method, uri, iv)| Key {
            method: *method,
            uri: Arc::clone(uri),
            iv: iv.unwrap_or(numbered),
        });
        self.parts.push(Part { uri: uri.to_owned(), bytes, key });
        Ok(())
    }

    /// A key replaces that of its own format only: the first with the format `identity` counts.
    fn key(&mut self, attributes: &str) -> Result<(), &'static str> {
        let method = match attribute(attributes, "METHOD") {
            Some("NONE") => {
                self.key = None;
                return Ok(());
            }
            Some("AES-128") => Method::Aes128,
            Some("SAMPLE-AES" | "SAMPLE-AES-CTR") => Method::Samples,
            _ => return Err("the METHOD of EXT-X-KEY is not known"),
        };
        let format = attribute(attributes, "KEYFORMAT").unwrap_or("identity");
        if format != "identity" && method == Method::Aes128 {
            return Err("AES-128 with another KEYFORMAT than identity is not understood");
        }
        let uri = attribute(attributes, "URI").ok_or("EXT-X-KEY has no URI")?;
        let iv = attribute(attributes, "IV").map(iv).transpose()?;
        self.key = Some((method, uri.into(), iv));
        Ok(())
    }
}

/// `length[@offset]`, in bytes; a part without bytes is none.
fn range(text: &str, next: u64) -> Result<Range<u64>, &'static str> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| "a byte range has no numbers");
    let (length, start) = match text.split_once('@') {
        Some((length, start)) => (number(length)?, number(start)?),
        None => (number(text)?, next),
    };
    if length == 0 {
        return Err("a byte range is empty");
    }
    Ok(start..start.checked_add(length).ok_or("a byte range has no end")?)
}

/// Up to 128 bits in hexadecimal, the last bits when there are fewer.
fn iv(text: &str) -> Result<[u8; 16], &'static str> {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    let iv = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
    iv.map(u128::to_be_bytes).ok_or("the IV of EXT-X-KEY is no hexadecimal number of 128 bits")
}

/// The value of an attribute without its quotes; commas may stand inside of quotes.
pub fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = list;
    while !rest.is_empty() {
        let (found, behind) = rest.split_once('=')?;
        let (value, next) = match behind.strip_prefix('"') {
            Some(quoted) => {
                let (value, next) = quoted.split_once('"')?;
                (value, next.trim_start_matches(','))
            }
            None => behind.split_once(',').unwrap_or((behind, "")),
        };
        if found.trim() == name {
            return Some(value);
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_come_with_their_ranges_and_keys() {
        let text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n\
            #EXT-X-MAP:URI=\"i,n.mp4\",BYTERANGE=\"10@5\"\n\
            #EXTINF:4,\n#EXT-X-BYTERANGE:20@15\nfile\n\
            #EXT-X-KEY:METHOD=AES-128,URI=\"https://k/?kid=1\"\n\
            #EXTINF:4,\n#EXT-X-BYTERANGE:30\nfile\n\
            #EXT-X-KEY:METHOD=SAMPLE-AES,IV=0x0f,URI=\"k\",KEYFORMAT=\"identity\"\n#EXTINF:4,\nb\n\
            #EXT-X-KEY:METHOD=NONE\nc\n";
        let part = |uri: &str, bytes, key| Part { uri: uri.into(), bytes, key };
        let key = |method, uri: &str, iv: u128| {
            Some(Key { method, uri: uri.into(), iv: iv.to_be_bytes() })
        };
        assert_eq!(
            parts(text).unwrap(),
            [
                part("i,n.mp4", Some(5..15), None),
                part("file", Some(15..35), None),
                part("file", Some(35..65), key(Method::Aes128, "https://k/?kid=1", 8)),
                part("b", None, key(Method::Samples, "k", 15)),
                part("c", None, None),
            ]
        );
    }

    #[test]
    fn what_is_no_media_playlist_is_refused() {
        let refused = |text: &str| parts(text).unwrap_err().to_string();
        assert!(refused("ftyp").contains("#EXTM3U"));
        let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n";
        assert!(refused(master).contains("low.m3u8"));
        assert!(refused("#EXTM3U\n#EXT-X-KEY:METHOD=XOR\n").contains("line 2: the METHOD"));
        assert!(refused("#EXTM3U\n#EXT-X-BYTERANGE:1@18446744073709551615\n").contains("no end"));
        assert!(refused("#EXTM3U\n#EXT-X-BYTERANGE:0@0\n").contains("is empty"));
        assert!(refused("#EXTM3U\n#EXT-X-MAP:URI=\"i\",BYTERANGE=\"0@7\"\n").contains("is empty"));
    }

    #[test]
    fn parts_are_bounded() {
        let list = |count: usize| format!("#EXTM3U\n{}", "a\n".repeat(count));
        assert_eq!(parts(&list(MAX_PARTS)).unwrap().len(), MAX_PARTS);
        let refused = parts(&list(MAX_PARTS + 1)).unwrap_err().to_string();
        assert!(refused.contains("line 100002: there are more than"), "{refused}");
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(lines in "(#EXT-X-(KEY|MAP|BYTERANGE):[A-Z=,\"0-9@x]{0,20}\n|a\n){0,8}") {
            let _ = parts(&format!("#EXTM3U\n{lines}"));
        }
    }
}
