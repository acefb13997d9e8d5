//! Titles with text files beside the built-in clip, and readers of what is served of them.

use std::fs;

use tempfile::TempDir;

use super::origin::{CLIP, Shelf, demo, get};

/// Cues that lie inside a segment, cross its edge, touch, overlap and carry markup; the clip has
/// segments of six seconds.
pub(crate) const WEBVTT: &str = "WEBVTT\n\nNOTE not shown\n\nSTYLE\n::cue { color: white; }\n\n\
    one\n00:00:00.500 --> 00:00:03.500\nfirst cue\n\n\
    00:00:05.000 --> 00:00:07.250 line:10% align:start\ncrosses <i>an</i> edge\nsecond line &amp; ü\n\n\
    00:00:07.250 --> 00:00:08.000\ntouches\n\n\
    00:00:19.000 --> 00:00:21.000\nbelow\n\n\
    00:00:20.000 --> 00:00:22.000\nabove\n";

/// The same moments as TTML, with a style and a region.
pub(crate) const TTML: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling" xml:lang="de">
 <head><styling><style xml:id="s" tts:color="yellow" tts:textAlign="center"/></styling>
  <layout><region xml:id="r" tts:origin="10% 80%" tts:extent="80% 15%" tts:displayAlign="after"/></layout></head>
 <body style="s"><div region="r">
  <p begin="00:00:00.500" end="00:00:03.500">erstens</p>
  <p begin="5s" end="7.25s">über die <span tts:fontStyle="italic">Kante</span><br/>zweite Zeile</p>
 </div></body></tt>
"##;

/// A server with a title `film`: the built-in clip and these files. (A second title is there so
/// that names of streams start with that of the title.)
pub(crate) fn film(files: &[(&str, &[u8])]) -> Shelf {
    film_for("modern", files)
}

/// The same for clients of a profile.
pub(crate) fn film_for(compat: &str, files: &[(&str, &[u8])]) -> Shelf {
    let source = TempDir::new().unwrap();
    let mut film = vec![demo(CLIP), demo("gate_aac_eng.mp4")];
    for (name, data) in files {
        let path = source.path().join(name);
        fs::write(&path, data).unwrap();
        film.push(path);
    }
    Shelf::start_for(compat, [("film", film), ("other", vec![demo(CLIP)])])
}

/// The value of an attribute of a playlist line.
pub(crate) fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.split_once(&format!("{name}="))?.1;
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split(',').next(),
    }
}

/// The playlist of a text track of the film by its name in URLs, found in the multivariant playlist of a format.
pub(crate) async fn playlist(shelf: &Shelf, form: &str, format: &str, name: &str) -> String {
    let stream = shelf.stream("film", form);
    let manifest = stream.manifests.iter().find(|manifest| manifest.format == format).unwrap();
    let text = String::from_utf8(get(&manifest.url).await.ok()).unwrap();
    let front = format!("/Manifest({name},");
    let mut uris = text.lines().filter_map(|line| attribute(line, "URI"));
    stream.url(uris.find(|uri| uri.contains(&front)).unwrap_or_else(|| panic!("{text}")))
}

/// The addresses of the segments of a playlist.
pub(crate) async fn segments(playlist: &str) -> Vec<String> {
    let text = String::from_utf8(get(playlist).await.ok()).unwrap();
    let (folder, _) = playlist.rsplit_once('/').unwrap();
    let uris = text.lines().filter(|line| line.starts_with("Fragments("));
    uris.map(|uri| format!("{folder}/{uri}")).collect()
}
