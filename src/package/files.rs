//! How the parts of a presentation are called when they lie in files, as the static packager writes
//! them, and not in the URL space of the origin.

use std::fmt::Write;
use std::ops::Range;

use super::presentation::Leaf;
use super::request::TrackRef;
use super::template::Template;

/// The files of one presentation, as its manifest and the playlists of it name them.
#[derive(Debug, Default)]
pub struct Files {
    /// `BaseURL` elements of the MPD.
    pub base_urls: Vec<String>,
    /// The files of each listed rendition, text too.
    pub renditions: Vec<(TrackRef, RenditionFiles)>,
}

impl Files {
    /// The files of a rendition, if it has any.
    pub fn of(&self, wanted: &TrackRef) -> Option<&RenditionFiles> {
        self.renditions.iter().find(|(track, _)| track == wanted).map(|(_, files)| files)
    }
}

/// The files of a rendition.
#[derive(Debug)]
pub struct RenditionFiles {
    /// Its playlist, relative to the multivariant playlist.
    pub playlist: String,
    /// The playlist of its key frames, if there is one.
    pub key_frames: Option<String>,
    /// The group that its sound is in; `None` = that of its codec.
    pub group: Option<String>,
    /// The init segment, relative to what lists it, and which bytes of the file it is.
    pub init: Option<(String, Option<Range<u64>>)>,
    /// The segments, relative to what lists them.
    pub segments: SegmentFiles,
}

/// Where segments lie.
#[derive(Debug)]
pub enum SegmentFiles {
    /// Each in a file of its own.
    Each(Template),
    /// One behind the other in one file.
    One {
        /// The file.
        uri: String,
        /// Where the first starts, in bytes.
        first: u64,
        /// Where each ends.
        ends: Vec<u64>,
    },
    /// None: the file is a document of text.
    Document(String),
}

impl SegmentFiles {
    /// The file of all segments, if there is one.
    pub fn only(&self) -> Option<&str> {
        match self {
            Self::Each(_) => None,
            Self::One { uri, .. } | Self::Document(uri) => Some(uri),
        }
    }
}

/// Where the segments of a rendition are, for playlists.
#[derive(Debug)]
pub enum Place<'a> {
    /// In the URL space of the origin.
    Url(Leaf),
    /// In files.
    Files(&'a RenditionFiles),
}

impl Place<'_> {
    /// The value of EXT-X-MAP: the URI in quotes, and a range. In the URL space of the origin init
    /// segments go by `time`.
    pub fn map(&self, time: &str) -> String {
        match self {
            Self::Url(leaf) => format!("\"{}\"", leaf.with(time)),
            Self::Files(files) => match &files.init {
                Some((uri, Some(Range { start, end }))) => {
                    format!("\"{uri}\",BYTERANGE=\"{}@{start}\"", end - start)
                }
                Some((uri, None)) => format!("\"{uri}\""),
                None => "\"\"".to_owned(),
            },
        }
    }

    /// Segment `n` of the rendition, which starts at `start` wire ticks, with a range where it is
    /// not a whole file.
    pub fn push_segment(&self, out: &mut String, n: usize, start: u64) {
        self.push(out, n, start, None);
    }

    /// As many of its first bytes as `length` says.
    pub fn push_front(&self, out: &mut String, n: usize, start: u64, length: u64) {
        self.push(out, n, start, Some(length));
    }

    fn push(&self, out: &mut String, n: usize, start: u64, front: Option<u64>) {
        let range = match self {
            Self::Files(RenditionFiles {
                segments: SegmentFiles::One { first, ends, .. }, ..
            }) => {
                let from = n.checked_sub(1).and_then(|n| ends.get(n)).unwrap_or(first);
                let whole = ends.get(n).unwrap_or(from) - from;
                Some((front.unwrap_or(whole), *from))
            }
            _ => front.map(|length| (length, 0)),
        };
        if let Some((length, at)) = range {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "#EXT-X-BYTERANGE:{length}@{at}");
        }
        match self {
            Self::Url(leaf) => leaf.push_at(out, start),
            Self::Files(files) => match &files.segments {
                SegmentFiles::Each(template) => out.push_str(&template.name(n, start)),
                SegmentFiles::One { uri, .. } | SegmentFiles::Document(uri) => out.push_str(uri),
            },
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(segments: SegmentFiles) -> RenditionFiles {
        let init = Some(("v.mp4".to_owned(), Some(0..700)));
        RenditionFiles { playlist: String::new(), key_frames: None, group: None, init, segments }
    }

    #[test]
    fn segments_are_files_or_ranges_of_one() {
        let pushed = |files: &RenditionFiles| {
            let place = Place::Files(files);
            let mut out = place.map("i") + "\n";
            place.push_segment(&mut out, 1, 60);
            place.push_front(&mut out, 0, 0, 17);
            out
        };
        let one = SegmentFiles::One { uri: "v.mp4".to_owned(), first: 800, ends: vec![900, 1000] };
        let map = "\"v.mp4\",BYTERANGE=\"700@0\"\n";
        let ranges = "#EXT-X-BYTERANGE:100@900\nv.mp4\n#EXT-X-BYTERANGE:17@800\nv.mp4\n";
        assert_eq!(pushed(&files(one)), format!("{map}{ranges}"));
        let each = SegmentFiles::Each(Template::parse("$Number$.m4s", 1).unwrap());
        let names = "2.m4s\n#EXT-X-BYTERANGE:17@0\n1.m4s\n";
        assert_eq!(pushed(&files(each)), format!("{map}{names}"));
    }
}
