//! From bytes to characters: UTF-8, and UTF-16 with byte order mark. Anything else is refused by
//! name, as far as it can be told: guessing would show wrong letters to viewers.

use std::borrow::Cow;

use super::TextError;

/// Byte order marks, the longer ones first; `None` is an encoding that is not read.
const MARKS: &[(&[u8], &str, Option<Decode>)] = &[
    (&[0xff, 0xfe, 0, 0], "UTF-32", None),
    (&[0, 0, 0xfe, 0xff], "UTF-32", None),
    (&[0xff, 0xfe], "UTF-16", Some(|data| utf16(data, u16::from_le_bytes))),
    (&[0xfe, 0xff], "UTF-16", Some(|data| utf16(data, u16::from_be_bytes))),
    (&[0x2b, 0x2f, 0x76], "UTF-7", None),
    (&[0xef, 0xbb, 0xbf], "UTF-8", Some(utf8)),
];

type Decode = fn(&[u8]) -> Result<Cow<'_, str>, TextError>;

/// The characters of a file, without byte order mark.
///
/// # Errors
/// [`TextError::Encoding`].
pub fn decode(data: &[u8]) -> Result<Cow<'_, str>, TextError> {
    match MARKS.iter().find(|(mark, ..)| data.starts_with(mark)) {
        Some((mark, _, Some(decode))) => decode(&data[mark.len()..]),
        Some((_, name, None)) => Err(named(name)),
        None => utf8(data),
    }
}

fn utf8(data: &[u8]) -> Result<Cow<'_, str>, TextError> {
    let wrong = |_| match data.iter().take(64).any(|byte| *byte == 0) {
        true => named("perhaps UTF-16 without byte order mark"),
        false => named("not UTF-8, perhaps an 8-bit code page such as Windows-1252"),
    };
    std::str::from_utf8(data).map(Cow::Borrowed).map_err(wrong)
}

fn utf16(data: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, TextError> {
    let (units, rest) = data.as_chunks::<2>();
    let decoded = char::decode_utf16(units.iter().map(|pair| unit(*pair)));
    let text = decoded.collect::<Result<String, _>>().map_err(|_| named("broken UTF-16"))?;
    if rest.is_empty() { Ok(Cow::Owned(text)) } else { Err(named("broken UTF-16")) }
}

pub(super) fn named(name: &str) -> TextError {
    TextError::Encoding(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unicode_is_read_and_the_rest_is_named() {
        let text = "WEBVTT äöü 𝄞";
        let mut utf16: Vec<u8> = vec![0xff, 0xfe];
        utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let mut swapped: Vec<u8> = vec![0xfe, 0xff];
        swapped.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        let marked = [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat();
        for data in [text.as_bytes(), &marked, &utf16, &swapped] {
            assert_eq!(decode(data).unwrap(), text);
        }
        for (data, name) in [
            (&b"WEBVTT \xe4"[..], "Windows-1252"),
            (b"W\0E\0B\0\xe4\xdc", "without byte order mark"),
            (b"\xff\xfe\0\0W\0\0\0", "UTF-32"),
            (b"\xff\xfeW", "broken UTF-16"),
            (b"\xff\xfe\x00\xd8W\0", "broken UTF-16"),
        ] {
            let refused = decode(data).unwrap_err().to_string();
            assert!(refused.contains(name), "{refused}");
        }
    }
}
