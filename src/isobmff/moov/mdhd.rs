//! `mdhd`: media header, and `elng`: extended language (ISO/IEC 14496-12 sections 8.4.2, 8.4.6).

use crate::bytes::{Reader, Writer};
use crate::isobmff::{BoxError, BoxRef, Rule, full_box};

/// An ISO 639-2 language code of three lower-case letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language([u8; 3]);

impl Language {
    /// Undetermined.
    pub const UND: Self = Self(*b"und");

    /// Reads three letters in any case; `None` for anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let letters: [u8; 3] = text.as_bytes().try_into().ok()?;
        let lower = letters.map(|letter| letter.to_ascii_lowercase());
        lower.iter().all(u8::is_ascii_lowercase).then_some(Self(lower))
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        // The letters are ASCII by construction.
        std::str::from_utf8(&self.0).unwrap_or("und")
    }

    fn unpack(packed: u16) -> Self {
        let letter = |shift: u16| (((packed >> shift) & 0x1f) as u8).wrapping_add(0x60);
        let letters = [letter(10), letter(5), letter(0)];
        let valid = packed >> 15 == 0 && letters.iter().all(u8::is_ascii_lowercase);
        if valid { Self(letters) } else { Self::UND }
    }

    fn pack(self) -> u16 {
        self.0.iter().fold(0, |packed, letter| packed << 5 | u16::from(letter & 0x1f))
    }
}

/// What packaging needs of a media header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mdhd {
    /// Ticks per second of all times of the track, never 0.
    pub timescale: u32,
    /// Language; codes that are no three letters read as `und`.
    pub language: Language,
}

impl Mdhd {
    /// Reads the box, version 0 or 1.
    pub fn parse(mdhd: &BoxRef<'_>) -> Result<Self, BoxError> {
        let (version, _, rest) = mdhd.full()?;
        let mut reader = Reader::new(rest);
        let mut parse = || {
            reader.skip(if version == 1 { 16 } else { 8 })?;
            let timescale = reader.u32()?;
            reader.skip(if version == 1 { 8 } else { 4 })?;
            Ok(Self { timescale, language: Language::unpack(reader.u16()?) })
        };
        let parsed = parse().map_err(BoxError::truncated(b"mdhd"))?;
        if parsed.timescale == 0 {
            return Err(mdhd.error(Rule::BadValue("the timescale is 0")));
        }
        Ok(parsed)
    }

    /// Writes the box with duration 0, as fragmented files have it.
    pub fn write(&self, w: &mut Writer) {
        full_box(w, b"mdhd", 0, 0, |w| {
            w.zeros(8);
            w.u32(self.timescale);
            w.u32(0);
            w.u16(self.language.pack());
            w.u16(0);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_pack_into_five_bits_a_letter() {
        for text in ["eng", "deu", "und"] {
            let language = Language::from_text(text).unwrap();
            assert_eq!(Language::unpack(language.pack()), language);
        }
        assert_eq!(Language::unpack(0), Language::UND);
        assert_eq!(Language::unpack(0x7fff), Language::UND);
        assert_eq!(Language::from_text("en"), None);
    }
}
