//! What the name of a text file says: `film_eng.vtt`, `film.pt-BR.sdh.vtt`, `film.de.forced.ttml`.

use isolang::Language as Iso;

use super::language;
use super::text::Purpose;

/// Words that say what the text is for.
const PURPOSES: &[(&str, Purpose)] = &[
    ("sdh", Purpose::Captions),
    ("cc", Purpose::Captions),
    ("hi", Purpose::Captions),
    ("captions", Purpose::Captions),
    ("forced", Purpose::Forced),
    ("subtitles", Purpose::Subtitles),
    ("sub", Purpose::Subtitles),
];

/// What was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TextName {
    /// Language tag.
    pub(super) tag: Option<String>,
    /// Purpose, if a word says it.
    pub(super) purpose: Option<Purpose>,
}

/// Reads words from the end of the name: purposes, then a language, perhaps with a region.
pub(super) fn read(file: &str) -> TextName {
    let (stem, _) = file.rsplit_once('.').unwrap_or((file, ""));
    let mut words: Vec<&str> =
        stem.split(['.', '_', ' ']).filter(|word| !word.is_empty()).collect();
    let mut name = TextName::default();
    // Hindi has the code of "hearing impaired": only behind a language it is the latter.
    while let Some(purpose) = words.last().and_then(|word| purpose(word)) {
        let hindi = words.last().is_some_and(|word| word.eq_ignore_ascii_case("hi"));
        let behind = words.iter().rev().nth(1);
        if hindi && !behind.is_some_and(|word| is_language(word)) {
            break;
        }
        name.purpose = name.purpose.or(Some(purpose));
        words.pop();
    }
    name.tag = match words.as_slice() {
        [.., tag, region] if is_region(region) && is_language(tag) => {
            language::full_tag(&format!("{tag}-{region}"))
        }
        [.., tag] if is_language(tag) => language::full_tag(tag),
        _ => None,
    };
    name
}

fn purpose(word: &str) -> Option<Purpose> {
    PURPOSES.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, purpose)| *purpose)
}

fn is_region(word: &str) -> bool {
    word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// A tag whose first part is a code of ISO 639, not just three letters.
fn is_language(word: &str) -> bool {
    let primary = word.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let known = Iso::from_639_1(&primary).or_else(|| Iso::from_639_3(&primary));
    known.is_some() || language::is_bibliographic(&primary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_language_and_purpose() {
        let read = |file| {
            let TextName { tag, purpose } = super::read(file);
            (tag.unwrap_or_default(), purpose)
        };
        for (file, tag, purpose) in [
            ("tidewater_eng.vtt", "en", None),
            ("film.de.ttml", "de", None),
            ("film_ger.vtt", "de", None),
            ("film.pt-BR.sdh.vtt", "pt-BR", Some(Purpose::Captions)),
            ("film_pt_BR.vtt", "pt-BR", None),
            ("film.en.forced.vtt", "en", Some(Purpose::Forced)),
            ("film.en.hi.vtt", "en", Some(Purpose::Captions)),
            ("film.hi.vtt", "hi", None),
            ("fr.vtt", "fr", None),
            ("subtitles.vtt", "", Some(Purpose::Subtitles)),
            ("film_720.vtt", "", None),
            ("film.xyq.vtt", "", None),
            (".vtt", "", None),
        ] {
            assert_eq!(read(file), (tag.to_owned(), purpose), "{file}");
        }
    }
}
