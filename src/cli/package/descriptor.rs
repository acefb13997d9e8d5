//! Stream descriptors as users of shaka-packager write them: `name=value,name=value`.

use std::num::NonZero;
use std::path::Path;

use super::given::{Described, Given, Wanted, format};
use super::nearest;
use crate::media::language;
use crate::service::packager::order::Selector;
use crate::store::Location;
use crate::store::location::LocationError;

/// A name that descriptors know.
struct Field {
    names: &'static [&'static str],
    set: fn(&mut Given, &str) -> Result<(), String>,
}

const FIELDS: &[Field] = &[
    Field { names: &["in", "input"], set: |g, v| put(&mut g.input, place(v)?) },
    Field { names: &["stream", "stream_selector"], set: |g, v| put(&mut g.wanted, wanted(v)?) },
    Field { names: &["trick_play_factor", "tpf"], set: |g, v| put(&mut g.every, factor(v)?) },
    Field { names: &["out", "output"], set: |g, v| put(&mut g.output, place(v)?) },
    Field { names: &["init_segment"], set: |g, v| put(&mut g.init, place(v)?) },
    Field { names: &["segment_template", "segment"], set: |g, v| put(&mut g.template, place(v)?) },
    Field { names: &["output_format", "format"], set: |g, v| put(&mut g.format, format(v)?) },
    Field { names: &["playlist_name"], set: |g, v| put(&mut g.playlist, inside(v)?) },
    Field { names: &["iframe_playlist_name"], set: |g, v| put(&mut g.key_frames, inside(v)?) },
    Field { names: &["hls_group_id"], set: |g, v| put(&mut g.group, v.to_owned()) },
    Field { names: &["hls_name"], set: |g, v| put(&mut g.title, v.to_owned()) },
    Field { names: &["language", "lang"], set: |g, v| put(&mut g.language, tag(v)?) },
    Field { names: &["bandwidth", "bw", "bitrate"], set: |g, v| put(&mut g.bitrate, rate(v)?) },
    Field {
        names: &["drm_label", "drm_stream_label"],
        set: |g, v| put(&mut g.label, v.to_owned()),
    },
    Field { names: &["skip_encryption"], set: |g, v| switch(&mut g.clear, v) },
    Field { names: &["forced_subtitle"], set: |g, v| switch(&mut g.forced, v) },
    Field {
        names: &["hls_characteristics", "charcs"],
        set: |g, v| put(&mut g.characteristics, v.replace(';', ",")),
    },
    Field { names: &["hls_only"], set: |g, v| switch(&mut g.hls_only, v) },
    Field { names: &["dash_only"], set: |g, v| switch(&mut g.dash_only, v) },
    Field {
        names: &["dash_roles", "dash_role", "roles", "role"],
        set: |g, v| put(&mut g.traits.role, one(v)?),
    },
    Field {
        names: &["dash_accessibilities", "accessibilities"],
        set: |g, v| put(&mut g.traits.accessibility, accessibility(v)?),
    },
];

/// Names that shaka-packager knows and we do not, with what to do instead.
pub(super) const UNSUPPORTED: &[(&[&str], &str)] = &[
    (&["dash_label"], "names stand in playlists (hls_name=) only"),
    (&["cc_index"], "captions stay inside the pictures"),
    (&["input_format"], "inputs are MP4"),
];

/// Reads a descriptor.
pub(super) fn parse(text: &str) -> Result<Described, String> {
    let mut given = Given::default();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("'{pair}' is no name=value; file names have no commas"))?;
        let named = |error| format!("{name}: {error}");
        if let Some((_, instead)) = UNSUPPORTED.iter().find(|(names, _)| names.contains(&name)) {
            return Err(format!("{name} is not supported: {instead}"));
        }
        let field = FIELDS.iter().find(|field| field.names.contains(&name));
        let field = field.ok_or_else(|| unknown(name))?;
        if value.is_empty() {
            return Err(named("there is no value".to_owned()));
        }
        (field.set)(&mut given, value).map_err(named)?;
    }
    given.order()
}

fn unknown(name: &str) -> String {
    let known = FIELDS.iter().flat_map(|field| field.names).copied();
    match nearest(name, known) {
        Some(nearest) => format!("{name} is not known; {nearest} is"),
        None => format!("{name} is not known"),
    }
}

fn put<T>(slot: &mut Option<T>, value: T) -> Result<(), String> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err("stands twice".to_owned()),
    }
}

fn switch(slot: &mut bool, value: &str) -> Result<(), String> {
    *slot = match value {
        "1" | "true" => true,
        "0" | "false" => false,
        _ => return Err("0 or 1 is expected".to_owned()),
    };
    Ok(())
}

fn place(value: &str) -> Result<Location, String> {
    Location::parse(value).map_err(|error: LocationError| error.to_string())
}

/// A path below the folder of the multivariant playlist, or beside it.
fn inside(value: &str) -> Result<String, String> {
    match Path::new(value).is_absolute() || value.contains("://") {
        true => Err("is relative to the folder of --hls_master_playlist_output".to_owned()),
        false => Ok(value.to_owned()),
    }
}

fn wanted(value: &str) -> Result<Wanted, String> {
    match value {
        "video" => Ok(Wanted::Media(Selector::Video)),
        "audio" => Ok(Wanted::Media(Selector::Audio)),
        "text" => Ok(Wanted::Text),
        number => {
            let known = number.parse().map(|number| Wanted::Media(Selector::Number(number)));
            known.map_err(|_| {
                let nearest = nearest(number, ["video", "audio", "text"].into_iter());
                let nearest = nearest.map_or_else(String::new, |known| format!("; {known} is"));
                format!("{number} is not known{nearest}: video, audio, text, or a number from 0")
            })
        }
    }
}

fn tag(value: &str) -> Result<String, String> {
    let known = language::from_tag(value).map(|_| value.to_owned());
    known.ok_or_else(|| format!("{value} is no language"))
}

fn rate(value: &str) -> Result<u64, String> {
    let rate = value.parse().ok().filter(|rate| *rate > 0);
    rate.ok_or_else(|| "bits per second are expected".to_owned())
}

fn factor(value: &str) -> Result<NonZero<u32>, String> {
    value.parse().map_err(|_| "1 for all key frames, 2 for every other, and so on".to_owned())
}

fn one(value: &str) -> Result<String, String> {
    match value.contains(';') {
        true => Err("one role is written, not several".to_owned()),
        false => Ok(value.to_owned()),
    }
}

fn accessibility(value: &str) -> Result<String, String> {
    match value.split_once('=') {
        Some(("urn:mpeg:dash:role:2011", value)) => one(value),
        _ => Err("urn:mpeg:dash:role:2011=value is expected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::server_manifest::TextEntry;
    use crate::service::packager::order::{Form, Output, StreamOrder, TextKind};

    fn media(text: &str) -> StreamOrder {
        match parse(text) {
            Ok(Described::Media(order)) => *order,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn descriptors_read_in_both_spellings_of_names() {
        let one = media("in=a.mp4,stream=video,output=v.mp4,drm_label=HD,bw=7");
        assert_eq!(one.output, Output::One(place("v.mp4").unwrap()));
        assert_eq!((one.selector, one.form), (Selector::Video, Form::Fragments));
        assert_eq!((one.label.as_deref(), one.bitrate), (Some("HD"), Some(7)));
        assert!(one.in_mpd && one.in_hls && !one.clear);
        let each = media(
            "input=a.mp4,stream_selector=1,segment_template=a_$Number$.ts,hls_only=1,lang=de,\
             skip_encryption=1,dash_roles=main",
        );
        let template = place("a_$Number$.ts").unwrap();
        assert_eq!(each.output, Output::Each { init: None, template });
        assert_eq!((each.selector, each.form), (Selector::Number(1), Form::Transport));
        assert!(each.clear && !each.in_mpd);
        let shaka = "in=a,stream=audio,output=i.mp4,segment_template=a$Time$.m4s";
        let Output::Each { init, .. } = media(shaka).output else { panic!("one file") };
        assert_eq!(init, Some(place("i.mp4").unwrap()));
        let stored =
            "in=s3://b/a,stream=audio,init_segment=az://c/i.mp4,segment_template=az://c/$Time$.m4s";
        let stored = media(stored);
        assert_eq!(stored.input.to_string(), "s3://b/a");
        assert_eq!(stored.output.name(), "az://c/$Time$.m4s");
    }

    #[test]
    fn text_has_words_of_its_own() {
        let text = parse(
            "in=a.vtt,stream=text,segment_template=t/$Number$.vtt,lang=de,forced_subtitle=1,\
             hls_name=Deutsch,charcs=a;b",
        );
        let Ok(Described::Text(text)) = text else { panic!("{text:?}") };
        assert_eq!(text.kind, TextKind::WebVtt);
        let expected = TextEntry {
            language: Some("de".to_owned()),
            title: Some("Deutsch".to_owned()),
            characteristics: Some("a,b".to_owned()),
            role: Some("forced-subtitle".to_owned()),
            ..TextEntry::default()
        };
        assert_eq!(text.entry, expected);
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (text, said) in [
            ("in=a,stream=video,outptu=v.mp4", "outptu is not known; output is"),
            ("in=a,stream=video,tpf=0,output=v.mp4", "tpf: 1 for all key frames"),
            ("in=a,stream=video,tpf=-1,output=v.mp4", "tpf: 1 for all key frames"),
            ("in=a,stream=video,tpf=4294967296,output=v.mp4", "tpf: 1 for all key frames"),
            ("in=a,stream=video,tpf=1,trick_play_factor=2,output=v.mp4", "stands twice"),
            ("in=a,stream=audio,tpf=1,output=v.mp4", "is said of pictures"),
            ("in=a,stream=text,tpf=1,output=v.mp4", "is said of pictures"),
            (
                "in=a,stream=video,tpf=1,output=v.mp4,playlist_name=a.m3u8",
                "say iframe_playlist_name=",
            ),
            ("in=a,stream=video,tpf=1,output=v.mp4,hls_only=1", "leaves no manifest without"),
            ("in=a,stream=video,tpf=1,output=v.mp4,roles=main", "that trick play is of"),
            ("in=a,stream=vide,output=v.mp4", "stream: vide is not known; video is"),
            ("in=a,stream=text,output=t.vtt,hls_only=1", "playlists list WebVTT in segments"),
            ("in=a,stream=text,output=t.ts", "transport streams hold no text"),
            ("in=a,stream=text,output=t.mp4,hls_only=1", "playlists list WebVTT"),
            (
                "in=a,stream=text,segment_template=$Number$.vtt,dash_only=1",
                "an MPD lists text in MP4",
            ),
            ("in=a,stream=text,output=t.mp4,hls_group_id=a", "hls_group_id is said of sound"),
            ("in=a,stream=video,segment_template=$Number$.vtt", "WebVTT is made of text"),
            ("in=a,stream=audio,output=a.mp4,forced_subtitle=1", "is said of text"),
            ("in=a,stream=audio,output=a.mp4,charcs=a", "is said of text"),
            ("in=http://b/a,stream=video,output=v.mp4", "in: http:// is not supported"),
            ("in=s3://b,stream=video,output=v.mp4", "in: a key is expected"),
            ("in=a,stream=video,output=v.webm", "no format has the extension .webm"),
            ("in=a,stream=video,output=v,output_format=webm", "webm is not supported"),
            ("in=a,stream=video,output=v.mp4,output=w.mp4", "output: stands twice"),
            ("in=a,stream=video,segment_template=$Number$.m4s", "need an init_segment="),
            ("in=a,stream=video", "output= or segment_template= is missing"),
            ("in=a,output=v.mp4", "stream= is missing"),
            ("stream=audio,output=v.mp4", "in= is missing"),
            ("in=a,stream=audio,b.mp4", "'b.mp4' is no name=value"),
            ("in=a,stream=audio,lang=", "lang: there is no value"),
            ("in=a,stream=audio,lang=1", "lang: 1 is no language"),
            ("in=a,stream=audio,skip_encryption=yes", "0 or 1"),
            ("in=a,stream=audio,output=a.mp4,hls_only=1,dash_only=1", "leave no manifest"),
            ("in=a,stream=audio,dash_roles=main;dub", "one role"),
            ("in=a,stream=audio,playlist_name=/a.m3u8", "relative"),
            ("in=a,stream=audio,playlist_name=s3://b/a.m3u8", "relative"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
