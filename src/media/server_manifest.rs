//! The server manifest `.ism`: a SMIL document that lists the tracks of an asset (ams.md section
//! 4). Optional: without it the tracks are inferred from the files.

use roxmltree::{Document, Node};

use super::text::Purpose;
use super::{Grid, MediaRule};
use crate::codec::MediaType;

/// Value of `outputFlag` for tracks that manifests do not list.
const HIDDEN: &str = "2";

/// The tracks that a server manifest lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerManifest {
    /// Video and audio entries in document order.
    pub entries: Vec<Entry>,
    /// `fragmentsPerHLSSegment`: how many fragments make a segment of a transport stream.
    pub fragments_per_segment: Option<usize>,
    /// File name of the client manifest inside the asset folder, if the document names one.
    pub client_manifest: Option<String>,
    /// Text entries in document order.
    pub text: Vec<TextEntry>,
    /// Image entries in document order.
    pub images: Vec<ImageEntry>,
    /// Names that are not taken, and why, for people.
    pub notes: Vec<String>,
}

/// Elements of tracks whose names stand in URLs.
const NAMED: &[&str] = &["audio", "textstream", "img"];

/// Longer track names, in bytes, are not taken.
const MAX_NAME: usize = 128;

/// More fragments in one segment are refused.
const MAX_PACKED: usize = 30;

/// One `video` or `audio` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which element it is.
    pub media_type: MediaType,
    /// File name inside the asset folder.
    pub src: String,
    /// Bits per second, the identity of a quality level.
    pub bitrate: Option<u64>,
    /// Track id inside the file.
    pub track_id: Option<u32>,
    /// Name in URLs.
    pub track_name: Option<String>,
    /// Language as written.
    pub language: Option<String>,
    /// Display name.
    pub title: Option<String>,
    /// What it is for.
    pub traits: Traits,
}

/// What a track is for, as far as a server manifest says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// `accessibility`: `description` for a track that describes the pictures.
    pub accessibility: Option<String>,
    /// `role`: `main`, `alternate`, ...
    pub role: Option<String>,
    /// `outputFlag` 2: the track is served, but not listed.
    pub hidden: bool,
}

impl Traits {
    fn of(node: Node<'_, '_>) -> Result<Self, MediaRule> {
        Ok(Self {
            accessibility: value(node, "accessibility").map(scheme_value).transpose()?,
            role: value(node, "role").map(scheme_value).transpose()?,
            hidden: value(node, "outputFlag").is_some_and(|flag| flag.trim() == HIDDEN),
        })
    }

    /// Whether the track tells those who do not see the pictures what is in them.
    pub fn describes_video(&self) -> bool {
        self.accessibility.as_deref() == Some("description")
    }
}

/// One `textstream` element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextEntry {
    /// File name inside the asset folder.
    pub src: String,
    /// Bits per second.
    pub bitrate: Option<u64>,
    /// Track id inside an MP4 file.
    pub track_id: Option<u32>,
    /// Name in URLs.
    pub track_name: Option<String>,
    /// Language as written.
    pub language: Option<String>,
    /// Display name.
    pub title: Option<String>,
    /// Whether players show it unless the viewer says otherwise.
    pub default: bool,
    /// Not to be listed in manifests.
    pub hidden: bool,
    /// HLS CHARACTERISTICS.
    pub characteristics: Option<String>,
    /// DASH role.
    pub role: Option<String>,
}

/// One `img` element, which AMS did not know: a track of thumbnails.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageEntry {
    /// File name inside the asset folder.
    pub src: String,
    /// Bits per second.
    pub bitrate: Option<u64>,
    /// Track id inside the file.
    pub track_id: Option<u32>,
    /// Name in URLs.
    pub track_name: Option<String>,
    /// `tiles`: how many thumbnails each image holds.
    pub grid: Option<Grid>,
}

impl ServerManifest {
    /// A larger document, in bytes, is refused.
    pub const MAX_SIZE: usize = 1 << 20;

    /// Reads a document in UTF-8, or in UTF-16 with a byte order mark; a DTD is refused.
    ///
    /// # Errors
    /// [`MediaRule::ServerManifest`] with what is wrong.
    pub fn parse(data: &[u8]) -> Result<Self, MediaRule> {
        if data.len() > Self::MAX_SIZE {
            return Err(wrong("larger than 1 MiB"));
        }
        let text = crate::text::decode(data).map_err(|error| wrong(&error.to_string()))?;
        let document = crate::xml::parse(&text).map_err(|error| wrong(&error.to_string()))?;
        let entries =
            document.descendants().filter_map(Entry::of).collect::<Result<Vec<_>, _>>()?;
        if entries.is_empty() {
            return Err(wrong("no video or audio element"));
        }
        let named = |name| document.descendants().filter(move |n| n.tag_name().name() == name);
        Ok(Self {
            entries,
            text: named("textstream").map(TextEntry::read).collect::<Result<_, _>>()?,
            images: named("img").map(ImageEntry::read).collect::<Result<_, _>>()?,
            fragments_per_segment: fragments_per_segment(&document)?,
            client_manifest: client_manifest(&document),
            notes: document.descendants().filter_map(note_of_name).collect(),
        })
    }
}

fn meta<'a>(document: &'a Document<'_>, name: &str) -> Option<&'a str> {
    let named = |node: &Node<'_, '_>| {
        node.tag_name().name() == "meta" && node.attribute("name") == Some(name)
    };
    document.descendants().find(named).map(|meta| meta.attribute("content").unwrap_or_default())
}

/// What names no file of the folder is nothing: the client manifest may be missing.
fn client_manifest(document: &Document<'_>) -> Option<String> {
    let name = meta(document, "clientManifestRelativePath")?;
    is_file_name(name).then(|| name.to_owned())
}

fn fragments_per_segment(document: &Document<'_>) -> Result<Option<usize>, MediaRule> {
    let Some(content) = meta(document, "fragmentsPerHLSSegment") else { return Ok(None) };
    let number = content.parse().ok();
    let number = number.filter(|number| (1..=MAX_PACKED).contains(number));
    number.map(Some).ok_or_else(|| wrong("fragmentsPerHLSSegment is no number from 1 to 30"))
}

impl Entry {
    fn of(node: Node<'_, '_>) -> Option<Result<Self, MediaRule>> {
        let media_type = match node.tag_name().name() {
            "video" => MediaType::Video,
            "audio" => MediaType::Audio,
            _ => return None,
        };
        Some(Self::read(node, media_type))
    }

    fn read(node: Node<'_, '_>, media_type: MediaType) -> Result<Self, MediaRule> {
        Ok(Self {
            media_type,
            src: source(node)?,
            bitrate: number(node, "systemBitrate")?,
            track_id: number(node, "trackID")?,
            track_name: value(node, "trackName").and_then(track_name),
            language: value(node, "systemLanguage").map(str::to_owned),
            title: value(node, "textDisplayName")
                .or_else(|| value(node, "title"))
                .map(str::to_owned),
            traits: Traits::of(node)?,
        })
    }
}

impl TextEntry {
    fn read(node: Node<'_, '_>) -> Result<Self, MediaRule> {
        let text = |name| value(node, name).map(str::to_owned).filter(|text| !text.is_empty());
        Ok(Self {
            src: source(node)?,
            bitrate: number(node, "systemBitrate")?.filter(|bitrate| *bitrate > 0),
            track_id: number(node, "trackID")?,
            track_name: value(node, "trackName").and_then(track_name),
            language: text("systemLanguage"),
            title: text("textDisplayName").or_else(|| text("title")),
            default: text("textIsDefault").is_some_and(|v| v.eq_ignore_ascii_case("true")),
            hidden: text("outputFlag").is_some_and(|flag| flag.trim() == HIDDEN),
            characteristics: text("textHlsCharacteristic"),
            role: text("role"),
        })
    }

    /// What the role, or else the characteristics, say the text is for.
    pub(super) fn purpose(&self) -> Option<Purpose> {
        let spoken = |text: &String| text.contains("transcribes-spoken-dialog");
        match self.role.as_deref() {
            Some("forced-subtitle") => Some(Purpose::Forced),
            Some("caption") => Some(Purpose::Captions),
            Some("subtitle") => Some(Purpose::Subtitles),
            _ => self.characteristics.as_ref().filter(|c| spoken(c)).map(|_| Purpose::Captions),
        }
    }
}

impl ImageEntry {
    fn read(node: Node<'_, '_>) -> Result<Self, MediaRule> {
        let grid = |text: &str| text.trim().parse().map_err(|why| wrong(&format!("tiles: {why}")));
        Ok(Self {
            src: source(node)?,
            bitrate: number(node, "systemBitrate")?.filter(|bitrate| *bitrate > 0),
            track_id: number(node, "trackID")?,
            track_name: value(node, "trackName").and_then(track_name),
            grid: value(node, "tiles").map(grid).transpose()?,
        })
    }
}

/// The file that an element names.
fn source(node: Node<'_, '_>) -> Result<String, MediaRule> {
    let src = node.attribute("src").ok_or_else(|| wrong("an element has no src"))?;
    if !is_file_name(src) {
        return Err(wrong("src must be the name of a file in the same folder"));
    }
    Ok(src.to_owned())
}

/// Whether a name stays inside the folder.
fn is_file_name(name: &str) -> bool {
    !name.contains(['/', '\\']) && !name.starts_with('.') && !name.is_empty()
}

/// A value that may stand in an attribute or in a `param` element.
fn value<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let param = |child: &Node<'a, '_>| {
        child.tag_name().name() == "param" && child.attribute("name") == Some(name)
    };
    node.attribute(name)
        .or_else(|| node.children().find(param).and_then(|child| child.attribute("value")))
}

fn number<T: std::str::FromStr>(node: Node<'_, '_>, name: &str) -> Result<Option<T>, MediaRule> {
    value(node, name)
        .map(|text| text.trim().parse().map_err(|_| wrong(&format!("{name} is no number"))))
        .transpose()
}

/// A value of the DASH role scheme (ISO/IEC 23009-1 section 5.8.5.5), all of which look so.
fn scheme_value(value: &str) -> Result<String, MediaRule> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if value.is_empty() || value.len() > 64 || !value.chars().all(plain) {
        return Err(wrong("accessibility and role are single words"));
    }
    Ok(value.to_owned())
}

/// Track names stand in URLs between parentheses and commas. `None` for one that cannot: a made name
/// takes its place.
pub(super) fn track_name(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let fits = (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain);
    fits.then(|| name.to_owned())
}

/// What is said of a track whose name is not taken.
fn note_of_name(node: Node<'_, '_>) -> Option<String> {
    let (src, name) = (node.attribute("src")?, value(node, "trackName")?);
    let is_lost = NAMED.contains(&node.tag_name().name()) && track_name(name).is_none();
    is_lost.then(|| {
        let shown: String = name.chars().take(MAX_NAME).collect();
        format!(
            "{src}: trackName {shown:?} is not taken: up to 128 letters, digits, '_', '-' and '.' \
             can stand in URLs"
        )
    })
}

fn wrong(what: &str) -> MediaRule {
    MediaRule::ServerManifest(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><head/><body><switch>
 <video src="a.mp4" systemBitrate="3579827"><param name="trackID" value="1" valuetype="data"/></video>
 <audio src="a.mp4" systemBitrate="128041" systemLanguage="eng" title="English">
  <param name="trackID" value="2"/><param name="trackName" value="english"/>
  <param name="accessibility" value="description"/><param name="role" value="alternate"/>
  <param name="outputFlag" value="2"/><param name="trackIndex" value="a.mpi"/>
  <param name="armId" value="x"/></audio>
 <textstream src="en.vtt" systemLanguage="en-GB"><param name="textIsDefault" value="true"/>
  <param name="textDisplayName" value="English"/><param name="outputFlag" value="2"/>
  <param name="textHlsCharacteristic" value="public.accessibility.transcribes-spoken-dialog"/></textstream></switch></body></smil>"#;

    #[test]
    fn attributes_and_params_are_read_with_or_without_a_byte_order_mark() {
        let marked = format!("\u{feff}{EXAMPLE}");
        let units = |bytes: fn(u16) -> [u8; 2]| marked.encode_utf16().flat_map(bytes).collect();
        let utf16: [Vec<u8>; 2] = [units(u16::to_le_bytes), units(u16::to_be_bytes)];
        for data in [EXAMPLE.as_bytes(), marked.as_bytes(), &utf16[0], &utf16[1]] {
            let manifest = ServerManifest::parse(data).unwrap();
            let [video, audio] = manifest.entries.as_slice() else { panic!("two entries") };
            assert_eq!((video.bitrate, video.track_id), (Some(3_579_827), Some(1)));
            assert_eq!(audio.track_name.as_deref(), Some("english"));
            assert_eq!(audio.language.as_deref(), Some("eng"));
            assert_eq!(audio.title.as_deref(), Some("English"));
            let [text] = manifest.text.as_slice() else { panic!("one text") };
            assert_eq!((text.src.as_str(), text.language.as_deref()), ("en.vtt", Some("en-GB")));
            assert_eq!(
                (text.title.as_deref(), text.default, text.hidden),
                (Some("English"), true, true)
            );
            assert_eq!(text.purpose(), Some(Purpose::Captions));
            assert!(audio.traits.describes_video() && audio.traits.hidden);
            assert_eq!(audio.traits.role.as_deref(), Some("alternate"));
            assert_eq!(video.traits, Traits::default());
        }
    }

    #[test]
    fn names_that_cannot_stand_in_urls_are_left_out_with_a_note() {
        for (name, taken) in
            [("a,b=c)", false), ("Français", false), ("", false), ("a-1.b_c", true)]
        {
            let text = format!(r#"<smil><audio src="a.mp4" trackName="{name}"/></smil>"#);
            let manifest = ServerManifest::parse(text.as_bytes()).unwrap();
            assert_eq!(manifest.entries[0].track_name.as_deref(), taken.then_some(name));
            assert_eq!(manifest.notes.len(), usize::from(!taken), "{:?}", manifest.notes);
            assert!(
                manifest
                    .notes
                    .iter()
                    .all(|note| note.contains(&format!("a.mp4: trackName {name:?}")))
            );
        }
    }

    #[test]
    fn hostile_documents_are_refused() {
        let audio = |attributes: &str| format!("<smil><audio {attributes}/></smil>");
        for text in [
            audio(r#"src="../secret.mp4""#),
            audio(r#"src="/etc/passwd""#),
            audio(r#"src="a.mp4" systemBitrate="-1""#),
            audio(r#"src="a.mp4" role="a&#34;b""#),
            audio(&(0..65).fold("src='a.mp4'".to_owned(), |all, n| format!("{all} a{n}=''"))),
            "<smil/>".to_owned(),
            "<!DOCTYPE a [<!ENTITY b \"c\">]><smil>&b;</smil>".to_owned(),
            "no xml".to_owned(),
        ] {
            let refused = ServerManifest::parse(text.as_bytes());
            assert!(matches!(refused, Err(MediaRule::ServerManifest(_))), "{text}");
        }
    }
}
