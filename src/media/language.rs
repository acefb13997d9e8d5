//! Language tags (RFC 5646): in manifests two letters where there are two, else three; in server
//! manifests whatever operators write.

use isolang::Language as Iso;

use crate::isobmff::moov::mdhd::Language;

/// The tag of a language; `None` for `und`, which manifests leave out.
pub fn tag(language: Language) -> Option<String> {
    if language == Language::UND {
        return None;
    }
    let code = language.as_str();
    let short =
        Iso::from_639_3(code).or_else(|| bibliographic(code)).and_then(|iso| iso.to_639_1());
    Some(short.unwrap_or(code).to_owned())
}

/// Reads a tag: a code of two or three letters, perhaps with a region or script behind it, which
/// media headers have no room for. `None` for anything else.
pub fn from_tag(tag: &str) -> Option<Language> {
    let primary = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    match primary.len() {
        2 => Language::from_text(Iso::from_639_1(&primary)?.to_639_3()),
        _ => Language::from_text(&primary),
    }
}

/// A whole tag for manifests: the language as [`tag`] gives it, then script and region as they
/// are. `None` for what is no tag.
pub fn full_tag(text: &str) -> Option<String> {
    let mut parts = text.trim().split(['-', '_']);
    let mut full = tag(from_tag(parts.next()?)?)?;
    for part in parts.take(3) {
        let plain =
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain {
            return None;
        }
        full.push('-');
        match part.len() {
            2 => full.push_str(&part.to_ascii_uppercase()),
            _ => full.push_str(part),
        }
    }
    Some(full)
}

/// The English name of a language, and what its tag says behind that: `pt-BR` is Portuguese, and
/// BR. `None` for what has no name.
pub fn name(tag: &str) -> Option<(&'static str, Vec<&str>)> {
    let mut parts = tag.split('-');
    let code = parts.next()?;
    let iso = Iso::from_639_1(code).or_else(|| Iso::from_639_3(code))?;
    // Names of the registry have remarks behind them: "Modern Greek (1453-)".
    let name = iso.to_name().split(" (").next()?;
    Some((name, parts.collect()))
}

/// Whether this is a bibliographic code.
pub(super) fn is_bibliographic(code: &str) -> bool {
    bibliographic(code).is_some()
}

/// MP4 files may carry the bibliographic codes of ISO 639-2 where they differ.
fn bibliographic(code: &str) -> Option<Iso> {
    const CODES: &[(&str, &str)] = &[
        ("alb", "sqi"),
        ("arm", "hye"),
        ("baq", "eus"),
        ("bur", "mya"),
        ("chi", "zho"),
        ("cze", "ces"),
        ("dut", "nld"),
        ("fre", "fra"),
        ("geo", "kat"),
        ("ger", "deu"),
        ("gre", "ell"),
        ("ice", "isl"),
        ("mac", "mkd"),
        ("mao", "mri"),
        ("may", "msa"),
        ("per", "fas"),
        ("rum", "ron"),
        ("slo", "slk"),
        ("tib", "bod"),
        ("wel", "cym"),
    ];
    let (_, terminology) = CODES.iter().find(|(known, _)| *known == code)?;
    Iso::from_639_3(terminology)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_tags() {
        let tag = |code| super::tag(Language::from_text(code).unwrap());
        assert_eq!(tag("eng").as_deref(), Some("en"));
        assert_eq!(tag("ger").as_deref(), Some("de"));
        assert_eq!(tag("nds").as_deref(), Some("nds"));
        assert_eq!(tag("und"), None);
    }

    #[test]
    fn whole_tags_keep_script_and_region() {
        for (text, expected) in [
            ("en-us", Some("en-US")),
            ("por_BR", Some("pt-BR")),
            ("zh-Hans-CN", Some("zh-Hans-CN")),
            ("ger", Some("de")),
            ("und", None),
            ("en-\"", None),
            ("", None),
        ] {
            assert_eq!(full_tag(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn tags_become_codes() {
        let code = |tag| from_tag(tag).map(|language| language.as_str().to_owned());
        for (tag, expected) in [("fr", "fra"), ("en-US", "eng"), ("deu", "deu"), ("zh_Hans", "zho")]
        {
            assert_eq!(code(tag).as_deref(), Some(expected), "{tag}");
        }
        for tag in ["", "english", "q1", "-en"] {
            assert_eq!(code(tag), None, "{tag}");
        }
    }
}
