//! Base64 as applications write it.

use data_encoding::BASE64_NOPAD;

/// Decodes both alphabets, with or without padding, in lines or not.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let plain = |character: char| match character {
        '-' => '+',
        '_' => '/',
        other => other,
    };
    let text: String = text.split_whitespace().flat_map(str::chars).map(plain).collect();
    BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads() {
        for text in ["+/8=", "-_8=", "+/8", "-_8", " +/\r\n8= "] {
            assert_eq!(decode(text).as_deref(), Some(&[0xfb, 0xff][..]), "{text}");
        }
        for text in ["?", "A", "=8"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
