//! Names of sound and text that players show to viewers: those that were given, else what is known of
//! the track, in English. Names in URLs are for machines.

use super::compat::Compat;
use crate::codec::Codec;
use crate::media::text::Purpose;
use crate::media::{Rendition, TextRendition, language};

/// Of sound whose role says more than that it is sound.
const ROLES: &[(&str, &str)] =
    &[("commentary", "Commentary"), ("dub", "Dubbed"), ("karaoke", "Karaoke")];

/// Of sound, by its number of channels.
const CHANNELS: &[(u8, &str)] = &[(1, "Mono"), (2, "Stereo"), (6, "5.1"), (8, "7.1")];

/// The name of an audio track; AMS showed the one in URLs.
pub(super) fn of_audio(compat: Compat, rendition: &Rendition) -> String {
    match (&rendition.title, compat) {
        (Some(title), _) => title.clone(),
        (None, Compat::Ams) => rendition.name.clone(),
        (None, Compat::Modern) => {
            let role = ROLES.iter().find(|(role, _)| *role == rendition.role());
            let kind = match rendition.traits.describes_video() {
                true => Some("Audio Description"),
                false => role.map(|(_, kind)| *kind),
            };
            let other = if rendition.named { &*rendition.name } else { "Audio" };
            described(rendition.tag.as_deref(), kind, other)
        }
    }
}

/// The name of a text track.
pub(super) fn of_text(compat: Compat, text: &TextRendition) -> String {
    match (&text.title, compat) {
        (Some(title), _) => title.clone(),
        (None, Compat::Ams) => text.name.clone(),
        (None, Compat::Modern) => {
            let kind = match text.purpose {
                Purpose::Subtitles => None,
                Purpose::Captions => Some("SDH"),
                Purpose::Forced => Some("Forced"),
            };
            let other = if text.named { &*text.name } else { "Subtitles" };
            described(text.tag.as_deref(), kind, other)
        }
    }
}

/// A language with what tells it from others; `other` where it is not known.
fn described(tag: Option<&str>, kind: Option<&str>, other: &str) -> String {
    let (name, mut remarks) = tag.and_then(language::name).unwrap_or((other, Vec::new()));
    remarks.extend(kind);
    match remarks.is_empty() {
        true => name.to_owned(),
        false => format!("{name} ({})", remarks.join(", ")),
    }
}

/// What tells an audio track without a title from another of its name.
pub(super) fn difference(rendition: &Rendition) -> Option<&'static str> {
    let codec = &rendition.track.codec;
    if rendition.title.is_some() {
        return None;
    }
    if matches!(codec, Codec::Eac3(config) if config.objects.is_some()) {
        return Some("Atmos");
    }
    let count = codec.sound()?.channels;
    CHANNELS.iter().find(|(channels, _)| *channels == count).map(|(_, name)| *name)
}

/// The name itself where it is free, else with the difference, else with a number.
pub(super) fn free(
    name: String,
    difference: Option<&str>,
    is_free: impl Fn(&String) -> bool,
) -> String {
    let different = difference.map(|difference| format!("{name} ({difference})"));
    let numbered = (2..).map(|n| format!("{name} {n}"));
    let mut names = std::iter::once(name.clone()).chain(different).chain(numbered);
    names.find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_named_with_what_is_known() {
        for (tag, kind, name) in [
            (Some("en"), None, "English"),
            (Some("pt-BR"), Some("SDH"), "Portuguese (BR, SDH)"),
            (Some("el"), None, "Modern Greek"),
            (Some("nds"), Some("Forced"), "Low German (Forced)"),
            (Some("qaa"), None, "Audio"),
            (None, Some("Commentary"), "Audio (Commentary)"),
        ] {
            assert_eq!(described(tag, kind, "Audio"), name);
        }
    }

    #[test]
    fn names_that_are_taken_get_a_difference_and_then_a_number() {
        let taken = ["English", "English (5.1)", "English 2"];
        let free = |difference, count: usize| {
            free("English".to_owned(), difference, |name| !taken[..count].contains(&&**name))
        };
        assert_eq!(free(Some("5.1"), 0), "English");
        assert_eq!(free(Some("5.1"), 1), "English (5.1)");
        assert_eq!(free(Some("5.1"), 3), "English 3");
        assert_eq!(free(None, 1), "English 2");
    }
}
