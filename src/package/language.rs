//! Language tags in manifests (RFC 5646): two letters where there are two, else three.

use isolang::Language as Iso;

use crate::isobmff::moov::mdhd::Language;

/// The tag of a language; `None` for `und`, which manifests leave out.
pub(super) fn tag(language: Language) -> Option<String> {
    if language == Language::UND {
        return None;
    }
    let code = language.as_str();
    let short = Iso::from_639_3(code)
        .or_else(|| bibliographic(code))
        .and_then(|iso| iso.to_639_1());
    Some(short.unwrap_or(code).to_owned())
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
}
