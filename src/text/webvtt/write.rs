//! WebVTT segments (RFC 8216 section 3.5; packaging.md section 7.3).

use std::fmt::Write;

use crate::text::stamp::Stamp;
use crate::text::{Preamble, Shown, Slice};

/// A segment as a complete file. `clock` is the MPEG-2 time stamp that equals time 0, if the media
/// beside it have such; cues that cross an edge stand in both segments with the same times.
pub fn write(slice: &Slice<'_>, clock: Option<u64>) -> String {
    let mut out = String::with_capacity(1024);
    // Writing to a string cannot fail.
    let _ = write_to(&mut out, slice, clock);
    out
}

fn write_to(out: &mut String, slice: &Slice<'_>, clock: Option<u64>) -> std::fmt::Result {
    out.push_str("WEBVTT\n");
    if let Some(clock) = clock {
        writeln!(out, "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{clock}")?;
    }
    out.push('\n');
    if let Preamble::WebVtt { blocks } = &slice.document.preamble {
        out.push_str(blocks);
    }
    slice.cues().try_for_each(|shown| write_cue(out, &shown))
}

fn write_cue(out: &mut String, shown: &Shown<'_>) -> std::fmt::Result {
    let cue = shown.cue;
    if !cue.id.is_empty() {
        writeln!(out, "{}", cue.id)?;
    }
    write!(out, "{} --> {}", Stamp(shown.start), Stamp(shown.end))?;
    if !cue.settings.is_empty() {
        write!(out, " {}", cue.settings)?;
    }
    writeln!(out, "\n{}\n", cue.text)
}

#[cfg(test)]
mod tests {
    use crate::text::webvtt::parse;

    use super::*;

    #[test]
    fn a_segment_is_a_file_with_the_cues_it_shows() {
        let text = "WEBVTT\n\nSTYLE\n::cue { color: white }\n\n1\n00:00.500 --> 00:03.500\none\n\n\
            00:04.000 --> 00:07.000 line:0\ntwo <i>lines</i>\n&amp; more\n\n00:08.000 --> 00:09.000\n3\n";
        let document = parse(text).unwrap();
        let segment = write(&document.slice(20_000_000, 60_000_000, 0), Some(900_000));
        assert_eq!(
            segment,
            "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n\
             STYLE\n::cue { color: white }\n\n1\n00:00:00.500 --> 00:00:03.500\none\n\n\
             00:00:04.000 --> 00:00:07.000 line:0\ntwo <i>lines</i>\n&amp; more\n\n"
        );
        let whole = write(&document.slice(0, 100_000_000, 0), None);
        assert_eq!(parse(&whole).unwrap(), document);
        let empty = write(&document.slice(100_000_000, 120_000_000, 0), None);
        assert!(empty.starts_with("WEBVTT\n\nSTYLE") && !empty.contains("-->"));
    }
}
