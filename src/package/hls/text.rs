//! Text tracks: EXT-X-MEDIA lines and playlists of WebVTT segments (RFC 8216 sections 3.5 and
//! 4.3.4.1; ams.md section 3.1).

use std::fmt::Write;

use super::media::{segments, write_head};
use super::segments::Segments;
use super::{ams, keys, quoted};
use crate::isobmff::moov::mdhd::Language;
use crate::media::TextRendition;
use crate::media::text::Purpose;
use crate::package::compat::Compat;
use crate::package::names;
use crate::package::presentation::{ListedText, Presentation};

/// The group of all text tracks.
const GROUP: &str = "subs";

/// CHARACTERISTICS of captions that do not say theirs.
const CAPTIONS: &str = "public.accessibility.transcribes-spoken-dialog,\
                        public.accessibility.describes-music-and-sound";

/// The playlist of a text track. URIs are relative to `QualityLevels(b)/`.
pub fn text(presentation: &Presentation<'_>, listed: &ListedText<'_>) -> String {
    let mut out = String::with_capacity(512 + listed.fragments.len() * 120);
    // Writing to a string cannot fail.
    let _ = match presentation.compat {
        Compat::Ams => ams::write_text(&mut out, presentation, listed),
        Compat::Modern => write_text(&mut out, presentation, listed),
    };
    out
}

fn write_text(
    out: &mut String,
    presentation: &Presentation<'_>,
    listed: &ListedText<'_>,
) -> std::fmt::Result {
    write_head(out, presentation, listed.spans())?;
    let iv_of = presentation.ivs_of_text();
    let mut lines = keys::Lines::new(presentation, None, &listed.keys, iv_of);
    let place = presentation.place_of_text(listed.text);
    let mut written = Segments::new(presentation.compat, &place);
    for (n, (start, micros)) in listed.fragments.clone().zip(segments(listed.spans())) {
        lines.push(out, n, start);
        written.push(out, n, start, micros);
    }
    writeln!(out, "#EXT-X-ENDLIST")
}

/// The attribute of variants that names the group; empty without text.
pub(super) fn group(presentation: &Presentation<'_>) -> String {
    let listed = presentation.listed_text().next();
    listed.map_or_else(String::new, |_| format!(",SUBTITLES=\"{GROUP}\""))
}

/// The lines of the group: NAME is unique, at most one track is the default one.
pub(super) fn media_lines(presentation: &Presentation<'_>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    let mut default = None;
    let mut lines = Vec::new();
    for ListedText { text, .. } in presentation.listed_text() {
        let name = names::of_text(presentation.compat, text);
        let name = names::free(name, None, |name| !taken.contains(name));
        let is_default = text.default && default.replace(()).is_none();
        lines.push(media_line(presentation, text, &name, is_default));
        taken.push(name);
    }
    lines
}

fn media_line(
    presentation: &Presentation<'_>,
    text: &TextRendition,
    name: &str,
    default: bool,
) -> String {
    let mut line =
        format!("#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"{GROUP}\",NAME={}", quoted(name));
    let (language, forced, characteristics) = match presentation.compat {
        Compat::Ams => as_ams_wrote(text),
        Compat::Modern => as_players_want(text),
    };
    // Writing to a string cannot fail.
    if let Some(language) = language {
        let _ = write!(line, ",LANGUAGE={}", quoted(language));
    }
    let default = if default { "YES" } else { "NO" };
    let _ = write!(line, ",DEFAULT={default},AUTOSELECT=YES{forced}");
    if let Some(characteristics) = characteristics {
        let _ = write!(line, ",CHARACTERISTICS={}", quoted(characteristics));
    }
    let _ = write!(line, ",URI=\"{}\"", presentation.text_playlist_url(text));
    line
}

/// LANGUAGE, FORCED with a comma in front, and CHARACTERISTICS.
type Attributes<'a> = (Option<&'a str>, &'static str, Option<&'a str>);

fn as_players_want(text: &TextRendition) -> Attributes<'_> {
    let forced = if text.purpose == Purpose::Forced { ",FORCED=YES" } else { ",FORCED=NO" };
    let captions = (text.purpose == Purpose::Captions).then_some(CAPTIONS);
    (text.tag.as_deref(), forced, text.characteristics.as_deref().or(captions))
}

/// The code of three letters; what nobody said of the track is not written.
fn as_ams_wrote(text: &TextRendition) -> Attributes<'_> {
    let language = Some(text.language.as_str()).filter(|_| text.language != Language::UND);
    let forced = if text.purpose == Purpose::Forced { ",FORCED=YES" } else { "" };
    (language, forced, text.characteristics.as_deref())
}
