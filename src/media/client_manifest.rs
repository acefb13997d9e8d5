//! The client manifest `.ismc` beside a server manifest (ams.md section 4): a cache of what AMS answered,
//! optional, and perhaps stale. Taken from it are names and languages of tracks that the server
//! manifest leaves unnamed, so that URLs stay what clients know; never times, chunks, codec data or
//! its Protection, which the media and the streaming policy say.

use roxmltree::Node;

use super::server_manifest::{ServerManifest, track_name};
use crate::codec::MediaType;

/// The streams that a client manifest lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientManifest {
    streams: Vec<Stream>,
}

/// One `StreamIndex` with a name that can stand in URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stream {
    kind: Kind,
    name: String,
    language: Option<String>,
    /// Bits per second of its levels.
    bitrates: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Audio,
    Text,
}

/// What is asked for: a track of a server manifest.
struct Wanted<'a> {
    kind: Kind,
    bitrate: Option<u64>,
    language: Option<&'a str>,
    /// Whether it is the only one of its kind.
    alone: bool,
}

impl ClientManifest {
    /// A larger document, in bytes, is not read.
    pub const MAX_SIZE: usize = 2 << 20;

    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it: it is left out then.
    pub fn parse(data: &[u8]) -> Result<Self, String> {
        if data.len() > Self::MAX_SIZE {
            return Err("it is larger than 2 MiB".to_owned());
        }
        let text = crate::text::decode(data).map_err(|error| error.to_string())?;
        let document = crate::xml::parse(&text).map_err(|error| error.to_string())?;
        let root = document.root_element();
        if root.tag_name().name() != "SmoothStreamingMedia" {
            return Err("it is no SmoothStreamingMedia".to_owned());
        }
        Ok(Self { streams: root.children().filter_map(Stream::of).collect() })
    }

    /// Gives tracks of the server manifest the name and language that they have here.
    pub fn complete(&self, manifest: &mut ServerManifest) {
        let is_audio =
            |entry: &&mut super::server_manifest::Entry| entry.media_type == MediaType::Audio;
        let alone = manifest.entries.iter_mut().filter(is_audio).count() == 1;
        for entry in manifest.entries.iter_mut().filter(is_audio) {
            let (bitrate, language) = (entry.bitrate, entry.language.as_deref());
            let wanted = Wanted { kind: Kind::Audio, bitrate, language, alone };
            let Some(stream) = self.find(&wanted) else { continue };
            entry.track_name.get_or_insert_with(|| stream.name.clone());
            entry.language = entry.language.take().or_else(|| stream.language.clone());
        }
        let alone = manifest.text.len() == 1;
        for entry in &mut manifest.text {
            let (bitrate, language) = (entry.bitrate, entry.language.as_deref());
            let wanted = Wanted { kind: Kind::Text, bitrate, language, alone };
            let Some(stream) = self.find(&wanted) else { continue };
            entry.track_name.get_or_insert_with(|| stream.name.clone());
            entry.language = entry.language.take().or_else(|| stream.language.clone());
        }
    }

    /// The only stream that can be the track: of its kind, and, where there are several, of its
    /// bitrate and language as far as these are told. A guess would be worse than a made name.
    fn find(&self, wanted: &Wanted<'_>) -> Option<&Stream> {
        let mut of_kind = self.streams.iter().filter(|stream| stream.kind == wanted.kind);
        if wanted.alone
            && let (Some(only), None) = (of_kind.next(), of_kind.next())
        {
            return Some(only);
        }
        let fits = |stream: &&Stream| {
            let bitrate = wanted.bitrate.is_some_and(|own| stream.bitrates.contains(&own));
            let language = match (wanted.language, stream.language.as_deref()) {
                (Some(own), Some(other)) => own.eq_ignore_ascii_case(other),
                _ => true,
            };
            stream.kind == wanted.kind && bitrate && language
        };
        let mut fitting = self.streams.iter().filter(fits);
        fitting.next().filter(|_| fitting.next().is_none())
    }
}

impl Stream {
    fn of(node: Node<'_, '_>) -> Option<Self> {
        let kind = match node.attribute("Type")?.to_ascii_lowercase().as_str() {
            "audio" => Kind::Audio,
            "text" => Kind::Text,
            _ => return None,
        };
        let level = |child: Node<'_, '_>| child.attribute("Bitrate")?.trim().parse().ok();
        Some(Self {
            kind,
            name: track_name(node.attribute("Name")?)?,
            language: node.attribute("Language").filter(|tag| !tag.is_empty()).map(str::to_owned),
            bitrates: node.children().filter_map(level).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = r#"<SmoothStreamingMedia MajorVersion="2" Duration="1">
 <StreamIndex Type="video" Name="video"><QualityLevel Bitrate="400000"/></StreamIndex>
 <StreamIndex Type="audio" Name="german" Language="deu"><QualityLevel Bitrate="64000"/><c d="9"/></StreamIndex>
 <StreamIndex Type="audio" Name="english" Language="eng"><QualityLevel Bitrate="64000"/></StreamIndex>
 <StreamIndex Type="audio" Name="french" Language="fra"><QualityLevel Bitrate="96000"/></StreamIndex>
 <StreamIndex Type="audio" Name="a,b)" Language="ita"><QualityLevel Bitrate="128000"/></StreamIndex>
 <StreamIndex Type="text" Name="subs" Language="eng"/><Protection><X/></Protection></SmoothStreamingMedia>"#;

    fn names(server: &str) -> Vec<(Option<String>, Option<String>)> {
        let client = ClientManifest::parse(CLIENT.as_bytes()).unwrap();
        let mut manifest = ServerManifest::parse(server.as_bytes()).unwrap();
        client.complete(&mut manifest);
        let entries = manifest.entries.into_iter().map(|it| (it.track_name, it.language));
        entries.chain(manifest.text.into_iter().map(|it| (it.track_name, it.language))).collect()
    }

    #[test]
    fn names_are_taken_where_one_stream_fits_and_none_is_given() {
        let pair = |name: &str, language: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            (some(name), some(language))
        };
        let server = r#"<smil><video src="v.mp4" systemBitrate="400000"/>
 <audio src="a.mp4" systemBitrate="64000" systemLanguage="eng"/>
 <audio src="b.mp4" systemBitrate="96000"/>
 <audio src="c.mp4" systemBitrate="64000"/>
 <audio src="d.mp4" systemBitrate="64000" systemLanguage="deu"><param name="trackName" value="own"/></audio>
 <audio src="e.mp4" systemBitrate="128000"/><audio src="f.mp4"/><textstream src="t.vtt"/></smil>"#;
        assert_eq!(
            names(server),
            [
                pair("", ""),
                pair("english", "eng"),
                pair("french", "fra"),
                // Two streams have that bitrate.
                pair("", ""),
                pair("own", "deu"),
                // Its name cannot stand in URLs, and nothing tells which this is.
                pair("", ""),
                pair("", ""),
                pair("subs", "eng"),
            ]
        );
    }

    #[test]
    fn what_is_no_client_manifest_says_so() {
        for (text, why) in [
            ("<smil/>", "it is no SmoothStreamingMedia"),
            ("<SmoothStreamingMedia><Protection/>", "XML"),
            ("<!DOCTYPE a><SmoothStreamingMedia/>", "XML"),
            ("", "XML"),
        ] {
            let refused = ClientManifest::parse(text.as_bytes()).unwrap_err();
            assert!(refused.starts_with(why), "{text}: {refused}");
        }
        assert!(ClientManifest::parse(&[0xff]).is_err());
        assert!(ClientManifest::parse(&vec![b' '; ClientManifest::MAX_SIZE + 1]).is_err());
    }
}
